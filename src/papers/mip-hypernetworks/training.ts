/** One training, as a stage of the run: the loss of every step, and what is measured of the weights. */
import type { Context } from "../../experiment/context.ts";
import { adam } from "../../optim/adam.ts";
import type { Optimizer } from "../../optim/optimizer.ts";
import { sgd } from "../../optim/sgd.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import { fit } from "../../train/fit.ts";

export interface Training<P, B> {
  readonly params: P;
  readonly batches: (step: number, key: NDArray) => B;
  readonly loss: (params: Traced<P>, batch: Traced<B>) => Tensor;
  readonly optimizer: Optimizer;
  readonly steps: number;
  /** Decides what the steps see: equal keys, equal data. */
  readonly key: NDArray;
}

export interface Curve {
  /** The loss of every step, before its update. */
  readonly losses: readonly number[];
  /** The mean of the last sixth of them (50 of 300 steps). */
  readonly finalLoss: number;
  /** Steps until the mean of 20 losses is below the threshold; null where it never is. */
  readonly stepsTo: number | null;
}

/** Below it, a digit classifier has learned something. */
export const LOSS_THRESHOLD = 0.5;
const WINDOW = 20;
/** Steps between two lines of metrics. */
const METRICS_EVERY = 10;

export const optimizers = {
  adam: (learningRate: number) => adam({ learningRate }),
  sgd: (learningRate: number) => sgd({ learningRate, momentum: 0.9, nesterov: true }),
};

export type OptimizerName = keyof typeof optimizers;

/** Train, then measure, in one stage. A training whose loss or weights are no longer finite has the final loss Infinity. */
export function trainStage<P, B, T>(
  context: Context,
  name: string,
  make: () => Promise<Training<P, B>> | Training<P, B>,
  measure: (params: P, first: P) => Promise<T> | T,
): Promise<Curve & { readonly measured: T }> {
  return context.stage(name, async () => {
    const training = await make();
    const losses: number[] = [];
    const progress = context.progress.start({ label: name, total: training.steps });
    const result = await fit({
      params: training.params,
      data: training.batches,
      loss: training.loss,
      optimizer: training.optimizer,
      steps: training.steps,
      key: training.key,
      evalEvery: training.steps,
      device: context.device,
      threads: 1,
      signal: context.signal,
      onStep: ({ step, loss }) => {
        losses.push(loss);
        progress.update({ step, loss });
        if (step % METRICS_EVERY === 0) context.metrics({ step, loss });
      },
    });
    if (result.stopped === "aborted") throw context.signal.reason;
    progress.done();
    const curve = curveOf(losses);
    context.metrics({ finalLoss: curve.finalLoss });
    return { ...curve, measured: await measure(result.params, training.params) };
  });
}

export function curveOf(losses: readonly number[]): Curve {
  const last = Math.max(1, Math.round(losses.length / 6));
  const mean = (list: readonly number[]) => list.reduce((a, b) => a + b, 0) / list.length;
  return { losses, finalLoss: mean(losses.slice(-last)), stepsTo: stepsBelow(losses, LOSS_THRESHOLD) };
}

/** The first step whose last 20 losses have a mean below the threshold. */
export function stepsBelow(losses: readonly number[], threshold: number): number | null {
  let sum = 0;
  for (const [i, loss] of losses.entries()) {
    sum += loss - (losses[i - WINDOW] ?? 0);
    if (i >= WINDOW - 1 && sum / WINDOW < threshold) return i + 1;
  }
  return null;
}

/** The parts of a list of [step, loss] that a chart needs: means over about 60 stretches. */
export function thinned(losses: readonly number[]): [step: number, loss: number][] {
  const size = Math.max(1, Math.round(losses.length / 60));
  return Array.from({ length: Math.floor(losses.length / size) }, (_, i) => {
    const part = losses.slice(i * size, (i + 1) * size);
    return [(i + 1) * size, part.reduce((a, b) => a + b, 0) / part.length];
  });
}
