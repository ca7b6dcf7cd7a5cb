import { NDArray } from "../../tensor/ndarray.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { straightThrough } from "../../tensor/transforms.ts";
import { mapTrainable } from "../frozen.ts";
import type { Parametrization } from "../parametrization.ts";
import { chosen, type Only, outputAxis } from "./only.ts";

export interface QuantiseOptions {
  /** From 2 to 16; from 1 where symmetric is false. */
  readonly bits: number;
  /** True: 2^bits - 1 levels around 0. False: 2^bits levels from the smallest to the largest weight, 0 among them. Default true. */
  readonly symmetric?: boolean | undefined;
  /** One scale for an array, or one for each output (column of a dense kernel, first axis of others). Default "tensor". */
  readonly per?: "tensor" | "channel" | undefined;
  /** Train the scales with the weights; symmetric only. Default false: they follow the largest weight. */
  readonly learnScale?: boolean | undefined;
  /** Default: all weights with two axes or more. */
  readonly only?: Only | undefined;
}

export interface Quantised<P> {
  readonly weights: P;
  /** Learned step sizes by the path of their weight; none unless `learnScale`. */
  readonly scale: Readonly<Record<string, NDArray>>;
}

/** Steps are kept above it, so that an array of zeros stays zeros. */
const TINY = 1e-30;

/**
 * Weights rounded to few levels while they are trained: round(w / s) s, with the gradient of w, as if nothing were rounded (Bengio et al.,
 * 2013; Jacob et al., CVPR 2018). With `learnScale` the steps s are trained too, and weights beyond the last level get no gradient (LSQ:
 * Esser et al., ICLR 2020, without its gradient scale).
 *
 * ```ts
 * const fourBit = nn.reparametrize(model, nn.parametrize.fakeQuantise({ bits: 4, per: "channel" }));
 * ```
 */
export function fakeQuantise<P>(options: QuantiseOptions): Parametrization<Quantised<P>, P> {
  const { bits, symmetric = true, per = "tensor", learnScale = false, only } = options;
  check(bits, symmetric, learnScale);
  const levels = symmetric ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
  const axes = (rank: number) =>
    Array.from({ length: rank }, (_, i) => i).filter((i) => per === "tensor" || i !== outputAxis(rank));
  return {
    init: (_key, params) => {
      const weights = Object.entries(chosen<NDArray>("fakeQuantise", params, only));
      const scales = weights.map(([path, w]) => [path, firstScale(w, per === "channel", levels)] as const);
      return { weights: params, scale: Object.fromEntries(learnScale ? scales : []) };
    },
    weights: ({ weights, scale }) => {
      const scales = scale as Readonly<Record<string, Tensor>>;
      const paths = chosen<Tensor>("fakeQuantise", weights, only);
      return mapTrainable((w, path) => {
        if (!Object.hasOwn(paths, path)) return w;
        if (learnScale) return learned(w, scales[path]!, levels);
        return straightThrough((symmetric ? aroundZero : overRange)(w, levels, axes(w.rank)), w);
      }, weights);
    },
  };
}

function aroundZero(w: Tensor, levels: number, axes: readonly number[]): Tensor {
  const step = w.abs().max(axes, { keepDims: true }).div(levels).maximum(TINY);
  return w.div(step).round().mul(step);
}

function overRange(w: Tensor, levels: number, axes: readonly number[]): Tensor {
  const low = w.min(axes, { keepDims: true }).minimum(0);
  const high = w.max(axes, { keepDims: true }).maximum(0);
  const step = high.sub(low).div(levels).maximum(TINY);
  const zero = low.div(step).neg().round();
  return w.div(step).round().add(zero).clip(0, levels).sub(zero).mul(step);
}

function learned(w: Tensor, scale: Tensor, levels: number): Tensor {
  const step = scale.abs().maximum(TINY);
  const x = w.div(step).clip(-levels, levels);
  return straightThrough(x.round(), x).mul(step);
}

/** The step at which the largest weight is the last level, of shape [] or 1 in all axes but that of the outputs. */
function firstScale({ data, shape, dtype }: NDArray, channels: boolean, levels: number): NDArray {
  const axis = outputAxis(shape.length);
  const kept = channels ? shape.map((d, i) => (i === axis ? d : 1)) : [];
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const scale = NDArray.zeros(kept, dtype);
  data.forEach((v: number | bigint, i: number) => {
    const at = channels ? Math.floor(i / inner) % shape[axis]! : 0;
    scale.data[at] = Math.max(scale.data[at] as number, Math.abs(Number(v)) / levels);
  });
  return scale;
}

function check(bits: number, symmetric: boolean, learnScale: boolean): void {
  const least = symmetric ? 2 : 1;
  if (!Number.isInteger(bits) || bits < least || bits > 16)
    throw new RangeError(`fakeQuantise: bits is ${bits}: use a whole number from ${least} to 16`);
  if (learnScale && !symmetric)
    throw new RangeError("fakeQuantise: learnScale is for symmetric levels: leave symmetric out");
}
