/** One network on one task: trained in all its subspaces and directly, for every seed, and compressed. */
import type { Context, Stage } from "../../experiment/context.ts";
import { parameterCount } from "../../nn/frozen.ts";
import type { Model } from "../../nn/model.ts";
import type { ProjectionKind } from "../../nn/parametrize/subspace.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import * as tree from "../../tensor/tree.ts";
import { compress, decompress } from "./compress.ts";
import type { CompressedNet, Curve } from "./results.ts";
import { studyKey, type Task } from "./tasks.ts";
import { type SubspaceRun, trainDirectly, trainInSubspaces } from "./train.ts";

export interface Trial {
  readonly name: string;
  readonly model: Model<unknown>;
  readonly task: () => Task | Promise<Task>;
  readonly dimensions: readonly number[];
  readonly steps: number;
  readonly batch: number;
  readonly seeds: number;
  /** What the keys of the seeds are made from: equal for trials that are to share nets and subspaces. */
  readonly keys: string;
  readonly rate: number;
  /** Of direct training; absent: none. */
  readonly directRate?: number | undefined;
  readonly projection?: ProjectionKind;
  readonly decay?: boolean;
  /** Threads; default one for each core. */
  readonly threads?: number;
  /** The metric that counts as solved, for the compressed net. Default 0.9. */
  readonly line?: number;
  /** Compress the net of the first seed. */
  readonly compressed?: boolean;
}

export interface CompressedRun extends CompressedNet {
  readonly file: Uint8Array;
  readonly params: Record<string, NDArray>;
}

/** Train one network in all its subspaces, and directly, for every seed: a stage of the run for each. */
export async function curveOf(
  context: Context,
  t: Trial,
): Promise<{ curve: Curve; compressed: CompressedRun | null }> {
  const curve = {
    name: t.name,
    weights: parameterCount(t.model.init(random.key(0))),
    dimensions: t.dimensions,
    direct: [] as number[],
    metrics: [] as number[][],
  };
  let compressed: CompressedRun | null = null;
  for (const seed of Array.from({ length: t.seeds }).keys()) {
    const name = `${t.name}, seed ${seed}`;
    const inside = await context.stage(name, (stage) => subspaceTrial(context, stage, t, seed));
    curve.metrics.push(inside.metrics);
    compressed ??= inside.compressed;
    if (t.directRate === undefined) continue;
    curve.direct.push(
      await context.stage(`${name}, all weights`, (stage) => directTrial(context, stage, t, seed)),
    );
  }
  return { curve, compressed };
}

async function subspaceTrial(context: Context, stage: Stage, t: Trial, seed: number) {
  const { train, test } = await t.task();
  const options = optionsOf(context, stage, t, seed);
  const run = await trainInSubspaces(t.model, {
    ...options,
    data: train,
    dimensions: t.dimensions,
    projection: t.projection ?? "dense",
    learningRate: t.rate,
  });
  options.done();
  const metrics = (await run.evaluate(test)).map((m) => m.metric);
  t.dimensions.forEach((dimension, i) => {
    context.metrics({ dimension, seed, metric: metrics[i]! });
  });
  const compressed =
    t.compressed === true && seed === 0 ? await compressedNet(t, run, metrics, options.key) : null;
  return { metrics, compressed };
}

async function directTrial(context: Context, stage: Stage, t: Trial, seed: number): Promise<number> {
  const { train, test } = await t.task();
  const options = optionsOf(context, stage, t, seed);
  const net = await trainDirectly(t.model, { ...options, data: train, learningRate: t.directRate });
  options.done();
  const metric = await net.evaluate(test);
  context.metrics({ seed, metric });
  return metric;
}

/** Trainings of more steps can be resumed in their middle; shorter ones start again. */
const LONG = 1000;

function optionsOf(context: Context, stage: Stage, t: Trial, seed: number) {
  const progress = context.progress.start({ label: stage.name, total: t.steps });
  return {
    steps: t.steps,
    batch: t.batch,
    decay: t.decay,
    key: studyKey(context, t.keys, seed),
    signal: context.signal,
    device: context.device,
    threads: t.threads,
    checkpoint: t.steps > LONG ? stage.store : undefined,
    onStep: ({ step, loss }: { step: number; loss: number }) => progress.update({ step, loss }),
    done: () => progress.done(),
  };
}

/** The smallest subspace that solved the task (or the largest) as a file, and what comes out of it. */
async function compressedNet(
  t: Trial,
  run: SubspaceRun<unknown>,
  metrics: readonly number[],
  key: NDArray,
): Promise<CompressedRun> {
  const at = metrics.findIndex((m) => m >= (t.line ?? 0.9));
  const dimension = t.dimensions.at(at)!;
  const point = run.pointOf(dimension);
  const file = await compress(t.model, point, { key, projection: t.projection ?? "dense" });
  const rebuilt = tree.toRecord(await decompress(file, t.model)) as Record<string, NDArray>;
  const trained = tree.toRecord(await run.weightsOf(dimension)) as Record<string, NDArray>;
  const differences = Object.entries(rebuilt).map(([path, w]) =>
    (w.data as Float32Array).reduce(
      (most, v, i) => Math.max(most, Math.abs(v - Number(trained[path]!.data[i]))),
      0,
    ),
  );
  return {
    name: t.name,
    weights: parameterCount(rebuilt),
    dimension,
    bytes: file.length,
    accuracy: metrics.at(at)!,
    largestDifference: Math.max(...differences),
    file,
    params: rebuilt,
  };
}
