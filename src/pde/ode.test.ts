import { describe, expect, it } from "vitest";
import { linspace } from "./interpolate.ts";
import { denseOutput, type ForcedRightHandSide, hermite, rk4 } from "./ode.ts";

const antiderivative: ForcedRightHandSide = (_x, _s, u, ds) => {
  ds[0] = u;
};
const riccati: ForcedRightHandSide = (_x, s, u, ds) => {
  ds[0] = -s[0]! * s[0]! + u;
};
const pendulum: ForcedRightHandSide = (_x, s, u, ds) => {
  ds[0] = s[1]!;
  ds[1] = -Math.sin(s[0]!) + u;
};

/** The largest error of the first component, anywhere in [0, 1]. */
function worst(
  f: ForcedRightHandSide,
  dimension: number,
  points: number,
  u: (x: number) => number,
  exact: (x: number) => number,
) {
  const initial = new Array<number>(dimension).fill(0);
  const trajectory = rk4({ f, initial, length: 1, points })(linspace(0, 1, points).map(u));
  return Math.max(...linspace(0, 1, 997).map((x) => Math.abs(denseOutput(trajectory, x) - exact(x))));
}

const forced = (t: number) => 2 + Math.sin(t * t);

describe("rk4 with dense output", () => {
  it("solves s' = -s^2 + 1: tanh x", () => {
    expect(worst(riccati, 1, 401, () => 1, Math.tanh)).toBeLessThan(1e-9);
  });

  it("solves s' = sin(2 pi x): (1 - cos 2 pi x) / (2 pi)", () => {
    const error = worst(
      antiderivative,
      1,
      401,
      (x) => Math.sin(2 * Math.PI * x),
      (x) => (1 - Math.cos(2 * Math.PI * x)) / (2 * Math.PI),
    );
    expect(error).toBeLessThan(1e-8);
  });

  it("solves the pendulum under 2 + sin(t^2): t^2", () => {
    expect(worst(pendulum, 2, 401, forced, (t) => t * t)).toBeLessThan(1e-8);
  });

  it.each([
    ["s' = -s^2 + 1", riccati, 1, () => 1, Math.tanh],
    ["the pendulum", pendulum, 2, forced, (t: number) => t * t],
  ] as const)("is of order 4 for %s: half the step, a 16th of the error", (_name, f, dimension, u, exact) => {
    const atEnd = (points: number) => {
      const solve = rk4({ f, initial: new Array<number>(dimension).fill(0), length: 1, points });
      return Math.abs(denseOutput(solve(linspace(0, 1, points).map(u)), 1) - exact(1));
    };
    for (const points of [17, 33]) {
      const ratio = atEnd(points) / atEnd(2 * points - 1);
      expect(ratio).toBeGreaterThan(13);
      expect(ratio).toBeLessThan(19);
    }
  });

  it("starts from the initial state, and again in the next call", () => {
    const solve = rk4({ f: antiderivative, initial: [3], length: 2, points: 5 });
    expect(denseOutput(solve(new Float64Array(5).fill(1)), 2)).toBeCloseTo(5, 14);
    const again = solve(new Float64Array(5).fill(-1));
    expect(denseOutput(again, 0)).toBe(3);
    expect(denseOutput(again, 1.3)).toBeCloseTo(1.7, 14);
  });

  it("passes x to the right side: s' = x", () => {
    const f: ForcedRightHandSide = (x, _s, _u, ds) => {
      ds[0] = x;
    };
    const trajectory = rk4({ f, initial: [0], length: 3, points: 7 })(new Float64Array(7));
    expect(denseOutput(trajectory, 3)).toBeCloseTo(4.5, 13);
  });

  it("carries an overflow through as a non-finite state", () => {
    const trajectory = rk4({ f: riccati, initial: [0], length: 1, points: 401 })(
      new Float64Array(401).fill(-1e6),
    );
    expect(trajectory.s.every(Number.isFinite)).toBe(false);
  });

  it("refuses an even number of points, forcing of another length and queries outside", () => {
    const o = { f: riccati, initial: [0], length: 1 };
    expect(() => rk4({ ...o, points: 400 })).toThrow(
      "rk4: 400 points for the forcing: use an odd number from 3",
    );
    const solve = rk4({ ...o, points: 5 });
    expect(() => solve(new Float64Array(4))).toThrow("the forcing has 4 samples, this integrator takes 5");
    expect(() => denseOutput(solve(new Float64Array(5)), 1.1)).toThrow("1.1 lies outside [0, 1]");
  });
});

it("hermite reproduces a cubic", () => {
  const p = (x: number) => 2 - x + 3 * x ** 2 - 0.5 * x ** 3;
  const dp = (x: number) => -1 + 6 * x - 1.5 * x ** 2;
  for (const t of [0, 0.25, 0.7, 1]) {
    expect(hermite(t, 0.4, p(1), p(1.4), dp(1), dp(1.4))).toBeCloseTo(p(1 + 0.4 * t), 14);
  }
});
