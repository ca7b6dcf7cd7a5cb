import * as random from "../../tensor/random.ts";
import { type Context, splitContext } from "../model.ts";
import type { Parametrization } from "../parametrization.ts";

/**
 * Several parametrizations as one. Each takes as its weights the values that the one before it trains: of `compose(f, g, h)` the weights
 * are f(g(h(z))), as of `reparametrize(reparametrize(reparametrize(model, f), g), h)`.
 *
 * ```ts
 * const { compose, prune, fakeQuantise, lowRank, randomSubspace } = nn.parametrize;
 * const small = nn.reparametrize(
 *   model,
 *   compose(prune({ sparsity: 0.5 }), fakeQuantise({ bits: 8 }), lowRank({ rank: 4 }), randomSubspace({ dimension: 100 })),
 * );
 * ```
 */
export function compose<P, A, B>(f: Parametrization<A, P>, g: Parametrization<B, A>): Parametrization<B, P>;
export function compose<P, A, B, C>(
  f: Parametrization<A, P>,
  g: Parametrization<B, A>,
  h: Parametrization<C, B>,
): Parametrization<C, P>;
export function compose<P, A, B, C, D>(
  f: Parametrization<A, P>,
  g: Parametrization<B, A>,
  h: Parametrization<C, B>,
  i: Parametrization<D, C>,
): Parametrization<D, P>;
export function compose<P, A, B, C, D, E>(
  f: Parametrization<A, P>,
  g: Parametrization<B, A>,
  h: Parametrization<C, B>,
  i: Parametrization<D, C>,
  j: Parametrization<E, D>,
): Parametrization<E, P>;
export function compose(
  ...all: readonly Parametrization<unknown, unknown>[]
): Parametrization<unknown, unknown> {
  return {
    init(key, params) {
      const keys = random.split(key, all.length);
      return all.reduce((values, parametrization, i) => parametrization.init(keys[i]!, values), params);
    },
    weights(z, context?: Context) {
      const contexts = splitContext(context, all.length);
      return all.reduceRight<unknown>((values, p, i) => p.weights(values as never, contexts[i]), z) as never;
    },
  };
}
