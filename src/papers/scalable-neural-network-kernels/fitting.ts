/** What the studies share: keys, nets trained by Adam, and the closed form with its measure. */
import type { Context } from "../../experiment/context.ts";
import type { Model } from "../../nn/model.ts";
import { adam } from "../../optim/adam.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import { fit } from "../../train/fit.ts";
import type { Metric } from "../../train/metrics.ts";
import { predictor } from "../../train/predict.ts";
import { featureTower, type TowerParams } from "./bundle.ts";
import { fitBundled } from "./closed-form.ts";

/** The seed of a study: different studies draw from different keys. */
export function studyKey(context: Context, study: string, seed = 0): NDArray {
  const number = [...study].reduce((h, c) => (Math.imul(h, 31) + c.charCodeAt(0)) >>> 0, 7);
  return random.fold(random.fold(context.key, number), seed);
}

export const seeds = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

export interface Examples {
  readonly x: NDArray;
  readonly y: NDArray;
}

export interface TrainByAdam<P> {
  readonly label: string;
  readonly model: Model<P>;
  readonly data: Examples;
  readonly loss: (output: Tensor, target: Tensor) => Tensor;
  readonly steps: number;
  readonly batch: number;
  readonly learningRate: number;
  readonly key: NDArray;
}

/** A net trained by Adam, its progress shown. Small nets: one thread. */
export async function trainByAdam<P>(context: Context, o: TrainByAdam<P>): Promise<P> {
  const [forWeights, forBatches] = random.split(o.key) as [NDArray, NDArray];
  const progress = context.progress.start({ label: o.label, total: o.steps });
  const result = await fit({
    params: o.model.init(forWeights),
    data: { x: o.data.x, y: o.data.y },
    loss: (p: Traced<P>, batch: { x: Tensor; y: Tensor }) => o.loss(o.model.apply(p, batch.x), batch.y),
    optimizer: adam({ learningRate: o.learningRate }),
    steps: o.steps,
    batch: o.batch,
    key: forBatches,
    evalEvery: o.steps,
    threads: 1,
    device: context.device,
    signal: context.signal,
    onStep: ({ step, loss }) => {
      if (step % 50 === 0) progress.update({ step, loss });
    },
  });
  context.signal.throwIfAborted();
  progress.done();
  return result.params;
}

/** A metric of a model on held-out data. */
export async function measured<P>(
  context: Context,
  model: Pick<Model<P>, "apply">,
  params: P,
  data: Examples,
  metric: Metric,
): Promise<number> {
  const predict = predictor({ ...model, init: () => params }, { device: context.device });
  const output = await predict(params, data.x);
  await predict.dispose();
  return metric(output, data.y);
}

export interface Solved {
  readonly value: number;
  readonly trainLoss: number;
  readonly condition: number;
  readonly trainables: number;
  readonly multiplyAdds: number;
}

/** Towers of relu features and their closed form: the metric on held-out data. */
export async function solvedTower(
  context: Context,
  o: {
    readonly features: readonly number[];
    readonly train: Examples;
    /** Targets of the closed form, float [rows, outputs]. */
    readonly targets: NDArray;
    readonly test: Examples;
    readonly ridge: number;
    readonly metric: Metric;
    readonly key: NDArray;
  },
): Promise<Solved> {
  const inputs = o.train.x.shape[1]!;
  const tower = featureTower({
    inputs,
    stages: o.features.map((features, i) => ({ features, kind: "relu", appendOne: i === 0 })),
  });
  const params = tower.init(o.key);
  const data = { x: o.train.x, y: o.targets };
  const solution = await fitBundled(tower, params, data, { ridge: o.ridge, signal: context.signal });
  const weights = solution.weights.cast("float32");
  const model = { apply: (p: Traced<Bundled>, x: Tensor) => tower.apply(p, x).matmul(p.weights) };
  const value = await measured<Bundled>(context, model, { ...params, weights }, o.test, o.metric);
  const sizes = [inputs + 1, ...o.features, o.targets.shape[1]!];
  return {
    value,
    trainLoss: solution.trainLoss,
    condition: solution.condition,
    trainables: weights.size,
    multiplyAdds: sizes.slice(1).reduce((sum, size, i) => sum + size * sizes[i]!, 0),
  };
}

type Bundled = TowerParams & { weights: NDArray };

/** One-hot minus 1 / classes: float32 [n, classes]. */
export function centredOneHot(labels: NDArray, classes: number): NDArray {
  const out = new Float32Array(labels.size * classes).fill(-1 / classes);
  labels.data.forEach((label, i) => {
    out[i * classes + Number(label)]! += 1;
  });
  return new NDArray(out, [labels.size, classes]);
}
