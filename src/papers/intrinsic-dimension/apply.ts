import { z } from "zod";
import {
  defineMethod,
  type MethodContext,
  type MethodPlan,
  type MethodResult,
} from "../../experiment/method.ts";
import { parameterCount } from "../../nn/frozen.ts";
import * as losses from "../../nn/losses.ts";
import { projectionKinds } from "../../nn/parametrize/subspace.ts";
import type { ImportedModel } from "../../onnx/import.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import { accuracy, type Metric, r2 } from "../../train/metrics.ts";
import { compress, decompress } from "./compress.ts";
import { type ImportedSubspaceModel, importedModel, starts } from "./imported.ts";
import { intrinsicDimension, type Measurement } from "./intrinsic-dimension.ts";
import { type Labelled, type SubspaceRun, trainDirectly, trainInSubspaces } from "./train.ts";

const count = z.number().int().positive();

const options = z.object({
  target: z.number().positive().max(1).default(0.9).describe("share of the baseline that has to be reached"),
  baseline: z
    .number()
    .positive()
    .optional()
    .describe("accuracy (or R2) that is 100 %; without it, that of training all weights"),
  start: z
    .enum(starts)
    .default("reinitialised")
    .describe(
      "where the subspaces lie: around weights drawn anew (how hard is the task?) or around those of the file (what is left to learn?)",
    ),
  grid: z
    .array(count)
    .min(2)
    .default([25, 50, 100, 200, 400, 800, 1600, 3200])
    .describe("dimensions, ascending; the search ends at the first that reaches the target"),
  projection: z.enum(projectionKinds).default("fastfood").describe("the random projection"),
  steps: count.default(1000).describe("optimiser steps of each training"),
  batch: count.default(128).describe("examples a step"),
  rate: z
    .number()
    .positive()
    .default(0.1)
    .describe("learning rate of Adam for the coordinates, falling to 0"),
  directRate: z.number().positive().default(3e-3).describe("the same for training all weights"),
});

type Options = z.infer<typeof options>;

/** Weights. */
const SMALL = 100_000;

export default defineMethod({
  slug: "intrinsic-dimension",
  summary:
    "How many dimensions the task needs: train in random subspaces of growing dimension, and keep the smallest as a file",
  options,
  data: "needed",
  plan(model, { start }): MethodPlan {
    const { tunable, draws, moved } = importedModel(model, start);
    const first = (name: string) =>
      start === "weights"
        ? "moved from the file's values"
        : (draws.get(name)?.what ?? "moved from the file's values");
    return {
      touched: moved.map((path) => ({ path, what: first(path) })),
      untouched: tunable.names
        .filter((name) => !moved.includes(name))
        .map((path) => ({
          path,
          why: tunable.untrainable.get(path) ?? "no weight: statistics or a constant",
        })),
    };
  },
  run,
});

async function run(model: ImportedModel, o: Options, context: MethodContext): Promise<MethodResult> {
  const { train, validation = train } = context;
  if (train === undefined) throw new Error("intrinsic-dimension: it needs examples to train on");
  const [data, held] = [labelled(train), labelled(validation!)];
  const net = importedModel(model, o.start);
  const classes = data.y.dtype === "int64";
  const metric = classes ? accuracy : r2;
  const name = classes ? "accuracy" : "R2";
  const weights = parameterCount(net.init(context.key));
  const trainer = trainerOf(net, o, context, data, classes);
  const baseline = o.baseline ?? (await trainer.direct(held, metric));
  const { points, best } = await search(trainer, o, weights, held, metric, o.target * baseline);
  if (points.length < 2 && best === null) throw new RangeError(gridTooLarge(o.grid[0]!, weights));
  const found = points.length < 2 ? undefined : intrinsicDimension(points, { baseline, fraction: o.target });
  const figures: MethodResult["figures"][number][] = [
    { name: "weights", value: weights },
    { name: `${name} that is 100 %`, value: baseline },
    ...points.map((p) => ({ name: `${name} in ${p.dimension} dimensions`, value: p.metric })),
  ];
  if (best === null)
    return { figures: [...figures, { name: "dimension", value: `more than ${points.at(-1)!.dimension}` }] };
  const { dimension, run: trained } = best;
  const file = await compress(net, trained.pointOf(dimension), {
    key: trainer.key,
    projection: o.projection,
  });
  const rebuilt = await decompress(file, net);
  const own = await trained.weightsOf(dimension);
  return {
    model: net.tunable.toFile({ ...rebuilt.frozen, ...rebuilt.weights }),
    files: { ".subspace.safetensors": file },
    figures: [
      ...figures,
      { name: "dimension (first on the grid)", value: dimension },
      { name: "dimension (interpolated)", value: found?.interpolated ?? `at most ${dimension}` },
      { name: "weights for each dimension", value: weights / (found?.interpolated ?? dimension) },
      { name: "bytes of the compressed file", value: file.length },
      { name: "bytes of the weights", value: 4 * weights },
    ],
    check: {
      what: "the trained weights, of those rebuilt from the compressed file",
      largestDifference: largestDifference(rebuilt.weights, own.weights),
    },
  };
}

interface Trainer {
  readonly key: NDArray;
  direct(held: Labelled, metric: Metric): Promise<number>;
  inside(dimension: number): Promise<SubspaceRun<ReturnType<ImportedSubspaceModel["init"]>>>;
}

function trainerOf(
  net: ImportedSubspaceModel,
  o: Options,
  context: MethodContext,
  data: Labelled,
  classes: boolean,
): Trainer {
  const key = random.fold(context.key, 0);
  const common = {
    data,
    steps: o.steps,
    batch: o.batch,
    decay: true,
    key,
    loss: classes ? losses.crossEntropy : losses.mse,
    signal: context.signal,
    device: context.device,
    // A second thread costs a small model more than it brings.
    threads: parameterCount(net.init(key)) < SMALL ? 1 : undefined,
  };
  const watched = async <T>(
    label: string,
    train: (onStep: (e: { step: number; loss: number }) => void) => Promise<T>,
  ) => {
    const progress = context.progress.start({ label, total: o.steps });
    try {
      return await train(({ step, loss }) => progress.update({ step, loss }));
    } finally {
      progress.done();
    }
  };
  return {
    key,
    direct: (held, metric) =>
      watched("all weights", async (onStep) => {
        const trained = await trainDirectly(net as never, { ...common, learningRate: o.directRate, onStep });
        return trained.evaluate(held, metric);
      }),
    inside: (dimension) =>
      watched(`${dimension} dimensions`, (onStep) =>
        trainInSubspaces(net as never, {
          ...common,
          dimensions: [dimension],
          projection: o.projection,
          learningRate: o.rate,
          onStep,
        }),
      ),
  };
}

/** Train in growing dimensions until one reaches the threshold. */
async function search(
  trainer: Trainer,
  { grid }: Options,
  weights: number,
  held: Labelled,
  metric: Metric,
  threshold: number,
) {
  const points: Measurement[] = [];
  for (const dimension of [...grid].sort((a, b) => a - b)) {
    if (dimension > weights) break;
    const run = await trainer.inside(dimension);
    const [point] = await run.evaluate(held, metric);
    points.push(point!);
    if (point!.metric >= threshold) return { points, best: { dimension, run } };
  }
  return { points, best: null };
}

function gridTooLarge(first: number, weights: number): string {
  return `intrinsic-dimension: the grid starts at ${first} and the model has ${weights} weights: give two smaller dimensions or more`;
}

function labelled({ x, y }: NonNullable<MethodContext["train"]>): Labelled {
  return { x: x as NDArray, y };
}

function largestDifference(
  a: Readonly<Record<string, NDArray>>,
  b: Readonly<Record<string, NDArray>>,
): number {
  let most = 0;
  for (const [name, w] of Object.entries(a))
    for (let i = 0; i < w.size; i++)
      most = Math.max(most, Math.abs(Number(w.data[i]) - Number(b[name]!.data[i])));
  return most;
}
