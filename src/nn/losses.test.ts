import { describe, expect, it } from "vitest";
import { compile } from "../runtime/compile.ts";
import { NDArray } from "../tensor/ndarray.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { grad } from "../tensor/transforms.ts";
import { losses } from "./index.ts";

type Loss = (a: Tensor, b: Tensor) => Tensor;

async function run(loss: Loss, a: NDArray, b: NDArray): Promise<number[]> {
  const compiled = compile(loss);
  const out = await compiled(a, b);
  await compiled.dispose();
  return Array.from(out.data as Float32Array);
}

const f32 = (values: Parameters<typeof NDArray.from>[0]) => NDArray.from(values);
const labels = NDArray.from([2, 0], "int64");
const logits = f32([
  [1, 2, 3],
  [0, -1, 1],
]);
const logSoftmax = (row: number[]) => {
  const total = Math.log(row.reduce((s, v) => s + Math.exp(v), 0));
  return row.map((v) => v - total);
};
const logRows = [logSoftmax([1, 2, 3]), logSoftmax([0, -1, 1])];
const nll = [-logRows[0]![2]!, -logRows[1]![0]!];

describe("regression", () => {
  const [a, b] = [f32([0, 0.5, -3]), f32([0, 0, 0])];
  it.each<[string, Loss, number[]]>([
    ["mse", losses.mse, [(0.25 + 9) / 3]],
    ["mse, summed", (x, y) => losses.mse(x, y, { reduction: "sum" }), [9.25]],
    ["mae, unreduced", (x, y) => losses.mae(x, y, { reduction: "none" }), [0, 0.5, 3]],
    ["huber: a parabola, then a line", (x, y) => losses.huber(x, y, { reduction: "none" }), [0, 0.125, 2.5]],
    ["huber with delta 2", (x, y) => losses.huber(x, y, { delta: 2, reduction: "none" }), [0, 0.125, 4]],
  ])("%s", async (_, loss, expected) => {
    const out = await run(loss, a, b);
    expect(out).toHaveLength(expected.length);
    for (const [i, v] of out.entries()) expect(v).toBeCloseTo(expected[i]!, 6);
  });

  it("the slope of huber is the error, limited to delta", async () => {
    const slope = grad((x: Tensor, y: Tensor) => losses.huber(x, y, { delta: 2, reduction: "sum" }));
    expect(await run(slope as Loss, f32([0.5, 2, -3]), f32([0, 0, 0]))).toEqual([0.5, 2, -2]);
  });

  it("shapes that would broadcast are refused", () => {
    const wrong = compile(losses.mse);
    return expect(wrong(f32([[1], [2]]), f32([1, 2]))).rejects.toThrow(
      "mse: prediction and target have the shapes [2, 1] and [2]",
    );
  });
});

describe("crossEntropy", () => {
  it("of classes is minus the log probability of the class", async () => {
    const out = await run((x, y) => losses.crossEntropy(x, y, { reduction: "none" }), logits, labels);
    expect(out[0]).toBeCloseTo(nll[0]!, 6);
    expect(out[1]).toBeCloseTo(nll[1]!, 6);
    const [mean] = await run(losses.crossEntropy, logits, labels);
    expect(mean).toBeCloseTo((nll[0]! + nll[1]!) / 2, 6);
  });

  it("of one-hot probabilities is the same; of others, their expectation", async () => {
    const oneHot = f32([
      [0, 0, 1],
      [1, 0, 0],
    ]);
    const [mean] = await run(losses.crossEntropy, logits, oneHot);
    expect(mean).toBeCloseTo((nll[0]! + nll[1]!) / 2, 6);
  });

  it("smooths labels towards the uniform distribution", async () => {
    const out = await run(
      (x, y) => losses.crossEntropy(x, y, { labelSmoothing: 0.3, reduction: "none" }),
      logits,
      labels,
    );
    for (const [i, row] of logRows.entries()) {
      const uniform = -row.reduce((a, b) => a + b) / 3;
      expect(out[i]).toBeCloseTo(0.7 * nll[i]! + 0.3 * uniform, 6);
    }
  });

  it("its gradient is softmax minus target, also for huge logits", async () => {
    const slope = grad((x: Tensor, y: Tensor) => losses.crossEntropy(x, y, { reduction: "sum" })) as Loss;
    const out = await run(slope, logits, labels);
    const expected = logRows.flatMap((row, i) => row.map((v, j) => Math.exp(v) - (j === [2, 0][i] ? 1 : 0)));
    for (const [i, v] of out.entries()) expect(v).toBeCloseTo(expected[i]!, 6);
    expect(await run(slope, f32([[1000, -1000]]), NDArray.from([1], "int64"))).toEqual([1, -1]);
  });

  it("refuses labels that are neither", async () => {
    await expect(run(losses.crossEntropy, logits, NDArray.from([[2], [0]], "int64"))).rejects.toThrow(
      "take labels [2], not [2, 1]",
    );
    await expect(run(losses.crossEntropy, logits, NDArray.from([2, 0], "int32"))).rejects.toThrow(
      "use int64 classes or float32 probabilities",
    );
  });
});

describe("others", () => {
  it("binaryCrossEntropy: log 2 at 0, finite at 1000", async () => {
    const out = await run(
      (x, t) => losses.binaryCrossEntropy(x, t, { reduction: "none" }),
      f32([0, 2, 1000, -1000]),
      f32([1, 0.25, 1, 1]),
    );
    expect(out[0]).toBeCloseTo(Math.LN2, 6);
    expect(out[1]).toBeCloseTo(Math.log1p(Math.exp(-2)) * 0.25 + Math.log1p(Math.exp(2)) * 0.75, 6);
    expect(out.slice(2)).toEqual([0, 1000]);
  });

  it("hinge", async () => {
    const out = await run(
      (s, t) => losses.hinge(s, t, { reduction: "none" }),
      f32([2, 0.5, -1]),
      f32([1, -1, 1]),
    );
    expect(out).toEqual([0, 1.5, 2]);
  });

  it("klDivergence: 0 for equal distributions, log of the ratio for a certain target", async () => {
    const target = f32([logRows[0]!.map(Math.exp), [0, 1, 0]]);
    const out = await run((x, t) => losses.klDivergence(x, t, { reduction: "none" }), logits, target);
    expect(out[0]).toBeCloseTo(0, 6);
    expect(out[1]).toBeCloseTo(-logRows[1]![1]!, 6);
  });

  it("cosine: 0 along, 1 across, 2 against, 1 for a zero vector", async () => {
    const a = f32([
      [1, 2],
      [1, 0],
      [1, 1],
      [0, 0],
    ]);
    const b = f32([
      [2, 4],
      [0, 3],
      [-2, -2],
      [1, 1],
    ]);
    const out = await run((x, y) => losses.cosine(x, y, { reduction: "none" }), a, b);
    for (const [i, v] of [0, 1, 2, 1].entries()) expect(out[i]).toBeCloseTo(v, 6);
  });
});
