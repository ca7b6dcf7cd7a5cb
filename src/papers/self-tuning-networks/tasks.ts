/** What the experiment tunes: a network, its hyperparameters and three sets of examples; and how it is trained by each method. */
import { adam } from "../../optim/adam.ts";
import type { Optimizer } from "../../optim/optimizer.ts";
import type { Device } from "../../runtime/backend.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { dataset } from "../../train/batches.ts";
import { fit } from "../../train/fit.ts";
import type { Hyperparameter } from "./hyperparameters.ts";
import type { TunedModel } from "./networks.ts";
import { type ExampleBatch, type Examples, selfTuning } from "./self-tuning-networks.ts";
import type { ScheduleRow } from "./tuner.ts";

export interface Task {
  readonly hyperparameters: readonly Hyperparameter[];
  /** The network with responding layers, and with ordinary ones. */
  readonly tuned: TunedModel;
  readonly plain: TunedModel;
  readonly train: Examples;
  readonly valid: Examples;
  readonly test: Examples;
  readonly loss: (prediction: Tensor, y: Tensor) => Tensor;
  readonly batch: number;
  readonly weightOptimizer: () => Optimizer;
  readonly hyperRate: number;
  readonly scaleRate: number;
  readonly entropyWeight: number;
  /** Cycles of two training steps and a validation step; and the first of them without validation steps. */
  readonly cycles: number;
  readonly warmup: number;
  /** Cycles between evaluations. */
  readonly evalEvery: number;
}

export type Values = Readonly<Record<string, number>>;

/** A training that was watched on the validation set. */
export interface Outcome {
  /** [units of budget, validation loss]. A unit is a pass over a minibatch; with responding layers a pass counts twice. */
  readonly curve: readonly (readonly [units: number, loss: number])[];
  readonly bestValid: number;
  /** The loss on the test set at that point. */
  readonly testAtBest: number;
  readonly finalValid: number;
  /** Hyperparameters at the end. */
  readonly values: Values;
}

export interface TunedOutcome extends Outcome {
  /** At every evaluation. */
  readonly schedule: readonly ScheduleRow[];
  readonly params: unknown;
  /** Ordinary weights at the end. */
  readonly frozen: unknown;
}

export interface Running {
  readonly key: NDArray;
  readonly device: Device;
  readonly signal: AbortSignal;
  readonly onProgress?: ((done: number) => void) | undefined;
}

/** Training steps of a cycle, and what a cycle costs. */
const TRAIN_STEPS = 2;
const CYCLE_UNITS = 2 * (TRAIN_STEPS + 1);

/** Rows of one evaluation. */
const CHUNK = 500;

/** The self-tuning network. With `frozen`, hyperparameters stay as they start: the whole training is a warm-up. */
export async function tuneTask(task: Task, { frozen = false, ...run }: Running & { frozen?: boolean }) {
  const { tuned, cycles, evalEvery } = task;
  const tuner = selfTuning(tuned, {
    hyperparameters: task.hyperparameters,
    train: task.train,
    valid: task.valid,
    loss: task.loss,
    batch: task.batch,
    weightOptimizer: task.weightOptimizer(),
    hyperOptimizer: adam({ learningRate: task.hyperRate }),
    scaleOptimizer: adam({ learningRate: task.scaleRate }),
    entropyWeight: task.entropyWeight,
    warmup: frozen ? cycles : task.warmup,
    key: run.key,
    device: run.device,
  });
  try {
    const watch = new Watch(
      () => meanLoss(task.valid, (b) => tuner.evaluate(b)),
      () => meanLoss(task.test, (b) => tuner.evaluate(b)),
    );
    const units = frozen ? 2 * TRAIN_STEPS : CYCLE_UNITS;
    await tuner.run(cycles, {
      signal: run.signal,
      onCycle: async ({ cycle }) => {
        run.onProgress?.(1);
        if (cycle % evalEvery === 0 || cycle === cycles) await watch.look(units * cycle);
      },
    });
    const outcome: TunedOutcome = {
      ...watch.outcome(),
      values: tuner.values(),
      schedule: tuner.schedule.filter(({ cycle }) => cycle % evalEvery === 0 || cycle === cycles),
      params: tuner.params,
      frozen: await tuner.freeze(),
    };
    return outcome;
  } finally {
    await tuner.dispose();
  }
}

type PlainBatch = Examples & { readonly values: Readonly<Record<string, NDArray>> };

/** The ordinary network with hyperparameters that are given for every step. */
export async function trainTask(
  task: Task,
  valuesAt: (step: number) => Values,
  { steps, ...run }: Running & { readonly steps: number },
): Promise<Outcome> {
  const [forWeights, forBatches, forSteps] = random.split(run.key, 3) as [NDArray, NDArray, NDArray];
  const batches = dataset(task.train, task.batch, "shuffle", forBatches);
  const rows = Math.min(task.batch, batches.rows);
  const told = Object.fromEntries(task.hyperparameters.map((h) => [h.name, NDArray.zeros([rows])]));
  const fill = (values: Values) => {
    for (const [name, array] of Object.entries(told)) (array.data as Float32Array).fill(values[name]!);
    return told;
  };
  const applied = (p: unknown, x: Tensor, values: Readonly<Record<string, Tensor>>, context = {}) =>
    task.plain.apply(p, { x, lambda: Tensor.zeros([1, 1]), values }, context);
  const evaluate = compile((p: unknown, { x, y }: ExampleBatch) => task.loss(applied(p, x, {}), y), {
    device: run.device,
    threads: 1,
  });
  const lossOn = (examples: Examples, p: unknown) =>
    meanLoss(examples, async (b) => (await evaluate(p as never, b as never)).item());
  try {
    const { params, history, stopped } = await fit<unknown, PlainBatch>({
      params: task.plain.init(forWeights),
      data: (step: number) => ({ ...batches.at(step), values: fill(valuesAt(step)) }),
      loss: (p, b, context) => task.loss(applied(p, b.x, b.values, context), b.y),
      optimizer: task.weightOptimizer(),
      steps,
      evaluate: async (p) => ({ valid: await lossOn(task.valid, p) }),
      evalEvery: TRAIN_STEPS * task.evalEvery,
      keepBest: "eval",
      key: forSteps,
      signal: run.signal,
      device: run.device,
      threads: 1,
      onStep: ({ step }) => {
        if (step % TRAIN_STEPS === 0) run.onProgress?.(1);
      },
    });
    if (stopped === "aborted") throw run.signal.reason;
    const curve = history.map(({ step, metrics }) => [step, metrics.valid!] as const);
    return {
      curve,
      bestValid: Math.min(...curve.map(([, loss]) => loss)),
      testAtBest: await lossOn(task.test, params),
      finalValid: curve.at(-1)![1],
      values: valuesAt(steps - 1),
    };
  } finally {
    await evaluate.dispose();
  }
}

/** Keeps the curve of the validation loss, and the test loss where it was lowest. */
class Watch {
  private readonly curve: [number, number][] = [];
  private best = { valid: Infinity, test: Number.NaN };

  constructor(
    private readonly valid: () => Promise<number>,
    private readonly test: () => Promise<number>,
  ) {}

  async look(units: number): Promise<void> {
    const loss = await this.valid();
    this.curve.push([units, loss]);
    if (loss < this.best.valid) this.best = { valid: loss, test: await this.test() };
  }

  outcome() {
    const { curve, best } = this;
    return { curve, bestValid: best.valid, testAtBest: best.test, finalValid: curve.at(-1)![1] };
  }
}

/** The mean over all rows of a loss that is a mean over the rows of a part. */
async function meanLoss(examples: Examples, loss: (part: Examples) => Promise<number>): Promise<number> {
  const rows = examples.x.shape[0]!;
  let sum = 0;
  for (let start = 0; start < rows; start += CHUNK) {
    const end = Math.min(rows, start + CHUNK);
    sum += (end - start) * (await loss(partOf(examples, start, end)));
  }
  return sum / rows;
}

/** Rows from `start` to before `end`; nothing is copied. */
export function partOf({ x, y }: Examples, start: number, end: number): Examples {
  const part = ({ data, shape, size, dtype }: NDArray): NDArray => {
    const row = size / shape[0]!;
    return new NDArray(data.subarray(start * row, end * row), [end - start, ...shape.slice(1)], dtype);
  };
  return { x: part(x), y: part(y) };
}

/** The values that the hyperparameters start with. */
export function firstValues(task: Task): Values {
  return Object.fromEntries(task.hyperparameters.map((h) => [h.name, h.init]));
}

/** Values drawn uniformly from their ranges. */
export function randomValues(task: Task, key: NDArray): Values {
  const u = random.uniform(key, [task.hyperparameters.length], { dtype: "float64" }).data as Float64Array;
  return valuesAtPoint(task, Array.from(u));
}

/** The values at a point of the unit cube. */
export function valuesAtPoint(task: Task, point: readonly number[]): Values {
  const entries = task.hyperparameters.map((h, i) => {
    const [low, high] = h.range;
    const value = low + point[i]! * (high - low);
    return [h.name, h.discrete ? Math.floor(value) : value] as const;
  });
  return Object.fromEntries(entries);
}

/** A recorded schedule for an ordinary network: at each step, the row that was in force. Values are those at the mean lambda. */
export function recorded(schedule: readonly ScheduleRow[]): (step: number) => Values {
  return (step) => {
    const cycle = Math.floor(step / TRAIN_STEPS);
    const row = schedule.findLast((r) => r.cycle <= cycle) ?? schedule[0]!;
    return row.values;
  };
}

/** Jobs two at a time, results in their order. The first error is thrown when all that had begun are done. */
export async function inPairs<T>(jobs: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  const errors: unknown[] = [];
  let next = 0;
  const work = async () => {
    while (next < jobs.length && errors.length === 0) {
      const own = next++;
      try {
        results[own] = await jobs[own]!();
      } catch (error) {
        errors.push(error);
      }
    }
  };
  await Promise.all([work(), work()]);
  if (errors.length > 0) throw errors[0];
  return results;
}
