import { choleskyWithJitter, largestJitter, lowerTimesRows } from "./cholesky.ts";
import { type FunctionSampler, sampleBuffer } from "./function-sampler.ts";

/** `rbf`: exp(-d^2 / (2 l^2)), smooth functions. `matern12`: exp(-|d| / l), continuous and rough ones. */
export type CovarianceKernel = "rbf" | "matern12";

/** The covariance of two points at distance `d`. */
export function covariance(kernel: CovarianceKernel, lengthScale: number, d: number): number {
  const r = d / lengthScale;
  return Math.exp(kernel === "rbf" ? -0.5 * r * r : -Math.abs(r));
}

/** A Gaussian random field on a grid, with what its factorisation needed. */
export interface GaussianRandomField extends FunctionSampler {
  /** What was added to the diagonal of the covariance matrix before it factorised. */
  readonly jitter: number;
}

/**
 * Gaussian random functions of mean 0 and variance 1 on `grid`, through the float64 Cholesky factor of K + jitter I.
 * The jitter is 1e-13, times 10 as often as the factorisation fails; above 1e-6 that is an error.
 *
 * Building costs n^3 / 6 multiplications for n points, a sample n^2 / 2.
 */
export function gaussianRandomField(o: {
  lengthScale: number;
  grid: Float64Array;
  kernel?: CovarianceKernel;
}): GaussianRandomField {
  const { lengthScale, grid, kernel = "rbf" } = o;
  if (!(lengthScale > 0 && Number.isFinite(lengthScale))) {
    throw new RangeError(`gaussianRandomField: lengthScale is ${lengthScale}, it must be a positive number`);
  }
  const size = grid.length;
  const { factor, jitter } = factorise(grid, kernel, lengthScale);
  return {
    grid,
    jitter,
    sample(source, count, out) {
      const samples = sampleBuffer(size, count, out);
      lowerTimesRows(factor, size, source.normal(size * count), count, samples);
      return samples;
    },
  };
}

function factorise(grid: Float64Array, kernel: CovarianceKernel, lengthScale: number) {
  const size = grid.length;
  const matrix = new Float64Array((size * (size + 1)) / 2);
  let at = 0;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) matrix[at++] = covariance(kernel, lengthScale, grid[i]! - grid[j]!);
  }
  const result = choleskyWithJitter(matrix, size);
  if (result) return result;
  throw new RangeError(
    `gaussianRandomField: the ${kernel} covariance of these ${size} points does not factorise with ${largestJitter} added to its diagonal: check the grid for non-finite points`,
  );
}
