/** Links of a chain that change gradients. */
import { apply, Tensor } from "../tensor/tensor.ts";
import * as tree from "../tensor/tree.ts";
import type { Optimizer } from "./optimizer.ts";

/**
 * Scale all gradients by one factor, so that the norm of all of them together is at most `limit`. Pascanu et al., ICML 2013.
 *
 * ```ts
 * optim.chain(optim.clipByGlobalNorm(1), optim.adam({ learningRate: 1e-3 }));
 * ```
 */
export function clipByGlobalNorm(limit: number): Optimizer {
  if (!(limit > 0)) throw new RangeError(`clipByGlobalNorm: the limit is ${limit}: use a number above 0`);
  return stateless((gradients) => {
    const norm = globalNorm(gradients);
    const factor = norm.maximum(limit).reciprocal().mul(limit);
    return tree.map(
      (g) => (g as Tensor).mul(factor.cast((g as Tensor).dtype)),
      gradients,
    ) as typeof gradients;
  });
}

/** The Euclidean norm of all tensors of a tree together; a float64 scalar. */
export function globalNorm(gradients: unknown): Tensor {
  const squares = (tree.leaves(gradients) as Tensor[]).map((g) =>
    apply("ReduceSumSquare", [g], { keepdims: 0 }).cast("float64"),
  );
  return squares.reduce((a, b) => a.add(b), Tensor.constant(0, "float64")).sqrt();
}

/**
 * Add `rate` times the weights to the gradients: the gradient of rate / 2 * |w|^2. For adam, `adamw` is what is usually meant.
 *
 * ```ts
 * optim.chain(optim.weightDecay(5e-4), optim.sgd({ learningRate: 0.1, momentum: 0.9 }));
 * ```
 */
export function weightDecay(rate: number): Optimizer {
  if (!(rate >= 0)) throw new RangeError(`weightDecay: the rate is ${rate}: use a number from 0`);
  return stateless(
    (gradients, params) =>
      tree.map((g, w) => (g as Tensor).add((w as Tensor).mul(rate)), gradients, params) as typeof gradients,
  );
}

function stateless(change: (gradients: unknown, params: unknown) => unknown): Optimizer {
  return {
    init: () => ({}),
    update: <P>(gradients: P, _state: unknown, params: P) => ({
      updates: change(gradients, params) as P,
      state: {},
    }),
  };
}
