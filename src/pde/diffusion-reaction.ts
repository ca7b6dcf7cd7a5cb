import { tridiagonalSolver } from "./tridiagonal.ts";

export interface DiffusionReactionOptions {
  /** D: 0.01. */
  diffusion?: number;
  /** k: 0.01. */
  reaction?: number;
  /** Grid nodes in space, both ends included: 100. */
  nodes?: number;
  /** Levels in time, t = 0 and t = duration included: 100. */
  levels?: number;
  /** The domain is [0, length]: 1. */
  length?: number;
  /** Time runs to here: 1. */
  duration?: number;
}

/**
 * A solver of s_t = D s_xx + k s^2 + u(x), with s = 0 at time 0 and at both ends: Crank-Nicolson with the reaction
 * linearised about the last level, second order in space and time (the scheme of the DeepONet code, Lu et al. 2019).
 *
 * The solver takes u on the `nodes` grid nodes and fills `out`, [levels, nodes] (one row a time level); without `out`, a
 * new array.
 */
export function diffusionReactionSolver(
  o: DiffusionReactionOptions = {},
): (u: Float64Array, out?: Float64Array) => Float64Array {
  const { diffusion = 0.01, reaction = 0.01, nodes = 100, levels = 100, length = 1, duration = 1 } = o;
  if (!(nodes >= 3 && levels >= 2)) {
    throw new RangeError(`diffusionReaction: ${nodes} nodes and ${levels} levels: use at least 3 and 2`);
  }
  const h = length / (nodes - 1);
  const dt = duration / (levels - 1);
  const lambda = (diffusion * dt) / (2 * h * h);
  const inner = nodes - 2;
  const solve = tridiagonalSolver(inner);
  const side = new Float64Array(inner).fill(-lambda);
  const diagonal = new Float64Array(inner);
  const rhs = new Float64Array(inner);

  return (u, out = new Float64Array(levels * nodes)) => {
    if (u.length !== nodes || out.length !== levels * nodes) {
      throw new RangeError(
        `diffusionReaction: u has ${u.length} and out ${out.length} numbers, the grid takes ${nodes} and ${levels * nodes}`,
      );
    }
    out.fill(0, 0, nodes);
    for (let level = 1; level < levels; level++) {
      const now = (level - 1) * nodes;
      for (let i = 0; i < inner; i++) {
        const s = out[now + i + 1]!;
        const slope = dt * reaction * s; // dt/2 times d(k s^2)/ds
        const bend = out[now + i]! - 2 * s + out[now + i + 2]!;
        diagonal[i] = 1 + 2 * lambda - slope;
        rhs[i] = s + lambda * bend + dt * (reaction * s * s + u[i + 1]!) - slope * s;
      }
      const next = level * nodes;
      out[next] = 0;
      out[next + nodes - 1] = 0;
      solve(side, diagonal, side, rhs, rhs);
      out.set(rhs, next + 1);
    }
    return out;
  };
}
