import { describe, expect, it } from "vitest";
import { diffusionReactionSolver } from "./diffusion-reaction.ts";
import { linspace } from "./interpolate.ts";

const D = 0.01;
const sine = (x: number) => Math.sin(Math.PI * x);
/** s(x, t) for k = 0 and u = sin(pi x). */
const exact = (x: number, t: number) =>
  (sine(x) * (1 - Math.exp(-D * Math.PI ** 2 * t))) / (D * Math.PI ** 2);

function linearError(n: number): number {
  const nodes = linspace(0, 1, n);
  const s = diffusionReactionSolver({ reaction: 0, nodes: n, levels: n })(nodes.map(sine));
  let worst = 0;
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < n; i++)
      worst = Math.max(worst, Math.abs(s[j * n + i]! - exact(nodes[i]!, nodes[j]!)));
  }
  return worst;
}

describe("diffusionReactionSolver", () => {
  it("agrees with the closed form for k = 0, u = sin(pi x), at every node and time", () => {
    expect(exact(0.5, 1)).toBeCloseTo(0.952236, 6);
    expect(linearError(100)).toBeLessThan(1e-5);
  });

  it("is of second order", () => {
    const ratio = linearError(26) / linearError(51);
    expect(ratio).toBeGreaterThan(3.8);
    expect(ratio).toBeLessThan(4.2);
  });

  it("gives 1.003243 in the middle at t = 1 for u = 1, near the ODE limit tan(0.1) / 0.1", () => {
    const s = diffusionReactionSolver()(new Float64Array(100).fill(1));
    expect(Math.abs(s[99 * 100 + 49]! - 1.003243)).toBeLessThan(5e-5);
    expect(Math.abs(s[99 * 100 + 49]! - Math.tan(0.1) / 0.1)).toBeLessThan(2e-4);
  });

  it("is of second order in time with the reaction on: D = 0 is s' = k s^2 + 1", () => {
    const error = (levels: number) => {
      const s = diffusionReactionSolver({ diffusion: 0, reaction: 1, nodes: 3, levels })(
        new Float64Array(3).fill(1),
      );
      return Math.abs(s[(levels - 1) * 3 + 1]! - Math.tan(1));
    };
    const ratio = error(101) / error(201);
    expect(ratio).toBeGreaterThan(3.7);
    expect(ratio).toBeLessThan(4.3);
  });

  it("keeps zero at the start and at both ends, in a buffer used before", () => {
    const out = new Float64Array(10_000).fill(7);
    diffusionReactionSolver()(new Float64Array(100).fill(1), out);
    expect(out.subarray(0, 100).every((v) => v === 0)).toBe(true);
    for (let j = 0; j < 100; j++) expect([out[j * 100], out[j * 100 + 99]]).toEqual([0, 0]);
  });

  it("works on another domain: length 2, duration 3", () => {
    const u = linspace(0, 2, 80).map((x) => sine(x / 2));
    const s = diffusionReactionSolver({ reaction: 0, nodes: 80, levels: 90, length: 2, duration: 3 })(u);
    const rate = D * (Math.PI / 2) ** 2;
    expect(s[89 * 80 + 40]).toBeCloseTo((sine(40 / 79) * (1 - Math.exp(-3 * rate))) / rate, 4);
  });

  it("refuses a forcing of another length", () => {
    expect(() => diffusionReactionSolver()(new Float64Array(99))).toThrow(
      "u has 99 and out 10000 numbers, the grid takes 100",
    );
  });
});
