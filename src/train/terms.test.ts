import { describe, expect, it } from "vitest";
import * as optim from "../optim/index.ts";
import { NDArray } from "../tensor/ndarray.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { fit, type Loss, memoryCheckpoint, type StepEvent } from "./index.ts";

/** The weight w falls by its gradient, times 1/8 (exact in binary). */
const training = (loss: (p: { w: Tensor }) => Loss) => ({
  params: { w: NDArray.from([2]) },
  data: { t: NDArray.from([0]) },
  loss,
  optimizer: optim.sgd({ learningRate: 0.125 }),
  steps: 3,
  evalEvery: 2,
});

describe("a loss of several parts", () => {
  it("is their weighted sum; each is logged without its weight", async () => {
    const events: StepEvent[] = [];
    const { history, params } = await fit({
      ...training(({ w }) => ({
        data: w.square().sum(),
        physics: { loss: w.sum(), weight: 4 },
      })),
      onStep: (e) => events.push(e),
    });
    // The gradient is 2 w + 4: w = 2, 1, 0.25, -0.3125.
    expect(events.map((e) => [e.loss, e.parts])).toEqual([
      [4 + 8, { data: 4, physics: 2 }],
      [1 + 4, { data: 1, physics: 1 }],
      [0.0625 + 1, { data: 0.0625, physics: 0.25 }],
    ]);
    expect(history).toEqual([
      { step: 2, loss: 8.5, parts: { data: 2.5, physics: 1.5 }, metrics: {} },
      { step: 3, loss: 1.0625, parts: { data: 0.0625, physics: 0.25 }, metrics: {} },
    ]);
    expect(params.w.item()).toBe(-0.3125);
  });

  it("a weight may be a schedule, and goes on where it was", async () => {
    const loss = ({ w }: { w: Tensor }) => ({
      only: { loss: w.sum(), weight: (step: Tensor) => step.add(1) },
    });
    const losses: number[] = [];
    const checkpoint = memoryCheckpoint();
    const onStep = (e: StepEvent) => losses.push(e.loss);
    await fit({ ...training(loss), steps: 2, checkpoint, onStep });
    const { params } = await fit({ ...training(loss), checkpoint, onStep });
    // The gradient is step + 1: w = 2, 2 - 1/8, 2 - 3/8, 2 - 6/8.
    expect(losses).toEqual([2, 2 * 1.875, 3 * 1.625]);
    expect(params.w.item()).toBe(1.25);
  });

  it("a resumed entry of the history has the parts of all its steps", async () => {
    const loss = ({ w }: { w: Tensor }) => ({ a: w.square().sum(), b: w.abs().sum() });
    const whole = await fit(training(loss));
    const checkpoint = memoryCheckpoint();
    await fit({ ...training(loss), steps: 3, checkpoint, signal: after(1) });
    const resumed = await fit({ ...training(loss), checkpoint });
    expect(resumed).toEqual(whole);
  });

  it.each<[string, (p: { w: Tensor }) => Loss, string]>([
    [
      "parts that are no scalars",
      ({ w }) => ({ a: w.mul(NDArray.from([1, 2])) }),
      'the part "a" of the loss has the shape [2]',
    ],
    ["no parts", () => ({}), "the loss returned no parts"],
    ["a weight that is no number", ({ w }) => ({ a: { loss: w.sum(), weight: Number.NaN } }), '"a" is NaN'],
  ])("refuses %s", async (_, loss, message) => {
    await expect(fit(training(loss))).rejects.toThrow(message);
  });
});

/** A signal that ends the training after so many looks at it. */
function after(steps: number): AbortSignal {
  let looks = 0;
  return {
    get aborted() {
      return looks++ >= steps;
    },
  } as AbortSignal;
}
