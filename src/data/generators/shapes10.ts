import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Dataset } from "../dataset.ts";
import { type Draws, eachExample } from "./draws.ts";

const { abs, cos, hypot, max, min, PI, sin, SQRT2 } = Math;

/**
 * The classes, with a value that is positive inside the shape, at most 1 or so, in coordinates where it fills -1 to
 * 1.
 */
const shapes: Record<string, (x: number, z: number) => number> = {
  disc: (x, z) => 0.9 - hypot(x, z),
  ring: (x, z) => 0.2 - abs(hypot(x, z) - 0.7),
  square: (x, z) => 0.8 - max(abs(x), abs(z)),
  frame: (x, z) => 0.18 - abs(max(abs(x), abs(z)) - 0.65),
  triangle: (x, z) => min(0.6 - z, 0.5 * (z + 0.9) - 0.866 * abs(x)),
  plus: (x, z) => bars(abs(x), abs(z)),
  cross: (x, z) => bars(abs(x + z) / SQRT2, abs(x - z) / SQRT2),
  "horizontal bars": (x, z) => min(0.9 - max(abs(x), abs(z)), 0.2 * cos(2.5 * PI * z)),
  "vertical bars": (x, z) => min(0.9 - max(abs(x), abs(z)), 0.2 * cos(2.5 * PI * x)),
  checker: (x, z) => min(0.9 - max(abs(x), abs(z)), 0.25 * sin((PI * x) / 0.6) * sin((PI * z) / 0.6)),
};

function bars(p: number, q: number): number {
  return min(0.9 - max(p, q), 0.22 - min(p, q));
}

const classes = Object.keys(shapes);
const values = Object.values(shapes);

/**
 * Ten shapes in random colours, places, sizes and angles, with Gaussian pixel noise; the label of example i is i mod
 * 10. Features: float32 [n, 3, size, size], (image - 0.5) / 0.25 of colours from 0 to 1; labels: int64 [n]. Default
 * size 16, noise 0.12 of a colour. Example i depends on the key and i alone.
 */
export function shapes10(
  key: NDArray,
  n: number,
  { size = 16, noise = 0.12 }: { readonly size?: number; readonly noise?: number } = {},
): Dataset {
  const plane = size * size;
  const { data, labels } = eachExample(key, n, 3 * plane, ({ draws, noise: noiseKey, out, at, index }) => {
    const [cx, cy] = [draws.uniform(-0.2, 0.2), draws.uniform(-0.2, 0.2)];
    const r = draws.uniform(0.55, 0.85);
    const angle = draws.uniform(-0.3, 0.3);
    const [front, back] = colours(draws);
    const [c, s] = [cos(angle), sin(angle)];
    const pixelNoise = random.normal(noiseKey, [3 * plane]).data as Float32Array;
    for (let k = 0; k < plane; k++) {
      const u = (2 * ((k % size) + 0.5)) / size - 1 - cx;
      const v = (2 * (Math.floor(k / size) + 0.5)) / size - 1 - cy;
      const inside = values[index % 10]!((c * u + s * v) / r, (-s * u + c * v) / r);
      const mask = 1 / (1 + Math.exp(-inside / 0.06));
      for (let channel = 0; channel < 3; channel++) {
        const [fg, bg] = [front[channel]!, back[channel]!];
        const i = channel * plane + k;
        out[at + i] = (bg + mask * (fg - bg) + noise * pixelNoise[i]! - 0.5) / 0.25;
      }
    }
    return index % 10;
  });
  return { features: new NDArray(data, [n, 3, size, size]), labels, classes };
}

/** Two colours that differ by 0.25 or more on average over the channels. */
function colours(draws: Draws): [number[], number[]] {
  for (;;) {
    const front = [draws.uniform(), draws.uniform(), draws.uniform()];
    const back = [draws.uniform(), draws.uniform(), draws.uniform()];
    if (front.reduce((sum, f, i) => sum + abs(f - back[i]!), 0) / 3 >= 0.25) return [front, back];
  }
}
