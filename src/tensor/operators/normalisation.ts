/** Normalisation: over the features of an example, over groups of channels, over neighbouring channels. */
import { fail } from "../fail.ts";
import {
  type BackwardCall,
  type Call,
  defineOperators,
  floatAttribute,
  intAttribute,
  type TensorType,
} from "../node.ts";
import { broadcastShapes, normalAxis, type Shape, sameShape, showShape } from "../shape.ts";
import { applyAll, Tensor } from "../tensor.ts";
import { type AxisMap, mapAxis, mapAxisBack } from "./axis-map.ts";
import { checkPerChannel, epsilonOf, perChannel } from "./batch-normalisation.ts";
import { where } from "./elementwise.ts";
import { commonDtype, firstFloat, scalar, sumTo } from "./rules.ts";

/** Scale and bias follow the normalisation. Epsilon is added to the variance; default 1e-5. */
export interface NormOptions {
  readonly scale?: Tensor | undefined;
  readonly bias?: Tensor | undefined;
  readonly epsilon?: number;
}

/**
 * (x - mean) / sqrt(variance + epsilon) * scale + bias, with the mean and the variance of each slice over the axes from
 * `axis` (default the last) to the end. Scale and bias have the shape of such a slice, or broadcast to it.
 */
export function layerNorm(x: Tensor, options: NormOptions & { readonly axis?: number } = {}): Tensor {
  const axis = normalAxis(options.axis ?? -1, x.rank);
  const slice = x.shape.slice(axis);
  const scale = options.scale ?? Tensor.ones(slice, x.dtype);
  const attributes = { axis, epsilon: { float: options.epsilon ?? 1e-5 } };
  // Mean and deviation cost nothing more, and the gradient needs them.
  const inputs = [x, scale.expand(broadcastShapes(scale.shape, slice) ?? scale.shape), options.bias];
  return applyAll("LayerNormalization", inputs, attributes, 3)[0]!;
}

/** x / sqrt(mean(x^2) + epsilon) * scale, with the mean over the axes from `axis` (default the last) to the end. */
export function rmsNorm(
  x: Tensor,
  options: { readonly axis?: number; readonly scale?: Tensor; readonly epsilon?: number } = {},
): Tensor {
  const axes = axesFrom(x, normalAxis(options.axis ?? -1, x.rank));
  const power = x.mul(x).mean(axes, { keepDims: true });
  const unit = x.div(power.add(options.epsilon ?? 1e-5).sqrt());
  return options.scale === undefined ? unit : unit.mul(options.scale);
}

/**
 * Each group of channels of x [N, C, *sizes] normalised for each example, as `layerNorm` does a slice. Scale and bias have one
 * element for each channel.
 */
export function groupNorm(x: Tensor, groups: number, options: NormOptions = {}): Tensor {
  const channels = x.shape[1] ?? 0;
  if (x.rank < 2 || channels % groups !== 0) {
    fail("groupNorm", [x], `${channels} channels do not split into ${groups} equal groups`);
  }
  const parts = x.reshape([x.shape[0]!, groups, -1]);
  const unit = layerNorm(parts, { epsilon: options.epsilon ?? 1e-5 }).reshape(x.shape);
  return onChannels("groupNorm", unit, options);
}

/** Each channel of x [N, C, *sizes] normalised for each example. Scale and bias have one element for each channel. */
export function instanceNorm(x: Tensor, options: NormOptions = {}): Tensor {
  return groupNorm(x, x.shape[1] ?? 1, options);
}

const axesFrom = (x: Tensor, axis: number) => x.shape.flatMap((_, i) => (i < axis ? [] : [i]));

function onChannels(who: string, unit: Tensor, { scale, bias }: NormOptions): Tensor {
  checkPerChannel(who, unit, { scale, bias });
  const scaled = scale === undefined ? unit : unit.mul(perChannel(scale, unit));
  return bias === undefined ? scaled : scaled.add(perChannel(bias, unit));
}

function layerNormType(call: Call): TensorType[] {
  const [x, scale, bias] = call.x;
  const { shape, dtype } = firstFloat(call);
  const axis = normalAxis(intAttribute(call.attributes, "axis", -1), shape.length);
  const slice = shape.slice(axis);
  for (const t of [scale!, bias]) {
    if (t === undefined || sameShape(broadcastShapes(t.shape, slice) ?? [], slice)) continue;
    throw new RangeError(
      `scale and bias must broadcast to ${showShape(slice)}: the shape from axis ${axis} on`,
    );
  }
  commonDtype([x!, scale!]);
  const reduced: Shape = shape.map((d, i) => (i < axis ? d : 1));
  return [
    { shape, dtype },
    { shape: reduced, dtype },
    { shape: reduced, dtype },
  ].slice(0, call.outputs);
}

/** The outputs are y, the mean, and the inverse of the deviation; the loss may depend on each. */
function layerNormGradient(call: BackwardCall): (Tensor | undefined)[] {
  const [x, scale, bias] = call.x;
  const axis = normalAxis(intAttribute(call.attributes, "axis", -1), x!.rank);
  const axes = axesFrom(x!, axis);
  const n = axes.reduce((product, a) => product * x!.shape[a]!, 1);
  const outputs = call.ys.length === 3 ? call.ys : applyAll("LayerNormalization", call.x, call.attributes, 3);
  const [, mean, inverse] = outputs;
  const unit = x!.sub(mean!).mul(inverse!);
  const [dy, dMean, dInverse] = call.dys;
  const along = dy?.mul(unit);
  const average = (t: Tensor) => t.mean(axes, { keepDims: true });
  const through = (g: Tensor) =>
    g
      .sub(average(g))
      .sub(unit.mul(average(g.mul(unit))))
      .mul(inverse!);
  const terms = [
    dy && through(dy.mul(scale!)),
    dMean?.div(n).expand(x!.shape),
    dInverse && unit.mul(dInverse.mul(inverse!).mul(inverse!).div(-n)),
  ].filter((t) => t !== undefined);
  const dx = terms.reduce((a, b) => a.add(b));
  return [dx, along && sumTo(along, scale!.shape), dy && bias && sumTo(dy, bias.shape)];
}

/** The sum over `size` neighbours along the channels. */
export function neighbours(x: Tensor, attributes: Call["attributes"]): AxisMap {
  const size = intAttribute(attributes, "size", 1);
  const channels = x.shape[1]!;
  const taps = Array.from({ length: channels }, (_, c) => {
    const first = Math.max(0, c - Math.floor((size - 1) / 2));
    const last = Math.min(channels - 1, c + Math.ceil((size - 1) / 2));
    return Array.from({ length: last - first + 1 }, (_, i) => ({ from: first + i, weight: 1 }));
  });
  return { inputs: channels, taps };
}

/** bias + alpha / size * (sum of squares over neighbours): what LRN divides by, to the power beta. */
export function localPower(
  x: Tensor,
  attributes: Call["attributes"],
): { power: Tensor; rate: number; beta: number } {
  const rate = floatAttribute(attributes, "alpha", 1e-4) / intAttribute(attributes, "size", 1);
  const sums = mapAxis(x.mul(x), 1, neighbours(x, attributes));
  const power = sums.mul(rate).add(floatAttribute(attributes, "bias", 1));
  return { power, rate, beta: floatAttribute(attributes, "beta", 0.75) };
}

function localGradient({ x: [x], attributes, y, dy }: BackwardCall): Tensor {
  const { power, rate, beta } = localPower(x!, attributes);
  const shares = mapAxisBack(dy.mul(y).div(power), 1, neighbours(x!, attributes));
  return dy.mul(power.pow(-beta)).sub(x!.mul(shares).mul(2 * rate * beta));
}

function unitNormGradient({ x: [x], attributes, y, dy }: BackwardCall): Tensor {
  const axis = normalAxis(intAttribute(attributes, "axis", -1), x!.rank);
  const euclidean = intAttribute(attributes, "p", 2) === 2;
  const norm = (euclidean ? x!.mul(x!) : x!.abs()).sum(axis, { keepDims: true });
  const length = euclidean ? norm.sqrt() : norm;
  const along = dy.mul(y).sum(axis, { keepDims: true });
  const slope = dy.sub((euclidean ? y : x!.sign()).mul(along));
  // A slice of zeros stays one.
  const zero = norm.equal(0);
  return where(zero, scalar(0, dy), slope.div(where(zero, scalar(1, dy), length)));
}

defineOperators({
  LayerNormalization: { type: layerNormType, gradient: layerNormGradient },
  LRN: { type: firstFloat, gradient: (call) => [localGradient(call)] },
  LpNormalization: { type: firstFloat, gradient: (call) => [unitNormGradient(call)] },

  // Never nodes: they simplify to others, which have a gradient and run faster.
  GroupNormalization: {
    type: firstFloat,
    simplify: (call) => {
      const [x, scale, bias] = call.x;
      return groupNorm(x!, intAttribute(call.attributes, "num_groups", 1), {
        scale,
        bias,
        epsilon: epsilonOf(call),
      });
    },
  },
  InstanceNormalization: {
    type: firstFloat,
    simplify: (call) => {
      const [x, scale, bias] = call.x;
      return instanceNorm(x!, { scale, bias, epsilon: epsilonOf(call) });
    },
  },
  RMSNormalization: {
    type: firstFloat,
    simplify: (call) => {
      const [x, scale] = call.x;
      const axis = intAttribute(call.attributes, "axis", -1);
      return rmsNorm(x!, { axis, scale: scale!, epsilon: epsilonOf(call) });
    },
  },
});
