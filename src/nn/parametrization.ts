import type { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { Traced } from "../tensor/tree.ts";
import { type Context, type Model, splitContext } from "./model.ts";

/**
 * A differentiable function from other trainable values `Z` to the weights `P` of a model.
 *
 * What it needs but does not train (initial weights, a mask, a key) it keeps in `Z` under the name `frozen`: no gradient is
 * formed there, no optimizer touches it, and checkpoints and files have it. So nothing is hidden, and parametrizations stack.
 *
 * ```ts
 * type Masks = Record<string, NDArray>; // by path
 * const masked = <P>(mask: Masks): Parametrization<{ weights: P; frozen: { mask: Masks } }, P> => ({
 *   init: (_key, params) => ({ weights: params, frozen: { mask } }),
 *   weights: ({ weights, frozen }) => mapTrainable((w, path) => w.mul(frozen.mask[path]!), weights),
 * });
 * ```
 */
export interface Parametrization<Z, P> {
  /** First values, for a model whose weights are `params`: most give `weights(init(key, params))` equal to `params`. */
  init(key: NDArray, params: P): Z;
  weights(z: Traced<Z>, context?: Context): Traced<P>;
}

/**
 * The model trained through a parametrization: the same function of its input, with other trainable values.
 *
 * ```ts
 * const small = nn.reparametrize(nn.mlp({ sizes: [2, 64, 1], activation: "tanh" }), subspace(10));
 * const z = small.init(random.key(0));
 * ```
 * To start from trained weights, use `parametrization.init(key, trained)` instead of `init`.
 */
export function reparametrize<Z, P, X>(
  model: Model<P, X>,
  parametrization: Parametrization<Z, P>,
): Model<Z, X> {
  return {
    init(key) {
      const [forModel, forValues] = random.split(key);
      return parametrization.init(forValues!, model.init(forModel!));
    },
    apply(z, x, context) {
      const [forModel, forWeights] = splitContext(context, 2);
      return model.apply(parametrization.weights(z, forWeights), x, forModel);
    },
  };
}
