import { describe, expect, it } from "vitest";
import {
  antiderivativeVariance,
  grfInterpolationStd,
  sensorErrorBound,
  trivialAntiderivativeMse,
} from "./sensor-theory.ts";
import { trimmedMse } from "./trimmed-mse.ts";

describe("grfInterpolationStd", () => {
  const std = (sensors: number) => grfInterpolationStd({ sensors, lengthScale: 0.2 });
  const asymptote = (h: number) => (Math.sqrt(3) / 8) * (h / 0.2) ** 2;

  it("gives the published values at m = 11 and 21", () => {
    expect(Math.abs(std(11) - 0.0527445)).toBeLessThan(5e-8);
    expect(Math.abs(std(21) - 0.013444)).toBeLessThan(5e-8);
    expect(std(11) / std(21)).toBeCloseTo(3.92, 2);
  });

  it("equals sqrt(1 + (1 + rho(h)) / 2 - 2 rho(h / 2))", () => {
    for (const h of [1, 0.5, 0.1, 0.05]) {
      const rho = (d: number) => Math.exp((-d * d) / (2 * 0.2 ** 2));
      expect(std(1 + Math.round(1 / h))).toBeCloseTo(Math.sqrt(1 + (1 + rho(h)) / 2 - 2 * rho(h / 2)), 12);
    }
  });

  it("tends to (sqrt 3 / 8) (h / l)^2, also where the formula itself would cancel", () => {
    expect(asymptote(0.1)).toBeCloseTo(0.0541266, 7);
    expect(asymptote(0.05)).toBeCloseTo(0.0135316, 7);
    expect(std(100_001) / asymptote(1e-5)).toBeCloseTo(1, 8);
  });

  it("falls as h^2: log-log slope -2.00 +- 0.02 in the number of intervals between m = 41 and 161", () => {
    // in m itself, one more than the intervals, the slope is -2.026
    const slope = Math.log(std(161) / std(41)) / Math.log(160 / 40);
    expect(Math.abs(slope + 2)).toBeLessThan(0.02);
  });

  it("depends on length / lengthScale alone, and takes two sensors at least", () => {
    expect(grfInterpolationStd({ sensors: 7, lengthScale: 0.6, length: 3 })).toBeCloseTo(std(7), 15);
    expect(() => std(1)).toThrow("1 sensors: interpolation takes a whole number from 2");
  });
});

it("sensorErrorBound is c L kappa exp(c L)", () => {
  expect(sensorErrorBound({ lipschitz: 2, length: 3, kappa: 0.01 })).toBeCloseTo(0.06 * Math.exp(6), 12);
  expect(sensorErrorBound({ lipschitz: 0, length: 3, kappa: 0.01 })).toBe(0);
});

describe("the antiderivative of a Gaussian random field", () => {
  it("has the published variances for l = 0.2", () => {
    expect(antiderivativeVariance({ lengthScale: 0.2, y: 1 })).toBeCloseTo(0.421326, 6);
    expect(antiderivativeVariance({ lengthScale: 0.2, y: 0.5 })).toBeCloseTo(0.171065, 6);
    expect(trivialAntiderivativeMse({ lengthScale: 0.2 })).toBeCloseTo(0.180689, 6);
  });

  it("averages its variance in closed form, for any length", () => {
    for (const [lengthScale, length] of [
      [0.2, 1],
      [0.7, 3],
      [2, 0.5],
    ] as const) {
      const n = 2000;
      let sum = 0;
      for (let i = 0; i < n; i++) sum += antiderivativeVariance({ lengthScale, y: (length * (i + 0.5)) / n });
      expect(trivialAntiderivativeMse({ lengthScale, length }) / (sum / n)).toBeCloseTo(1, 6);
    }
  });

  it("is y^2 for functions that hardly vary, and 2 y l sqrt(pi / 2) - 2 l^2 for very rough ones", () => {
    expect(antiderivativeVariance({ lengthScale: 100, y: 1 })).toBeCloseTo(1, 4);
    const l = 0.01;
    expect(antiderivativeVariance({ lengthScale: l, y: 1 })).toBeCloseTo(
      2 * l * Math.sqrt(Math.PI / 2) - 2 * l * l,
      12,
    );
  });
});

describe("trimmedMse", () => {
  it("drops the worst ceil(n / 1000): two outliers of 2000", () => {
    const errors = Float64Array.from({ length: 2000 }, (_, i) => (i * 37) % 101);
    errors[17] = 1e6;
    errors[1500] = 1e6;
    let sum = 0;
    for (let i = 0; i < 2000; i++) if (i !== 17 && i !== 1500) sum += errors[i]!;
    expect(trimmedMse(errors)).toBeCloseTo(sum / 1998, 10);
    expect(errors[17]).toBe(1e6);
  });

  it("rounds the number dropped up: 1 of 1000, 2 of 1001, whatever binary fractions say", () => {
    for (let thousands = 1; thousands < 60; thousands++) {
      const errors = new Float64Array(1000 * thousands);
      errors.fill(1, 0, thousands + 1);
      expect(trimmedMse(errors)).toBe(1 / (999 * thousands));
    }
    const errors = new Float64Array(1001);
    errors.fill(1, 0, 2);
    expect(trimmedMse(errors)).toBe(0);
  });

  it("takes another fraction; drops infinite errors; refuses NaN and nothing left", () => {
    expect(trimmedMse(Float64Array.of(1, 2, 3, 100), 0.25)).toBe(2);
    expect(trimmedMse(Float64Array.of(1, Number.POSITIVE_INFINITY, 3))).toBe(2);
    expect(() => trimmedMse(Float64Array.of(1, Number.NaN))).toThrow("the squared error 1 is NaN");
    expect(() => trimmedMse(Float64Array.of(1))).toThrow("nothing is left of 1 errors");
  });
});
