/**
 * Random changes to batches of images [n, channels, height, width]. Each takes a key, so that the same key changes a
 * batch in the same way, and writes into `out` where it is given: a training loop allocates nothing.
 */
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import { showShape } from "../tensor/shape.ts";
import { checkBuffer } from "./dataset.ts";

interface Into {
  /** Of the batch's shape and dtype; not the batch itself. */
  readonly out?: NDArray;
}

/**
 * Shifts each image by up to `padding` pixels (default 4) in both directions, zeros coming in: a random crop of the
 * padded image.
 */
export function randomCrop(
  key: NDArray,
  batch: NDArray,
  o: Into & { readonly padding?: number } = {},
): NDArray {
  const { n, channels, height, width, out } = prepare("randomCrop", batch, o.out);
  const padding = o.padding ?? 4;
  const shifts = random.integers(key, [n, 2], -padding, padding + 1);
  for (let plane = 0; plane < n * channels; plane++) {
    const image = Math.floor(plane / channels);
    const down = Number(shifts.data[2 * image]);
    const right = Number(shifts.data[2 * image + 1]);
    for (let row = 0; row < height; row++) {
      const to = (plane * height + row) * width;
      const from = row + down;
      if (from < 0 || from >= height) fillRow(out, to, to + width, 0);
      else shiftRow(batch, (plane * height + from) * width, out, to, width, right);
    }
  }
  return out;
}

/** Mirrors each image left to right with probability 1/2. */
export function randomFlip(key: NDArray, batch: NDArray, o: Into = {}): NDArray {
  const { n, channels, height, width, out } = prepare("randomFlip", batch, o.out);
  const flip = random.bernoulli(key, 0.5, [n]);
  for (let row = 0; row < n * channels * height; row++) {
    const at = row * width;
    const mirrored = flip.data[Math.floor(row / (channels * height))] === 1;
    for (let x = 0; x < width; x++) out.data[at + x] = batch.data[at + (mirrored ? width - 1 - x : x)]!;
  }
  return out;
}

/**
 * Puts zeros in a square of `size` pixels with its centre anywhere in each image, cut off at the borders (DeVries and
 * Taylor, "Improved regularization of convolutional neural networks with cutout", 2017).
 */
export function cutout(key: NDArray, batch: NDArray, o: Into & { readonly size: number }): NDArray {
  const { n, channels, height, width, out } = prepare("cutout", batch, o.out);
  const centres = random.uniform(key, [n, 2]);
  (out.data as Float32Array).set(batch.data as Float32Array);
  for (let plane = 0; plane < n * channels; plane++) {
    const image = Math.floor(plane / channels);
    const [top, bottom] = span(Number(centres.data[2 * image]), height, o.size);
    const [left, right] = span(Number(centres.data[2 * image + 1]), width, o.size);
    for (let row = top; row < bottom; row++) {
      const at = (plane * height + row) * width;
      fillRow(out, at + left, at + right, 0);
    }
  }
  return out;
}

function span(u: number, length: number, size: number): [number, number] {
  const start = Math.floor(u * length) - Math.floor(size / 2);
  return [Math.max(0, start), Math.min(length, Math.max(0, start + size))];
}

function prepare(
  operation: string,
  batch: NDArray,
  given: NDArray | undefined,
): { n: number; channels: number; height: number; width: number; out: NDArray } {
  const [n, channels, height, width] = batch.shape;
  if (batch.shape.length !== 4) {
    throw new RangeError(
      `${operation}: ${showShape(batch.shape)} is no batch of images [n, channels, height, width]: reshape it`,
    );
  }
  const out = given ?? NDArray.zeros(batch.shape, batch.dtype);
  checkBuffer(operation, out, batch.shape, batch.dtype);
  if (out.data === batch.data)
    throw new RangeError(`${operation}: out is the batch itself: give another buffer`);
  return { n: n!, channels: channels!, height: height!, width: width!, out };
}

/** out[x] = batch[x + by], zeros where that is outside. */
function shiftRow(batch: NDArray, from: number, out: NDArray, to: number, width: number, by: number): void {
  for (let x = 0; x < width; x++) {
    out.data[to + x] = x + by >= 0 && x + by < width ? batch.data[from + x + by]! : 0;
  }
}

function fillRow(out: NDArray, from: number, to: number, value: number): void {
  (out.data as Float32Array).fill(value, from, to);
}
