/** Where random numbers come from: each call continues the stream. */
export interface RandomSource {
  /** `n` numbers uniform on [0, 1). */
  uniform(n: number): Float64Array;
  /** `n` standard normal numbers. */
  normal(n: number): Float64Array;
}

/** A space of random functions, drawn as samples on a fixed grid. */
export interface FunctionSampler {
  /** Where the functions are sampled, ascending. */
  readonly grid: Float64Array;
  /**
   * Draws `count` functions: [count, grid.length], row-major, into `out` where it is given (its length must fit).
   * One call for many functions is faster than many calls, and draws the same functions.
   */
  sample(source: RandomSource, count: number, out?: Float64Array): Float64Array;
}

/** The buffer for `count` functions: `out` after a check of its length, or a new one. */
export function sampleBuffer(size: number, count: number, out?: Float64Array): Float64Array {
  if (!Number.isInteger(count) || count < 0) {
    throw new RangeError(`sample: ${count} is no number of functions: use a whole number from 0`);
  }
  if (out === undefined) return new Float64Array(size * count);
  if (out.length !== size * count) {
    throw new RangeError(
      `sample: ${count} functions on ${size} points take ${size * count} numbers, out has ${out.length}`,
    );
  }
  return out;
}
