/**
 * A solver of tridiagonal systems of `size` equations (Thomas algorithm), whose working memory is reused from call to call.
 *
 * Row i reads `lower[i] x[i-1] + diagonal[i] x[i] + upper[i] x[i+1] = rhs[i]`; `lower[0]` and the last of `upper` are not read.
 * The solution goes to `out`, which may be `rhs`. There is no pivoting: stable for diagonally dominant and for symmetric
 * positive definite systems; a pivot of 0 is an error.
 */
export function tridiagonalSolver(
  size: number,
): (
  lower: Float64Array,
  diagonal: Float64Array,
  upper: Float64Array,
  rhs: Float64Array,
  out: Float64Array,
) => void {
  const ratio = new Float64Array(size);
  return (lower, diagonal, upper, rhs, out) => {
    let pivot = diagonal[0]!;
    for (let i = 0; i < size; i++) {
      if (i > 0) pivot = diagonal[i]! - lower[i]! * ratio[i - 1]!;
      if (pivot === 0) {
        throw new RangeError(
          `tridiagonal: the pivot of row ${i} is 0: the system needs pivoting or is singular`,
        );
      }
      ratio[i] = upper[i]! / pivot;
      out[i] = (rhs[i]! - (i > 0 ? lower[i]! * out[i - 1]! : 0)) / pivot;
    }
    for (let i = size - 2; i >= 0; i--) out[i] = out[i]! - ratio[i]! * out[i + 1]!;
  };
}
