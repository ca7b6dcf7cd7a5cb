import { NDArray } from "../../tensor/ndarray.ts";
import { concat } from "../../tensor/operators/movement.ts";
import { averagePool } from "../../tensor/operators/pooling.ts";
import { depthToSpace, resize } from "../../tensor/operators/resize.ts";
import { showShape } from "../../tensor/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import { activations } from "../activations.ts";
import { attention } from "../attention.ts";
import { checkSizes, checkSplits } from "../checks.ts";
import { combine, type ParamsOf, type Running } from "../combine.ts";
import { conv } from "../convolution.ts";
import { dense } from "../dense.ts";
import { embedding } from "../embedding.ts";
import { type FloatType, normal, uniform, zeros } from "../initialisers.ts";
import type { Context, Model } from "../model.ts";
import { groupNorm } from "../normalisation.ts";

export interface UnetOptions {
  /** At full size; twice as many at half. A multiple of 8. Default 32. */
  readonly channels?: number | undefined;
  /** Of the embedding of time and label. Default 64. */
  readonly embed?: number | undefined;
  /** Labels 0 ... classes - 1, and `classes` for none. Default 0: without labels. */
  readonly classes?: number | undefined;
  /** Channels of the images. Default 1. */
  readonly inputs?: number | undefined;
  /** Default float32. */
  readonly dtype?: FloatType | undefined;
}

/** Images [N, inputs, height, width], sizes multiples of 4; the time of each, int64 or float [N]; its label, int64 [N]. */
export interface UnetInput {
  readonly x: Tensor;
  readonly t: Tensor;
  readonly label?: Tensor | undefined;
}

/** The maps of each stage, and the embedding of the time alone [N, embed]. */
export type UnetFeatures = Readonly<
  Record<"time" | "in0" | "d0" | "d1" | "mid" | "u1" | "up" | "u0" | "out", Tensor>
>;

const silu = activations.silu;

/**
 * A small U-Net that knows the time, for diffusion: the noise in x, of its shape. Blocks of 2x2 pixels become channels; one stage at
 * that size and one at half of it; residual blocks of GroupNorm (8 groups), SiLU and 3x3 convolutions, to which the embedding of time and
 * label is added; attention of 4 heads at half size and before the end. Ends of residual branches and the last convolution are 0
 * at first. The kernels of attention may have an axis [N, in, out], for other weights for each example.
 *
 * ```ts
 * const model = nn.unet({ channels: 32, classes: 8 });
 * const noise = model.apply(params, { x, t, label });
 * const { mid } = model.features(params, { x, t, label });
 * ```
 */
export function unet(options: UnetOptions = {}) {
  const { channels = 32, embed = 64, inputs = 1, classes = 0, dtype } = options;
  checkSizes("unet", { channels, embed, inputs });
  checkSplits("unet", "channels", channels, 8, "groups");
  checkSplits("unet", "embed", embed, 2, "halves");
  const parts = partsOf(channels, embed, inputs, classes, dtype);
  type Params = ParamsOf<typeof parts>;
  const features = (params: Traced<Params>, input: UnetInput, context?: Context): UnetFeatures => {
    let maps: UnetFeatures | undefined;
    const walked = combine(parts, (run, given: UnetInput) => {
      maps = walk(run, given, embed);
      return maps.out;
    });
    walked.apply(params, input, context);
    return maps!;
  };
  return {
    init: (key: NDArray): Params => combine(parts, (_, { x }: UnetInput) => x).init(key),
    apply: (params: Traced<Params>, input: UnetInput, context?: Context) =>
      depthToSpace(features(params, input, context).out, 2, "CRD"),
    features,
  } satisfies Model<Params, UnetInput> & { features: unknown };
}

type UnetParts = ReturnType<typeof partsOf>;

function partsOf(c: number, embed: number, inputs: number, classes: number, dtype: FloatType | undefined) {
  const narrow = { inputs: c, outputs: c, embed, dtype };
  const wide = { inputs: 2 * c, outputs: 2 * c, embed, dtype };
  return {
    time1: linear(embed, embed, dtype),
    time2: linear(embed, embed, dtype),
    label:
      classes > 0 ? embedding({ count: classes + 1, size: embed, tableInit: normal(1), dtype }) : undefined,
    in0: conv3(4 * inputs, c, dtype),
    d0: resBlock(narrow),
    d1: { block: resBlock({ ...wide, inputs: c }), attention: attentionBlock(2 * c, dtype) },
    mid: { block1: resBlock(wide), attention: attentionBlock(2 * c, dtype), block2: resBlock(wide) },
    u1: { block: resBlock({ ...wide, inputs: 4 * c }), attention: attentionBlock(2 * c, dtype) },
    up: conv3(2 * c, c, dtype),
    u0: { block: resBlock({ ...narrow, inputs: 2 * c }), attention: attentionBlock(c, dtype) },
    norm: groupNorm({ size: c, groups: 8, dtype }),
    out: conv({
      inputs: c,
      outputs: 4 * inputs,
      kernel: 3,
      padding: 1,
      kernelInit: zeros,
      dtype,
    }),
  };
}

function walk(run: Running<UnetParts>, { x, t, label }: UnetInput, embed: number): UnetFeatures {
  const time = run.time2(silu(run.time1(waves(t, embed, x.dtype as FloatType))));
  if ((run.label === undefined) !== (label === undefined))
    throw new RangeError(
      `unet: it has ${run.label === undefined ? "no classes and is given a label: leave it out" : "classes and is given no label: use the number of classes for none"}`,
    );
  const e = silu(label === undefined ? time : time.add(run.label!(label)));
  const in0 = run.in0(unshuffled(x));
  const d0 = run.d0({ x: in0, e });
  const half = averagePool(d0, 2);
  const d1 = run.d1.attention(run.d1.block({ x: half, e }));
  const mid = run.mid.block2({ x: run.mid.attention(run.mid.block1({ x: d1, e })), e });
  const u1 = run.u1.attention(run.u1.block({ x: concat([mid, d1], 1), e }));
  const up = run.up(resize(u1, { scales: [2, 2] }));
  const u0 = run.u0.attention(run.u0.block({ x: concat([up, d0], 1), e }));
  const out = run.out(silu(run.norm(u0)));
  return { time, in0, d0, d1, mid, u1, up, u0, out };
}

/** cos and sin of t 10000^(-2 k / size), k = 0 ... size / 2 - 1: [N] to [N, size]. */
function waves(t: Tensor, size: number, dtype: FloatType): Tensor {
  const half = size / 2;
  const frequencies = Float64Array.from({ length: half }, (_, k) => 10_000 ** (-k / half));
  const angle = t
    .cast("float64")
    .unsqueeze(1)
    .mul(new NDArray(frequencies, [1, half]));
  return concat([angle.cos(), angle.sin()], 1).cast(dtype);
}

/** Blocks of 2x2 pixels as channels: [N, C, H, W] to [N, 4 C, H / 2, W / 2], the four of a channel side by side. */
function unshuffled(x: Tensor): Tensor {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  if (h % 4 !== 0 || w % 4 !== 0)
    throw new RangeError(`unet: the images are ${showShape([h, w])}: use multiples of 4`);
  return x
    .reshape([n, c, h / 2, 2, w / 2, 2])
    .transpose([0, 1, 3, 5, 2, 4])
    .reshape([n, 4 * c, h / 2, w / 2]);
}

interface BlockOptions {
  readonly inputs: number;
  readonly outputs: number;
  readonly embed: number;
  readonly dtype: FloatType | undefined;
}

function resBlock({ inputs, outputs, embed, dtype }: BlockOptions) {
  const last = { inputs: outputs, outputs, kernel: 3, padding: 1, kernelInit: zeros, dtype };
  const init = fanIn(inputs);
  const parts = {
    norm1: groupNorm({ size: inputs, groups: 8, dtype }),
    conv1: conv3(inputs, outputs, dtype),
    time: linear(embed, outputs, dtype),
    norm2: groupNorm({ size: outputs, groups: 8, dtype }),
    conv2: conv(last),
    shortcut: inputs === outputs ? undefined : conv({ inputs, outputs, kernel: 1, ...init, dtype }),
  };
  return combine(parts, (run, { x, e }: { readonly x: Tensor; readonly e: Tensor }) => {
    const h = run.conv1(silu(run.norm1(x))).add(run.time(e).unsqueeze([2, 3]));
    return run.conv2(silu(run.norm2(h))).add(run.shortcut?.(x) ?? x);
  });
}

function attentionBlock(size: number, dtype: FloatType | undefined) {
  const { kernelInit } = fanIn(size);
  const parts = {
    norm: groupNorm({ size, groups: 8, dtype }),
    attention: attention({ size, heads: 4, bias: "output", kernelInit, outputInit: zeros, dtype }),
  };
  return combine(parts, (run, x: Tensor) => {
    const [n, c, h, w] = x.shape as [number, number, number, number];
    const tokens = run
      .norm(x)
      .reshape([n, c, h * w])
      .swapAxes();
    return run.attention(tokens).swapAxes().reshape(x.shape).add(x);
  });
}

/** Kernel and bias uniform up to 1 / sqrt(fan in). */
function fanIn(count: number) {
  const init = uniform(1 / Math.sqrt(count));
  return { kernelInit: init, biasInit: init };
}

function linear(inputs: number, outputs: number, dtype: FloatType | undefined) {
  return dense({ inputs, outputs, ...fanIn(inputs), dtype });
}

function conv3(inputs: number, outputs: number, dtype: FloatType | undefined) {
  return conv({ inputs, outputs, kernel: 3, padding: 1, ...fanIn(9 * inputs), dtype });
}
