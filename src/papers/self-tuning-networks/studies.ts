/** What a run measures: each method on each task, in stages. */
import type { Context } from "../../experiment/context.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import { suggest } from "./bayes.ts";
import { countNumbers } from "./best-response.ts";
import type { Config } from "./config.ts";
import { digitsTask } from "./digits.ts";
import { type RidgeRun, ridgeProblem, trueOptimum, tuneRidges } from "./ridge.ts";
import {
  firstValues,
  inPairs,
  type Outcome,
  type Running,
  randomValues,
  recorded,
  type Task,
  type TunedOutcome,
  trainTask,
  tuneTask,
  type Values,
  valuesAtPoint,
} from "./tasks.ts";

export interface TaskResult {
  readonly stn: TunedOutcome;
  /** The same network without hyperparameter steps. */
  readonly frozen: Outcome;
  /** The ordinary network with the first values. */
  readonly fixed: Outcome;
  readonly random: readonly Outcome[];
  readonly grid: readonly Outcome[];
  readonly bayes: readonly Outcome[];
  readonly schedules: readonly (Outcome & { readonly name: string })[];
  /** Numbers trained, with responding layers and with ordinary ones. */
  readonly parameters: { readonly tuned: number; readonly plain: number };
}

export interface SearchOptions {
  readonly cycles: number;
  readonly searchSteps: number;
  readonly randomSearch: number;
  readonly bayes: number;
  readonly schedules: boolean;
}

export interface RidgeResult {
  readonly runs: readonly (RidgeRun & { readonly seed: number })[];
  /** F(w*(lambda)) of seed 0. */
  readonly curve: readonly (readonly [lambda: number, loss: number])[];
}

/** The key of a study: different studies draw from different keys. */
export function studyKey(context: Context, study: string, seed = 0): NDArray {
  const number = [...study].reduce((h, c) => (Math.imul(h, 31) + c.charCodeAt(0)) >>> 0, 7);
  return random.fold(random.fold(context.key, number), seed);
}

export function ridgeStudy(context: Context, o: Config["ridge"]): Promise<RidgeResult> {
  return context.stage("ridge regression", async () => {
    const seeds = Array.from({ length: o.seeds }, (_, s) => s);
    const problems = seeds.map((s) => ridgeProblem(studyKey(context, "ridge", s)));
    const all = seeds.flatMap((seed) => o.starts.map((start) => ({ seed, problem: problems[seed]!, start })));
    const key = studyKey(context, "ridge runs");
    const runs = await tuneRidges(all, { ...o, key, signal: context.signal });
    const curve = trueOptimum(problems[0]!).curve.filter((_, i) => i % 10 === 0);
    return { runs: runs.map((r, i) => ({ seed: all[i]!.seed, ...r })), curve };
  });
}

export async function digitsStudy(context: Context, o: Config["digits"]): Promise<TaskResult[]> {
  const results: TaskResult[] = [];
  for (let seed = 0; seed < o.seeds; seed++) {
    const task = () => digitsTask(studyKey(context, "digits", seed), o);
    const grid = o.gridDropout.flatMap((rate) => o.gridNoise.map((noise) => digitsGrid(rate, noise)));
    const key = studyKey(context, "digits runs", seed);
    results.push(await taskStudy(context, `digits, seed ${seed}`, task, o, grid, key));
  }
  return results;
}

function digitsGrid(rate: number, noise: number): Values {
  return { "input dropout": rate, "hidden dropout 1": rate, "hidden dropout 2": rate, noise };
}

/** Every method on one task: a stage for those that do not depend on each other, two at a time, and one for those that do. */
export async function taskStudy(
  context: Context,
  name: string,
  makeTask: () => Task,
  o: SearchOptions,
  grid: readonly Values[],
  key: NDArray,
): Promise<TaskResult> {
  const [forStn, forFrozen, forFixed, forRandom, forGrid, forLater] = random.split(key, 6) as NDArray[];
  const first = await context.stage(name, async () => {
    const task = makeTask();
    const total = 2 * o.cycles + o.cycles + ((o.randomSearch + grid.length) * o.searchSteps) / 2;
    const progress = context.progress.start({ label: name, total });
    let done = 0;
    const run = (own: NDArray): Running => ({
      key: own,
      device: context.device,
      signal: context.signal,
      onProgress: (cycles) => {
        done += cycles;
        if (done % 50 === 0) progress.update({ step: done });
      },
    });
    const plain = (values: Values, own: NDArray, steps: number) => () =>
      trainTask(task, () => values, { ...run(own), steps });
    const [stn, frozen, fixed, ...searched] = (await inPairs<Outcome>([
      () => tuneTask(task, run(forStn!)),
      () => tuneTask(task, { ...run(forFrozen!), frozen: true }),
      plain(firstValues(task), forFixed!, 2 * o.cycles),
      ...random.split(forRandom!, o.randomSearch).map((k) => {
        const [forValues, forRun] = random.split(k) as [NDArray, NDArray];
        return plain(randomValues(task, forValues), forRun, o.searchSteps);
      }),
      ...random.split(forGrid!, grid.length).map((k, i) => plain(grid[i]!, k, o.searchSteps)),
    ])) as [TunedOutcome, TunedOutcome, Outcome, ...Outcome[]];
    progress.done();
    const parameters = {
      tuned: countNumbers(stn.params),
      plain: countNumbers(task.plain.init(random.key(0))),
    };
    for (const [method, { bestValid, testAtBest, finalValid }] of Object.entries({ stn, frozen, fixed }))
      context.metrics({ method, bestValid, testAtBest, finalValid });
    const { params: _, frozen: __, schedule: ___, ...frozenOutcome } = frozen;
    return {
      stn,
      frozen: frozenOutcome,
      fixed,
      random: searched.slice(0, o.randomSearch),
      grid: searched.slice(o.randomSearch),
      parameters,
    };
  });
  const later = await laterStudy(context, name, makeTask, o, first, forLater!);
  return { ...first, ...later };
}

/** Methods that build on the results of others. */
async function laterStudy(
  context: Context,
  name: string,
  makeTask: () => Task,
  o: SearchOptions,
  first: Pick<TaskResult, "stn" | "random">,
  key: NDArray,
): Promise<Pick<TaskResult, "bayes" | "schedules">> {
  if (o.bayes === 0 && !o.schedules) return { bayes: [], schedules: [] };
  const [forBayes, forSchedules] = random.split(key) as [NDArray, NDArray];
  const { signal, device } = context;
  return context.stage(`${name}, Bayesian optimisation and schedules`, async () => {
    const task = makeTask();
    const steps = 2 * o.cycles;
    const best = first.random.reduce((a, b) => (b.bestValid < a.bestValid ? b : a), first.random[0]!);
    const plans = o.schedules
      ? schedulesOf(task, first.stn, best?.values ?? firstValues(task), forSchedules)
      : [];
    const outcomes = await inPairs(
      plans.map(
        ({ valuesAt }, i) =>
          () =>
            trainTask(task, valuesAt, { key: random.fold(forSchedules, i), signal, device, steps }),
      ),
    );
    const bayes: Outcome[] = [];
    const points: number[][] = [];
    for (const k of random.split(forBayes, o.bayes)) {
      const [forPoint, forRun] = random.split(k) as [NDArray, NDArray];
      const point =
        points.length < BAYES_RANDOM
          ? Array.from(
              random.uniform(forPoint, [task.hyperparameters.length], { dtype: "float64" })
                .data as Float64Array,
            )
          : suggest(
              points,
              bayes.map((b) => b.bestValid),
              forPoint,
            );
      const values = valuesAtPoint(task, point);
      points.push(point);
      bayes.push(await trainTask(task, () => values, { key: forRun, signal, device, steps: o.searchSteps }));
    }
    return { bayes, schedules: outcomes.map((outcome, i) => ({ ...outcome, name: plans[i]!.name })) };
  });
}

/** Random points before the first that Bayesian optimisation suggests. */
const BAYES_RANDOM = 5;

/** The schedules of the paper's table 1, for every hyperparameter of a task; `best` are the values that a search found. */
function schedulesOf(task: Task, stn: TunedOutcome, best: Values, key: NDArray) {
  const shifted = (by: (step: number) => number) => (step: number) => {
    const entries = task.hyperparameters.map((h) => {
      const [low, high] = h.range;
      const value = best[h.name]! + by(step);
      return [h.name, Math.min(Math.max(value, low), h.discrete ? high - 1 : high - 1e-3)] as const;
    });
    return Object.fromEntries(entries);
  };
  const noise = (step: number) =>
    0.05 * Number(random.normal(random.fold(key, step), [1], "float64").data[0]);
  return [
    { name: "final values of the STN, fixed", valuesAt: () => stn.values },
    { name: "schedule of the STN", valuesAt: recorded(stn.schedule) },
    { name: "best of random search, fixed", valuesAt: () => best },
    { name: "best of random search, Gaussian noise (std 0.05)", valuesAt: shifted(noise) },
    {
      name: "best of random search, sinusoid (amplitude 0.1, period 1,200)",
      valuesAt: shifted((step) => 0.1 * Math.sin((2 * Math.PI * step) / 1200)),
    },
  ];
}
