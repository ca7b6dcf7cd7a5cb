import type { FunctionSampler, RandomSource } from "../../pde/function-sampler.ts";
import { linearInterpolator, linspace, piecewiseLinear } from "../../pde/interpolate.ts";

/**
 * Training data of an operator: row r says that G(u_r)(y_r) = s_r, u given by its values at the sensors. Rows stand function
 * by function: function f has the rows f Q to f Q + Q - 1, Q = count / functions, all with the same u.
 */
export interface Triples {
  /** [count, sensors] */
  readonly u: Float32Array;
  /** [count, queryDim] */
  readonly y: Float32Array;
  /** [count] */
  readonly s: Float32Array;
  readonly count: number;
  readonly sensors: number;
  readonly queryDim: number;
  /** Functions in the data, and functions that were drawn and rejected on the way to them. */
  readonly functions: number;
  readonly rejected: number;
}

export interface TripleSizes {
  /** Points where u is known, equispaced over its domain, ends included. */
  sensors: number;
  functions: number;
  queriesPerFunction: number;
}

/** A function of one real variable. */
export type Fn = (x: number) => number;

/** An operator as the generator needs it. `solve` and `query` share buffers: one function at a time. */
export interface TripleSource {
  readonly sampler: FunctionSampler;
  readonly queryDim: number;
  /** Random numbers a query takes: 1 unless said. */
  readonly randomsPerQuery?: number;
  /** Solves for u on the sampler's grid; false where this u is rejected. */
  solve(u: Float64Array): boolean;
  /** Writes query `row` of `y` from the uniform numbers at `random[at]`; returns the last solution's value there. */
  query(random: Float64Array, at: number, y: Float32Array, row: number): number;
}

/** Functions are drawn so many at a time, whatever the sizes asked for. */
const block = 32;

/** Of the functions drawn, so many may be rejected before this is an error: 20 for each accepted one, and 1000. */
const rejectionsAllowed = (accepted: number): number => 1000 + 20 * accepted;

/**
 * Draws functions, solves and queries them. Equal sources give equal data; with equal queriesPerFunction, a smaller set is the
 * beginning of a larger one, and the draws do not depend on the number of sensors. Disjoint training and test functions
 * need a source each (or one source, used on).
 *
 * Throws where a target is not finite, naming its row, and where nearly every function is rejected.
 */
export function generateTriples(operator: TripleSource, random: RandomSource, o: TripleSizes): Triples {
  const { sensors, functions, queriesPerFunction: queries } = o;
  checkSizes(o);
  const { sampler, queryDim, randomsPerQuery = 1 } = operator;
  const { grid } = sampler;
  const count = functions * queries;
  const u = new Float32Array(count * sensors);
  const y = new Float32Array(count * queryDim);
  const s = new Float32Array(count);
  const senseInto = sensorsOf(grid, sensors);
  const sensed = new Float64Array(sensors);

  const rejected = forEachFunction(
    operator,
    random,
    functions,
    queries * randomsPerQuery,
    (fine, f, uniform, at) => {
      senseInto(fine, sensed);
      for (let q = 0; q < queries; q++) {
        const row = f * queries + q;
        const target = operator.query(uniform, at + q * randomsPerQuery, y, row);
        if (!Number.isFinite(target)) {
          throw new RangeError(
            `triples: the target of row ${row} is ${target}: reject such functions, or shorten the horizon`,
          );
        }
        u.set(sensed, row * sensors);
        s[row] = target;
      }
    },
  );
  return { u, y, s, count, sensors, queryDim, functions, rejected };
}

/**
 * Draws and solves functions block by block until `functions` are accepted; returns how many were rejected before the last.
 * `visit` gets u on the grid, its number, and `uniforms` random numbers for it: where they lie in an array.
 */
export function forEachFunction(
  operator: TripleSource,
  random: RandomSource,
  functions: number,
  uniforms: number,
  visit: (u: Float64Array, f: number, uniform: Float64Array, at: number) => void,
): number {
  const size = operator.sampler.grid.length;
  const fine = new Float64Array(block * size);
  let accepted = 0;
  let rejected = 0;
  while (accepted < functions) {
    operator.sampler.sample(random, block, fine);
    const uniform = random.uniform(block * uniforms);
    for (let b = 0; b < block && accepted < functions; b++) {
      const u = fine.subarray(b * size, (b + 1) * size);
      if (operator.solve(u)) visit(u, accepted++, uniform, b * uniforms);
      else if (++rejected > rejectionsAllowed(accepted)) {
        throw new RangeError(
          `triples: ${rejected} functions rejected for ${accepted} accepted: use smaller inputs or a shorter horizon`,
        );
      }
    }
  }
  return rejected;
}

/** What `sensors` equispaced sensors see of a function on `grid`: linear interpolation of its fine samples. */
export function sensorsOf(
  grid: Float64Array,
  sensors: number,
): (u: Float64Array, out?: Float64Array) => Float64Array {
  return linearInterpolator(grid, linspace(grid[0]!, grid.at(-1)!, sensors));
}

/**
 * Triples of any operator from functions to functions of one variable, both on the sampler's domain: `op` takes u, the
 * piecewise-linear function through the fine sample, and returns G(u). Queries are uniform on the domain.
 * Throws where a target is not finite, naming its row.
 */
export function makeTriples(
  op: (u: Fn) => Fn,
  sampler: FunctionSampler,
  o: TripleSizes & { source: RandomSource },
): Triples {
  const { grid } = sampler;
  let solution: Fn = () => Number.NaN;
  const operator: TripleSource = {
    sampler,
    queryDim: 1,
    solve(u) {
      solution = op(piecewiseLinear(grid, u));
      return true;
    },
    query: (random, at, y, row) => solution(uniformQuery(grid[0]!, grid.at(-1)!, random[at]!, y, row)),
  };
  return generateTriples(operator, o.source, o);
}

/** Writes a query uniform on [start, end]; returns it as float32 holds it, so that the target belongs to what the net sees. */
export function uniformQuery(
  start: number,
  end: number,
  random: number,
  y: Float32Array,
  row: number,
): number {
  y[row] = start + random * (end - start);
  return Math.min(Math.max(y[row]!, start), end);
}

/** The first `count` triples, each with a function of its own. Nothing is copied. */
export function firstTriples(t: Triples, count: number): Triples {
  if (t.functions !== t.count || count > t.count) {
    throw new RangeError(
      `firstTriples: ${count} of ${t.count} triples of ${t.functions} functions: they need one function each`,
    );
  }
  return {
    ...t,
    u: t.u.subarray(0, count * t.sensors),
    y: t.y.subarray(0, count * t.queryDim),
    s: t.s.subarray(0, count),
    count,
    functions: count,
  };
}

/** The fraction of the functions drawn that was rejected. */
export function rejectionRate(t: Triples): number {
  return t.rejected / (t.functions + t.rejected);
}

function checkSizes(o: TripleSizes): void {
  for (const name of ["sensors", "functions", "queriesPerFunction"] as const) {
    if (!Number.isInteger(o[name]) || o[name] < 1) {
      throw new RangeError(`triples: ${name} is ${o[name]}, it must be a whole number from 1`);
    }
  }
  const size = o.functions * o.queriesPerFunction * o.sensors;
  if (size >= 2 ** 30) {
    throw new RangeError(
      `triples: ${size} sensor values take over 4 GiB: use fewer functions, queries or sensors`,
    );
  }
}
