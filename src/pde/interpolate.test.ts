import { describe, expect, it } from "vitest";
import { linearInterpolator, linspace, piecewiseLinear } from "./interpolate.ts";

describe("linspace", () => {
  it("includes both ends exactly", () => {
    expect([...linspace(0, 1, 5)]).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(linspace(0.1, 0.7, 8).at(-1)).toBe(0.7);
    expect([...linspace(2, 5, 1)]).toEqual([2]);
  });
});

describe("linear interpolation", () => {
  const grid = Float64Array.of(0, 1, 3, 4);
  const values = Float64Array.of(5, 7, -1, 2);
  const points = Float64Array.of(0, 0.25, 1, 2, 3.5, 4);
  const expected = [5, 5.5, 7, 3, 0.5, 2];

  it("is exact at grid points and linear between them, on uneven grids too", () => {
    expect([...linearInterpolator(grid, points)(values)]).toEqual(expected);
    expect([...points].map(piecewiseLinear(grid, values))).toEqual(expected);
  });

  it("fills a buffer that is given", () => {
    const out = new Float64Array(6);
    expect(linearInterpolator(grid, points)(values, out)).toBe(out);
    expect([...out]).toEqual(expected);
  });

  it("refuses to extrapolate, and values that do not fit the grid", () => {
    expect(() => linearInterpolator(grid, Float64Array.of(4.1))).toThrow("4.1 lies outside the grid [0, 4]");
    expect(() => piecewiseLinear(grid, values)(Number.NaN)).toThrow("NaN lies outside the grid");
    expect(() => linearInterpolator(grid, points)(new Float64Array(3))).toThrow(
      "the grid has 4 points, the values are 3",
    );
  });
});
