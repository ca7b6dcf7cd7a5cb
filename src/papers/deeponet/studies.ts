/** The measurements behind the claims: what is trained on what, and the errors that come out. */
import type { Context } from "../../experiment/context.ts";
import { randomSource } from "../../pde/random-source.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import { fnn, resnet } from "./baselines.ts";
import type { Config } from "./config.ts";
import { DeepONet, type OperatorModel } from "./deeponet.ts";
import { fitOperator, type RowModel, squaredErrors } from "./fit-operator.ts";
import {
  antiderivative,
  diffusionReaction,
  nonlinearOde,
  type OperatorProblem,
  pendulum,
} from "./problems.ts";
import { trimmedMse } from "./trimmed-mse.ts";
import { firstTriples, type Triples } from "./triples.ts";

/** A trained net: its errors, and how its loss fell. */
export interface Outcome {
  readonly trainMse: number;
  readonly testMse: number;
  /** Test error without the worst 0.1 %. */
  readonly trimmedMse: number;
  /** [step, loss] at intervals. */
  readonly curve: readonly (readonly [step: number, loss: number])[];
}

export interface Split {
  readonly train: Triples;
  readonly test: Triples;
}

/** Computed when it is first asked for: a resumed run that has all outcomes generates no data. */
export type Lazy<T> = () => T;

export function lazily<T>(make: () => T): Lazy<T> {
  let value: T | undefined;
  return () => {
    value ??= make();
    return value;
  };
}

interface Budget {
  readonly steps: number;
  readonly batch: number | null;
  readonly learningRate: number;
}

/** Train a net and measure it: one stage of the run. */
export async function trial<P>(
  context: Context,
  name: string,
  net: RowModel<P>,
  data: Lazy<Split>,
  key: NDArray,
  budget: Budget,
): Promise<Outcome & { readonly params: P }> {
  return context.stage(name, async (stage) => {
    const { train, test } = data();
    const progress = context.progress.start({ label: name, total: budget.steps });
    const { params, history } = await fitOperator(net, train, {
      ...budget,
      key,
      signal: context.signal,
      device: context.device,
      checkpoint: stage.store,
      onStep: ({ step, loss }) => progress.update({ step, loss }),
      onRecord: (record) => context.metrics(record),
    });
    progress.done();
    const errors = await squaredErrors(net, params, test, context.device);
    const mean = (e: Float64Array) => e.reduce((a, b) => a + b, 0) / e.length;
    const outcome = {
      trainMse: mean(await squaredErrors(net, params, train, context.device)),
      testMse: mean(errors),
      trimmedMse: trimmedMse(errors),
      curve: history,
      params,
    };
    context.metrics({ trainMse: outcome.trainMse, testMse: outcome.testMse, trimmedMse: outcome.trimmedMse });
    return outcome;
  });
}

/** Disjoint training and test functions: two sources from one key. */
export function splitOf(
  problem: OperatorProblem,
  key: NDArray,
  o: { train: number; test: number; sensors: number; queries?: number; testQueries?: number },
): Split {
  const [forTrain, forTest] = random.split(key);
  const { sensors, queries = 1, testQueries = queries } = o;
  return {
    train: problem.generate(randomSource(forTrain!), {
      sensors,
      functions: o.train,
      queriesPerFunction: queries,
    }),
    test: problem.generate(randomSource(forTest!), {
      sensors,
      functions: o.test,
      queriesPerFunction: testQueries,
    }),
  };
}

/** The seed of a study: different studies draw from different keys. */
export function studyKey(context: Context, study: string, seed = 0): NDArray {
  const number = [...study].reduce((h, c) => (Math.imul(h, 31) + c.charCodeAt(0)) >>> 0, 7);
  return random.fold(random.fold(context.key, number), seed);
}

const seeds = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

export interface FnnOutcome extends Outcome {
  readonly name: string;
}

export interface AntiderivativeResult {
  /** By seed. */
  readonly deepONet: readonly Outcome[];
  /** By seed, the first width, depth and rate; what the claims compare with. */
  readonly fnn: readonly Outcome[];
  /** Other sizes of the baseline, one seed. */
  readonly others: readonly FnnOutcome[];
  /** The net of seed 0, for curves and export. */
  readonly net: OperatorModel<unknown>;
  readonly params: unknown;
  readonly problem: OperatorProblem;
  readonly variants: readonly { readonly name: string; readonly outcomes: readonly Outcome[] }[];
}

/** C1 and C2: the antiderivative, by DeepONets and by nets on the concatenated input. */
export async function antiderivativeStudy(context: Context, config: Config): Promise<AntiderivativeResult> {
  const { learningRate, lengthScale, antiderivative: o } = config;
  const problem = antiderivative({ lengthScale });
  const data = seeds(Math.max(o.seeds, o.variants?.seeds ?? 0)).map((s) =>
    lazily(() => splitOf(problem, studyKey(context, "antiderivative", s), o)),
  );
  const initial = (s: number) => studyKey(context, "antiderivative nets", s);
  const budget = { steps: o.steps, batch: o.batch, learningRate };
  const net = DeepONet({ ...hiddenSizes(o), sensors: o.sensors, queryDim: 1 }) as OperatorModel<unknown>;
  const baseline = (width: number, depth: number) => fnn({ sensors: o.sensors, queryDim: 1, width, depth });

  const [ours, theirs] = [[] as Awaited<ReturnType<typeof trial>>[], [] as Outcome[]];
  for (const s of seeds(o.seeds)) {
    ours.push(await trial(context, `antiderivative, DeepONet, seed ${s}`, net, data[s]!, initial(s), budget));
    const first = baseline(o.fnnWidths[0]!, o.fnnDepths[0]!);
    theirs.push(
      await trial(context, `antiderivative, FNN, seed ${s}`, first, data[s]!, initial(s), {
        ...budget,
        learningRate: o.fnnRates[0]!,
      }),
    );
  }
  const others: FnnOutcome[] = [];
  for (const { width, depth, rate } of fnnGrid(o).slice(1)) {
    const name = `FNN, width ${width}, depth ${depth}${o.fnnRates.length > 1 ? `, rate ${rate}` : ""}`;
    const own = { ...budget, learningRate: rate };
    others.push({
      name,
      ...(await trial(context, `antiderivative, ${name}`, baseline(width, depth), data[0]!, initial(0), own)),
    });
  }
  if (o.resnet) {
    const name = "ResNet FNN, width 128, 2 blocks";
    const residual = resnet({ sensors: o.sensors, queryDim: 1, width: 128, blocks: 2 });
    others.push({
      name,
      ...(await trial(context, `antiderivative, ${name}`, residual, data[0]!, initial(0), budget)),
    });
  }
  const variants = await variantsStudy(context, config, data);
  return { deepONet: ours, fnn: theirs, others, net, params: ours[0]!.params, problem, variants };
}

function fnnGrid(o: Config["antiderivative"]) {
  return o.fnnRates.flatMap((rate) =>
    o.fnnDepths.flatMap((depth) => o.fnnWidths.map((width) => ({ width, depth, rate }))),
  );
}

function hiddenSizes({ width, latent }: { width: number; latent: number }) {
  return { latent, branch: [width], trunk: [width, width] };
}

/** C2: stacked and unstacked, with and without bias, at one p. */
async function variantsStudy(context: Context, config: Config, data: readonly Lazy<Split>[]) {
  const { antiderivative: o, learningRate } = config;
  const v = o.variants;
  if (v === null) return [];
  const kinds = [
    { name: "unstacked, bias", stacked: false, bias: true },
    { name: "unstacked, no bias", stacked: false, bias: false },
    { name: "stacked, bias", stacked: true, bias: true },
    { name: "stacked, no bias", stacked: true, bias: false },
  ];
  const results = kinds.map(({ name }) => ({ name, outcomes: [] as Outcome[] }));
  for (const s of seeds(v.seeds)) {
    for (const [i, { name, stacked, bias }] of kinds.entries()) {
      const sizes = hiddenSizes({ width: o.width, latent: v.latent });
      const net = DeepONet({ ...sizes, sensors: o.sensors, queryDim: 1, stacked, bias });
      const stage = `antiderivative, ${name}, p = ${v.latent}, seed ${s}`;
      const key = studyKey(context, "antiderivative nets", s);
      results[i]!.outcomes.push(await trial(context, stage, net, data[s]!, key, { ...v, learningRate }));
    }
  }
  return results;
}

/** C3: a nonlinear equation whose solutions may explode. */
export async function nonlinearStudy(context: Context, config: Config, o: NonNullable<Config["nonlinear"]>) {
  const problem = nonlinearOde({ lengthScale: config.lengthScale });
  const data = lazily(() => splitOf(problem, studyKey(context, "nonlinear"), o));
  const key = studyKey(context, "nonlinear nets");
  const budget = { steps: o.steps, batch: o.batch, learningRate: config.learningRate };
  const net = DeepONet({ ...hiddenSizes(o), sensors: o.sensors, queryDim: 1 });
  const baseline = fnn({ sensors: o.sensors, queryDim: 1, width: o.width, depth: 3 });
  const ours = await trial(context, "nonlinear ODE, DeepONet", net, data, key, budget);
  const theirs = await trial(context, "nonlinear ODE, FNN", baseline, data, key, budget);
  const rejected = await context.stage("nonlinear ODE, rejected functions", () => {
    const { train, test } = data();
    const count = train.rejected + test.rejected;
    return { count, fraction: count / (count + train.functions + test.functions) };
  });
  return { deepONet: ours as Outcome, fnn: theirs as Outcome, rejected };
}

export interface SweepPoint extends Outcome {
  /** What is varied. */
  readonly at: number;
}

/** A DeepONet on the pendulum, at every value of what a study varies. */
async function pendulumSweep(
  context: Context,
  config: Config,
  o: { width: number; latent: number; test: number; steps: number; batch: number | null },
  label: string,
  points: readonly {
    readonly at: number;
    readonly train: number;
    readonly sensors: number;
    readonly horizon: number;
  }[],
): Promise<SweepPoint[]> {
  const most = Math.max(...points.map((p) => p.train));
  const known = new Map<string, Lazy<Split>>();
  const dataOf = (sensors: number, horizon: number): Lazy<Split> => {
    const problem = () => pendulum({ horizon, lengthScale: config.lengthScale });
    const sizes = { train: most, test: o.test, sensors };
    const made =
      known.get(`${sensors} ${horizon}`) ??
      lazily(() => splitOf(problem(), studyKey(context, "pendulum"), sizes));
    known.set(`${sensors} ${horizon}`, made);
    return made;
  };
  const results: SweepPoint[] = [];
  for (const { at, train, sensors, horizon } of points) {
    const all = dataOf(sensors, horizon);
    const data = () => ({ train: firstTriples(all().train, train), test: all().test });
    const net = DeepONet({ ...hiddenSizes(o), sensors, queryDim: 1 });
    const budget = { steps: o.steps, batch: o.batch, learningRate: config.learningRate };
    const key = studyKey(context, "pendulum nets");
    const { params: _, ...outcome } = await trial(
      context,
      `pendulum, ${label} = ${at}`,
      net,
      data,
      key,
      budget,
    );
    results.push({ at, ...outcome });
  }
  return results;
}

/** C5: the pendulum over the number of training triples. */
export function sizesStudy(context: Context, config: Config, o: NonNullable<Config["sizes"]>) {
  const points = o.train.map((train) => ({ at: train, train, sensors: o.sensors, horizon: 1 }));
  return pendulumSweep(context, config, o, "triples", points);
}

/** C6: the pendulum over the number of sensors, which see the same functions each time. */
export function sensorsStudy(context: Context, config: Config, o: NonNullable<Config["sensors"]>) {
  const points = o.sensors.map((sensors) => ({ at: sensors, train: o.train, sensors, horizon: 1 }));
  return pendulumSweep(context, config, o, "sensors", points);
}

/** C4: the pendulum over the prediction horizon. */
export function horizonStudy(context: Context, config: Config, o: NonNullable<Config["horizon"]>) {
  const points = o.horizons.map((horizon) => ({
    at: horizon,
    train: o.train,
    sensors: Math.round(o.sensorsPerUnit * horizon),
    horizon,
  }));
  return pendulumSweep(context, config, o, "horizon", points);
}

export interface DiffusionPoint extends Outcome {
  readonly functions: number;
  readonly queries: number;
}

/** C7: the diffusion-reaction equation over the numbers of functions and of points for each. */
export async function diffusionStudy(context: Context, config: Config, o: NonNullable<Config["diffusion"]>) {
  const problem = diffusionReaction({ lengthScale: config.lengthScale });
  const sensors = problem.grid.length;
  const net = DeepONet({ ...hiddenSizes(o), sensors, queryDim: problem.queryDim });
  const key = studyKey(context, "diffusion-reaction nets");
  const budget = { steps: o.steps, batch: o.batch, learningRate: config.learningRate };
  const dataOf = ({ functions, queries }: { functions: number; queries: number }) =>
    lazily(() =>
      splitOf(problem, studyKey(context, "diffusion-reaction"), {
        train: functions,
        test: o.testFunctions,
        sensors,
        queries,
        testQueries: o.testQueries,
      }),
    );
  const points: DiffusionPoint[] = [];
  for (const size of o.data) {
    const name = `diffusion-reaction, ${size.functions} functions, ${size.queries} points`;
    const { params: _, ...outcome } = await trial(context, name, net, dataOf(size), key, budget);
    points.push({ ...size, ...outcome });
  }
  const last = o.data.at(-1)!;
  const baseline = fnn({ sensors, queryDim: problem.queryDim, width: o.width, depth: o.fnnDepth });
  const name = `diffusion-reaction, FNN, ${last.functions} functions, ${last.queries} points`;
  const theirs = await trial(context, name, baseline, dataOf(last), key, budget);
  return { points, fnn: theirs as Outcome };
}
