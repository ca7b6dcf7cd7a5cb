/** What the decompositions share: batches of matrices, taken apart and put together. */
import { fail } from "../fail.ts";
import { NDArray } from "../ndarray.ts";
import { concat } from "../operators/movement.ts";
import { Tensor } from "../tensor.ts";

type Part = readonly [start: number, stop: number];

/** Throws unless this is a batch of square matrices of floats. Gives their size. */
export function squareSize(who: string, a: Tensor): number {
  const [rows, columns] = sizes(who, a);
  if (rows !== columns)
    fail(who, [a], `it takes square matrices, the last two sizes are ${rows} and ${columns}`);
  return rows;
}

/** Rows and columns. Throws unless this is a batch of matrices of floats that are not empty. */
export function sizes(who: string, a: Tensor): [rows: number, columns: number] {
  if (a.dtype !== "float32" && a.dtype !== "float64") fail(who, [a], "it takes float32 or float64: cast it");
  if (a.rank < 2) fail(who, [a], "it takes matrices: give it two axes or more");
  const [rows, columns] = [a.shape.at(-2)!, a.shape.at(-1)!];
  if (rows === 0 || columns === 0) fail(who, [a], "its matrices are empty: give them a row and a column");
  return [rows, columns];
}

/** A part of each matrix. */
export function block(a: Tensor, rows: Part | undefined, columns: Part | undefined): Tensor {
  return a.slice(...new Array<undefined>(a.rank - 2).fill(undefined), rows, columns);
}

/** [[a, 0], [b, c]] */
export function lowerBlocks(a: Tensor, b: Tensor, c: Tensor): Tensor {
  const zero = Tensor.zeros([...a.shape.slice(0, -1), c.shape.at(-1)!], a.dtype);
  return concat([concat([a, zero], -1), concat([b, c], -1)], -2);
}

/** The diagonal of each square matrix. */
export function diagonal(a: Tensor): Tensor {
  const n = a.shape.at(-1)!;
  const batch = a.shape.slice(0, -2);
  const every = [0, n * n, n + 1] as const;
  return a.reshape([...batch, n * n]).slice(...batch.map(() => undefined), every);
}

export function symmetric(a: Tensor): Tensor {
  return a.add(a.swapAxes()).mul(0.5);
}

const made = new Map<string, Tensor>();

/** A constant lower triangle; one tensor for equal arguments, so that equal expressions with it are one. */
export function triangle(n: number, dtype: Tensor["dtype"], onDiagonal: number, below: number): Tensor {
  const name = `${n} ${dtype} ${onDiagonal} ${below}`;
  const known = made.get(name);
  if (known !== undefined) return known;
  const values = NDArray.zeros([n, n], dtype);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) values.data[i * n + j] = i === j ? onDiagonal : below;
  const tensor = Tensor.constant(values);
  made.set(name, tensor);
  return tensor;
}

export function identity(n: number, dtype: Tensor["dtype"]): Tensor {
  return triangle(n, dtype, 1, 0);
}
