import { type Argument, compile } from "../../runtime/compile.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import type { Traced } from "../../tensor/tree.ts";
import type { Model } from "../model.ts";
import { type Parametrization, reparametrize } from "../parametrization.ts";

export interface Merged<P> {
  /** Plain weights of the model. */
  readonly params: P;
  /** The largest difference of an output of the model with these weights to one of the parametrized model, at the inputs given. */
  readonly difference: number;
}

/**
 * The weights that a parametrization has come to, for the model as it was: to use and export without the parametrization.
 *
 * ```ts
 * const { params, difference } = await nn.parametrize.merge(model, parametrization, z, x);
 * const file = exportModel(model, params, { x: ["batch", 2] });
 * ```
 * Throws where an output is not a number in only one of the two.
 */
export async function merge<Z, P, X>(
  model: Model<P, X>,
  parametrization: Parametrization<Z, P>,
  z: Z,
  x: Argument<X>,
): Promise<Merged<P>> {
  const toWeights = compile((values: Traced<Z>) => parametrization.weights(values));
  const plain = compile((params: Traced<P>, input: X) => model.apply(params, input));
  const through = compile((values: Traced<Z>, input: X) =>
    reparametrize(model, parametrization).apply(values, input),
  );
  try {
    const params = (await toWeights(z as never)) as P;
    const [merged, original] = [await plain(params as never, x), await through(z as never, x)];
    return { params, difference: largestDifference(merged as NDArray, original as NDArray) };
  } finally {
    await Promise.all([toWeights.dispose(), plain.dispose(), through.dispose()]);
  }
}

function largestDifference(a: NDArray, b: NDArray): number {
  let largest = 0;
  a.data.forEach((v: number | bigint, i: number) => {
    const [p, q] = [Number(v), Number(b.data[i])];
    if (Number.isNaN(p) !== Number.isNaN(q))
      throw new Error(`merge: output ${i} is ${p} with the merged weights, ${q} with the parametrization`);
    if (!Object.is(p, q) && p !== q) largest = Math.max(largest, Math.abs(p - q));
  });
  return largest;
}
