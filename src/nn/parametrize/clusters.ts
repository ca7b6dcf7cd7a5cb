/** Clusters of numbers on a line. */

/**
 * The centres of k clusters in ascending order: all different values where there are no more than k, else k-means from centres at equal
 * distances (Lloyd's iteration until nothing changes, at most 100 times); clusters that nothing is in are left out.
 */
export function clusterCentres(values: Float64Array, k: number): Float64Array {
  const sorted = values.slice().sort();
  const different = sorted.filter((v, i) => i === 0 || v !== sorted[i - 1]);
  if (different.length <= k) return different;
  const sums = new Float64Array(sorted.length + 1);
  sorted.forEach((v, i) => {
    sums[i + 1] = sums[i]! + v;
  });
  const [low, high] = [sorted[0]!, sorted.at(-1)!];
  let centres = Float64Array.from({ length: k }, (_, i) => low + ((high - low) * (i + 0.5)) / k);
  for (let round = 0; round < 100; round++) {
    const next = step(sorted, sums, centres);
    if (next.length === centres.length && next.every((c, i) => c === centres[i])) break;
    centres = next;
  }
  return centres;
}

/** The means of what is nearest to each centre. */
function step(sorted: Float64Array, sums: Float64Array, centres: Float64Array): Float64Array<ArrayBuffer> {
  const means: number[] = [];
  let start = 0;
  centres.forEach((c, i) => {
    const limit = i + 1 < centres.length ? (c + centres[i + 1]!) / 2 : Number.POSITIVE_INFINITY;
    const end = firstAbove(sorted, limit, start);
    if (end > start) means.push((sums[end]! - sums[start]!) / (end - start));
    start = end;
  });
  return Float64Array.from(means);
}

/** The place of the nearest of ascending centres; of two equally near, the lower. */
export function nearestOf(centres: Float64Array, value: number): number {
  const above = firstAbove(centres, value, 0);
  if (above === 0) return 0;
  if (above === centres.length) return above - 1;
  return value - centres[above - 1]! <= centres[above]! - value ? above - 1 : above;
}

function firstAbove(sorted: Float64Array, limit: number, from: number): number {
  let [low, high] = [from, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}
