import { describe, expect, it } from "vitest";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { grad } from "../../tensor/transforms.ts";
import { type Digits, digitsOf, turned, turnedBatches } from "./digits.ts";
import { pairBatches, registrationLoss, SIGNAL, signalPairs, sineBatches, warp } from "./signals.ts";
import { curveOf, stepsBelow, thinned } from "./training.ts";

const key = random.key(3);

describe("T1: turned digits", () => {
  /** One bright pixel, at row 0 and column 2 of 4 x 4. */
  const dot = NDArray.zeros([1, 1, 4, 4]);
  dot.data[2] = 1;
  const digits: Digits = { images: dot, labels: NDArray.from([7n]) };

  it("gamma 0 is the image, gamma 1 is half a turn of it", () => {
    const at = (gamma: number) =>
      Array.from(turned(dot, gamma).data as Float32Array, (v) => Math.round(v * 1e5) / 1e5);
    expect(at(0).indexOf(1)).toBe(2);
    expect(at(1).indexOf(1)).toBe(13);
    expect(at(0.5).indexOf(1)).toBe(4);
  });

  it("gives each gamma rows of its own, turned by it, with their labels", () => {
    const { gamma, x, y } = turnedBatches(digits, { gammas: [0, 1], rows: 3 })(0, key);
    expect([gamma.shape, x.shape, y.shape]).toEqual([
      [2, 1],
      [2, 3, 16],
      [2, 3],
    ]);
    for (let row = 0; row < 3; row++) {
      expect(Number(x.data[row * 16 + 2])).toBeCloseTo(1, 5);
      expect(Number(x.data[(3 + row) * 16 + 13])).toBeCloseTo(1, 5);
    }
    expect([...y.data]).toEqual([7n, 7n, 7n, 7n, 7n, 7n]);
  });

  it("draws gammas uniformly, the same for the same key", () => {
    const source = turnedBatches(digits, { gammas: 200, rows: 1 });
    const gammas = Array.from(source(0, key).gamma.data, Number);
    expect(Math.min(...gammas)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...gammas)).toBeLessThan(1);
    expect(Array.from(source(0, key).gamma.data, Number)).toEqual(gammas);
    expect(Array.from(source(1, random.key(4)).gamma.data, Number)).not.toEqual(gammas);
  });

  it("keeps training and test digits apart", async () => {
    const { train, test, size } = await digitsOf({ images: "segdigits", train: 5, test: 5 }, [
      random.key(1),
      random.key(2),
    ]);
    expect([train.images.shape, size]).toEqual([[5, 1, 12, 12], 12]);
    expect(train.images.data).not.toEqual(test.images.data);
  });

  it.skipIf(!process.env.PAPERWEIGHT_DATA)("reads MNIST", async () => {
    const { train, size } = await digitsOf({ images: "mnist", train: 50, test: 10 }, [key, key]);
    expect([train.images.shape, size]).toEqual([[50, 1, 28, 28], 28]);
    expect(Math.max(...(train.images.data as Float32Array))).toBe(1);
  });
});

it("T2: y = sin(pi (1 + 2 gamma) x + 2 gamma)", () => {
  const { gamma, x, y } = sineBatches(2, 3)(0, key);
  const [g, v] = [Number(gamma.data[1]), Number(x.data[4])];
  expect(Number(y.data[4])).toBeCloseTo(Math.sin(Math.PI * (1 + 2 * g) * v + 2 * g), 6);
});

describe("T3: registration", () => {
  const move = compile((s: Tensor, u: Tensor) => warp(s, u));
  const ramp = NDArray.from([[0, 1, 4, 9, 16]]);

  it.each([
    ["no displacement", 0, [0, 1, 4, 9, 16]],
    ["by one sample, up to the end", 1, [1, 4, 9, 16, 16]],
    ["by half a sample", 0.5, [0.5, 2.5, 6.5, 12.5, 16]],
    ["beyond the beginning", -7, [0, 0, 0, 0, 0]],
  ])("%s", async (_, by, expected) => {
    expect([...(await move(ramp, NDArray.full([1, 5], by))).data]).toEqual(expected);
  });

  it("the warp's derivative is the slope of the signal", async () => {
    const slope = compile((s: Tensor, u: Tensor) => grad((v: Tensor) => warp(s, v).sum())(u));
    expect([...(await slope(ramp, NDArray.full([1, 5], 0.25))).data]).toEqual([1, 3, 5, 7, 0]);
  });

  it("gamma 0 asks for similarity alone, gamma 1 for smoothness alone", async () => {
    const loss = compile((gamma: Tensor, fixed: Tensor, moving: Tensor, u: Tensor) =>
      registrationLoss(gamma, fixed, moving, u),
    );
    const u = NDArray.from([[[0, 0, 1, 1]]]);
    const [fixed, moving] = [NDArray.from([[[1, 1, 1, 1]]]), NDArray.from([[[0, 1, 2, 3]]])];
    const similarity = (await loss(NDArray.from([[0]]), fixed, moving, u)).item();
    const roughness = (await loss(NDArray.from([[1]]), fixed, moving, u)).item();
    expect(similarity).toBeCloseTo((1 + 0 + 4 + 4) / 4, 5);
    expect(roughness).toBeCloseTo((1 / 3) * 4, 5);
    expect((await loss(NDArray.from([[0.5]]), fixed, moving, u)).item()).toBeCloseTo(
      (similarity + roughness) / 2,
      5,
    );
  });

  it("pairs differ by a displacement of a few samples, and batches keep them together", () => {
    const pairs = signalPairs(key, 20);
    expect(pairs.fixed.shape).toEqual([20, SIGNAL]);
    expect(pairs.moving.data).not.toEqual(pairs.fixed.data);
    const { fixed, moving } = pairBatches(pairs, 2, 3)(0, key);
    const rows = (a: NDArray) =>
      Array.from({ length: a.size / SIGNAL }, (_, i) => a.data.slice(i * SIGNAL, (i + 1) * SIGNAL).join());
    const places = rows(fixed).map((row) => rows(pairs.fixed).indexOf(row));
    expect(places.every((p) => p >= 0)).toBe(true);
    expect(rows(moving)).toEqual(places.map((p) => rows(pairs.moving)[p]));
  });
});

describe("curves", () => {
  it("the final loss is the mean of the last sixth: 50 of 300 steps", () => {
    const losses = Array.from({ length: 300 }, (_, i) => (i < 250 ? 9 : i - 250));
    expect(curveOf(losses).finalLoss).toBeCloseTo(24.5, 10);
  });

  it("steps are counted until the mean of 20 losses is below the threshold", () => {
    const losses = [...new Array<number>(30).fill(1), ...new Array<number>(30).fill(0)];
    expect(stepsBelow(losses, 0.5)).toBe(41);
    expect(stepsBelow(losses.slice(0, 40), 0.5)).toBeNull();
    expect(stepsBelow([0, 0, 0], 0.5)).toBeNull();
  });

  it("a thinned curve has the means of its stretches", () => {
    expect(thinned([1, 3])).toEqual([
      [1, 1],
      [2, 3],
    ]);
    expect(thinned(Array.from({ length: 120 }, (_, i) => i))[1]).toEqual([4, 2.5]);
  });
});
