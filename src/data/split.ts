import type { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import { sizeOf } from "../tensor/shape.ts";
import { countOf, type Dataset, take, takeRows } from "./dataset.ts";

/** The examples in random order. The same key gives the same order. */
export function shuffle(key: NDArray, dataset: Dataset): Dataset {
  return take(dataset, order(key, countOf(dataset)));
}

/**
 * Cuts a shuffled data set into parts that share no example. `sizes` are shares that add up to 1 or less, or numbers
 * of examples. With `stratify`, which takes shares and int64 labels, every part has each class in the same share.
 *
 * Throws where the parts take more examples than there are.
 */
export function split(
  key: NDArray,
  dataset: Dataset,
  sizes: readonly number[],
  o: { readonly stratify?: boolean } = {},
): Dataset[] {
  const n = countOf(dataset);
  const shuffled = order(key, n);
  if (o.stratify !== true) return cut(shuffled, sizes).map((part) => take(dataset, part));
  if (sum(sizes) > 1 + 1e-9 || dataset.labels.dtype !== "int64") {
    throw new RangeError("split: stratify takes shares of the whole (such as [0.8, 0.2]) and int64 labels");
  }
  const byClass = new Map<bigint, number[]>();
  for (const i of shuffled) {
    const label = dataset.labels.data[i] as bigint;
    byClass.set(label, [...(byClass.get(label) ?? []), i]);
  }
  const place = new Map(shuffled.map((i, at) => [i, at]));
  const parts = [...byClass.values()].map((indices) => cut(indices, sizes));
  return sizes.map((_, p) => {
    const part = parts.flatMap((cuts) => cuts[p]!).sort((i, j) => place.get(i)! - place.get(j)!);
    return take(dataset, part);
  });
}

/** `count` folds: each example is in the test part of one fold and the training part of all others. */
export function folds(key: NDArray, dataset: Dataset, count: number): { train: Dataset; test: Dataset }[] {
  const n = countOf(dataset);
  if (!Number.isInteger(count) || count < 2 || count > n) {
    throw new RangeError(`folds: ${count} folds of ${n} examples: take from 2 to ${n}`);
  }
  const shuffled = order(key, n);
  const bounds = Array.from({ length: count + 1 }, (_, i) => Math.round((i * n) / count));
  return Array.from({ length: count }, (_, i) => ({
    train: take(dataset, [...shuffled.slice(0, bounds[i]), ...shuffled.slice(bounds[i + 1])]),
    test: take(dataset, shuffled.slice(bounds[i], bounds[i + 1])),
  }));
}

/** The same examples with their labels dealt out anew: what is left to learn is only memory. */
export function shuffleLabels(key: NDArray, dataset: Dataset): Dataset {
  return { ...dataset, labels: takeRows(dataset.labels, order(key, countOf(dataset))) };
}

/** One random permutation of the numbers of an example, the same for every example: [n, ...]. */
export function permuteFeatures(key: NDArray, features: NDArray): NDArray {
  const [n, ...rest] = features.shape;
  const size = sizeOf(rest);
  const from = order(key, size);
  const out = features.copy();
  for (let i = 0; i < n!; i++) {
    for (let j = 0; j < size; j++) out.data[i * size + j] = features.data[i * size + from[j]!]!;
  }
  return out;
}

function order(key: NDArray, n: number): number[] {
  return Array.from(random.permutation(key, n).data, Number);
}

function cut(indices: readonly number[], sizes: readonly number[]): number[][] {
  const shares = sum(sizes) <= 1 + 1e-9;
  const n = indices.length;
  const counts = shares ? sizes.map((size) => size * n) : sizes;
  if (sizes.some((s) => !(s >= 0) || (!shares && !Number.isInteger(s))) || sum(counts) > n + 1e-6) {
    throw new RangeError(
      `split: parts of ${sizes.join(", ")} do not fit ${n} examples: give shares that add up to 1, or whole numbers that add up to ${n} or less`,
    );
  }
  let end = 0;
  return counts.map((count) => {
    const start = Math.round(end);
    end += count;
    return indices.slice(start, Math.round(end));
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
