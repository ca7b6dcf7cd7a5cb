import { describe, expect, it } from "vitest";
import { compile } from "../runtime/compile.ts";
import { hostArithmetic } from "./arithmetic.ts";
import { NDArray } from "./ndarray.ts";
import * as random from "./random.ts";
import type { Tensor } from "./tensor.ts";

const hex = (words: readonly number[]) => words.map((w) => w.toString(16).padStart(8, "0")).join(" ");
const numbers = (array: NDArray) => Array.from(array.data as Iterable<number | bigint>, Number);

describe("the generator", () => {
  // Known answers of the Random123 library (kat_vectors, threefry2x32 20 rounds).
  it.each([
    [[0, 0], [0, 0], "6b200159 99ba4efe"],
    [[0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff], "1cb996fc bb002be7"],
    [[0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3], "c4923a9c 483df7a0"],
  ] as const)("Threefry-2x32 of key %j and counter %j", (key, counter, expected) => {
    expect(hex(random.threefry(hostArithmetic, key, counter))).toBe(expected);
    const words = [0, 0];
    random.threefryWords(key[0], key[1], counter[0], counter[1], words);
    expect(hex(words)).toBe(expected);
  });

  it("splits a key into different ones, the same ones each time", () => {
    const keys = random.split(random.key(7), 50).map((k) => hex(numbers(k)));
    expect(new Set(keys).size).toBe(50);
    expect(keys).toEqual(random.split(random.key(7), 50).map((k) => hex(numbers(k))));
    expect(keys).not.toContain(hex(numbers(random.fold(random.key(7), 0))));
  });

  it("takes all 53 bits of a seed", () => {
    expect(numbers(random.key(2 ** 32 + 5))).toEqual([1, 5]);
    expect(() => random.key(-1)).toThrow("whole number from 0");
    expect(() => random.key(0.5)).toThrow("whole number from 0");
  });

  it("refuses what is no key", () => {
    expect(() => random.normal(NDArray.zeros([2]), [3])).toThrow(
      "float32[2] is no key: make one by random.key(seed)",
    );
  });
});

describe("the same bits on the host and in a graph", () => {
  const cases: Record<string, (key: random.Key) => random.Key> = {
    uniform: (key) => random.uniform(key, [7, 5], { low: -2, high: 3 }),
    "uniform float64": (key) => random.uniform(key, [33], { dtype: "float64" }),
    normal: (key) => random.normal(key, [101]),
    "normal float64": (key) => random.normal(key, [3, 1001], "float64"),
    bernoulli: (key) => random.bernoulli(key, 0.3, [64]),
    integers: (key) => random.integers(key, [50], -3, 12),
    exponential: (key) => random.exponential(key, [999], "float64"),
    gumbel: (key) => random.gumbel(key, [999], "float64"),
    permutation: (key) => random.permutation(key, 40),
    split: (key) => random.uniform(random.split(key, 3)[2]!, [5]),
    fold: (key) => random.uniform(random.fold(key, 123), [5]),
  };

  it.each(Object.entries(cases))("%s", async (_, sample) => {
    const traced = compile((key: Tensor) => sample(key) as Tensor);
    for (const seed of [0, 1, 2 ** 40 + 3]) {
      const host = sample(random.key(seed)) as NDArray;
      const graph = await traced(random.key(seed));
      expect(graph.dtype).toBe(host.dtype);
      expect(graph.shape).toEqual(host.shape);
      expect(graph.data).toEqual(host.data);
    }
    await traced.dispose();
  });
});

describe("distributions", () => {
  const N = 200_000;
  const moments = (array: NDArray) => {
    const values = numbers(array);
    const mean = values.reduce((a, b) => a + b, 0) / N;
    const centred = (p: number) => values.reduce((a, b) => a + (b - mean) ** p, 0) / N;
    return { mean, variance: centred(2), fourth: centred(4) };
  };

  it("normal: moments 0, 1, 3", () => {
    const { mean, variance, fourth } = moments(random.normal(random.key(3), [N]));
    expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(N));
    expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / N));
    expect(Math.abs(fourth - 3)).toBeLessThan(5 * Math.sqrt(96 / N));
  });

  it("uniform: mean 1/2, variance 1/12, inside [0, 1)", () => {
    const u = random.uniform(random.key(4), [N]);
    const { mean, variance } = moments(u);
    expect(Math.abs(mean - 0.5)).toBeLessThan(5 / Math.sqrt(12 * N));
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(5 * Math.sqrt(1 / 180 / N));
    expect(numbers(u).every((v) => v >= 0 && v < 1)).toBe(true);
  });

  it("exponential: mean 1; Gumbel: mean the Euler-Mascheroni constant", () => {
    expect(Math.abs(moments(random.exponential(random.key(5), [N])).mean - 1)).toBeLessThan(5 / Math.sqrt(N));
    const gumbel = moments(random.gumbel(random.key(6), [N])).mean;
    expect(Math.abs(gumbel - 0.5772156649)).toBeLessThan((5 * Math.PI) / Math.sqrt(6 * N));
  });

  it("integers: all equally often", () => {
    const counts = new Array(6).fill(0);
    for (const v of numbers(random.integers(random.key(8), [N], 0, 6))) counts[v]++;
    const chiSquare = counts.reduce((sum, c) => sum + (c - N / 6) ** 2 / (N / 6), 0);
    expect(chiSquare).toBeLessThan(20.5);
  });

  it("a permutation holds every number once", () => {
    const values = numbers(random.permutation(random.key(9), 1000));
    expect([...values].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(values).not.toEqual([...values].sort((a, b) => a - b));
  });
});

it("the logarithm agrees with Math.log to 1e-15", () => {
  for (let i = 1; i < 2000; i++) {
    const x = i / 2000;
    expect(Math.abs(random.logarithm(hostArithmetic, x) / Math.log(x) - 1)).toBeLessThan(1e-15);
  }
  expect(random.logarithm(hostArithmetic, 2 ** -60)).toBeCloseTo(-60 * Math.LN2, 12);
});
