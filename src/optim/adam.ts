import { Tensor } from "../tensor/tensor.ts";
import type { Optimizer } from "./optimizer.ts";
import { perWeight } from "./per-weight.ts";
import { type Schedule, scheduleOf } from "./schedules.ts";

export interface AdamOptions {
  readonly learningRate: number | Schedule;
  /** Decay of the mean of gradients. Default 0.9. */
  readonly beta1?: number | undefined;
  /** Decay of the mean of their squares. Default 0.999. */
  readonly beta2?: number | undefined;
  /** Added to the root of the corrected mean of squares. Default 1e-8. */
  readonly epsilon?: number | undefined;
}

/**
 * Adam (Kingma and Ba, ICLR 2015, algorithm 1), with epsilon where PyTorch has it:
 * w = w - learningRate * mHat / (sqrt(vHat) + epsilon).
 *
 * Its state holds the sums m / (1 - beta1) and v / (1 - beta2): that saves a pass over each, and all constant factors and both
 * bias corrections go into two scalars.
 *
 * ```ts
 * optim.adam({ learningRate: optim.cosine({ value: 1e-3, steps: 10_000 }) });
 * ```
 */
export function adam(options: AdamOptions): Optimizer {
  return adamLike("adam", options, 0);
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019, algorithm 2, as in PyTorch):
 * in each step the weights also lose learningRate * weightDecay (default 0.01) of themselves.
 *
 * ```ts
 * optim.adamw({ learningRate: 1e-3, weightDecay: 0.05 });
 * ```
 */
export function adamw(options: AdamOptions & { readonly weightDecay?: number | undefined }): Optimizer {
  const { weightDecay = 0.01 } = options;
  if (!(weightDecay >= 0)) throw new RangeError(`adamw: weightDecay is ${weightDecay}: use a number from 0`);
  return adamLike("adamw", options, weightDecay);
}

function adamLike(name: string, options: AdamOptions, weightDecay: number): Optimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  for (const [beta, value] of Object.entries({ beta1, beta2 })) {
    if (!(value >= 0 && value < 1))
      throw new RangeError(`${name}: ${beta} is ${value}: use 0 up to, not including, 1`);
  }
  if (!(epsilon >= 0)) throw new RangeError(`${name}: epsilon is ${epsilon}: use a number from 0`);
  const rate = scheduleOf(options.learningRate);
  return perWeight({
    slots: ["mean", "square"],
    coefficients: (step) => {
      const learningRate = rate(step);
      const correction1 = correction(beta1, step);
      const root2 = correction(beta2, step).sqrt();
      const spread = Math.sqrt(1 - beta2);
      return {
        scale: learningRate
          .mul(root2)
          .div(correction1)
          .mul(-(1 - beta1) / spread),
        floor: root2.mul(epsilon / spread),
        decay: learningRate.mul(-weightDecay),
      };
    },
    update: (g, slots, { scale, floor, decay }, w) => {
      const mean = slots.mean.mul(beta1).add(g);
      const square = slots.square.mul(beta2).add(g.mul(g));
      const step = mean.mul(scale).div(square.sqrt().add(floor));
      const update = weightDecay === 0 ? step : step.add(w.mul(decay));
      return { update, slots: { mean, square } };
    },
  });
}

/** 1 - beta ^ (step + 1). */
function correction(beta: number, step: Tensor): Tensor {
  return Tensor.constant(beta, "float64").pow(step.add(1)).neg().add(1);
}
