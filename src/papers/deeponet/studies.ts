/** The measurements behind the claims: what is trained on what, and the errors that come out. */
import type { Context } from "../../experiment/context.ts";
import { randomSource } from "../../pde/random-source.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import { fnn, resnet } from "./baselines.ts";
import type { Config } from "./config.ts";
import { deepONet, type OperatorModel } from "./deeponet.ts";
import { fitOperator, type RowModel, squaredErrors } from "./fit-operator.ts";
import { antiderivative, diffusionReaction, nonlinearOde, type OperatorProblem, pendulum } from "./problems.ts";
import { trimmedMse } from "./trimmed-mse.ts";
import type { Triples } from "./triples.ts";

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
      onStep: (s) => progress.update(s),
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
    train: problem.generate(randomSource(forTrain!), { sensors, functions: o.train, queriesPerFunction: queries }),
    test: problem.generate(randomSource(forTest!), { sensors, functions: o.test, queriesPerFunction: testQueries }),
  };
}
