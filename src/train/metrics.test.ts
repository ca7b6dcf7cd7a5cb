import { describe, expect, it } from "vitest";
import * as nn from "../nn/index.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import { evaluator, metrics, predictor } from "./index.ts";

const a = NDArray.from([
  [1, 2],
  [3, 4],
]);
const b = NDArray.from([
  [1, 0],
  [3, 8],
]);

describe("metrics", () => {
  it("of regression", () => {
    expect(metrics.mse(a, b)).toBe((4 + 16) / 4);
    expect(metrics.rmse(a, b)).toBe(Math.sqrt(5));
    expect(metrics.mae(a, b)).toBe(1.5);
    expect(metrics.relativeL2(a, b)).toBeCloseTo((2 / 1 + 4 / Math.sqrt(73)) / 2, 14);
    expect(metrics.r2(a, b)).toBeCloseTo((1 + (1 - 20 / 32)) / 2, 14);
    expect(metrics.r2(NDArray.from([2, 2]), NDArray.from([1, 3]))).toBe(0);
    expect(() => metrics.mse(a, NDArray.from([1, 2]))).toThrow("shapes [2, 2] and [2]");
  });

  it("accuracy, of classes and of probabilities", () => {
    const logits = NDArray.from([
      [0, 2, 1],
      [5, 2, 1],
      [0, 0, 1],
    ]);
    expect(metrics.accuracy(logits, NDArray.from([1, 0, 0], "int64"))).toBeCloseTo(2 / 3, 14);
    expect(metrics.accuracy(logits, logits)).toBe(1);
    expect(() => metrics.accuracy(logits, NDArray.from([1, 0], "int64"))).toThrow("do not fit");
    expect(() => metrics.accuracy(NDArray.from([[1], [0]]), NDArray.from([1, 0], "int64"))).toThrow(
      "do not fit",
    );
  });
});

describe("prediction", () => {
  const model = nn.mlp({ sizes: [3, 4, 2], activation: "tanh" });
  const params = model.init(random.key(0));
  const x = random.normal(random.key(1), [10, 3]);

  it("batch by batch is prediction at once", async () => {
    const [small, whole] = [predictor(model, { batch: 4 }), predictor(model)];
    const y = await whole(params, x);
    expect(y.shape).toEqual([10, 2]);
    const parts = await small(params, x);
    expect(parts.shape).toEqual([10, 2]);
    for (const [i, v] of parts.data.entries()) expect(v).toBeCloseTo(Number(y.data[i]), 6);
    await Promise.all([small.dispose(), whole.dispose()]);
  });

  it("evaluator gives the metrics of the whole set", async () => {
    const predict = predictor(model);
    const y = await predict(params, x);
    const evaluate = evaluator(model, { data: { x, y }, metrics: { mse: metrics.mse, r2: metrics.r2 } });
    expect(await evaluate(params)).toEqual({ mse: 0, r2: 1 });
    await Promise.all([evaluate.dispose(), predict.dispose()]);
  });

  it("evaluator of a stream gives those of all its rows, each time anew", async () => {
    const predict = predictor(model);
    const all = { x, y: random.normal(random.key(2), [10, 2]) };
    const rows = (array: NDArray, from: number, to: number) => {
      const size = array.size / 10;
      return new NDArray(array.data.slice(from * size, to * size), [to - from, size]);
    };
    const ends = [0, 3, 9, 10];
    const batches = ends
      .slice(1)
      .map((to, i) => ({ x: rows(x, ends[i]!, to), y: rows(all.y, ends[i]!, to) }));
    const wanted = { mse: metrics.mse, mae: metrics.mae };
    const whole = await evaluator(model, { data: all, metrics: wanted })(params);
    async function* slowly() {
      yield* batches;
    }
    for (const data of [() => batches, slowly]) {
      const evaluate = evaluator(model, { data, metrics: wanted });
      for (const found of [await evaluate(params), await evaluate(params)]) {
        expect(found.mse).toBeCloseTo(whole.mse!, 6);
        expect(found.mae).toBeCloseTo(whole.mae!, 6);
      }
      await evaluate.dispose();
    }
    const empty = evaluator(model, { data: () => [], metrics: wanted });
    await expect(Promise.resolve(empty(params))).rejects.toThrow("the stream is empty");
    await predict.dispose();
  });
});
