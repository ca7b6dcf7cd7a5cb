import { describe, expect, it } from "vitest";
import * as nn from "../nn/index.ts";
import * as optim from "../optim/index.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { CheckpointStore } from "./checkpoint.ts";
import * as train from "./index.ts";

const model = nn.sequential(
  nn.dense({ inputs: 2, outputs: 3 }),
  nn.batchNorm({ size: 3, momentum: 0.5 }),
  nn.dense({ inputs: 3, outputs: 1 }),
);
const x = random.normal(random.key(1), [8, 2]);
const y = random.normal(random.key(2), [8, 1]);

const training = (steps: number, more: Partial<Parameters<typeof options>[1]> = {}) =>
  train.fit(options(steps, more));

function options(steps: number, more: { checkpoint?: CheckpointStore; keepBest?: "train"; goal?: "max" }) {
  const optimizer = optim.sgd({ learningRate: 0.1 });
  return {
    model,
    data: { x, y },
    loss: nn.losses.mse,
    optimizer,
    steps,
    batch: 4,
    evalEvery: 2,
    threads: 1,
    ...more,
  };
}

describe("running statistics in fit", () => {
  it("move by their rule while the weights stay", async () => {
    const data = {
      x: NDArray.from([
        [1, 0],
        [3, 0],
      ]),
      y: NDArray.zeros([2, 1]),
    };
    const one = nn.batchNorm({ size: 2, momentum: 0.5 });
    const fixed = { model: one, loss: (out: Tensor) => out.mean(), data };
    const { params } = await train.fit({
      ...fixed,
      optimizer: optim.sgd({ learningRate: 0 }),
      steps: 2,
      batch: 2,
    });
    // The batch has means 2 and 0, variances 2 and 0 (divided by n - 1): from 0 and 1 twice half the way.
    expect(params.frozen.mean.toNested()).toEqual([1.5, 0]);
    expect(params.frozen.variance.toNested()).toEqual([1.75, 0.25]);
  });

  it("are in checkpoints: a resumed training ends the same to the bit", async () => {
    const whole = await training(7);
    const checkpoint = train.memoryCheckpoint();
    const half = await training(4, { checkpoint });
    const resumed = await training(7, { checkpoint });
    expect(half.params).not.toEqual(whole.params);
    expect(resumed.params).toEqual(whole.params);
    expect(resumed.history).toEqual(whole.history);
  });

  it("belong to the best weights", async () => {
    const kept = { keepBest: "train", goal: "max" } as const;
    const { best, params } = await training(8, kept);
    expect(best!.step).toBeLessThan(8);
    expect(params).toEqual((await training(best!.step)).params);
  });

  it("are frozen leaves of the weights and nothing else", async () => {
    const wrong: nn.Model<{ w: NDArray }> = {
      init: () => ({ w: NDArray.from([1]) }),
      apply: ({ w }, input, context) => {
        context?.record?.(w, w.mul(2));
        return input.mul(w);
      },
    };
    const fit = train.fit({
      model: wrong,
      data: { x, y },
      loss: (out) => out.mean(),
      optimizer: optim.sgd({ learningRate: 1 }),
      steps: 1,
    });
    await expect(fit).rejects.toThrow("which is no frozen leaf");
  });
});
