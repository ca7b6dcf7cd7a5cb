import { describe, expect, it } from "vitest";
import * as optim from "../optim/index.ts";
import { NDArray } from "../tensor/ndarray.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type CheckpointStore, decodeCheckpoint } from "./checkpoint.ts";
import { fit } from "./index.ts";

/** A weight that walks 1, 2, 3, ..., and these scores for them. */
const walk = (scores: readonly number[]) => ({
  params: { w: NDArray.from([0]) },
  data: { t: NDArray.from([0]) },
  loss: (p: { w: Tensor }) => p.w.sum().neg(),
  optimizer: optim.sgd({ learningRate: 1 }),
  evaluate: (p: { w: NDArray }) => ({ other: 0, score: scores[p.w.item() - 1]! }),
  monitor: "score",
  steps: scores.length,
  evalEvery: 1,
  keepBest: "eval" as const,
});

describe("the best weights", () => {
  it("are those of the metric that is named, the least or the most of it", async () => {
    const scores = [3, 1, 2, 5, 4];
    const least = await fit(walk(scores));
    expect([least.params.w.item(), least.best]).toEqual([2, { step: 2, value: 1 }]);
    const most = await fit({ ...walk(scores), goal: "max" });
    expect([most.params.w.item(), most.best]).toEqual([4, { step: 4, value: 5 }]);
  });

  it("of equal ones, the first", async () => {
    for (const goal of ["min", "max"] as const)
      expect((await fit({ ...walk([7, 7, 7]), goal })).best).toEqual({ step: 1, value: 7 });
  });

  it("are never those without a number, unless there are no others", async () => {
    const nan = Number.NaN;
    for (const goal of ["min", "max"] as const)
      expect((await fit({ ...walk([nan, 7, nan]), goal })).best).toEqual({ step: 2, value: 7 });
    const none = await fit(walk([nan, nan]));
    expect([none.params.w.item(), none.best]).toEqual([2, undefined]);
  });

  it("are in every checkpoint, with the last ones: whichever a kill leaves, it holds the best so far", async () => {
    const written: Uint8Array[] = [];
    const store: CheckpointStore = {
      read: async () => undefined,
      write: async (b) => void written.push(b.slice()),
    };
    await fit({ ...walk([3, 1, 2, 0, 4]), checkpoint: store, checkpointEvery: 1 });
    const held = written.map((bytes) => {
      const { arrays, journal } = decodeCheckpoint(bytes);
      return [arrays.params.w!.item(), arrays.best.w!.item(), journal.best!.value];
    });
    expect(held).toEqual([
      [1, 1, 3],
      [2, 2, 1],
      [3, 2, 1],
      [4, 4, 0],
      [5, 4, 0],
    ]);
  });
});
