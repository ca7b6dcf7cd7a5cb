import { describe, expect, it } from "vitest";
import type { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import * as nn from "./index.ts";

const key = random.key(5);
const values = (a: NDArray) => Array.from(a.data as Float64Array);
const variance = (a: NDArray) => values(a).reduce((s, v) => s + v * v, 0) / a.size;

describe("fans", () => {
  it("of a dense kernel [in, out] and of a convolution kernel [out, in / groups, ...window]", () => {
    expect(nn.fans([7, 3])).toEqual({ fanIn: 7, fanOut: 3 });
    expect(nn.fans([32, 16, 3, 5])).toEqual({ fanIn: 16 * 15, fanOut: 32 * 15 });
    expect(() => nn.fans([3])).toThrow("[3] is no kernel");
  });
});

describe("variances", () => {
  const [rows, columns] = [500, 300];
  it.each([
    ["glorotNormal", nn.glorotNormal, 2 / (rows + columns)],
    ["glorotUniform", nn.glorotUniform, 2 / (rows + columns)],
    ["heNormal", nn.heNormal, 2 / rows],
    ["heUniform", nn.heUniform, 2 / rows],
    ["lecunNormal", nn.lecunNormal, 1 / rows],
    ["lecunUniform", nn.lecunUniform, 1 / rows],
    ["normal", nn.normal(0.3), 0.09],
    ["uniform", nn.uniform(0.3), 0.03],
  ])("%s", (_, init, expected) => {
    // Five standard errors of a sample variance, whose kurtosis is at most the normal's.
    expect(Math.abs(variance(init(key, [rows, columns])) / expected - 1)).toBeLessThan(
      5 * Math.sqrt(2 / (rows * columns)),
    );
  });

  it("uniform stays inside its limit", () => {
    expect(Math.max(...values(nn.heUniform(key, [6, 1000])).map(Math.abs))).toBeLessThanOrEqual(1);
  });

  it("constants, and the dtype asked for", () => {
    expect(values(nn.constant(2)(key, [3]))).toEqual([2, 2, 2]);
    expect(values(nn.ones(key, [2]))).toEqual([1, 1]);
    expect(nn.zeros(key, [2], "float64").dtype).toBe("float64");
    expect(nn.glorotNormal(key, [2, 2], "float64").dtype).toBe("float64");
  });
});

describe("orthogonal", () => {
  const gram = (a: NDArray, rows: number, columns: number, byColumn: boolean): number => {
    const v = values(a);
    const at = (i: number, j: number) => (byColumn ? v[i * columns + j]! : v[j * columns + i]!);
    const [n, m] = byColumn ? [rows, columns] : [columns, rows];
    let worst = 0;
    for (let p = 0; p < m; p++)
      for (let q = 0; q < m; q++) {
        let dot = 0;
        for (let i = 0; i < n; i++) dot += at(i, p) * at(i, q);
        worst = Math.max(worst, Math.abs(dot - (p === q ? 1 : 0)));
      }
    return worst;
  };

  it("has orthonormal columns, or rows where it is wide", () => {
    expect(gram(nn.orthogonal()(key, [20, 8]), 20, 8, true)).toBeLessThan(1e-6);
    expect(gram(nn.orthogonal()(key, [8, 20]), 8, 20, false)).toBeLessThan(1e-6);
    expect(gram(nn.orthogonal()(key, [12, 12], "float64"), 12, 12, true)).toBeLessThan(1e-14);
    expect(gram(nn.orthogonal()(key, [16, 3, 2, 2], "float64"), 16, 12, true)).toBeLessThan(1e-14);
  });

  it("is scaled by its gain", () => {
    expect(variance(nn.orthogonal(3)(key, [10, 10], "float64"))).toBeCloseTo(9 / 10, 12);
  });

  it("prefers no sign: the first entry is negative in about half of the draws", () => {
    const negative = random.split(key, 200).filter((k) => values(nn.orthogonal()(k, [4, 4]))[0]! < 0);
    expect(Math.abs(negative.length - 100)).toBeLessThan(36);
  });
});
