import { describe, expect, it, vi } from "vitest";
import * as nn from "../nn/index.ts";
import * as optim from "../optim/index.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import * as tree from "../tensor/tree.ts";
import * as train from "./index.ts";
import { evaluator, type HistoryEntry, metrics, predictor } from "./index.ts";

const x = random.uniform(random.key(1), [64, 2], { low: -1 });
const y = new NDArray(
  Float32Array.from({ length: 64 }, (_, i) => Number(x.data[2 * i]) * Number(x.data[2 * i + 1])),
  [64, 1],
);
const model = nn.mlp({ sizes: [2, 16, 1], activation: "tanh" });
const optimizer = optim.adam({ learningRate: 0.02 });

describe("fit", () => {
  it("trains a model", async () => {
    const evaluate = evaluator(model, { data: { x, y }, metrics: { r2: metrics.r2 } });
    const result = await train.fit({
      model,
      data: { x, y },
      loss: nn.losses.mse,
      optimizer,
      epochs: 100,
      batch: 16,
      evaluate,
    });
    expect(result).toMatchObject({ steps: 400, stopped: "done" });
    expect(result.history).toHaveLength(100);
    expect(result.history.at(-1)!.metrics.r2).toBeGreaterThan(0.98);
    const predict = predictor(model);
    expect(metrics.r2(await predict(result.params, x), y)).toBe(result.history.at(-1)!.metrics.r2);
    await Promise.all([predict.dispose(), evaluate.dispose()]);
  });

  it("is gradient descent: a step of a full batch, by hand", async () => {
    const w = NDArray.from([2]);
    const result = await train.fit({
      params: { w },
      data: { t: NDArray.from([1, 3]) },
      loss: (p, { t }) => p.w.sub(t).square().mean(),
      optimizer: optim.sgd({ learningRate: 0.25 }),
      batch: 2,
      steps: 1,
    });
    // d/dw ((w - 1)^2 + (w - 3)^2) / 2 = 2 w - 4 = 0 at w = 2; the loss is 1.
    expect(result.params.w.item()).toBe(2);
    expect(result.history).toEqual([{ step: 1, loss: 1, metrics: {} }]);
    expect(w.isDonated).toBe(false);
  });

  it("the same key gives the same weights to the bit, another key others", async () => {
    const run = (seed: number) =>
      train.fit({
        model,
        data: { x, y },
        loss: nn.losses.mse,
        optimizer,
        epochs: 2,
        batch: 10,
        key: random.key(seed),
      });
    const [a, b, c] = [await run(3), await run(3), await run(4)];
    expect(a).toEqual(b);
    expect(a.params).not.toEqual(c.params);
  });

  it("trains what is not frozen, and nothing else", async () => {
    const params = {
      w: NDArray.from([1]),
      frozen: { scale: NDArray.from([3]), at: NDArray.from([7], "int64") },
    };
    const result = await train.fit({
      params,
      data: { t: NDArray.from([6]) },
      loss: (p, { t }) => p.w.mul(p.frozen.scale).sub(t).square().mean(),
      optimizer: optim.sgd({ learningRate: 0.05 }),
      steps: 60,
    });
    expect(result.params.w.item()).toBeCloseTo(2, 5);
    expect(result.params.frozen).toEqual(params.frozen);
  });

  it("takes batches from a function of the step, with a key for each", async () => {
    const seen: number[] = [];
    const keys = new Set<string>();
    const result = await train.fit({
      params: { w: NDArray.from([0]) },
      data: async (step, key) => {
        seen.push(step);
        keys.add(String(key.data));
        return { t: NDArray.from([step]) };
      },
      loss: (p, { t }) => p.w.sub(t).square().sum(),
      optimizer: optim.sgd({ learningRate: 0.5 }),
      steps: 4,
    });
    expect(seen).toEqual([0, 1, 2, 3]);
    expect(keys.size).toBe(4);
    expect(result.params.w.item()).toBe(3);
  });

  it("gives the loss a fresh key each step, and says that it trains", async () => {
    const losses: number[] = [];
    await train.fit({
      params: { w: NDArray.from([0]) },
      data: { t: NDArray.from([0]) },
      loss: (p, _, context) => {
        expect(context.training).toBe(true);
        return p.w
          .sum()
          .mul(0)
          .add(random.uniform(context.key as Tensor, []));
      },
      optimizer: optim.sgd({ learningRate: 1 }),
      steps: 3,
      onStep: ({ loss }) => losses.push(loss),
    });
    expect(new Set(losses).size).toBe(3);
  });

  it("a training step is one compiled graph, made once", async () => {
    const loss = vi.fn((p: { w: Tensor }, { t }: { t: Tensor }) => p.w.sub(t).square().mean());
    await train.fit({
      params: { w: NDArray.from([0]) },
      data: { t: y },
      loss,
      optimizer,
      batch: 8,
      epochs: 3,
    });
    expect(loss).toHaveBeenCalledTimes(1);
  });
});

describe("history, early stop, best weights", () => {
  /** A weight that walks 0, 1, 2, ..., and a metric of it. */
  const walk = (metric: (w: number) => number) => ({
    params: { w: NDArray.from([0]) },
    data: { t: NDArray.from([0]) },
    loss: (p: { w: Tensor }) => p.w.sum().neg(),
    optimizer: optim.sgd({ learningRate: 1 }),
    evaluate: (p: { w: NDArray }) => ({ metric: metric(p.w.item()), other: -p.w.item() }),
  });
  const valley = (w: number) => (w - 5) ** 2;

  it("an entry has the mean loss since the last one, and the metrics of the weights now", async () => {
    const entries: HistoryEntry[] = [];
    const { history } = await train.fit({
      ...walk(valley),
      steps: 5,
      evalEvery: 2,
      onEvaluate: (e) => entries.push(e),
    });
    expect(history).toEqual([
      { step: 2, loss: -0.5, metrics: { metric: 9, other: -2 } },
      { step: 4, loss: -2.5, metrics: { metric: 1, other: -4 } },
      { step: 5, loss: -4, metrics: { metric: 0, other: -5 } },
    ]);
    expect(entries).toEqual(history);
  });

  it("stops after `patience` evaluations without improvement, and keeps the best weights", async () => {
    const result = await train.fit({
      ...walk(valley),
      steps: 100,
      evalEvery: 1,
      earlyStop: { patience: 3 },
      keepBest: "eval",
    });
    expect(result).toMatchObject({ stopped: "early", steps: 8, best: { step: 5, value: 0 } });
    expect(result.params.w.item()).toBe(5);
  });

  it("an improvement below minDelta is none", async () => {
    const { steps } = await train.fit({
      ...walk(valley),
      steps: 100,
      evalEvery: 1,
      earlyStop: { patience: 2, minDelta: 4 },
    });
    // 16, 9, 4 improve by more than 4; 1 and 0 are within 4 of that.
    expect(steps).toBe(5);
  });

  it("goes by the metric and the goal that it is told", async () => {
    const common = { ...walk(valley), steps: 9, evalEvery: 3, keepBest: "eval" } as const;
    expect((await train.fit({ ...common, goal: "max" })).best).toEqual({ step: 9, value: 16 });
    expect((await train.fit({ ...common, monitor: "other" })).best).toEqual({ step: 9, value: -9 });
    expect((await train.fit({ ...common, keepBest: "train" })).best).toEqual({ step: 9, value: -7 });
    await expect(train.fit({ ...common, monitor: "accuracy" })).rejects.toThrow(
      'monitor names "accuracy", evaluate returned metric, other',
    );
  });

  it("reports every step", async () => {
    const events: unknown[] = [];
    await train.fit({ ...walk(valley), steps: 3, evalEvery: 2, onStep: (e) => events.push(e) });
    expect(events).toEqual([
      { step: 1, total: 3, loss: -0, metrics: {} },
      { step: 2, total: 3, loss: -1, metrics: {} },
      { step: 3, total: 3, loss: -2, metrics: { metric: 9, other: -2 } },
    ]);
  });
});

describe("what cannot be trained", () => {
  const base = {
    params: { w: NDArray.from([0]) },
    data: { t: y },
    loss: (p: { w: Tensor }) => p.w.sum(),
    optimizer,
  };
  it.each([
    ["no duration", {}, "give either steps or epochs"],
    ["two durations", { steps: 1, epochs: 1 }, "give either steps or epochs"],
    ["no whole number", { steps: 1.5 }, "steps is 1.5"],
    ["epochs of a function", { epochs: 1, data: () => ({ t: y }) }, "has no epochs"],
    ["a batch of a function", { steps: 1, batch: 3, data: () => ({ t: y }) }, "leave out batch"],
    ["nothing to keep the best by", { steps: 1, keepBest: "eval" }, "there is no evaluate"],
    ["an integer weight", { steps: 1, params: { n: NDArray.from([1], "int64") } }, 'the weight "n" is int64'],
    ["only frozen weights", { steps: 1, params: { frozen: NDArray.from([1]) } }, "nothing to train"],
  ])("%s", async (_, options, message) => {
    await expect(train.fit({ ...base, ...options } as never)).rejects.toThrow(message);
  });
});

it("what fit returns is typed by what it is given", async () => {
  const { params } = await train.fit({ model, data: { x, y }, loss: nn.losses.mse, optimizer, steps: 1 });
  const kernel: NDArray = params.layers[0]!.kernel;
  expect(tree.paths(params)).toContain("layers/1/bias");
  expect(kernel.shape).toEqual([2, 16]);
});
