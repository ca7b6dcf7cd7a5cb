import { describe, expect, it } from "vitest";
import { numbers } from "../../../test/evaluate.ts";
import { parameterCount } from "../../nn/frozen.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import { gaussianModel, meanModel, nearestModel } from "./baselines.ts";
import { smallConvNet } from "./mnist.ts";
import { allTasks, drawTask } from "./tasks.ts";
import { vectorise } from "./vectorise.ts";
import { netOf, testMany, trainMany } from "./zoo.ts";

describe("the zoo", () => {
  const widths = [2, 6, 2];
  const net = netOf(widths);
  const starts = [1, 2].map((seed) => net.init(random.key(seed)));
  const data = [1, 7].map((task) => drawTask(allTasks[task]!, random.key(task), 64));

  it("trains nets side by side as it trains each alone", async () => {
    const o = { widths, steps: 20, learningRate: 0.02 };
    const { models } = await trainMany(starts, data, o);
    for (const i of [0, 1]) {
      const alone = (await trainMany([starts[i]!], [data[i]!], o)).models[0]!;
      vectorise(alone).forEach((w, j) => {
        expect(Math.abs(w - vectorise(models[i]!)[j]!)).toBeLessThan(1e-4);
      });
    }
    expect(vectorise(models[0]!)).not.toEqual(vectorise(starts[0]!));
  });

  it("tests each net on its own data", async () => {
    const right = await testMany(widths, starts, data);
    const swapped = await testMany(widths, starts.toReversed(), data.toReversed());
    expect(swapped).toEqual(right.toReversed());
  });

  it("draws the tasks that it names", () => {
    const { x, y } = drawTask({ family: "xor", parameter: 0 }, random.key(1), 50);
    Array.from(y.data, Number).forEach((label, i) => {
      expect(label).toBe(Number(x.data[2 * i]) * Number(x.data[2 * i + 1]) > 0 ? 1 : 0);
    });
  });

  it("has convolutional nets of 2,464 weights for MNIST", () => {
    expect(parameterCount(smallConvNet().init(random.key(0)))).toBe(2464);
  });
});

describe("baselines", () => {
  const models = [{ w: NDArray.from([1, 3]) }, { w: NDArray.from([3, 5]) }];

  it("the mean of weights, and weights of the same mean and deviation", () => {
    expect(meanModel(models)).toEqual({ w: NDArray.from([2, 4]) });
    const wide = [
      {
        w: new NDArray(
          new Float32Array(4000).map((_, i) => (i % 2 === 0 ? 1 : 5)),
          [4000],
        ),
      },
    ];
    const drawn = numbers(gaussianModel(wide, random.key(1)).w);
    const mean = drawn.reduce((a, b) => a + b) / 4000;
    expect(Math.abs(mean - 3)).toBeLessThan(0.15);
    expect(Math.abs(Math.sqrt(drawn.reduce((a, w) => a + (w - mean) ** 2, 0) / 4000) - 2)).toBeLessThan(0.15);
  });

  it("the model of the nearest condition", () => {
    const known = [
      { params: "a", vector: Float32Array.of(0, 0) },
      { params: "b", vector: Float32Array.of(2, 2) },
    ];
    expect(nearestModel(known, Float32Array.of(1.5, 1))).toBe("b");
  });
});
