import type { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Traced } from "../tensor/tree.ts";

/** What a model is told beside its weights and input. */
export interface Context {
  /** True while it is trained: dropout drops. Default false. */
  readonly training?: boolean | undefined;
  /** For what is random within the model; a fresh one each step. */
  readonly key?: Tensor | undefined;
  /**
   * Takes the next value of a frozen leaf: `context.record?.(params.frozen.mean, next)`. So running statistics leave a training
   * step; `fit` puts them in the place of the leaf, the last one where a step records several. Absent where nothing keeps them.
   */
  readonly record?: ((leaf: Tensor, next: Tensor) => void) | undefined;
}

/**
 * A pure function of weights. `P` is a tree of arrays, `X` what the model takes: one tensor, or a tree of them.
 *
 * ```ts
 * const scale: Model<{ factor: NDArray }> = {
 *   init: () => ({ factor: NDArray.from(1) }),
 *   apply: ({ factor }, x) => x.mul(factor),
 * };
 * ```
 */
export interface Model<P, X = Tensor> {
  /** First weights. The same key gives the same ones. */
  init(key: NDArray): P;
  apply(params: Traced<P>, x: X, context?: Context): Tensor;
}

/** Contexts for the parts of a model, so that no two of them draw the same random numbers. */
export function splitContext(context: Context | undefined, count: number): (Context | undefined)[] {
  if (context?.key === undefined) return new Array<Context | undefined>(count).fill(context);
  return random.split(context.key, count).map((key) => ({ ...context, key }));
}

/** The context of one part of a model: as `splitContext`, but nothing is computed unless the part asks for its key. */
export function partContext(context: Context | undefined, index: number): Context | undefined {
  const { key } = context ?? {};
  if (key === undefined) return context;
  return {
    ...context,
    get key() {
      return random.fold(key, index);
    },
  };
}
