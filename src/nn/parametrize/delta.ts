import { NDArray } from "../../tensor/ndarray.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { mapTrainable } from "../frozen.ts";
import type { Parametrization } from "../parametrization.ts";
import { chosen, type Only } from "./only.ts";

export interface Delta<P> {
  /** The differences by the path of their weight. */
  readonly delta: Readonly<Record<string, NDArray>>;
  readonly frozen: { readonly theta0: P };
}

/**
 * The first weights plus a trained difference, 0 at first, so that weight decay pulls towards the first weights and the difference can be
 * masked, quantised or kept apart: `compose(delta(), prune({ masks }))` is sparse fine-tuning. Weights that `only` leaves out stay
 * at their first values. Default: all floats.
 *
 * ```ts
 * const tuned = nn.reparametrize(model, nn.parametrize.delta({ only: "layers/1/*" }));
 * ```
 */
export function delta<P>(options: { readonly only?: Only | undefined } = {}): Parametrization<Delta<P>, P> {
  return {
    init(_key, params) {
      const weights = Object.entries(chosen<NDArray>("delta", params, options.only, 0));
      const zeros = weights.map(([path, w]) => [path, NDArray.zeros(w.shape, w.dtype)] as const);
      return { delta: Object.fromEntries(zeros), frozen: { theta0: params } };
    },
    weights: (z) => {
      const differences = z.delta as Readonly<Record<string, Tensor>>;
      return mapTrainable(
        (w, path) => (Object.hasOwn(differences, path) ? w.add(differences[path]!) : w),
        z.frozen.theta0,
      );
    },
  };
}
