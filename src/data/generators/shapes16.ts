import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Dataset } from "../dataset.ts";
import { type Draws, eachExample } from "./draws.ts";

const { abs, cos, hypot, max, min, sin, SQRT2 } = Math;
const size = 16;
const stroke = 0.13;

/** The classes, with the signed distance of (a, b) to the shape of radius r: negative inside. */
const shapes: Record<string, (a: number, b: number, r: number) => number> = {
  disc: (a, b, r) => hypot(a, b) - r,
  ring: (a, b, r) => abs(hypot(a, b) - r + stroke) - stroke,
  square: (a, b, r) => box(a, b, 0.85 * r, 0.85 * r),
  "square outline": (a, b, r) => abs(box(a, b, 0.85 * r - stroke, 0.85 * r - stroke)) - stroke,
  triangle: (a, b, r) => max(b - 0.6 * r, (-b + 1.732 * a) / 2 - 0.6 * r, (-b - 1.732 * a) / 2 - 0.6 * r),
  plus: (a, b, r) => plus(a, b, r),
  cross: (a, b, r) => plus((a + b) / SQRT2, (a - b) / SQRT2, r),
  "two bars": (a, b, r) => min(box(a, b - 0.5 * r, r, stroke), box(a, b + 0.5 * r, r, stroke)),
};

function box(a: number, b: number, halfWidth: number, halfHeight: number): number {
  return max(abs(a) - halfWidth, abs(b) - halfHeight);
}

function plus(a: number, b: number, r: number): number {
  return min(box(a, b, r, stroke), box(a, b, stroke, r));
}

export const shapes16Classes = Object.keys(shapes);
const distances = Object.values(shapes);

export type Shapes16Style = "clean" | "soft" | "dots" | "grating" | "hard";

/** What a style does to an image, before values are clipped to -1 and 1. */
const styles: Record<Shapes16Style, (image: Float64Array, draws: Draws, noise: NDArray) => Float64Array> = {
  clean: (image) => image,
  soft: blur,
  dots: (image) => image.map((x, k) => (((row(k) >> 1) + (column(k) >> 1)) % 2 === 0 ? x : 0.46 * x)),
  grating: (image) => image.map((x, k) => 0.85 * x + 0.3 * cos((2 * Math.PI * (column(k) + 0.5)) / 4)),
  hard: (image, draws, noise) => {
    const sign = draws.uniform() < 0.5 ? -1 : 1;
    const pixelNoise = random.normal(noise, [size * size]).data;
    return image.map((x, k) => sign * x + 0.15 * (pixelNoise[k] as number));
  },
};

const mixed: readonly Shapes16Style[] = ["clean", "soft", "dots"];

/**
 * Eight shapes on a background that gets lighter to one side, in one of five styles, or "mix": a third each of clean,
 * soft and dots, in turn. Features: float32 [n, 1, 16, 16] from -1 to 1; labels: int64 [n], uniform in `classes`
 * (default all, 0 to 7). Example i depends on the key, its style, `classes` and i alone; the shapes are the same in
 * every style.
 */
export function shapes16(
  key: NDArray,
  n: number,
  o: { readonly style?: Shapes16Style | "mix"; readonly classes?: readonly number[] } = {},
): Dataset {
  const { style = "clean", classes = distances.map((_, i) => i) } = o;
  if (style !== "mix" && !Object.hasOwn(styles, style)) {
    throw new RangeError(
      `shapes16: there is no style "${style}": there is ${Object.keys(styles).join(", ")}, mix`,
    );
  }
  const unknown = classes.find((c) => distances[c] === undefined);
  if (unknown !== undefined || classes.length === 0)
    throw new RangeError(
      `shapes16: classes [${classes.join(", ")}]: name one or more of 0 to ${distances.length - 1}`,
    );
  const { data, labels } = eachExample(key, n, size * size, ({ draws, noise, out, at, index }) => {
    const label = classes[draws.integer(classes.length)]!;
    const image = draw(distances[label]!, draws);
    const own = style === "mix" ? mixed[index % mixed.length]! : style;
    out.set(
      styles[own](image, draws, noise).map((x) => min(1, max(-1, x))),
      at,
    );
    return label;
  });
  return { features: new NDArray(data, [n, 1, size, size]), labels, classes: shapes16Classes };
}

function draw(distance: (a: number, b: number, r: number) => number, draws: Draws): Float64Array {
  const [cx, cy] = [draws.uniform(-0.3, 0.3), draws.uniform(-0.3, 0.3)];
  const r = draws.uniform(0.42, 0.62);
  const angle = draws.uniform(-0.35, 0.35);
  const ink = draws.uniform(0.6, 1);
  const ground = draws.uniform(-1, -0.5);
  const [gx, gy] = [draws.uniform(-0.25, 0.25), draws.uniform(-0.25, 0.25)];
  const [c, s] = [cos(angle), sin(angle)];
  return Float64Array.from({ length: size * size }, (_, k) => {
    const [x, y] = [centre(column(k)), centre(row(k))];
    const a = c * (x - cx) + s * (y - cy);
    const b = -s * (x - cx) + c * (y - cy);
    const cover = min(1, max(0, 0.5 - distance(a, b, r) * 8));
    return (ground + gx * x + gy * y) * (1 - cover) + ink * cover;
  });
}

/** [1 2 1] x [1 2 1] / 16, the border repeated. */
function blur(image: Float64Array): Float64Array {
  const inside = (i: number): number => min(size - 1, max(0, i));
  return image.map((_, k) => {
    let sum = 0;
    for (const [i, a] of [1, 2, 1].entries()) {
      for (const [j, b] of [1, 2, 1].entries()) {
        sum += a * b * image[inside(row(k) + i - 1) * size + inside(column(k) + j - 1)]!;
      }
    }
    return sum / 16;
  });
}

function row(k: number): number {
  return Math.floor(k / size);
}

function column(k: number): number {
  return k % size;
}

function centre(k: number): number {
  return (2 * (k + 0.5)) / size - 1;
}
