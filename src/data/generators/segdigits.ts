import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Dataset } from "../dataset.ts";
import { type Draws, eachExample } from "./draws.ts";

type Point = readonly [x: number, y: number];

/** Ends of the segments a to g, y downwards. */
const segments: Record<string, readonly [Point, Point]> = {
  a: [
    [-0.45, -0.8],
    [0.45, -0.8],
  ],
  b: [
    [0.45, -0.8],
    [0.45, 0],
  ],
  c: [
    [0.45, 0],
    [0.45, 0.8],
  ],
  d: [
    [-0.45, 0.8],
    [0.45, 0.8],
  ],
  e: [
    [-0.45, 0],
    [-0.45, 0.8],
  ],
  f: [
    [-0.45, -0.8],
    [-0.45, 0],
  ],
  g: [
    [-0.45, 0],
    [0.45, 0],
  ],
};

const lit = ["abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg"];

/**
 * Seven-segment digits, turned, stretched, sheared, shifted and drawn with strokes of different width, with Gaussian
 * pixel noise. Features: float32 [n, size * size], row-major, about 0 to 1 before the noise; labels: int64 [n],
 * uniform in 0 to 9. Default size 12, noise 0.1. Example i depends on the key and i alone.
 */
export function segdigits(
  key: NDArray,
  n: number,
  { size = 12, noise = 0.1 }: { readonly size?: number; readonly noise?: number } = {},
): Dataset {
  const { data, labels } = eachExample(key, n, size * size, ({ draws, noise: noiseKey, out, at }) => {
    const digit = draws.integer(10);
    const place = placement(draws);
    const width = draws.uniform(0.14, 0.22);
    const strokes = [...lit[digit]!].map((name) => segments[name]!.map(place) as [Point, Point]);
    const pixelNoise = random.normal(noiseKey, [size * size]).data as Float32Array;
    for (let k = 0; k < size * size; k++) {
      const pixel: Point = [
        (2 * ((k % size) + 0.5)) / size - 1,
        (2 * (Math.floor(k / size) + 0.5)) / size - 1,
      ];
      const squared = Math.min(...strokes.map((stroke) => squaredDistance(pixel, stroke)));
      out[at + k] = Math.exp(-squared / width ** 2) + noise * pixelNoise[k]!;
    }
    return digit;
  });
  return { features: new NDArray(data, [n, size * size]), labels };
}

/** p -> R(angle) [[1, shear], [0, 1]] diag(sx, sy) p + shift. */
function placement(draws: Draws): (p: Point) => Point {
  const angle = draws.uniform(-0.12, 0.12);
  const [sx, sy] = [draws.uniform(0.85, 1.1), draws.uniform(0.85, 1)];
  const shear = draws.uniform(-0.12, 0.12);
  const [right, down] = [draws.uniform(-0.1, 0.1), draws.uniform(-0.1, 0.1)];
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  return ([px, py]) => {
    const [x, y] = [sx * px + shear * sy * py, sy * py];
    return [c * x - s * y + right, s * x + c * y + down];
  };
}

function squaredDistance([x, y]: Point, [[x0, y0], [x1, y1]]: readonly [Point, Point]): number {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const t = Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy)));
  return (x - x0 - t * dx) ** 2 + (y - y0 - t * dy) ** 2;
}
