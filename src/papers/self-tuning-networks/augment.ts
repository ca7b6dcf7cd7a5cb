/**
 * Regularisers with a strength for each example: x has one row for each, the strength is [rows]. No derivative flows to the strength,
 * so a training loss cannot lower its own regularisation. Keys are traced ones; a key is used once.
 */
import { where } from "../../tensor/operators/elementwise.ts";
import { concat } from "../../tensor/operators/movement.ts";
import * as random from "../../tensor/random.ts";
import { type Shape, showShape } from "../../tensor/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { stopGradient } from "../../tensor/transforms.ts";

/** Each number of row b is 0 with probability rate[b], and 1 / (1 - rate[b]) times as large otherwise. */
export function rowDropout(x: Tensor, rate: Tensor, key: Tensor): Tensor {
  return drop("rowDropout", x, rate, x.shape, key);
}

/** Whole channels of images [rows, channels, ...] are dropped as `rowDropout` drops numbers. */
export function channelDropout(x: Tensor, rate: Tensor, key: Tensor): Tensor {
  const mask = x.shape.map((size, axis) => (axis < 2 ? size : 1));
  return drop("channelDropout", x, rate, mask, key);
}

function drop(who: string, x: Tensor, rate: Tensor, mask: Shape, key: Tensor): Tensor {
  const keep = strength(who, x, rate).neg().add(1);
  const kept = uniformLike(key, mask, x).less(keep);
  return where(kept, x.div(keep), 0);
}

/** Gaussian noise of standard deviation std[b] added to row b. */
export function inputNoise(x: Tensor, std: Tensor, key: Tensor): Tensor {
  return x.add(random.normal(key, x.shape, x.dtype as "float32").mul(strength("inputNoise", x, std)));
}

/** Row b times a random factor, uniform from 1 / (1 + s) to 1 + s with s = strength[b], as in the official code. */
export function inputScale(x: Tensor, amount: Tensor, key: Tensor): Tensor {
  const top = strength("inputScale", x, amount).add(1);
  const bottom = top.reciprocal();
  return x.mul(uniformLike(key, top.shape, x).mul(top.sub(bottom)).add(bottom));
}

/**
 * Up to `maxHoles` squares of zeros in images [rows, channels, height, width]: holes[b] of them, of length[b] pixels, centred anywhere and
 * cut off at the borders (DeVries and Taylor, 2017). Numbers of holes and lengths are whole.
 */
export function cutoutRows(
  x: Tensor,
  { holes, length, maxHoles }: { readonly holes: Tensor; readonly length: Tensor; readonly maxHoles: number },
  key: Tensor,
): Tensor {
  const [rows, , height, width] = x.shape as [number, number, number, number];
  const [count, size] = [strength("cutoutRows", x, holes), strength("cutoutRows", x, length)];
  const centres = uniformLike(key, [2, maxHoles, rows, 1, 1, 1], x);
  const inside = (axis: 0 | 1, hole: number): Tensor => {
    const pixels = axis === 0 ? height : width;
    const centre = centres
      .slice([axis, axis + 1], [hole, hole + 1])
      .reshape([rows, 1, 1, 1])
      .mul(pixels)
      .floor();
    const start = centre.sub(size.mul(0.5).floor());
    const place = Tensor.constant(
      Array.from({ length: pixels }, (_, i) => i),
      x.dtype,
    ).reshape(axis === 0 ? [1, 1, height, 1] : [1, 1, 1, width]);
    return place.greaterEqual(start).and(place.less(start.add(size)));
  };
  let cut: Tensor | undefined;
  for (let hole = 0; hole < maxHoles; hole++) {
    const own = inside(0, hole).and(inside(1, hole)).and(count.greater(hole));
    cut = cut?.or(own) ?? own;
  }
  return cut === undefined ? x : where(cut, 0, x);
}

/** Strengths [rows] of each jitter; what is left out does not change. */
export interface Jitter {
  readonly brightness?: Tensor | undefined;
  readonly contrast?: Tensor | undefined;
  readonly saturation?: Tensor | undefined;
  /** As a part of the colour circle, up to 0.5. */
  readonly hue?: Tensor | undefined;
}

/**
 * Colour jitter of images [rows, 3, height, width] with values from 0 to 1: factors uniform within the strength of 1 for brightness,
 * contrast (about the mean grey of the image) and saturation (about its grey), then a turn of the hue, about the grey axis of YIQ.
 * Not clipped to [0, 1]: the networks take any range.
 */
export function colourJitter(x: Tensor, jitter: Jitter, key: Tensor): Tensor {
  const keys = random.split(key, 4);
  const factor = (amount: Tensor, i: number): Tensor => {
    const s = strength("colourJitter", x, amount);
    return uniformLike(keys[i]!, s.shape, x).mul(2).sub(1).mul(s).add(1);
  };
  const blend = (image: Tensor, other: Tensor, f: Tensor) => image.sub(other).mul(f).add(other);
  let image = x;
  if (jitter.brightness) image = image.mul(factor(jitter.brightness, 0));
  if (jitter.contrast)
    image = blend(image, grey(image).mean([1, 2, 3], { keepDims: true }), factor(jitter.contrast, 1));
  if (jitter.saturation) image = blend(image, grey(image), factor(jitter.saturation, 2));
  return jitter.hue ? turnHue(image, factor(jitter.hue, 3).sub(1)) : image;
}

const RGB_TO_YIQ = [
  [0.299, 0.587, 0.114],
  [0.5959, -0.2746, -0.3213],
  [0.2115, -0.5227, 0.3112],
] as const;
const IQ_TO_RGB = [
  [0.956, 0.619],
  [-0.272, -0.647],
  [-1.106, 1.703],
] as const;

function grey(x: Tensor): Tensor {
  return combineChannels(x, RGB_TO_YIQ[0]);
}

/** Turns by `part` of the circle: what the two colour axes of YIQ change by, added to the image. */
function turnHue(x: Tensor, part: Tensor): Tensor {
  const [i, q] = [combineChannels(x, RGB_TO_YIQ[1]), combineChannels(x, RGB_TO_YIQ[2])];
  const angle = part.mul(2 * Math.PI);
  const [c, s] = [angle.cos().sub(1), angle.sin()];
  const [di, dq] = [i.mul(c).sub(q.mul(s)), i.mul(s).add(q.mul(c))];
  return x.add(
    concat(
      IQ_TO_RGB.map(([a, b]) => di.mul(a).add(dq.mul(b))),
      1,
    ),
  );
}

function combineChannels(x: Tensor, [r, g, b]: readonly [number, number, number]): Tensor {
  const channel = (i: number) => x.slice(undefined, [i, i + 1]);
  return channel(0).mul(r).add(channel(1).mul(g)).add(channel(2).mul(b));
}

function uniformLike(key: Tensor, shape: Shape, x: Tensor): Tensor {
  return random.uniform(key, shape, { dtype: x.dtype as "float32" });
}

/** [rows] as [rows, 1, ...], to multiply x by, without its derivative. */
function strength(who: string, x: Tensor, amount: Tensor): Tensor {
  if (amount.rank !== 1 || amount.shape[0] !== x.shape[0])
    throw new RangeError(
      `${who}: the strength is ${showShape(amount.shape)} for ${x.shape[0]} examples: give one number for each; a hyperparameter with perExample: false has one for all, expand it to [${x.shape[0]}]`,
    );
  const rows = stopGradient(amount);
  return rows.cast(x.dtype).reshape(x.shape.map((size, axis) => (axis === 0 ? size : 1)));
}
