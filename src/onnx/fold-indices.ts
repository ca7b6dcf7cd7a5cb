import { allocate, NDArray } from "../tensor/ndarray.ts";
import { broadcastShapes, type Shape, stridesOf } from "../tensor/shape.ts";

/** The array of a shape whose element at each place is that of `x` at `from(place)`. */
export function picked(
  x: NDArray,
  shape: Shape,
  from: (at: readonly number[]) => readonly number[],
): NDArray {
  const out = NDArray.zeros(shape, x.dtype === "float16" ? "uint16" : x.dtype);
  const strides = stridesOf(x.shape);
  eachPlace(shape, (at, i) => {
    out.data[i] = x.data[from(at).reduce((sum, v, axis) => sum + v * strides[axis]!, 0)]!;
  });
  return new NDArray(out.data, shape, x.dtype);
}

/** Calls `visit` with every place of a shape, in row-major order; the list is reused. */
export function eachPlace(shape: Shape, visit: (at: readonly number[], i: number) => void): void {
  const at = new Array<number>(shape.length).fill(0);
  const count = shape.reduce((n, d) => n * d, 1);
  for (let i = 0; i < count; i++) {
    visit(at, i);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at[axis]!++;
      if (at[axis]! < shape[axis]!) break;
      at[axis] = 0;
    }
  }
}

/** Where the elements of a shape broadcast with `target` come from; undefined where they do not broadcast. */
export function pickedIndices(
  shape: Shape,
  target: Shape,
): { shape: Shape; from: (at: readonly number[]) => readonly number[] } | undefined {
  if (target.some((d) => !Number.isInteger(d) || d < 0)) return undefined;
  const out = broadcastShapes(shape, target);
  if (out === undefined) return undefined;
  const lead = out.length - shape.length;
  return { shape: out, from: (at) => shape.map((d, i) => (d === 1 ? 0 : at[i + lead]!)) };
}

/** `x` broadcast to a shape that it is known to fit. */
export function broadcastTo(x: NDArray, shape: Shape): NDArray {
  if (x.shape.length === shape.length && x.shape.every((d, i) => d === shape[i])) return x;
  return picked(x, shape, pickedIndices(x.shape, shape)!.from);
}

export function emptyLike(shape: Shape, x: NDArray): NDArray {
  return new NDArray(
    allocate(
      x.dtype,
      shape.reduce((n, d) => n * d, 1),
    ),
    shape,
    x.dtype,
  );
}
