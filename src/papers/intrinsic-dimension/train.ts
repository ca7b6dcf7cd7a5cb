import * as losses from "../../nn/losses.ts";
import type { Model } from "../../nn/model.ts";
import { reparametrize } from "../../nn/parametrization.ts";
import {
  type RandomSubspace,
  randomSubspace,
  type Subspace,
  type SubspaceOptions,
} from "../../nn/parametrize/subspace.ts";
import { adam } from "../../optim/adam.ts";
import { cosine } from "../../optim/schedules.ts";
import { compile } from "../../runtime/compile.ts";
import type { RunOptions } from "../../runtime/session.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import { stack } from "../../tensor/operators/movement.ts";
import * as random from "../../tensor/random.ts";
import { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import type { CheckpointStore } from "../../train/checkpoint.ts";
import { fit } from "../../train/fit.ts";
import { accuracy, type Metric } from "../../train/metrics.ts";
import type { StepEvent } from "../../train/options.ts";
import { evaluator, predictor } from "../../train/predict.ts";
import type { Measurement } from "./intrinsic-dimension.ts";

export interface Labelled {
  readonly x: NDArray;
  readonly y: NDArray;
}

export interface TrainOptions extends RunOptions {
  readonly data: Labelled;
  readonly steps: number;
  /** Default 128; at least as many as there are examples means all of them. */
  readonly batch?: number | undefined;
  /** Of Adam. Default 0.1 for coordinates (columns have unit norm: a step moves a weight far less), 3e-3 for weights. */
  readonly learningRate?: number | undefined;
  /** Let the learning rate fall to 0 along a cosine. Default false. */
  readonly decay?: boolean | undefined;
  /** Default: cross-entropy. */
  readonly loss?: ((output: Tensor, y: Tensor) => Tensor) | undefined;
  /** Decides theta0, the projection and the order of batches. */
  readonly key: NDArray;
  readonly signal?: AbortSignal | undefined;
  /** Where the training can be resumed from, written every 500 steps. */
  readonly checkpoint?: CheckpointStore | undefined;
  readonly onStep?: ((event: StepEvent) => void) | undefined;
}

export interface SubspaceTraining extends TrainOptions, Omit<SubspaceOptions, "dimension"> {
  /** Ascending. The subspaces are nested: all are spanned by the first directions of the largest. */
  readonly dimensions: readonly number[];
}

/** Trainings in subspaces of several dimensions around one theta0. */
export interface SubspaceRun<P> {
  /** A metric on examples in each dimension. Default: accuracy. */
  evaluate(data: Labelled, metric?: Metric): Promise<Measurement[]>;
  /** The point found in the subspace of this dimension, for `compress` and `randomSubspace(...).weights`. */
  pointOf(dimension: number): Subspace<P>;
  /** Its weights. */
  weightsOf(dimension: number): Promise<P>;
}

/** beta2 of Adam in the official code. */
const BETA2 = 0.99;

/**
 * Train a model inside random subspaces of several dimensions, all in one graph: they share theta0, the directions, and each batch.
 * A smaller subspace is spanned by the first directions of the largest, which is how one drawn for it alone would look.
 *
 * ```ts
 * const run = await trainInSubspaces(model, { data, dimensions: [50, 100, 200], steps: 500, key: random.key(0) });
 * await run.evaluate(test); // [{ dimension: 50, metric: 0.61 }, ...]
 * ```
 */
export async function trainInSubspaces<P>(model: Model<P>, o: SubspaceTraining): Promise<SubspaceRun<P>> {
  const { dimensions, loss = losses.crossEntropy, learningRate = 0.1 } = o;
  const most = Math.max(...dimensions);
  const optionsOf = (dimension: number): SubspaceOptions => ({
    dimension,
    projection: o.projection,
    density: o.density,
    only: o.only,
  });
  const subspace = randomSubspace<P>(optionsOf(most));
  const start = reparametrize(model, subspace).init(o.key);
  const mask = maskOf(dimensions, most, start.z.dtype);
  const each = (p: Traced<Subspace<P>>): Traced<P>[] => {
    const z = (p.z as Tensor).mul(Tensor.constant(mask));
    return subspace.weightsOfEach({ ...p, z } as typeof p);
  };
  const { params } = await trained(o, {
    params: { ...start, z: NDArray.zeros(mask.shape, mask.dtype) },
    learningRate,
    loss: (p, { x, y }) =>
      each(p)
        .map((weights) => loss(model.apply(weights, x), y))
        .reduce((a, b) => a.add(b)),
  });
  const all: Model<Subspace<P>> = {
    init: () => params,
    apply: (p, x) =>
      stack(
        each(p).map((weights) => model.apply(weights, x)),
        1,
      ),
  };
  const pointOf = (dimension: number): Subspace<P> => {
    const row = dimensions.indexOf(dimension);
    if (row < 0)
      throw new RangeError(`pointOf: ${dimension} was not trained: there are ${dimensions.join(", ")}`);
    const z = params.z.data.slice(row * most, row * most + dimension);
    const own = reparametrize(model, randomSubspace<P>(optionsOf(dimension))).init(o.key);
    return { ...own, z: new NDArray(z, [dimension], params.z.dtype) };
  };
  return {
    evaluate: async (data, metric = accuracy) => {
      const predict = predictor(all, o);
      const outputs = await predict(params, data.x);
      await predict.dispose();
      return dimensions.map((dimension, i) => ({ dimension, metric: metric(column(outputs, i), data.y) }));
    },
    pointOf,
    weightsOf: (dimension) => subspaceWeights(randomSubspace<P>(optionsOf(dimension)), pointOf(dimension)),
  };
}

/** Train all weights: the baseline. Returns them, and a metric on examples. */
export async function trainDirectly<P>(
  model: Model<P>,
  o: TrainOptions,
): Promise<{ params: P; evaluate(data: Labelled, metric?: Metric): Promise<number> }> {
  const { learningRate = 3e-3, loss = losses.crossEntropy } = o;
  const { params } = await trained<P>(o, {
    params: model.init(random.split(o.key)[0]!),
    learningRate,
    loss: (p, { x, y }) => loss(model.apply(p, x), y),
  });
  return {
    params,
    evaluate: async (data, metric = accuracy) => {
      const evaluate = evaluator(model, { ...o, data: data as never, metrics: { metric } });
      const { metric: value } = await evaluate(params);
      await evaluate.dispose();
      return value!;
    },
  };
}

/** The weights at a point of a subspace. */
export async function subspaceWeights<P>(subspace: RandomSubspace<P>, point: Subspace<P>): Promise<P> {
  const run = compile((p: Traced<Subspace<P>>) => subspace.weights(p), { threads: 1 });
  const params = (await run(point as never)) as P;
  await run.dispose();
  return params;
}

async function trained<P>(
  o: TrainOptions,
  of: {
    readonly params: P;
    readonly learningRate: number;
    readonly loss: (p: Traced<P>, batch: Traced<Labelled>) => Tensor;
  },
): Promise<{ params: P }> {
  const rate = o.decay === true ? cosine({ value: of.learningRate, steps: o.steps }) : of.learningRate;
  const result = await fit<P, Labelled>({
    params: of.params,
    data: o.data,
    loss: (p, batch) => of.loss(p, batch),
    optimizer: adam({ learningRate: rate, beta2: BETA2 }),
    steps: o.steps,
    batch: o.batch ?? 128,
    key: random.fold(o.key, 0),
    evalEvery: o.steps,
    signal: o.signal,
    checkpoint: o.checkpoint,
    checkpointEvery: 500,
    onStep: o.onStep,
    device: o.device,
    threads: o.threads,
  });
  if (result.stopped === "aborted") throw o.signal!.reason;
  return result;
}

/** 1 for the coordinates that a row's dimension has, 0 for the others. */
function maskOf(dimensions: readonly number[], most: number, dtype: NDArray["dtype"]): NDArray {
  const mask = NDArray.zeros([dimensions.length, most], dtype);
  dimensions.forEach((d, row) => {
    for (let j = 0; j < d; j++) mask.data[row * most + j] = 1;
  });
  return mask;
}

/** outputs[:, i] of [rows, cells, ...]. */
function column(outputs: NDArray, i: number): NDArray {
  const [rows, cells, ...rest] = outputs.shape as [number, number, ...number[]];
  const size = outputs.size / (rows * cells);
  const out = NDArray.zeros([rows, ...rest], outputs.dtype);
  for (let row = 0; row < rows; row++)
    (out.data as Float32Array).set(
      (outputs.data as Float32Array).subarray((row * cells + i) * size, (row * cells + i + 1) * size),
      row * size,
    );
  return out;
}
