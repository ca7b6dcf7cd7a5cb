/** Windows that slide over the spatial axes of a tensor [N, C, *sizes]: the geometry of convolutions and pools. */
import { fail } from "../fail.ts";
import { type Attributes, intAttribute, intsAttribute, stringAttribute } from "../node.ts";
import { type Shape, showShape } from "../shape.ts";
import type { Range, Tensor } from "../tensor.ts";

type Pair = readonly [before: number, after: number];

/** All lists go by spatial axis. */
export interface Windows {
  /** Sizes of what the windows slide over. */
  readonly input: Shape;
  /** Places that the windows take. */
  readonly output: Shape;
  readonly kernel: Shape;
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly pads: readonly Pair[];
}

/** Zeros around the spatial axes: as many on all sides, by axis, a pair by axis; as few as keep ceil(size / stride) places; or none. */
export type Padding = number | readonly (number | Pair)[] | "same" | "valid";

export interface WindowOptions {
  /** One for all axes, or one each. Default 1. */
  readonly stride?: number | readonly number[];
  /** Default 0. "same" puts an odd one after. */
  readonly padding?: Padding;
  /** Distance of neighbours in a window. Default 1. */
  readonly dilation?: number | readonly number[];
}

/** Size of a window with the gaps in it. */
export function extent(w: Pick<Windows, "kernel" | "dilation">, axis: number): number {
  return (w.kernel[axis]! - 1) * w.dilation[axis]! + 1;
}

/** How much of the padded axis lies behind the last window; negative where that reaches over the end. */
export function remainder(w: Windows, axis: number): number {
  const [before, after] = w.pads[axis]!;
  const last = (w.output[axis]! - 1) * w.stride[axis]!;
  return w.input[axis]! + before + after - extent(w, axis) - last;
}

/** The elements that a window at one place of an axis covers; undefined where that is padding. */
export function covered(w: Windows, axis: number, place: number): (number | undefined)[] {
  const start = place * w.stride[axis]! - w.pads[axis]![0];
  return Array.from({ length: w.kernel[axis]! }, (_, k) => {
    const at = start + k * w.dilation[axis]!;
    return at >= 0 && at < w.input[axis]! ? at : undefined;
  });
}

/** The sizes of the spatial axes. Throws where there are none, or more than ONNX Runtime works on. */
export function spatialSizes(x: Tensor): Shape {
  if (x.rank < 3 || x.rank > 5) {
    throw new RangeError(
      `it takes [N, C, *sizes] with 1 to 3 spatial axes, not ${x.rank} axes: use unsqueeze or reshape`,
    );
  }
  return x.shape.slice(2);
}

/** The windows that the attributes of a Conv or a pool describe. */
export function windowsOf(x: Tensor, kernel: Shape, attributes: Attributes): Windows {
  const input = spatialSizes(x);
  const rank = input.length;
  const declared = intsAttribute(attributes, "kernel_shape") ?? kernel;
  if (declared.length !== rank || kernel.some((k, i) => k !== declared[i])) {
    throw new RangeError(
      `kernel_shape is ${showShape(declared)}, the kernel is ${showShape(kernel)} for ${rank} spatial axes`,
    );
  }
  const stride = perAxis(attributes, "strides", rank);
  const dilation = perAxis(attributes, "dilations", rank);
  const pads = padsOf(attributes, input, { kernel, stride, dilation });
  const ceil = intAttribute(attributes, "ceil_mode", 0) === 1;
  const output = input.map((n, i) => {
    const whole = n + pads[i]![0] + pads[i]![1];
    const span = extent({ kernel, dilation }, i);
    if (whole < span) {
      throw new RangeError(
        `the kernel reaches over ${span}, spatial axis ${i} has only ${whole} with its padding: pad more or use a smaller kernel`,
      );
    }
    const steps = (whole - span) / stride[i]!;
    if (!ceil) return Math.floor(steps) + 1;
    const places = Math.ceil(steps) + 1;
    // The last window starts in the input or before it.
    return (places - 1) * stride[i]! >= n + pads[i]![0] ? places - 1 : places;
  });
  return { input, output, kernel, stride, dilation, pads };
}

/** A positive integer by axis. Default 1. */
export function perAxis(attributes: Attributes, name: string, rank: number): readonly number[] {
  const values = intsAttribute(attributes, name) ?? new Array<number>(rank).fill(1);
  if (values.length !== rank || values.some((v) => !Number.isInteger(v) || v < 1)) {
    throw new RangeError(`${name} are ${rank} whole numbers from 1, one a spatial axis, not [${values}]`);
  }
  return values;
}

/** The attribute `pads`: all befores, then all afters. */
export function explicitPads(attributes: Attributes, rank: number): Pair[] {
  const flat = intsAttribute(attributes, "pads") ?? new Array<number>(2 * rank).fill(0);
  if (flat.length !== 2 * rank || flat.some((p) => !Number.isInteger(p) || p < 0)) {
    throw new RangeError(`pads are ${2 * rank} whole numbers from 0, befores and afters, not [${flat}]`);
  }
  return Array.from({ length: rank }, (_, i) => [flat[i]!, flat[rank + i]!] as const);
}

/** Pairs as the attribute `pads` holds them. */
export function flatPads(pads: readonly Pair[]): number[] {
  return [...pads.map((p) => p[0]), ...pads.map((p) => p[1])];
}

/** Windows as attributes of a node. */
export function attributesOf(w: Windows): WindowAttributes {
  return { kernel_shape: w.kernel, strides: w.stride, dilations: w.dilation, pads: flatPads(w.pads) };
}

function padsOf(
  attributes: Attributes,
  input: Shape,
  w: Pick<Windows, "kernel" | "dilation" | "stride">,
): Pair[] {
  const auto = stringAttribute(attributes, "auto_pad", "NOTSET");
  if (auto === "NOTSET") return explicitPads(attributes, input.length);
  if (auto === "VALID") return input.map(() => [0, 0] as const);
  return input.map((n, i) => {
    const stride = w.stride[i]!;
    const total = Math.max(0, (Math.ceil(n / stride) - 1) * stride + extent(w, i) - n);
    return shared(total, auto);
  });
}

/** A total of padding on both sides: an odd one goes after for SAME_UPPER, else before. */
export function shared(total: number, auto: string): Pair {
  const half = Math.floor(total / 2);
  return auto === "SAME_UPPER" ? [half, total - half] : [total - half, half];
}

type WindowAttributes = Readonly<
  Record<"kernel_shape" | "strides" | "dilations" | "pads", readonly number[]>
>;

/** Options as attributes of a node, with the padding as numbers. */
export function windowAttributes(
  who: string,
  operands: readonly Tensor[],
  kernel: Shape,
  options: WindowOptions,
): WindowAttributes {
  const rank = kernel.length;
  const list = (value: number | readonly number[] | undefined, name: string) => {
    const values = typeof value === "object" ? value : new Array<number>(rank).fill(value ?? 1);
    if (values.length !== rank) {
      fail(who, operands, `${name} is one number or one for each of ${rank} axes, not ${values.length}`);
    }
    return values;
  };
  const strides = list(options.stride, "stride");
  const dilations = list(options.dilation, "dilation");
  const { padding = 0 } = options;
  const pads =
    typeof padding === "string"
      ? padsOf({ auto_pad: padding === "same" ? "SAME_UPPER" : "VALID" }, operands[0]!.shape.slice(2), {
          kernel,
          dilation: dilations,
          stride: strides,
        })
      : typeof padding === "number"
        ? kernel.map(() => [padding, padding] as const)
        : padding.map((p) => (typeof p === "number" ? ([p, p] as const) : p));
  if (pads.length !== rank) {
    fail(who, operands, `padding is one number or one for each of ${rank} axes, not ${pads.length}`);
  }
  return {
    kernel_shape: kernel,
    strides,
    dilations,
    pads: flatPads(pads),
  };
}

/** One number for all axes, or one each. */
export function windowSizes(window: number | readonly number[], x: Tensor): Shape {
  return typeof window === "number" ? new Array<number>(Math.max(0, x.rank - 2)).fill(window) : window;
}

/** The places in a kernel, the last axis fastest. */
export function offsets(kernel: Shape): number[][] {
  return kernel.reduce<number[][]>(
    (heads, k) => heads.flatMap((head) => Array.from({ length: k }, (_, i) => [...head, i])),
    [[]],
  );
}

/** From a padded tensor, what stands at one place of the kernel as the windows slide: [N, C, *output]. */
export function shifted(padded: Tensor, w: Windows, offset: readonly number[]): Tensor {
  const ranges = offset.map((k, i): Range => {
    const start = k * w.dilation[i]!;
    return [start, start + (w.output[i]! - 1) * w.stride[i]! + 1, w.stride[i]!];
  });
  return padded.slice(undefined, undefined, ...ranges);
}
