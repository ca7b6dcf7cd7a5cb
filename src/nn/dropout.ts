import { where } from "../tensor/operators/elementwise.ts";
import * as random from "../tensor/random.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkRate } from "./checks.ts";
import type { Context, Model } from "./model.ts";

type NoWeights = Record<string, never>;

/**
 * In training, each element is 0 with probability `rate`, and 1 / (1 - rate) times as large otherwise; else x itself. Srivastava
 * et al., JMLR 2014. The random numbers come from `context.key`.
 */
export function dropout(rate: number): Model<NoWeights> {
  checkRate("dropout", "rate", rate);
  return {
    init: () => ({}),
    apply: (_, x, context) => dropped("dropout", x, rate, x.shape, context),
  };
}

/**
 * In training, a whole example is 0 with probability `rate`, and 1 / (1 - rate) times as large otherwise. At the end of a residual
 * branch it skips the branch. Huang et al., ECCV 2016.
 */
export function stochasticDepth(rate: number): Model<NoWeights> {
  checkRate("stochasticDepth", "rate", rate);
  return {
    init: () => ({}),
    apply: (_, x, context) => {
      const mask = x.shape.map((size, axis) => (axis === 0 ? size : 1));
      return dropped("stochasticDepth", x, rate, mask, context);
    },
  };
}

function dropped(who: string, x: Tensor, rate: number, mask: Shape, context: Context | undefined): Tensor {
  if (!context?.training || rate === 0) return x;
  if (context.key === undefined)
    throw new RangeError(`${who}: the context has no key to draw from: give { training: true, key }`);
  return where(random.bernoulli(context.key, 1 - rate, mask), x.mul(1 / (1 - rate)), 0);
}
