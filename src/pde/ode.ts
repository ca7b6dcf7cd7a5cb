/** s' = f(x, s, u): writes the derivative of the state `s` under the forcing value `u` to `out`. */
export type ForcedRightHandSide = (x: number, s: Float64Array, u: number, out: Float64Array) => void;

/** A solution on a uniform grid of `steps + 1` nodes over [0, length]. */
export interface Trajectory {
  readonly length: number;
  readonly steps: number;
  readonly dimension: number;
  /** [steps + 1, dimension]: the states at the nodes. */
  readonly s: Float64Array;
  /** [steps + 1, dimension]: their derivatives. */
  readonly ds: Float64Array;
}

/**
 * A fourth-order Runge-Kutta integrator of s' = f(x, s, u(x)), s(0) = `initial`, over [0, length].
 *
 * The forcing comes as samples on `points` equispaced nodes, an odd number. A step spans two of their cells, so that the
 * stages use u at the nodes 2i, 2i+1, 2i+2 and nothing is interpolated. The trajectory that the integrator returns lives in
 * buffers of its own, which its next call overwrites.
 */
export function rk4(o: {
  f: ForcedRightHandSide;
  initial: readonly number[];
  length: number;
  points: number;
}): (u: Float64Array) => Trajectory {
  const { f, initial, length, points } = o;
  if (!Number.isInteger(points) || points < 3 || points % 2 === 0) {
    throw new RangeError(`rk4: ${points} points for the forcing: use an odd number from 3, two cells a step`);
  }
  if (!(length > 0)) throw new RangeError(`rk4: the length is ${length}, it must be positive`);
  const dimension = initial.length;
  const steps = (points - 1) / 2;
  const s = new Float64Array((steps + 1) * dimension);
  const ds = new Float64Array((steps + 1) * dimension);
  const trajectory: Trajectory = { length, steps, dimension, s, ds };
  const step = rk4Step(f, dimension, length / steps);
  const state = new Float64Array(dimension);
  const slope = new Float64Array(dimension);

  return (u) => {
    if (u.length !== points) {
      throw new RangeError(`rk4: the forcing has ${u.length} samples, this integrator takes ${points}`);
    }
    state.set(initial);
    for (let i = 0; i <= steps; i++) {
      const x = (length * i) / steps;
      f(x, state, u[2 * i]!, slope);
      s.set(state, i * dimension);
      ds.set(slope, i * dimension);
      if (i < steps) step(x, state, slope, u[2 * i + 1]!, u[2 * i + 2]!);
    }
    return trajectory;
  };
}

/** Advances `state` by h; `k1` is the derivative at its start. */
function rk4Step(f: ForcedRightHandSide, dimension: number, h: number) {
  const k2 = new Float64Array(dimension);
  const k3 = new Float64Array(dimension);
  const k4 = new Float64Array(dimension);
  const stage = new Float64Array(dimension);
  return (x: number, state: Float64Array, k1: Float64Array, uMiddle: number, uEnd: number): void => {
    for (let d = 0; d < dimension; d++) stage[d] = state[d]! + 0.5 * h * k1[d]!;
    f(x + 0.5 * h, stage, uMiddle, k2);
    for (let d = 0; d < dimension; d++) stage[d] = state[d]! + 0.5 * h * k2[d]!;
    f(x + 0.5 * h, stage, uMiddle, k3);
    for (let d = 0; d < dimension; d++) stage[d] = state[d]! + h * k3[d]!;
    f(x + h, stage, uEnd, k4);
    for (let d = 0; d < dimension; d++) {
      state[d] = state[d]! + (h / 6) * (k1[d]! + 2 * (k2[d]! + k3[d]!) + k4[d]!);
    }
  };
}

/** The cubic through (0, a) and (h, b) with slopes `da` and `db` there, at `fraction` h; its error is O(h^4). */
export function hermite(fraction: number, h: number, a: number, b: number, da: number, db: number): number {
  const t = fraction;
  const r = 1 - t;
  return r * r * ((1 + 2 * t) * a + h * t * da) + t * t * ((3 - 2 * t) * b - h * r * db);
}

/** One component of a trajectory anywhere in [0, length], by cubic Hermite interpolation between the nodes. */
export function denseOutput(trajectory: Trajectory, x: number, component = 0): number {
  const { length, steps, dimension, s, ds } = trajectory;
  if (!(x >= 0 && x <= length)) {
    throw new RangeError(`denseOutput: ${x} lies outside [0, ${length}]: use a point of the trajectory`);
  }
  const position = (x / length) * steps;
  const cell = Math.min(Math.floor(position), steps - 1);
  const a = cell * dimension + component;
  const b = a + dimension;
  return hermite(position - cell, length / steps, s[a]!, s[b]!, ds[a]!, ds[b]!);
}
