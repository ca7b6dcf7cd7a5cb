/**
 * The Cholesky factor L of a symmetric matrix, L L^T = A, in float64. Both are packed lower triangles: row i starts at
 * i(i+1)/2. `undefined` where A is not positive definite in this arithmetic.
 */
export function choleskyPacked(matrix: Float64Array, size: number): Float64Array | undefined {
  const factor = new Float64Array(matrix.length);
  for (let i = 0; i < size; i++) {
    const row = (i * (i + 1)) / 2;
    for (let j = 0; j <= i; j++) {
      const other = (j * (j + 1)) / 2;
      let sum = matrix[row + j]!;
      for (let k = 0; k < j; k++) sum -= factor[row + k]! * factor[other + k]!;
      if (j < i) factor[row + j] = sum / factor[other + j]!;
      else if (sum > 0) factor[row + i] = Math.sqrt(sum);
      else return undefined;
    }
  }
  return factor;
}

const smallestJitter = 1e-13;
export const largestJitter = 1e-6;

/**
 * The Cholesky factor of A + jitter I: the jitter is 1e-13, times 10 as often as the factorisation fails. `undefined` where
 * 1e-6 is not enough. Packed as in `choleskyPacked`.
 */
export function choleskyWithJitter(
  matrix: Float64Array,
  size: number,
): { factor: Float64Array; jitter: number } | undefined {
  for (let power = 1; smallestJitter * power < 2 * largestJitter; power *= 10) {
    const jitter = smallestJitter * power;
    const shifted = matrix.slice();
    for (let i = 0; i < size; i++) shifted[(i * (i + 3)) / 2]! += jitter;
    const factor = choleskyPacked(shifted, size);
    if (factor) return { factor, jitter };
  }
  return undefined;
}

/**
 * L z for `count` vectors z at once: `z` and `out` are [count, size], `factor` a packed lower triangle. Four vectors share
 * each pass over the factor; the sums run in the same order for every count, so the bits do not depend on it.
 */
export function lowerTimesRows(
  factor: Float64Array,
  size: number,
  z: Float64Array,
  count: number,
  out: Float64Array,
): void {
  let row = 0;
  for (; row + 4 <= count; row += 4) lowerTimesFour(factor, size, z, row * size, out);
  for (; row < count; row++) lowerTimesOne(factor, size, z, row * size, out);
}

function lowerTimesFour(l: Float64Array, size: number, z: Float64Array, at: number, out: Float64Array): void {
  const b = at + size;
  const c = b + size;
  const d = c + size;
  let p = 0;
  for (let i = 0; i < size; i++) {
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let j = 0; j <= i; j++) {
      const v = l[p++]!;
      s0 += v * z[at + j]!;
      s1 += v * z[b + j]!;
      s2 += v * z[c + j]!;
      s3 += v * z[d + j]!;
    }
    out[at + i] = s0;
    out[b + i] = s1;
    out[c + i] = s2;
    out[d + i] = s3;
  }
}

function lowerTimesOne(l: Float64Array, size: number, z: Float64Array, at: number, out: Float64Array): void {
  let p = 0;
  for (let i = 0; i < size; i++) {
    let sum = 0;
    for (let j = 0; j <= i; j++) sum += l[p++]! * z[at + j]!;
    out[at + i] = sum;
  }
}
