/** Operators run once, their results checked against what was inferred. */
import { compile } from "../src/runtime/compile.ts";
import type { NDArray } from "../src/tensor/ndarray.ts";
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
