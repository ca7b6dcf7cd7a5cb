/** F and the UCI tables: regression by random features and the closed form, against a linear model and an MLP. */

import { tableDataset } from "../../data/csv.ts";
import { takeRows } from "../../data/dataset.ts";
import { columnStatistics, standardise } from "../../data/standardise.ts";
import type { Context } from "../../experiment/context.ts";
import { mse } from "../../nn/losses.ts";
import { mlp } from "../../nn/mlp.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { r2 } from "../../train/metrics.ts";
import { withOne } from "./bundle.ts";
import { fitBundled } from "./closed-form.ts";
import type { Config } from "./config.ts";
import type { TowerPoint } from "./digit-study.ts";
import {
  type Examples,
  measured,
  type Solved,
  seeds,
  solvedTower,
  studyKey,
  trainByAdam,
} from "./fitting.ts";

export interface Task {
  readonly train: Examples;
  readonly test: Examples;
}

/** Friedman's first function of 10 numbers, with noise of 1; standardised by the training part. */
export function friedman(key: NDArray, o: { readonly train: number; readonly test: number }): Task {
  const n = o.train + o.test;
  const [forX, forNoise] = random.split(key) as [NDArray, NDArray];
  const x = random.uniform(forX, [n, 10]);
  const noise = random.normal(forNoise, [n]);
  const y = Float32Array.from({ length: n }, (_, i) => {
    const v = (j: number) => Number(x.data[10 * i + j]);
    return (
      10 * Math.sin(Math.PI * v(0) * v(1)) +
      20 * (v(2) - 0.5) ** 2 +
      10 * v(3) +
      5 * v(4) +
      Number(noise.data[i])
    );
  });
  const order = Array.from({ length: n }, (_, i) => i);
  return splitAt({ x, y: new NDArray(y, [n, 1]) }, order, o.train);
}

/** The first rows of an order to train on, the rest to test; both standardised by the training part. */
function splitAt({ x, y }: Examples, order: readonly number[], count: number): Task {
  const part = (rows: readonly number[]): Examples => ({ x: takeRows(x, rows), y: takeRows(y, rows) });
  const [train, test] = [part(order.slice(0, count)), part(order.slice(count))];
  const [inX, inY] = [columnStatistics(train.x), columnStatistics(train.y)];
  const scaled = (e: Examples): Examples => ({ x: standardise(e.x, inX), y: standardise(e.y, inY) });
  return { train: scaled(train), test: scaled(test) };
}

export interface RegressionResult {
  readonly towers: readonly TowerPoint[];
  /** R2 by seed. */
  readonly linear: readonly number[];
  readonly mlp: readonly number[];
}

export async function friedmanStudy(
  context: Context,
  o: NonNullable<Config["friedman"]>,
): Promise<RegressionResult> {
  const tasks = seeds(o.seeds).map((s) => () => friedman(studyKey(context, "friedman", s), o));
  const towers: TowerPoint[] = [];
  for (const layers of [1, 2])
    for (const features of o.features)
      towers.push(
        await context.stage(`Friedman, ${layers} layers of ${features} features`, async () => {
          const solved: Solved[] = [];
          for (const [s, task] of tasks.entries())
            solved.push(
              await solvedRegression(
                context,
                task(),
                new Array<number>(layers).fill(features),
                o.ridge,
                studyKey(context, `friedman, ${layers} towers of ${features}`, s),
              ),
            );
          return { layers, features, solved };
        }),
      );
  const baselines = await context.stage("Friedman, baselines", async () => {
    const linear: number[] = [];
    const nets: number[] = [];
    for (const [s, task] of tasks.entries()) {
      const { train, test } = task();
      linear.push(await linearR2(context, { train, test }));
      nets.push(await mlpR2(context, { train, test }, o.steps, studyKey(context, "friedman, MLP", s)));
    }
    return { linear, mlp: nets };
  });
  return { towers, ...baselines };
}

function solvedRegression(
  context: Context,
  { train, test }: Task,
  features: readonly number[],
  ridge: number,
  key: NDArray,
): Promise<Solved> {
  return solvedTower(context, { features, train, targets: train.y, test, ridge, metric: r2, key });
}

async function linearR2(context: Context, { train, test }: Task): Promise<number> {
  const ones = { apply: (_: unknown, x: Tensor) => withOne(x) };
  const { weights } = await fitBundled(ones, {}, train, { ridge: 1e-8 });
  const model = { apply: (p: { w: Tensor }, x: Tensor) => withOne(x).matmul(p.w) };
  return measured(context, model as never, { w: weights.cast("float32") }, test, r2);
}

async function mlpR2(context: Context, { train, test }: Task, steps: number, key: NDArray): Promise<number> {
  const model = mlp({ sizes: [train.x.shape[1]!, 64, 64, 1], activation: "relu" });
  const params = await trainByAdam(context, {
    label: "regression, MLP",
    model,
    data: train,
    loss: mse,
    steps,
    batch: 128,
    learningRate: 1e-3,
    key,
  });
  return measured(context, model, params, test, r2);
}

export interface TableResult {
  readonly name: string;
  readonly rows: number;
  /** R2 by split. */
  readonly linear: readonly number[];
  readonly mlp: readonly number[];
  readonly one: readonly number[];
  readonly two: readonly number[];
}

/** UCI regression: random splits, the ridge chosen on a fifth of the training rows. */
export async function tableStudy(context: Context, o: NonNullable<Config["tables"]>): Promise<TableResult[]> {
  const results: TableResult[] = [];
  for (const name of o.names)
    results.push(
      await context.stage(`table ${name}`, async () => {
        const { openDataset } = await import("../../data/cache.node.ts");
        const { table, target, ignore } = await openDataset(`uci/${name}`);
        const { features, labels } = tableDataset(table, { target, ignore, missing: "mean", what: name });
        const all = { x: features, y: labels };
        const n = labels.shape[0]!;
        const result = {
          linear: [] as number[],
          mlp: [] as number[],
          one: [] as number[],
          two: [] as number[],
        };
        for (const s of seeds(o.splits)) {
          const key = studyKey(context, `table ${name}`, s);
          const order = Array.from(random.permutation(key, n).data, Number);
          const task = splitAt(all, order, Math.round(0.9 * n));
          const inner = splitAt(all, order.slice(0, Math.round(0.9 * n)), Math.round(0.72 * n));
          result.linear.push(await linearR2(context, task));
          result.mlp.push(await mlpR2(context, task, o.steps, random.fold(key, 1)));
          for (const [layers, list] of [
            [1, result.one],
            [2, result.two],
          ] as const) {
            const sizes = new Array<number>(layers).fill(o.features);
            let best = { ridge: o.ridges[0]!, value: Number.NEGATIVE_INFINITY };
            for (const ridge of o.ridges) {
              const { value } = await solvedRegression(context, inner, sizes, ridge, random.fold(key, 2));
              if (value > best.value) best = { ridge, value };
            }
            list.push((await solvedRegression(context, task, sizes, best.ridge, random.fold(key, 2))).value);
          }
        }
        return { name, rows: n, ...result };
      }),
    );
  return results;
}
