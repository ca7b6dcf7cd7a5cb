import { describe, expect, it } from "vitest";
import * as nn from "../nn/index.ts";
import * as optim from "../optim/index.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import * as tree from "../tensor/tree.ts";
import type { CheckpointStore } from "./checkpoint.ts";
import { decodeCheckpoint } from "./checkpoint.ts";
import { fit, type ModelFit, memoryCheckpoint } from "./index.ts";

const x = random.uniform(random.key(1), [24, 2], { low: -1, dtype: "float64" });
const y = random.normal(random.key(2), [24, 1], "float64");
const model = nn.mlp({ sizes: [2, 5, 1], activation: "tanh", dtype: "float64" });

const training = (batch: number, accumulate: number) => ({
  model,
  data: { x, y },
  loss: nn.losses.mse,
  optimizer: optim.adam({ learningRate: 0.05 }),
  epochs: 3,
  threads: 1,
  batch,
  accumulate,
});

function largestDifference(a: unknown, b: unknown): number {
  const [p, q] = [tree.leaves(a) as NDArray[], tree.leaves(b) as NDArray[]];
  const differences = p.map((w, i) =>
    Array.from(w.data, Number).map((v, j) => Math.abs(v - Number(q[i]!.data[j]))),
  );
  return Math.max(...differences.flat());
}

describe("gradient accumulation", () => {
  it.each([2, 3, 6])("%i batches make the step of one as large as all of them, to rounding", async (n) => {
    const whole = await fit(training(12, 1));
    const split = await fit(training(12 / n, n));
    expect(split.steps).toBe(whole.steps);
    expect(largestDifference(split.params, whole.params)).toBeLessThan(1e-13);
    split.history.forEach((entry, i) => {
      expect(entry.step).toBe(whole.history[i]!.step);
      expect(entry.loss).toBeCloseTo(whole.history[i]!.loss, 13);
    });
  });

  it("is exact where sums are: by hand", async () => {
    const seen: number[] = [];
    const { params, history } = await fit({
      params: { w: NDArray.from([0]) },
      data: (batch) => ({ t: NDArray.from([2 ** batch]) }),
      loss: (p, { t }) => p.w.sub(t).square().sum(),
      optimizer: optim.sgd({ learningRate: 0.25 }),
      steps: 2,
      accumulate: 2,
      evalEvery: 1,
      onStep: ({ loss }) => seen.push(loss),
    });
    // Step 1: w = 0, targets 1 and 2: loss (1 + 4) / 2, gradient -3, w = 0.75. Step 2: targets 4 and 8: gradient 2 w - 12.
    expect(seen).toEqual([2.5, (3.25 ** 2 + 7.25 ** 2) / 2]);
    expect(history.map((e) => e.loss)).toEqual(seen);
    expect(params.w.item()).toBe(0.75 - 0.25 * (2 * 0.75 - 12));
  });

  it("the running statistics move with every batch, by their rule", async () => {
    const norm = nn.batchNorm({ size: 1, momentum: 0.5 });
    const { params } = await fit({
      model: norm,
      data: (batch) => ({ x: NDArray.from([[batch], [batch + 2]]), y: NDArray.zeros([2, 1]) }),
      loss: (out) => out.mean(),
      optimizer: optim.sgd({ learningRate: 0 }),
      steps: 1,
      accumulate: 2,
    });
    // Means 1 and 2, variances 2 (divided by n - 1): from 0 and 1.
    expect(params.frozen.mean.toNested()).toEqual([(0.5 + 2) / 2]);
    expect(params.frozen.variance.toNested()).toEqual([(1.5 + 2) / 2]);
  });

  it("an epoch is as many batches as without; those left over make no step", async () => {
    expect(await fit({ ...training(4, 4), epochs: 1 })).toMatchObject({ steps: 1 });
    expect(await fit({ ...training(4, 4), epochs: 2 })).toMatchObject({ steps: 3 });
    expect(await fit({ ...training(4, 9), epochs: 1 })).toMatchObject({ steps: 1 });
  });

  it.each([0, 1.5])("refuses %d batches", async (n) => {
    await expect(fit(training(4, n))).rejects.toThrow(`accumulate is ${n}: use a whole number from 1`);
  });
});

describe("a training stopped between the batches of a step", () => {
  const dropping = nn.sequential(
    nn.dense({ inputs: 2, outputs: 6 }),
    nn.batchNorm({ size: 6 }),
    nn.dropout(0.3),
    nn.dense({ inputs: 6, outputs: 1 }),
  );
  type Params = ReturnType<typeof dropping.init>;
  const data = { x: random.normal(random.key(3), [20, 2]), y: random.normal(random.key(4), [20, 1]) };

  function options(checkpoint: CheckpointStore | undefined, stopAt = Number.POSITIVE_INFINITY) {
    const controller = new AbortController();
    let batches = 0;
    const plan: ModelFit<Params, NDArray, NDArray> = {
      model: dropping as never,
      data: data as never,
      loss: (out, target) => ({ fit: nn.losses.mse(out, target as never), size: out.square().mean() }),
      optimizer: optim.adamw({ learningRate: optim.cosine({ value: 0.1, steps: 5 }) }),
      steps: 5,
      batch: 4,
      accumulate: 3,
      ema: 0.9,
      evalEvery: 2,
      threads: 1,
      signal: {
        get aborted() {
          if (batches++ === stopAt) controller.abort();
          return controller.signal.aborted;
        },
      } as AbortSignal,
      checkpoint,
    };
    return plan;
  }

  it("goes on to the same bits, wherever that was", async () => {
    const whole = await fit(options(undefined));
    for (let stopAt = 1; stopAt < 15; stopAt++) {
      const checkpoint = memoryCheckpoint();
      const stopped = await fit(options(checkpoint, stopAt));
      expect(stopped).toMatchObject({ stopped: "aborted", steps: Math.floor(stopAt / 3) });
      const { journal, arrays } = decodeCheckpoint((await checkpoint.read())!);
      expect(journal.pending?.count ?? 0).toBe(stopAt % 3);
      expect(Object.keys(arrays.sum).length > 0).toBe(stopAt % 3 > 0);
      expect(await fit(options(checkpoint)), `batch ${stopAt}`).toEqual(whole);
    }
  });

  it("is another training with another number of batches", async () => {
    const checkpoint = memoryCheckpoint();
    await fit(options(checkpoint, 4));
    await expect(fit({ ...options(checkpoint), accumulate: 2 })).rejects.toThrow(
      "accumulate is 3 there and 2 here",
    );
  });

  it("leaves no checkpoint with gradients that are not finite", async () => {
    const checkpoint = memoryCheckpoint();
    let looks = 0;
    const { stopped } = await fit({
      params: { w: NDArray.from([0]) },
      data: () => ({ t: NDArray.from([0]) }),
      loss: (p) => p.w.sqrt().sum(),
      optimizer: optim.sgd({ learningRate: 1 }),
      steps: 1,
      accumulate: 2,
      signal: {
        get aborted() {
          return looks++ === 1;
        },
      } as AbortSignal,
      checkpoint,
    });
    expect([stopped, await checkpoint.read()]).toEqual(["aborted", undefined]);
  });
});
