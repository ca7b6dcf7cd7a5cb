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

/** What an optimizer remembers, step count included, as a tree of arrays: what is saved is the whole of it. */
export interface State {
  readonly [name: string]: NDArray | State;
}

/** A state while it is traced. */
export interface TracedState {
  readonly [name: string]: Tensor | TracedState;
}

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

/** The weights with the updates added. Without one (a frozen group) a weight is passed through. */
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
    init: (params) => numbered(optimizers.map((o) => o.init(params))),
    update: (gradients, state, params) => {
      let updates = gradients;
      const next = optimizers.map((o, i) => {
        const made = o.update(updates, state[i] as TracedState, params);
        updates = made.updates;
        return made.state;
      });
      return { updates, state: numbered(next) };
    },
  };
}

/** An object with the places of a list as names. */
export function numbered<T>(list: readonly T[]): Record<string, T> {
  return Object.fromEntries(list.entries());
}
