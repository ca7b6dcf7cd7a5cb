/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** @param {readonly number[]} values */
export function spread(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/**
 * How many times `values` is of `reference`: the median, smallest and largest of the ratios within a round. What slows the
 * whole machine down for a while slows both, and cancels.
 *
 * @param {readonly number[]} values
 * @param {readonly number[]} reference
 */
export function pairedRatio(values, reference) {
  return spread(values.map((v, i) => v / reference[i]));
}

/**
 * The slope of the least-squares line through y(x).
 *
 * @param {readonly number[]} x
 * @param {readonly number[]} y
 */
export function slope(x, y) {
  const mean = (/** @type {readonly number[]} */ v) => v.reduce((a, b) => a + b, 0) / v.length;
  const [mx, my] = [mean(x), mean(y)];
  const covariance = x.reduce((sum, xi, i) => sum + (xi - mx) * (y[i] - my), 0);
  return covariance / x.reduce((sum, xi) => sum + (xi - mx) ** 2, 0);
}
