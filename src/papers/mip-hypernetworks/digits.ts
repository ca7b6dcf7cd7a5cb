/** T1: digits turned by pi gamma. */
import { affine, rotation } from "../../data/affine.ts";
import { type Dataset, takeRows } from "../../data/dataset.ts";
import { segdigits } from "../../data/generators/segdigits.ts";
import { toFloat } from "../../data/images.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Config } from "./config.ts";

export interface Digits {
  /** float32 [n, 1, size, size]. */
  readonly images: NDArray;
  /** int64 [n]. */
  readonly labels: NDArray;
}

export interface DigitData {
  readonly train: Digits;
  readonly test: Digits;
  /** Pixels along a side. */
  readonly size: number;
}

/** The digits of a configuration: segdigits from two keys, or MNIST as it is. */
export async function digitsOf(
  { images, train, test }: Pick<Config, "images" | "train" | "test">,
  [forTrain, forTest]: readonly [NDArray, NDArray],
): Promise<DigitData> {
  if (images === "mnist") {
    const { openDataset } = await import("../../data/cache.node.ts");
    const mnist = await openDataset("mnist");
    return { train: firstOf(mnist.train, train), test: firstOf(mnist.test, test), size: 28 };
  }
  const square = ({ features, labels }: Dataset): Digits => ({
    images: features.reshape([features.shape[0]!, 1, 12, 12]),
    labels,
  });
  return { train: square(segdigits(forTrain, train)), test: square(segdigits(forTest, test)), size: 12 };
}

function firstOf({ features, labels }: Dataset, n: number): Digits {
  const rows = Array.from({ length: Math.min(n, features.shape[0]!) }, (_, i) => i);
  return { images: toFloat(takeRows(features, rows)), labels: takeRows(labels, rows) };
}

/** G gammas [G, 1], the images of each [G, rows, size * size] and their labels [G, rows]. */
export interface DigitBatch {
  readonly gamma: NDArray;
  readonly x: NDArray;
  readonly y: NDArray;
}

/** Batches of a training: each gamma uniform in [0, 1], or one of a list, with images of its own turned by pi gamma. */
export function turnedBatches(
  digits: Digits,
  o: { readonly gammas: number | readonly number[]; readonly rows: number },
): (step: number, key: NDArray) => DigitBatch {
  const [n, , size] = digits.images.shape as [number, number, number];
  const fixed = typeof o.gammas === "number" ? undefined : NDArray.from(o.gammas as number[]);
  const count = fixed?.size ?? (o.gammas as number);
  const drawn = NDArray.zeros([count * o.rows, 1, size, size]);
  const turned = NDArray.zeros(drawn.shape);
  return (_, key) => {
    const [forGamma, forRows] = random.split(key) as [NDArray, NDArray];
    const gamma = (fixed ?? random.uniform(forGamma, [count])).reshape([count, 1]);
    const rows = random.integers(forRows, [count * o.rows], 0, n).data;
    takeRows(digits.images, rows, drawn);
    const maps = Array.from(gamma.data as Float32Array, (g) => rotation(Math.PI * g));
    affine(
      drawn,
      Array.from({ length: count * o.rows }, (_, i) => maps[Math.floor(i / o.rows)]!),
      { out: turned },
    );
    return {
      gamma,
      x: turned.reshape([count, o.rows, size * size]),
      y: takeRows(digits.labels, rows).reshape([count, o.rows]),
    };
  };
}

/** Images [n, 1, size, size] turned by pi gamma, as [n, size * size]. */
export function turned(images: NDArray, gamma: number): NDArray {
  return affine(images, rotation(Math.PI * gamma)).reshape([images.shape[0]!, -1]);
}
