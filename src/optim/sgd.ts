import type { Optimizer } from "./optimizer.ts";
import { perWeight } from "./per-weight.ts";
import { type Schedule, scheduleOf } from "./schedules.ts";

/**
 * Gradient descent, with momentum (default 0) and Nesterov's variant of it (default false), as in PyTorch:
 * b = momentum * b + g; w = w - learningRate * b, or, with `nesterov`, w - learningRate * (g + momentum * b).
 *
 * ```ts
 * optim.sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true });
 * ```
 */
export function sgd(options: {
  readonly learningRate: number | Schedule;
  readonly momentum?: number | undefined;
  readonly nesterov?: boolean | undefined;
}): Optimizer {
  const { momentum = 0, nesterov = false } = options;
  if (!(momentum >= 0 && momentum < 1))
    throw new RangeError(`sgd: momentum is ${momentum}: use 0 up to, not including, 1`);
  if (nesterov && momentum === 0) throw new RangeError("sgd: nesterov needs a momentum above 0, such as 0.9");
  const rate = scheduleOf(options.learningRate);
  const coefficients = (step: Parameters<Schedule>[0]) => ({ scale: rate(step).neg() });
  if (momentum === 0) {
    return perWeight({
      slots: [],
      coefficients,
      update: (g, _slots, { scale }) => ({ update: g.mul(scale), slots: {} }),
    });
  }
  return perWeight({
    slots: ["momentum"],
    coefficients,
    update: (g, slots, { scale }) => {
      const sum = slots.momentum.mul(momentum).add(g);
      const direction = nesterov ? sum.mul(momentum).add(g) : sum;
      return { update: direction.mul(scale), slots: { momentum: sum } };
    },
  });
}
