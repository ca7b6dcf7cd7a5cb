import { diffusionReactionSolver } from "../../pde/diffusion-reaction.ts";
import type { FunctionSampler, RandomSource } from "../../pde/function-sampler.ts";
import { linspace } from "../../pde/interpolate.ts";
import { denseOutput, type ForcedRightHandSide, rk4, type Trajectory } from "../../pde/ode.ts";
import { gaussianRandomField } from "../../pde/random-field.ts";
import {
  type Fn,
  forEachFunction,
  generateTriples,
  sensorsOf,
  type TripleSizes,
  type TripleSource,
  type Triples,
  uniformQuery,
} from "./triples.ts";

/** One function and its image, dense enough to draw. */
export interface Curve {
  /** The fine grid and u on it. */
  readonly x: Float64Array;
  readonly u: Float64Array;
  /** [sensors]: u as the network sees it. */
  readonly sensors: Float32Array;
  /** [points, queryDim] and [points]: G(u)(y) = s. */
  readonly y: Float32Array;
  readonly s: Float64Array;
}

/** An operator to learn, with a generator of its data. */
export interface OperatorProblem {
  readonly name: string;
  readonly queryDim: number;
  /** Where input functions are sampled; sensors interpolate this sample linearly. */
  readonly grid: Float64Array;
  /** Training or test data; see `generateTriples` for what is drawn from `source`. */
  generate(source: RandomSource, o: TripleSizes): Triples;
  /** `count` random input functions that the problem accepts, each on `grid`. */
  draw(source: RandomSource, count: number): Float64Array[];
  /**
   * The image of one function, given by its formula or on `grid`: at every grid point for an ODE, at every node for the PDE.
   * Throws where the problem rejects this function.
   */
  curve(u: Fn | Float64Array, sensors: number): Curve;
}

/** The paper's functions from outside the training distribution (its code; for plots). */
export const outOfDistributionProbes: Readonly<Record<string, Fn>> = {
  x: (x) => x,
  "sin(pi x)": (x) => Math.sin(Math.PI * x),
  "sin(2 pi x)": (x) => Math.sin(2 * Math.PI * x),
  "x sin(2 pi x)": (x) => x * Math.sin(2 * Math.PI * x),
};

/** The space that input functions are drawn from, on the problem's grid. */
export interface InputSpace {
  /** A Gaussian random field with an RBF kernel of this length scale: 0.2. */
  lengthScale?: number;
  /** Another space in its place, e.g. `(grid) => chebyshevFunctions({ grid })`. */
  space?: (grid: Float64Array) => FunctionSampler;
}

export interface OdeOptions extends InputSpace {
  /** T: the solution is sought on [0, T], T = 1, and u is sampled on 400 T + 1 points of it. */
  horizon?: number;
}

/** G(u) = the integral of u from 0: s' = u, s(0) = 0. */
export function antiderivative(o: OdeOptions = {}): OperatorProblem {
  return odeProblem("antiderivative", o, [0], (_x, _s, u, ds) => {
    ds[0] = u;
  });
}

/** s' = -s^2 + u, s(0) = 0. A u whose solution leaves [-20, 20] is rejected and another drawn. */
export function nonlinearOde(o: OdeOptions = {}): OperatorProblem {
  const f: ForcedRightHandSide = (_x, s, u, ds) => {
    ds[0] = -s[0]! * s[0]! + u;
  };
  return odeProblem("nonlinear ODE", o, [0], f, 20);
}

/** The forced pendulum s1' = s2, s2' = -k sin s1 + u from rest; the target is s1. k = 1. */
export function pendulum(o: OdeOptions & { k?: number } = {}): OperatorProblem {
  const { k = 1 } = o;
  return odeProblem("pendulum", o, [0, 0], (_x, s, u, ds) => {
    ds[0] = s[1]!;
    ds[1] = -k * Math.sin(s[0]!) + u;
  });
}

/** The operator from a forcing to the first component of s' = f(x, s, u); solutions that leave [-limit, limit] are rejected. */
export function odeProblem(
  name: string,
  o: OdeOptions,
  initial: readonly number[],
  f: ForcedRightHandSide,
  limit = Number.MAX_VALUE,
): OperatorProblem {
  const { horizon = 1 } = o;
  const cells = Math.round(400 * horizon);
  if (!(horizon > 0 && cells % 2 === 0 && Math.abs(cells - 400 * horizon) < 1e-6)) {
    throw new RangeError(`${name}: the horizon is ${horizon}, it must be a positive multiple of 0.005`);
  }
  const grid = linspace(0, horizon, cells + 1);
  const integrate = rk4({ f, initial, length: horizon, points: grid.length });
  let solution: Trajectory;
  const operator: TripleSource = {
    sampler: samplerOn(grid, o),
    queryDim: 1,
    solve(u) {
      solution = integrate(u);
      return solution.s.every((s) => Math.abs(s) <= limit);
    },
    query: (random, at, y, row) => denseOutput(solution, uniformQuery(0, horizon, random[at]!, y, row)),
  };
  const read = () => ({ y: Float32Array.from(grid), s: grid.map((x) => denseOutput(solution, x)) });
  return operatorProblem(name, operator, read);
}

export interface DiffusionReactionProblem extends InputSpace {
  /** D: 0.01. */
  diffusion?: number;
  /** k: 0.01. */
  reaction?: number;
  /** Nodes in space, which are the sensors, and levels in time: 100. */
  resolution?: number;
}

/**
 * s_t = D s_xx + k s^2 + u(x) on (0, 1) x (0, 1], zero at the start and at both ends. Queries are (x, t) of grid nodes, drawn
 * uniformly with replacement; the sensors are the nodes, so `sensors` must be `resolution`. Curves have their points in
 * rows of equal t: [resolution, resolution].
 */
export function diffusionReaction(o: DiffusionReactionProblem = {}): OperatorProblem {
  const { diffusion = 0.01, reaction = 0.01, resolution = 100 } = o;
  const grid = linspace(0, 1, resolution);
  const solver = diffusionReactionSolver({ diffusion, reaction, nodes: resolution, levels: resolution });
  const s = new Float64Array(resolution * resolution);
  const operator: TripleSource = {
    sampler: samplerOn(grid, o),
    queryDim: 2,
    randomsPerQuery: 2,
    solve(u) {
      solver(u, s);
      return s.every(Number.isFinite);
    },
    query(random, at, y, row) {
      const i = Math.floor(random[at]! * resolution);
      const j = Math.floor(random[at + 1]! * resolution);
      y[2 * row] = grid[i]!;
      y[2 * row + 1] = grid[j]!;
      return s[j * resolution + i]!;
    },
  };
  const nodes = Float32Array.from({ length: 2 * s.length }, (_, n) => {
    const node = n >> 1;
    return grid[n & 1 ? Math.floor(node / resolution) : node % resolution]!;
  });
  const problem = operatorProblem("diffusion-reaction", operator, () => ({ y: nodes, s: s.slice() }));
  const check = (sensors: number): void => {
    if (sensors === resolution) return;
    throw new RangeError(
      `diffusion-reaction: ${sensors} sensors, but the ${resolution} grid nodes are the sensors: use ${resolution}`,
    );
  };
  return {
    ...problem,
    generate(source, sizes) {
      check(sizes.sensors);
      return problem.generate(source, sizes);
    },
    curve(u, sensors) {
      check(sensors);
      return problem.curve(u, sensors);
    },
  };
}

function samplerOn(grid: Float64Array, o: InputSpace): FunctionSampler {
  return o.space ? o.space(grid) : gaussianRandomField({ lengthScale: o.lengthScale ?? 0.2, grid });
}

/** `read` gives the last solution at every point of a curve. */
function operatorProblem(
  name: string,
  operator: TripleSource,
  read: () => Pick<Curve, "y" | "s">,
): OperatorProblem {
  const { grid } = operator.sampler;
  return {
    name,
    queryDim: operator.queryDim,
    grid,
    generate: (source, o) => generateTriples(operator, source, o),
    draw(source, count) {
      const drawn: Float64Array[] = [];
      forEachFunction(operator, source, count, 0, (u) => drawn.push(u.slice()));
      return drawn;
    },
    curve(u, sensors) {
      const fine = typeof u === "function" ? grid.map((x) => u(x)) : u;
      if (!operator.solve(fine))
        throw new RangeError(`${name}: the solution for this u is out of bounds: use another u`);
      return { x: grid, u: fine, sensors: Float32Array.from(sensorsOf(grid, sensors)(fine)), ...read() };
    },
  };
}
