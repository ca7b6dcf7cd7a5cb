import type { Draws } from "./draws.ts";

/**
 * The logarithm of a gamma variable of this shape and scale 1 (Marsaglia and Tsang, "A simple method for generating
 * gamma variables", 2000).
 */
export function logGamma(draws: Draws, shape: number): number {
  if (shape < 1) return logGamma(draws, shape + 1) + Math.log(1 - draws.uniform()) / shape;
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = draws.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - draws.uniform()) < 0.5 * x * x + d * (1 - v + Math.log(v)))
      return Math.log(d * v);
  }
}

/**
 * A sample of the Dirichlet law: numbers that are not negative and add up to 1. Concentrations are positive, and may
 * be small.
 */
export function dirichlet(draws: Draws, concentrations: readonly number[]): Float64Array {
  const bad = concentrations.find((a) => !(a > 0));
  if (bad !== undefined || concentrations.length === 0) {
    throw new RangeError(
      `dirichlet: concentrations [${concentrations.join(", ")}]: one or more positive numbers are expected`,
    );
  }
  const logs = concentrations.map((a) => logGamma(draws, a));
  const most = Math.max(...logs);
  const weights = Float64Array.from(logs, (l) => Math.exp(l - most));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / sum);
}
