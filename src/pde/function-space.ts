import { type FunctionSampler, sampleBuffer } from "./function-sampler.ts";

export interface SeriesOptions {
  grid: Float64Array;
  /** Terms of the series: 20. */
  terms?: number;
  /** Coefficients are uniform on [-bound, bound]: 1. */
  bound?: number;
}

/**
 * sum a_i T_i over the Chebyshev polynomials, the grid's ends mapped to -1 and 1: T_i(2x - 1) on [0, 1]. Coefficients
 * uniform on [-bound, bound].
 */
export function chebyshevFunctions(o: SeriesOptions): FunctionSampler {
  const first = o.grid[0]!;
  const width = o.grid.at(-1)! - first;
  return seriesSampler(o, (x, values) => {
    const z = (2 * (x - first)) / width - 1;
    values[0] = 1;
    if (values.length > 1) values[1] = z;
    for (let i = 2; i < values.length; i++) values[i] = 2 * z * values[i - 1]! - values[i - 2]!;
  });
}

/** sum a_i x^i, coefficients uniform on [-bound, bound]. */
export function powerSeries(o: SeriesOptions): FunctionSampler {
  return seriesSampler(o, (x, values) => {
    values[0] = 1;
    for (let i = 1; i < values.length; i++) values[i] = x * values[i - 1]!;
  });
}

function seriesSampler(
  o: SeriesOptions,
  basisAt: (x: number, values: Float64Array) => void,
): FunctionSampler {
  const { grid, terms = 20, bound = 1 } = o;
  if (!Number.isInteger(terms) || terms < 1) {
    throw new RangeError(`series: ${terms} is no number of terms: use a whole number from 1`);
  }
  const size = grid.length;
  const basis = new Float64Array(size * terms);
  for (let i = 0; i < size; i++) basisAt(grid[i]!, basis.subarray(i * terms, (i + 1) * terms));
  return {
    grid,
    sample(source, count, out) {
      const samples = sampleBuffer(size, count, out);
      const uniform = source.uniform(terms * count);
      for (let f = 0; f < count; f++) {
        for (let i = 0; i < size; i++) {
          let sum = 0;
          for (let k = 0; k < terms; k++) sum += (2 * uniform[f * terms + k]! - 1) * basis[i * terms + k]!;
          samples[f * size + i] = bound * sum;
        }
      }
      return samples;
    },
  };
}
