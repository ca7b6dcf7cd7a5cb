/** Operators run once, their results checked against what was inferred. */
import { expect } from "vitest";
import { compile } from "../src/runtime/compile.ts";
import type { DType } from "../src/tensor/dtype.ts";
import { NDArray, type Nested } from "../src/tensor/ndarray.ts";
import { sameShape, showShape } from "../src/tensor/shape.ts";
import type { Tensor } from "../src/tensor/tensor.ts";

/** The results of f. Throws where a result has another shape or dtype than the tensor that stood for it. */
export async function evaluate(
  f: (...x: Tensor[]) => Tensor | readonly Tensor[],
  ...inputs: readonly NDArray[]
): Promise<NDArray[]> {
  let expected: readonly Tensor[] = [];
  const run = compile(
    (x: Tensor[]) => {
      const outputs = f(...x);
      expected = Array.isArray(outputs) ? (outputs as Tensor[]) : [outputs as Tensor];
      return expected;
    },
    { threads: 1 },
  );
  try {
    const results = (await run([...inputs])) as NDArray[];
    results.forEach((y, i) => {
      const type = expected[i]!;
      if (!sameShape(y.shape, type.shape) || y.dtype !== type.dtype) {
        throw new Error(
          `inferred ${type.dtype}${showShape(type.shape)}, computed ${y.dtype}${showShape(y.shape)}: ${type}`,
        );
      }
    });
    return results;
  } finally {
    await run.dispose();
  }
}

export const numbers = (y: NDArray): number[] => Array.from(y.data as Iterable<number | bigint>, Number);

/** Nested numbers, whatever the dtype. */
export const nested = (y: NDArray): Nested => new NDArray(Float64Array.from(numbers(y)), y.shape).toNested();

/** f of these inputs is exactly this, in each of the dtypes. */
export async function same(
  dtypes: readonly DType[],
  f: (...x: Tensor[]) => Tensor,
  inputs: readonly Nested[],
  wanted: Nested,
): Promise<void> {
  for (const dtype of dtypes) {
    const [y] = await evaluate(f, ...inputs.map((x) => NDArray.from(x, dtype)));
    expect(nested(y!), dtype).toEqual(wanted);
  }
}

export const reals = ["float32", "float64"] as const;
export const numeric = ["float32", "float64", "int64"] as const;
