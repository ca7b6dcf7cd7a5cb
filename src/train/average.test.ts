import { describe, expect, it } from "vitest";
import * as nn from "../nn/index.ts";
import * as optim from "../optim/index.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { decodeCheckpoint, memoryCheckpoint } from "./checkpoint.ts";
import { fit } from "./index.ts";

/** A weight that walks 1, 2, 3, ... from 0. */
const walk = {
  params: { w: NDArray.from([0], "float64") },
  data: { t: NDArray.from([0]) },
  loss: (p: { w: Tensor }) => p.w.sum().neg(),
  optimizer: optim.sgd({ learningRate: 1 }),
};

/** The mean of 1 ... steps, each with decay ^ (steps since). */
function averageOfWalk(steps: number, decay: number): number {
  let [sum, weights] = [0, 0];
  for (let k = 1; k <= steps; k++) {
    sum += k * decay ** (steps - k);
    weights += decay ** (steps - k);
  }
  return sum / weights;
}

describe("the average of the weights", () => {
  it("is their mean after each step, with weights that fall by the decay", async () => {
    for (const steps of [1, 2, 7]) {
      const { ema, params } = await fit({ ...walk, steps, ema: 0.75 });
      expect(ema!.w.item()).toBeCloseTo(averageOfWalk(steps, 0.75), 13);
      expect(params.w.item()).toBe(steps);
    }
  });

  it("leaves the training as it is, and is absent where it is not asked for", async () => {
    const model = nn.mlp({ sizes: [2, 4, 1], activation: "tanh" });
    const common = {
      model,
      data: { x: random.normal(random.key(1), [16, 2]), y: random.normal(random.key(2), [16, 1]) },
      loss: nn.losses.mse,
      optimizer: optim.adam({ learningRate: 0.1 }),
      steps: 9,
      batch: 4,
      threads: 1,
    };
    const [without, having] = [await fit(common), await fit({ ...common, ema: 0.9 })];
    expect(having.params).toEqual(without.params);
    expect(having.history).toEqual(without.history);
    expect("ema" in without).toBe(false);
  });

  it("has the average of running statistics too, and other frozen leaves as they are", async () => {
    const norm = nn.batchNorm({ size: 1, momentum: 0 });
    const data = (i: number) => ({ x: NDArray.from([[i], [i + 2]]), t: NDArray.from([0]) });
    const { ema, params } = await fit({
      params: { norm: norm.init(random.key(0)), frozen: { c: NDArray.from([5]) } },
      data,
      loss: (p, { x }, context) => norm.apply(p.norm, x, context).mul(p.frozen.c).mean(),
      optimizer: optim.sgd({ learningRate: 0 }),
      steps: 3,
      ema: 0.5,
    });
    // With momentum 0 the statistic is that of the last batch: 1, 2, 3.
    expect(params.norm.frozen.mean.item()).toBe(3);
    expect(ema!.norm.frozen.mean.item()).toBeCloseTo(averageOfWalk(3, 0.5), 6);
    expect(ema!.norm.frozen.variance.item()).toBeCloseTo(2, 6);
    expect(ema!.frozen.c.item()).toBe(5);
  });

  it("is evaluated and kept as the best where that is asked for", async () => {
    const seen: number[] = [];
    const common = {
      ...walk,
      steps: 6,
      evalEvery: 1,
      ema: 0.5,
      keepBest: "eval" as const,
      evaluate: (p: { w: NDArray }) => {
        seen.push(p.w.item());
        return { distance: Math.abs(p.w.item() - 4) };
      },
    };
    const current = await fit(common);
    expect(current).toMatchObject({ best: { step: 4, value: 0 } });
    expect(seen.splice(0)).toEqual([1, 2, 3, 4, 5, 6]);
    const averaged = await fit({ ...common, evaluated: "ema" });
    seen.forEach((w, i) => expect(w).toBeCloseTo(averageOfWalk(i + 1, 0.5), 13));
    expect(averaged.best!.step).toBe(5);
    expect(averaged.params.w.item()).toBe(seen[4]);
    expect(averaged.ema!.w.item()).toBe(seen[5]);
  });

  it("is in checkpoints, and goes on to the same bits", async () => {
    const norm = nn.sequential(nn.dense({ inputs: 2, outputs: 3 }), nn.batchNorm({ size: 3 }));
    const common = {
      model: norm,
      data: { x: random.normal(random.key(1), [16, 2]), y: random.normal(random.key(2), [16, 3]) },
      loss: nn.losses.mse,
      optimizer: optim.adam({ learningRate: 0.1 }),
      batch: 4,
      threads: 1,
      ema: 0.8,
    };
    const whole = await fit({ ...common, steps: 7 });
    const checkpoint = memoryCheckpoint();
    const half = await fit({ ...common, steps: 4, checkpoint });
    const { ema } = decodeCheckpoint((await checkpoint.read())!).arrays;
    expect(Object.keys(ema).sort()).toEqual([
      "layers/0/bias",
      "layers/0/kernel",
      "layers/1/bias",
      "layers/1/frozen/mean",
      "layers/1/frozen/variance",
      "layers/1/scale",
    ]);
    expect(half.ema).not.toEqual(whole.ema);
    expect(await fit({ ...common, steps: 7, checkpoint })).toEqual(whole);
    await expect(fit({ ...common, ema: 0.9, steps: 7, checkpoint })).rejects.toThrow(
      "ema is 0.8 there and 0.9 here",
    );
  });

  it.each([
    [{ ema: 1 }, "ema is 1: use a decay between 0 and 1"],
    [{ ema: 0 }, "ema is 0"],
    [{ evaluated: "ema" as const }, 'evaluated is "ema", and there is no average'],
  ])("refuses %o", async (options, message) => {
    await expect(fit({ ...walk, steps: 1, ...options })).rejects.toThrow(message);
  });
});
