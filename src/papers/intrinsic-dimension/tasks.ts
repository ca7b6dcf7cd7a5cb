import { permuteFeatures, segdigits, shuffleLabels } from "../../data/index.ts";
import type { Context } from "../../experiment/context.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Labelled } from "./train.ts";

export interface Task {
  readonly train: Labelled;
  readonly test: Labelled;
}

/** Computed when it is first asked for: a resumed run that has all results makes no data. */
export function lazily<T>(make: () => T): () => T {
  let value: T | undefined;
  return () => {
    value ??= make();
    return value;
  };
}

/** The key of a study: different studies draw from different keys. */
export function studyKey(context: Pick<Context, "key">, study: string, seed = 0): NDArray {
  const number = [...study].reduce((h, c) => (Math.imul(h, 31) + c.charCodeAt(0)) >>> 0, 7);
  return random.fold(random.fold(context.key, number), seed);
}

/** Seven-segment digits of 12 x 12 pixels. */
export function digits(key: NDArray, sizes: { readonly train: number; readonly test: number }): Task {
  const [forTrain, forTest] = random.split(key) as [NDArray, NDArray];
  const of = (k: NDArray, n: number): Labelled => {
    const { features, labels } = segdigits(k, n);
    return { x: features, y: labels };
  };
  return { train: of(forTrain, sizes.train), test: of(forTest, sizes.test) };
}

/** One fixed permutation of the pixels, in all images. */
export function permutedPixels(key: NDArray, { train, test }: Task): Task {
  return {
    train: { ...train, x: permuteFeatures(key, train.x) },
    test: { ...test, x: permuteFeatures(key, test.x) },
  };
}

/** The first examples, as training and test set alike: what is measured is memory. */
export function firstExamples({ x, y }: Labelled, n: number): Task {
  const size = x.size / x.shape[0]!;
  const part: Labelled = {
    x: new NDArray(x.data.slice(0, n * size), [n, ...x.shape.slice(1)], x.dtype),
    y: new NDArray(y.data.slice(0, n), [n], y.dtype),
  };
  return { train: part, test: part };
}

/** The same images with their labels dealt out anew. */
export function shuffledLabels(key: NDArray, { train }: Task): Task {
  const { labels } = shuffleLabels(key, { features: train.x, labels: train.y });
  const part = { x: train.x, y: labels };
  return { train: part, test: part };
}

/** Normal inputs with labels drawn uniformly from ten classes. */
export function noise(key: NDArray, n: number, inputs: number): Task {
  const [forX, forY] = random.split(key) as [NDArray, NDArray];
  const part = { x: random.normal(forX, [n, inputs]), y: random.integers(forY, [n], 0, 10) };
  return { train: part, test: part };
}
