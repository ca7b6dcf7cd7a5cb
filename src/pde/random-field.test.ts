import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import type { RandomSource } from "./function-sampler.ts";
import { chebyshevFunctions, powerSeries } from "./function-space.ts";
import { linspace } from "./interpolate.ts";
import { type CovarianceKernel, covariance, gaussianRandomField } from "./random-field.ts";

/** A 32-bit xorshift generator with Box-Muller: for tests only. */
function testSource(seed: number): RandomSource {
  let state = seed * 2654435761 + 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return {
    uniform: (n) => new Float64Array(n).map(next),
    normal: (n) => new Float64Array(n).map(normal),
  };
}

describe("gaussianRandomField", () => {
  it("has its kernel as covariance: 20,000 samples at 11 points, within 0.03", () => {
    for (const kernel of ["rbf", "matern12"] satisfies CovarianceKernel[]) {
      const grid = linspace(0, 1, 11);
      const n = 20_000;
      const samples = gaussianRandomField({ lengthScale: 0.2, grid, kernel }).sample(testSource(1), n);
      for (let i = 0; i < 11; i++) {
        for (let j = 0; j <= i; j++) {
          let sum = 0;
          for (let r = 0; r < n; r++) sum += samples[r * 11 + i]! * samples[r * 11 + j]!;
          const expected = covariance(kernel, 0.2, grid[i]! - grid[j]!);
          expect(Math.abs(sum / n - expected), `${kernel} ${i} ${j}`).toBeLessThan(0.03);
        }
      }
    }
  });

  it("has the published eigenvalues of K/N at N = 100, l = 0.2", () => {
    const grid = linspace(0, 1, 100);
    const k = Matrix.zeros(100, 100);
    for (let i = 0; i < 100; i++) {
      for (let j = 0; j < 100; j++) k.set(i, j, covariance("rbf", 0.2, grid[i]! - grid[j]!) / 100);
    }
    const values = new EigenvalueDecomposition(k, { assumeSymmetric: true }).realEigenvalues.sort(
      (a, b) => b - a,
    );
    const published = [0.43693, 0.29916, 0.16097, 0.06922, 0.02431];
    for (const [i, v] of published.entries()) expect(Math.abs(values[i]! - v)).toBeLessThan(1e-4);
    expect(values.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
  });

  it("applies a factor with L L^T = K + jitter I, jitter 1e-13 at N = 101, 201, 401", () => {
    for (const size of [101, 201, 401]) {
      const grid = linspace(0, 1, size);
      const field = gaussianRandomField({ lengthScale: 0.2, grid });
      expect(field.jitter).toBe(1e-13);
      const identity = new Float64Array(size * size);
      for (let i = 0; i < size; i++) identity[i * size + i] = 1;
      const columns = field.sample({ uniform: () => identity, normal: () => identity }, size);
      for (let i = 0; i < size; i += 20) {
        for (let j = 0; j < size; j += 20) {
          let sum = 0;
          for (let c = 0; c < size; c++) sum += columns[c * size + i]! * columns[c * size + j]!;
          expect(Math.abs(sum - covariance("rbf", 0.2, grid[i]! - grid[j]!))).toBeLessThan(1e-12);
        }
      }
    }
  });

  it("refuses a covariance that no jitter makes positive definite", () => {
    expect(() => gaussianRandomField({ lengthScale: 1, grid: Float64Array.of(0, Number.NaN) })).toThrow(
      "the rbf covariance of these 2 points does not factorise",
    );
  });

  it("draws the same functions one at a time and together, into a buffer too", () => {
    const field = gaussianRandomField({ lengthScale: 0.3, grid: linspace(0, 1, 30) });
    const together = field.sample(testSource(5), 7, new Float64Array(210));
    // Box-Muller above uses each pair once, so that the stream does not depend on how it is cut
    const source = testSource(5);
    for (let f = 0; f < 7; f++) expect(field.sample(source, 1)).toEqual(together.slice(f * 30, (f + 1) * 30));
  });

  it("refuses a length scale of 0 and a buffer that does not fit", () => {
    const grid = linspace(0, 1, 5);
    expect(() => gaussianRandomField({ lengthScale: 0, grid })).toThrow(
      "lengthScale is 0, it must be a positive number",
    );
    const field = gaussianRandomField({ lengthScale: 1, grid });
    expect(() => field.sample(testSource(1), 2, new Float64Array(9))).toThrow("take 10 numbers, out has 9");
  });
});

describe("series of uniform coefficients", () => {
  const fixed = (values: number[]): RandomSource => ({
    uniform: () => Float64Array.from(values),
    normal: () => Float64Array.of(),
  });

  it("chebyshevFunctions sums a_i T_i(2x - 1)", () => {
    const grid = linspace(0, 1, 9);
    const sample = chebyshevFunctions({ grid, terms: 4, bound: 2 }).sample(fixed([0.25, 1, 0.5, 0]), 1);
    grid.forEach((x, i) => {
      const angle = Math.acos(2 * x - 1);
      expect(sample[i]).toBeCloseTo(-1 + 2 * Math.cos(angle) - 2 * Math.cos(3 * angle), 12);
    });
  });

  it("powerSeries sums a_i x^i", () => {
    const grid = linspace(0, 2, 9);
    const sample = powerSeries({ grid, terms: 3 }).sample(fixed([0.5, 1, 0.25]), 1);
    for (const [i, x] of grid.entries()) expect(sample[i]).toBeCloseTo(x - 0.5 * x * x, 12);
  });

  it("has 20 terms on [-1, 1]: at x = 1 the values of T_i are 1, so |u| <= 20, with variance 20 / 3", () => {
    for (const space of [chebyshevFunctions, powerSeries]) {
      const samples = space({ grid: Float64Array.of(0, 1) }).sample(testSource(3), 4000);
      const ends = samples.filter((_, i) => i % 2 === 1);
      expect(Math.max(...ends.map(Math.abs))).toBeLessThan(20);
      expect(ends.reduce((a, v) => a + v * v, 0) / 4000).toBeCloseTo(20 / 3, 0);
    }
  });
});
