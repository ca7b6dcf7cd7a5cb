import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import { showShape } from "../tensor/shape.ts";
import { checkBuffer } from "./dataset.ts";

/**
 * Where a pixel of the new image is looked up in the old one: x' = a x + b y + c, y' = d x + e y + f as [a, b, c, d,
 * e, f]. x runs right, y down, both from -1 to 1 across the image: pixel k of n has its centre at 2 (k + 0.5) / n -
 * 1.
 */
export type AffineMap = readonly [number, number, number, number, number, number];

/** The rotation matrix of an angle in radians, about the centre. */
export function rotation(angle: number): AffineMap {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  return [c, -s, 0, s, c, 0];
}

/**
 * Images [n, channels, height, width] (float32 or float64), each looked up through its map, or all through one:
 * bilinear, zeros outside. With `out`, written there.
 */
export function affine(
  batch: NDArray,
  maps: AffineMap | readonly AffineMap[],
  o: { readonly out?: NDArray } = {},
): NDArray {
  const [n, channels, height, width] = batch.shape;
  if (batch.shape.length !== 4 || (batch.dtype !== "float32" && batch.dtype !== "float64")) {
    throw new TypeError(
      `affine: ${batch.dtype}${showShape(batch.shape)} is no float batch of images [n, channels, height, width]: reshape or cast it`,
    );
  }
  const list = isList(maps) ? maps : new Array<AffineMap>(n!).fill(maps);
  if (list.length !== n)
    throw new RangeError(`affine: ${list.length} maps for ${n} images: give one for each, or one for all`);
  const out = o.out ?? NDArray.zeros(batch.shape, batch.dtype);
  checkBuffer("affine", out, batch.shape, batch.dtype);
  if (out.data === batch.data) throw new RangeError("affine: out is the batch itself: give another buffer");
  const size = { channels: channels!, height: height!, width: width! };
  list.forEach((map, i) => lookUp(batch.data as Float32Array, out.data as Float32Array, i, map, size));
  return out;
}

/** What `randomAffine` draws from, uniformly; whatever is left out does not change. */
export interface AffineRange {
  /** Radians to either side. */
  readonly rotate?: number;
  /** From and to; above 1 makes the content larger. */
  readonly scale?: readonly [number, number];
  /** To either side. */
  readonly shear?: number;
  /** To either side, in x and in y; 1 is half the image. */
  readonly shift?: number;
}

/**
 * Turns, scales, shears and shifts the content of each image at random: p -> R S diag(scale) p + shift. Otherwise as
 * `affine`.
 */
export function randomAffine(
  key: NDArray,
  batch: NDArray,
  o: AffineRange & { readonly out?: NDArray },
): NDArray {
  const n = batch.shape[0] ?? 0;
  const u = random.uniform(key, [n, 5], { low: -1, high: 1 });
  const [low, high] = o.scale ?? [1, 1];
  const maps = Array.from({ length: n }, (_, i) => {
    const [turn, size, slant, right, down] = Array.from(u.data.subarray(5 * i, 5 * i + 5), Number) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const shift = o.shift ?? 0;
    const scale = low + ((high - low) * (size + 1)) / 2;
    return inverse((o.rotate ?? 0) * turn, scale, (o.shear ?? 0) * slant, shift * right, shift * down);
  });
  return affine(batch, maps, o);
}

/** The map that undoes p -> R(angle) [[1, shear], [0, 1]] scale p + (right, down). */
function inverse(angle: number, scale: number, shear: number, right: number, down: number): AffineMap {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const [a, b, d, e] = [(c + shear * s) / scale, (s - shear * c) / scale, -s / scale, c / scale];
  return [a, b, -(a * right + b * down), d, e, -(d * right + e * down)];
}

function isList(maps: AffineMap | readonly AffineMap[]): maps is readonly AffineMap[] {
  return typeof maps[0] !== "number";
}

function lookUp(
  from: Float32Array,
  to: Float32Array,
  image: number,
  [a, b, c, d, e, f]: AffineMap,
  { channels, height, width }: { channels: number; height: number; width: number },
): void {
  const plane = height * width;
  for (let row = 0, at = 0; row < height; row++) {
    const y = (2 * (row + 0.5)) / height - 1;
    for (let column = 0; column < width; column++, at++) {
      const x = (2 * (column + 0.5)) / width - 1;
      const u = ((a * x + b * y + c + 1) * width) / 2 - 0.5;
      const v = ((d * x + e * y + f + 1) * height) / 2 - 0.5;
      const [left, top] = [Math.floor(u), Math.floor(v)];
      const [right, down] = [u - left, v - top];
      for (let channel = 0; channel < channels; channel++) {
        const base = (image * channels + channel) * plane;
        const pixel = (r: number, k: number): number =>
          r >= 0 && r < height && k >= 0 && k < width ? from[base + r * width + k]! : 0;
        to[base + at] =
          (1 - down) * ((1 - right) * pixel(top, left) + right * pixel(top, left + 1)) +
          down * ((1 - right) * pixel(top + 1, left) + right * pixel(top + 1, left + 1));
      }
    }
  }
}
