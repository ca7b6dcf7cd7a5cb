import type { Context, Stage } from "../../experiment/context.ts";
import type { MlpParams } from "../../nn/mlp.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import { PER_CLASS, type TaskSample } from "./conditions.ts";
import type { Config } from "./config.ts";
import { type ModelRecord, type PriorOptions, type Request, WeightGenerator } from "./generator.ts";
import { drawTask, firstOfEachClass, instructionOf, type Task, taskOf } from "./tasks.ts";
import { WeightTokenizer } from "./tokenizer.ts";
import { netOf, testMany, trainMany } from "./zoo.ts";

/** Points of a task that samples are taken from. */
const POOL = 2048;

/** A net of the zoo. */
export interface ZooModel extends ModelRecord<MlpParams> {
  /** Its task among the configuration's, and which first weights it has. */
  readonly task: number;
  readonly start: number;
  readonly accuracy: number;
}

/** The zoo's nets of one architecture. */
export interface Family {
  readonly widths: readonly number[];
  readonly models: readonly ZooModel[];
}

/** Where one repetition of the experiment gets its random numbers from, and how its stages are named. */
export class Repetition {
  private readonly pools = new Map<number, TaskSample>();

  constructor(
    readonly context: Context,
    readonly config: Config,
    readonly seed: number,
  ) {}

  /** The key of a purpose: another one for every name and number. */
  key(name: string, ...numbers: readonly number[]): NDArray {
    const words = [...name].map((c) => c.codePointAt(0)!);
    return [this.seed, ...words, 0, ...numbers].reduce((k, n) => random.fold(k, n), this.context.key);
  }

  stage<T>(name: string, run: (stage: Stage) => Promise<T> | T): Promise<T> {
    const suffix = this.config.seeds === 1 ? "" : `, seed ${this.seed}`;
    return this.context.stage(`${name}${suffix}`, run);
  }

  task(index: number): Task {
    return taskOf(this.config.tasks[index]!);
  }

  /** The points that every net of a task is tested on. */
  testSet(task: number): TaskSample {
    return drawTask(this.task(task), this.key("test", task), this.config.net.testPoints);
  }

  instruction(task: number, widths: readonly number[]): string {
    return instructionOf(this.task(task), widths);
  }

  /** Examples that describe the task: the same for all nets of the zoo, as one data set is. */
  sample(task: number, descriptions = 1): TaskSample {
    const pool = this.pools.get(task) ?? drawTask(this.task(task), this.key("sample", task), POOL);
    this.pools.set(task, pool);
    return firstOfEachClass(pool, descriptions * PER_CLASS);
  }

  /** Options of a training in a stage. */
  training(stage: Stage, label: string, total: number) {
    const { context } = this;
    const progress = context.progress.start({ label, total });
    const every = Math.max(1, Math.floor(total / 40));
    return {
      device: context.device,
      signal: context.signal,
      checkpoint: stage.store,
      onStep: ({ step, loss }: { step: number; loss: number }) => {
        progress.update({ step, loss });
        if (step % every === 0) context.metrics({ step, loss });
        if (step === total) progress.done();
      },
    };
  }
}

/** Train the zoo's nets of one architecture, all in one graph. */
export async function trainFamily(r: Repetition, index: number): Promise<Family> {
  const { tasks, starts, dataSeeds, net, architectures } = r.config;
  const widths = architectures[index]!;
  const slots = tasks.flatMap((_, task) =>
    Array.from({ length: starts * dataSeeds }, (_, i) => ({
      task,
      start: Math.floor(i / dataSeeds),
      seed: i % dataSeeds,
    })),
  );
  const stored = await r.stage(`zoo ${widths.join("-")}`, async () => {
    const model = netOf(widths);
    const data = slots.map((s) =>
      drawTask(r.task(s.task), r.key("points", index, s.task, s.start, s.seed), net.points),
    );
    const first = slots.map((s) => model.init(r.key("start", index, s.start)));
    const { models } = await trainMany(first, data, { ...net, widths, signal: r.context.signal });
    const accuracy = await testMany(
      widths,
      models,
      slots.map((s) => r.testSet(s.task)),
    );
    return { models, accuracy };
  });
  const models = slots.map(({ task, start }, i) => ({
    params: stored.models[i]!,
    sample: r.sample(task),
    accuracy: stored.accuracy[i]!,
    instruction: r.instruction(task, widths),
    task,
    start,
  }));
  return { widths, models };
}

/** Train a tokenizer under a name of its own. */
export async function trainTokenizer(
  r: Repetition,
  name: string,
  zoo: readonly ModelRecord[],
  { steps = r.config.tokenizer.steps }: { readonly steps?: number } = {},
): Promise<WeightTokenizer> {
  const state = await r.stage(name, async (stage) => {
    const tokenizer = await WeightTokenizer.fit(
      zoo.map((m) => m.params),
      { ...r.config.tokenizer, ...r.training(stage, name, steps), steps, key: r.key(name) },
    );
    await tokenizer.dispose();
    return tokenizer.state;
  });
  return new WeightTokenizer(state);
}

/** Train a prior under a name of its own. */
export async function trainPrior(
  r: Repetition,
  name: string,
  zoo: readonly ModelRecord[],
  tokenizer: WeightTokenizer,
  options: Pick<PriorOptions, "descriptions" | "factorised" | "maxTokens" | "overlap" | "steps"> = {},
): Promise<WeightGenerator> {
  const { steps = r.config.prior.steps, ...rest } = options;
  const state = await r.stage(name, async (stage) => {
    const generator = await WeightGenerator.fit(zoo, tokenizer, {
      ...r.config.prior,
      ...rest,
      ...r.training(stage, name, steps),
      steps,
      key: r.key(name),
    });
    await generator.dispose();
    return generator.state;
  });
  return new WeightGenerator(state);
}

/** What is asked for: a net of this architecture for this task. */
export interface Wanted extends Request<MlpParams> {
  readonly task: number;
}

/** Requests for all tasks, or some, `samples` times each. */
export function requestsFor(r: Repetition, index: number, tasks?: readonly number[]): Wanted[] {
  const widths = r.config.architectures[index]!;
  const like = netOf(widths).init(r.key("like"));
  return (tasks ?? [...r.config.tasks.keys()]).flatMap((task) =>
    Array.from({ length: r.config.samples }, () => ({
      task,
      sample: r.sample(task),
      instruction: r.instruction(task, widths),
      like,
    })),
  );
}

/** The same requests with examples that were drawn anew: no net of the zoo was described by them. */
export function withFreshSamples(r: Repetition, index: number, requests: readonly Wanted[]): Wanted[] {
  return requests.map((wanted, i) => {
    const key = r.key("fresh", index, i);
    const points = drawTask(r.task(wanted.task), key, 64 * PER_CLASS);
    return { ...wanted, sample: firstOfEachClass(points, PER_CLASS) };
  });
}
