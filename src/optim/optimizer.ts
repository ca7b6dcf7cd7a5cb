/**
 * Optimizers are pure functions on expressions, so that forward pass, backward pass and update are one graph:
 *
 * ```ts
 * const optimizer = optim.chain(optim.clipByGlobalNorm(1), optim.adam({ learningRate: 1e-3 }));
 * let state = optimizer.init(params);
 * const step = compile((p, s, x, y) => {
 *   const [value, gradients] = valueAndGrad(loss)(p, x, y);
 *   const { updates, state } = optimizer.update(gradients, s, p);
 *   return { value, params: optim.applyUpdates(p, updates), state };
 * }, { donate: [0, 1] });
 * ```
 */
import type { NDArray } from "../tensor/ndarray.ts";
import type { Tensor } from "../tensor/tensor.ts";
import * as tree from "../tensor/tree.ts";

type Tree<Leaf> = Leaf | readonly Tree<Leaf>[] | { readonly [name: string]: Tree<Leaf> };

/** What an optimizer remembers, step count included, as arrays: what is saved is the whole of it. */
export type State = Tree<NDArray>;
/** A state while it is traced. */
export type TracedState = Tree<Tensor>;

export interface Update<P> {
  /** To be added to the weights: see `applyUpdates`. */
  readonly updates: P;
  readonly state: TracedState;
}

/** One link of a chain, from gradients to updates. `P` is any tree of weights. */
export interface Optimizer {
  /** The state before the first step. */
  init(params: unknown): State;
  /** `gradients` and the result's `updates` are trees like `params`. */
  update<P>(gradients: P, state: TracedState, params: P): Update<P>;
}

/** The weights with the updates added. Without an update (a frozen group) a weight is passed through. */
export function applyUpdates<P>(params: P, updates: P): P {
  return tree.map((w, u) => (w as Tensor).add(u as Tensor), params, updates) as unknown as P;
}

/**
 * One optimizer after another, each given what the one before returns: clipping first, then the rule that makes steps.
 *
 * ```ts
 * optim.chain(optim.clipByGlobalNorm(1), optim.sgd({ learningRate: 0.1, momentum: 0.9 }));
 * ```
 */
export function chain(...optimizers: readonly Optimizer[]): Optimizer {
  return {
    init: (params) => optimizers.map((o) => o.init(params)),
    update: (gradients, state, params) => {
      const states = state as readonly TracedState[];
      let updates = gradients;
      const next = optimizers.map((o, i) => {
        const made = o.update(updates, states[i]!, params);
        updates = made.updates;
        return made.state;
      });
      return { updates, state: next };
    },
  };
}
