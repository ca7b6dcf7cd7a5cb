/**
 * The mean of squared errors without the largest ceil(n * fraction) of them; 0.001, as in the paper's code. Throws where an
 * error is NaN, which no order places, and where nothing would be left.
 */
export function trimmedMse(err2: Float64Array, fraction = 0.001): number {
  const bad = err2.findIndex(Number.isNaN);
  if (bad >= 0)
    throw new RangeError(`trimmedMse: the squared error ${bad} is NaN: find out why before trimming`);
  const kept = err2.length - Math.ceil(err2.length * fraction - 1e-9);
  if (!(fraction >= 0) || kept < 1) {
    throw new RangeError(
      `trimmedMse: nothing is left of ${err2.length} errors without a fraction of ${fraction}: use more or a smaller one`,
    );
  }
  const sorted = err2.slice().sort();
  let sum = 0;
  for (let i = 0; i < kept; i++) sum += sorted[i]!;
  return sum / kept;
}
