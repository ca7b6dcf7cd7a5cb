import { describe, expect, it } from "vitest";
import type { RandomSource } from "../../pde/function-sampler.ts";
import { chebyshevFunctions } from "../../pde/function-space.ts";
import { linearInterpolator, linspace } from "../../pde/interpolate.ts";
import { denseOutput, rk4 } from "../../pde/ode.ts";
import { gaussianRandomField } from "../../pde/random-field.ts";
import {
  antiderivative,
  diffusionReaction,
  nonlinearOde,
  odeProblem,
  outOfDistributionProbes,
  pendulum,
} from "./problems.ts";
import { trivialAntiderivativeMse } from "./sensor-theory.ts";
import { makeTriples, rejectionRate } from "./triples.ts";

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

const one = () => 1;

describe("the ODE problems", () => {
  it("have the exact solutions of their equations", () => {
    const { y, s } = nonlinearOde().curve(one, 10);
    for (let i = 0; i < s.length; i++) expect(Math.abs(s[i]! - Math.tanh(i / 400))).toBeLessThan(1e-9);
    expect(y).toEqual(Float32Array.from(linspace(0, 1, 401)));

    const sine = antiderivative().curve(outOfDistributionProbes["sin(2 pi x)"]!, 10);
    sine.x.forEach((x, i) => {
      expect(Math.abs(sine.s[i]! - (1 - Math.cos(2 * Math.PI * x)) / (2 * Math.PI))).toBeLessThan(1e-8);
    });

    const swing = pendulum({ horizon: 2 }).curve((t) => 2 + Math.sin(t * t), 10);
    swing.x.forEach((t, i) => {
      expect(Math.abs(swing.s[i]! - t * t)).toBeLessThan(1e-8);
    });
    expect(swing.x.length).toBe(801);
  });

  it("take k of the pendulum: s1 = t^2 under 2 + k sin(t^2)", () => {
    const { x, s } = pendulum({ k: 3 }).curve((t) => 2 + 3 * Math.sin(t * t), 10);
    expect(s.every((v, i) => Math.abs(v - x[i]! ** 2) < 1e-8)).toBe(true);
  });

  it("have sensors that see the probes", () => {
    for (const [name, u] of Object.entries(outOfDistributionProbes)) {
      const { sensors, x } = antiderivative().curve(u, 5);
      [0, 0.25, 0.5, 0.75, 1].forEach((at, i) => {
        expect(sensors[i], name).toBe(Math.fround(u(at)));
      });
      expect(x.length).toBe(401);
    }
  });
});

describe("generated triples", () => {
  const sizes = { sensors: 21, functions: 70, queriesPerFunction: 3 };

  it("say what the operator does: each target again, by Simpson over the same function", () => {
    const problem = antiderivative();
    const functions = problem.draw(testSource(3), 70);
    const t = problem.generate(testSource(3), { ...sizes, queriesPerFunction: 1 });
    expect(t.u.length).toBe(70 * 21);
    // the first block of 32 functions is drawn before any query, so that both streams agree on it
    for (let f = 0; f < 32; f++) {
      const u = functions[f]!;
      for (let i = 0; i < 21; i++) expect(t.u[f * 21 + i]).toBe(Math.fround(u[20 * i]!));
      const cells = Math.round(t.y[f]! * 400);
      let trapezoid = 0;
      for (let i = 0; i < cells; i++) trapezoid += (u[i]! + u[i + 1]!) / 800;
      trapezoid += (t.y[f]! - cells / 400) * u[cells]!;
      expect(Math.abs(t.s[f]! - trapezoid)).toBeLessThan(1e-4);
    }
  });

  it("stand function by function, queries in [0, T]", () => {
    const t = antiderivative({ horizon: 2 }).generate(testSource(1), sizes);
    expect([t.count, t.u.length, t.y.length, t.s.length, t.functions]).toEqual([210, 210 * 21, 210, 210, 70]);
    for (let f = 0; f < 70; f++) {
      const first = t.u.slice(f * 63, f * 63 + 21);
      expect(t.u.slice(f * 63 + 42, f * 63 + 63)).toEqual(first);
      if (f > 0) expect(t.u.slice(f * 63 - 21, f * 63)).not.toEqual(first);
    }
    expect(Math.min(...t.y)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...t.y)).toBeGreaterThan(1.9);
    expect(Math.max(...t.y)).toBeLessThanOrEqual(2);
  });

  it("repeat with the source; fewer functions are the beginning of more; sensors do not move the draws", () => {
    const problem = pendulum();
    const t = problem.generate(testSource(1), sizes);
    expect(problem.generate(testSource(1), sizes)).toEqual(t);
    const fewer = problem.generate(testSource(1), { ...sizes, functions: 20 });
    expect(fewer.s).toEqual(t.s.slice(0, 60));
    expect(fewer.u).toEqual(t.u.slice(0, 60 * 21));
    const coarse = problem.generate(testSource(1), { ...sizes, sensors: 11 });
    expect([coarse.s, coarse.y]).toEqual([t.s, t.y]);
    expect(coarse.u[1]).toBe(t.u[2]);
  });

  it("give disjoint functions for training and test from one source, used on", () => {
    const source = testSource(1);
    const problem = antiderivative();
    const key = (u: Float32Array, f: number) => u.slice(f * 21, f * 21 + 21).join();
    const o = { ...sizes, queriesPerFunction: 1 };
    const train = problem.generate(source, o);
    const test = problem.generate(source, o);
    const seen = new Set(Array.from({ length: 70 }, (_, f) => key(train.u, f)));
    for (let f = 0; f < 70; f++) expect(seen.has(key(test.u, f))).toBe(false);
  });

  it("have the trivial predictor's error as mean square for the antiderivative: 0.180689 within 5 %", () => {
    const { s } = antiderivative().generate(testSource(2), {
      sensors: 2,
      functions: 10_000,
      queriesPerFunction: 1,
    });
    const mean = s.reduce((a, v) => a + v * v, 0) / s.length;
    expect(Math.abs(mean / trivialAntiderivativeMse({ lengthScale: 0.2 }) - 1)).toBeLessThan(0.05);
  });

  it("come from another function space on request", () => {
    const problem = antiderivative({ space: (grid) => chebyshevFunctions({ grid, terms: 1 }) });
    const t = problem.generate(testSource(1), sizes);
    for (let r = 0; r < t.count; r++) expect(t.s[r]).toBeCloseTo(t.u[r * 21]! * t.y[r]!, 6);
  });

  it("refuse sizes that make no data", () => {
    const generate = (o: object) => () => antiderivative().generate(testSource(1), { ...sizes, ...o });
    expect(generate({ sensors: 0 })).toThrow("triples: sensors is 0, it must be a whole number from 1");
    expect(generate({ functions: 1e6, queriesPerFunction: 1e4 })).toThrow("take over 4 GiB");
    expect(() => antiderivative({ horizon: 0.7501 })).toThrow(
      "the horizon is 0.7501, it must be a positive multiple of 0.005",
    );
  });
});

describe("rejection", () => {
  it("redraws functions whose solution leaves [-20, 20], and counts them", () => {
    const space = (grid: Float64Array) => {
      const field = gaussianRandomField({ lengthScale: 0.2, grid });
      return {
        grid,
        sample: (source: RandomSource, count: number, out?: Float64Array) => {
          const u = field.sample(source, count, out);
          for (let i = 0; i < u.length; i++) u[i]! *= 4;
          return u;
        },
      };
    };
    const problem = nonlinearOde({ space });
    const t = problem.generate(testSource(1), { sensors: 401, functions: 200, queriesPerFunction: 1 });
    expect(t.functions).toBe(200);
    expect(t.rejected).toBeGreaterThan(5);
    expect(rejectionRate(t)).toBe(t.rejected / (200 + t.rejected));
    for (let f = 0; f < 200; f++) {
      const { s } = problem.curve(Float64Array.from(t.u.subarray(f * 401, (f + 1) * 401)), 2);
      expect(Math.max(...s.map(Math.abs))).toBeLessThanOrEqual(20.01);
    }
  });

  it("is rare in the paper's space", () => {
    const t = nonlinearOde().generate(testSource(1), { sensors: 2, functions: 2000, queriesPerFunction: 1 });
    expect(rejectionRate(t)).toBeLessThan(0.02);
    expect(t.s.every((s) => Math.abs(s) <= 20)).toBe(true);
  });

  it("refuses a curve out of bounds", () => {
    expect(() => nonlinearOde().curve(() => -50, 10)).toThrow(
      "nonlinear ODE: the solution for this u is out of bounds",
    );
  });

  it("gives up where nearly every function is rejected", () => {
    const never = odeProblem("never", {}, [21], (_x, _s, _u, ds) => void ds.fill(0), 20);
    expect(() => never.generate(testSource(1), { sensors: 2, functions: 1, queriesPerFunction: 1 })).toThrow(
      "1001 functions rejected for 0 accepted",
    );
    expect(() => never.draw(testSource(1), 1)).toThrow("1001 functions rejected");
  });
});

describe("the diffusion-reaction problem", () => {
  it("solves for u = 1 and lays the nodes out in rows of equal time", () => {
    const { y, s, u, sensors } = diffusionReaction().curve(one, 100);
    const node = 99 * 100 + 49;
    expect(Math.abs(s[node]! - 1.003243)).toBeLessThan(5e-5);
    expect([y[2 * node], y[2 * node + 1]]).toEqual([Math.fround(49 / 99), 1]);
    expect([u.length, sensors.length, y.length]).toEqual([100, 100, 20_000]);
  });

  it("has targets at grid nodes, with the nodes as sensors", () => {
    const problem = diffusionReaction();
    const t = problem.generate(testSource(1), { sensors: 100, functions: 5, queriesPerFunction: 40 });
    expect([t.count, t.queryDim, t.y.length]).toEqual([200, 2, 400]);
    for (let r = 0; r < 200; r++) {
      const i = Math.round(t.y[2 * r]! * 99);
      const j = Math.round(t.y[2 * r + 1]! * 99);
      expect([t.y[2 * r], t.y[2 * r + 1]]).toEqual([Math.fround(i / 99), Math.fround(j / 99)]);
      if (r % 40 > 0) continue;
      const { s } = problem.curve(Float64Array.from(t.u.subarray(r * 100, (r + 1) * 100)), 100);
      for (let q = r; q < r + 40; q++) {
        const at = Math.round(t.y[2 * q + 1]! * 99) * 100 + Math.round(t.y[2 * q]! * 99);
        expect(Math.abs(t.s[q]! - s[at]!)).toBeLessThan(1e-6);
      }
    }
  });

  it("refuses sensors that are not the nodes", () => {
    expect(() => diffusionReaction().curve(one, 50)).toThrow(
      "50 sensors, but the 100 grid nodes are the sensors: use 100",
    );
  });
});

describe("makeTriples", () => {
  const grid = linspace(0, 2, 101);
  const sampler = gaussianRandomField({ lengthScale: 0.5, grid });
  const o = { source: testSource(4), sensors: 101, functions: 3, queriesPerFunction: 5 };

  it("evaluates the operator at the queries: u -> 2 u + x", () => {
    const t = makeTriples((u) => (x) => 2 * u(x) + x, sampler, o);
    for (let r = 0; r < 15; r++) {
      const fine = Float64Array.from(t.u.subarray(r * 101, (r + 1) * 101));
      const u = linearInterpolator(grid, Float64Array.of(t.y[r]!))(fine)[0]!;
      expect(Math.abs(t.s[r]! - (2 * u + t.y[r]!))).toBeLessThan(1e-5);
    }
  });

  it("names the first row whose target is not finite", () => {
    let calls = 0;
    expect(() => makeTriples(() => () => (++calls === 8 ? Number.NaN : 1), sampler, o)).toThrow(
      "the target of row 7 is NaN",
    );
  });
});

it("the sensor bound holds: max |s - s_m| <= max |u - u_m| T for 200 random functions (Gronwall, c = 1 in u, 0 in s)", () => {
  const grid = linspace(0, 1, 401);
  const samples = gaussianRandomField({ lengthScale: 0.2, grid }).sample(testSource(9), 200);
  const f = (_x: number, _s: Float64Array, u: number, ds: Float64Array) => {
    ds[0] = u;
  };
  const solve = rk4({ f, initial: [0], length: 1, points: 401 });
  const nodes = linspace(0, 1, 11);
  const sense = linearInterpolator(grid, nodes);
  const rebuild = linearInterpolator(nodes, grid);
  for (let r = 0; r < 200; r++) {
    const u = samples.subarray(r * 401, (r + 1) * 401);
    const um = rebuild(sense(u));
    const kappa = Math.max(...u.map((v, i) => Math.abs(v - um[i]!)));
    const at = (w: Float64Array) => {
      const trajectory = solve(w);
      return grid.map((x) => denseOutput(trajectory, x));
    };
    const [s, sm] = [at(u), at(um)];
    const error = Math.max(...s.map((v, i) => Math.abs(v - sm[i]!)));
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThanOrEqual(kappa);
  }
});
