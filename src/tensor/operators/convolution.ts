/** Convolutions, and their transposes. */
import { isFloat } from "../dtype.ts";
import { fail } from "../fail.ts";
import {
  type Attributes,
  type Call,
  defineOperators,
  INTERNAL,
  intAttribute,
  intsAttribute,
  stringAttribute,
} from "../node.ts";
import { type Shape, showShape, sizeOf } from "../shape.ts";
import { apply, type Tensor } from "../tensor.ts";
import { pad, stack } from "./movement.ts";
import { commonDtype } from "./rules.ts";
import {
  attributesOf,
  explicitPads,
  extent,
  flatPads,
  offsets,
  perAxis,
  remainder,
  shared,
  shifted,
  spatialSizes,
  type WindowOptions,
  type Windows,
  windowAttributes,
  windowsOf,
} from "./windows.ts";

export interface ConvolutionOptions extends WindowOptions {
  /** One number for each output channel. */
  readonly bias?: Tensor;
  /** Parts of the channels that are convolved apart from each other. Default 1; as many as channels: depthwise. */
  readonly groups?: number;
}

export interface TransposedOptions extends ConvolutionOptions {
  /** Places added at the end of each axis, to tell apart the sizes that a strided convolution maps to one. Default 0. */
  readonly outputPadding?: number | readonly number[];
}

/**
 * The convolution of deep learning, without flipping the kernel: x [N, C, *sizes] with a kernel [M, C / groups, *k] to [N, M, *places],
 * in 1 to 3 spatial axes; places = floor((size + padding - dilation (k - 1) - 1) / stride) + 1.
 */
export function conv(x: Tensor, kernel: Tensor, options: ConvolutionOptions = {}): Tensor {
  const attributes = windowAttributes("conv", [x, kernel], kernel.shape.slice(2), options);
  return apply("Conv", [x, kernel, options.bias], { ...attributes, group: options.groups ?? 1 });
}

/**
 * The transpose of `conv` as a linear map: x [N, C, *sizes] with a kernel [C, M / groups, *k] to [N, M, *places];
 * places = stride (size - 1) + dilation (k - 1) + 1 + outputPadding - padding. Padding "same" gives stride * size places.
 */
export function convTranspose(x: Tensor, kernel: Tensor, options: TransposedOptions = {}): Tensor {
  const { bias, groups = 1, outputPadding = 0, padding = 0 } = options;
  const sizes = kernel.shape.slice(2);
  const extra = typeof outputPadding === "number" ? sizes.map(() => outputPadding) : outputPadding;
  if (extra.length !== sizes.length) {
    fail("convTranspose", [x, kernel], `outputPadding is one number or one for each of ${sizes.length} axes`);
  }
  const explicit = typeof padding === "string" ? 0 : padding;
  const windows = windowAttributes("convTranspose", [x, kernel], sizes, { ...options, padding: explicit });
  const attributes = { ...windows, group: groups, output_padding: extra };
  if (padding !== "same") return apply("ConvTranspose", [x, kernel, bias], attributes);
  const surplus = sizes.map((_, i) => {
    const full = extent({ kernel: sizes, dilation: windows.dilations }, i) + extra[i]!;
    return full - windows.strides[i]!;
  });
  const pads = surplus.map((s) => shared(Math.max(0, s), "SAME_UPPER"));
  return apply("ConvTranspose", [x, kernel, bias], {
    ...attributes,
    output_padding: extra.map((e, i) => e + Math.max(0, -surplus[i]!)),
    pads: flatPads(pads),
  });
}

export function groupsOf(attributes: Attributes): number {
  return intAttribute(attributes, "group", 1);
}

export function convWindows({ x: [x, kernel], attributes }: Pick<Call, "x" | "attributes">): Windows {
  return windowsOf(x!, kernel!.shape.slice(2), attributes);
}

/** The windows of the convolution that a ConvTranspose is the transpose of: from its result to its input. */
export function transposedWindows({ x: [x, w], attributes }: Pick<Call, "x" | "attributes">): Windows {
  const output = spatialSizes(x!);
  const rank = output.length;
  const kernel = w!.shape.slice(2);
  const stride = perAxis(attributes, "strides", rank);
  const dilation = perAxis(attributes, "dilations", rank);
  const added = intsAttribute(attributes, "output_padding") ?? output.map(() => 0);
  const full = output.map((n, i) => stride[i]! * (n - 1) + extent({ kernel, dilation }, i) + added[i]!);
  const windows = { output, kernel, stride, dilation, ...borders(attributes, full, output, stride) };
  for (const i of output.keys()) {
    const extra = remainder(windows, i);
    if (extra < stride[i]!) continue;
    throw new RangeError(
      `the output padding ${extra} of spatial axis ${i} must be less than the stride ${stride[i]}`,
    );
  }
  return windows;
}

/** The sizes of the result of a ConvTranspose, as given or as the padding leaves them, and the padding that makes them. */
function borders(
  attributes: Attributes,
  full: Shape,
  output: Shape,
  stride: readonly number[],
): Pick<Windows, "input" | "pads"> {
  const rank = full.length;
  const asked = intsAttribute(attributes, "output_shape")?.slice(-rank);
  const auto = stringAttribute(attributes, "auto_pad", "NOTSET");
  if (asked !== undefined || auto.startsWith("SAME")) {
    const input = asked ?? output.map((n, i) => n * stride[i]!);
    return { input, pads: full.map((n, i) => shared(Math.max(0, n - input[i]!), auto)) };
  }
  const pads = auto === "VALID" ? full.map(() => [0, 0] as const) : explicitPads(attributes, rank);
  const input = full.map((n, i) => n - pads[i]![0] - pads[i]![1]);
  if (input.some((n) => n < 1)) {
    throw new RangeError(`the padding [${pads.join("; ")}] leaves nothing of ${showShape(full)}: pad less`);
  }
  return { input, pads };
}

/** Throws where channels, groups and bias do not fit each other. The kernel takes `taken` channels in each group. */
function checkChannels({ x: [x, w, bias], attributes }: Call, taken: number, given: number): void {
  const groups = groupsOf(attributes);
  if (!isFloat(commonDtype([x!, w!, bias ?? w!])))
    throw new RangeError(`it takes float tensors, not ${x!.dtype}`);
  if (w!.rank !== x!.rank) {
    throw new RangeError(`the kernel has ${w!.rank} axes, x has ${x!.rank}: both have the same spatial axes`);
  }
  if (w!.shape[0]! % groups !== 0) {
    throw new RangeError(`the first size ${w!.shape[0]} of the kernel does not split into ${groups} groups`);
  }
  const channels = x!.shape[1]!;
  if (channels !== taken * groups) {
    const each = groups === 1 ? "" : ` in each of ${groups} groups`;
    throw new RangeError(`x has ${channels} channels, the kernel takes ${taken}${each}: they must agree`);
  }
  if (bias !== undefined && (bias.rank !== 1 || bias.shape[0] !== given)) {
    throw new RangeError(`the bias has shape ${showShape(bias.shape)}, the result has ${given} channels`);
  }
}

/** The convolution over these windows: [N, C, *input] with [M, C / groups, *kernel] to [N, M, *output]. */
function correlate(x: Tensor, kernel: Tensor, w: Windows, groups: number): Tensor {
  const y = apply("Conv", [x, kernel], { ...attributesOf(w), group: groups });
  const beyond = w.input.some((_, i) => remainder(w, i) >= w.stride[i]!);
  return beyond ? y.slice(undefined, undefined, ...w.output.map((n) => [0, n] as const)) : y;
}

/** The transpose of `correlate` in x: [N, M, *output] with [M, C / groups, *kernel] to [N, C, *input]. */
function spread(y: Tensor, kernel: Tensor, w: Windows, groups: number): Tensor {
  const plain = w.input.every(
    (_, i) => w.stride[i] === 1 && remainder(w, i) === 0 && Math.max(...w.pads[i]!) < extent(w, i),
  );
  if (!plain) {
    return apply("ConvTranspose", [y, kernel], {
      ...attributesOf(w),
      group: groups,
      output_padding: w.input.map((_, i) => remainder(w, i)),
    });
  }
  // With stride 1 the transpose is itself a convolution, which is faster.
  const pads = w.pads.map((p, i) => [extent(w, i) - 1 - p[0], extent(w, i) - 1 - p[1]] as const);
  const back: Windows = { ...w, input: w.output, output: w.input, pads };
  return apply("Conv", [y, turned(kernel, groups)], { ...attributesOf(back), group: groups });
}

/** A kernel [M, C / groups, *k] with the channels exchanged within each group and every spatial axis backwards: [C, M / groups, *k]. */
export function turned(kernel: Tensor, groups: number): Tensor {
  const [m, c, ...sizes] = kernel.shape as [number, number, ...number[]];
  const exchanged = kernel
    .reshape([groups, m / groups, c, ...sizes])
    .transpose([0, 2, 1, ...sizes.map((_, i) => i + 3)])
    .reshape([c * groups, m / groups, ...sizes]);
  if (sizes.every((k) => k === 1)) return exchanged;
  const backwards = sizes.map((k) => (k === 1 ? undefined : ([undefined, undefined, -1] as const)));
  return exchanged.slice(undefined, undefined, ...backwards);
}

/**
 * The transpose of `correlate` in the kernel: x [N, C, *input] with y [N, M, *output] to [M, C / groups, *kernel].
 * It is linear in both, and its own derivatives are the two other maps.
 */
function kernelGradient(x: Tensor, y: Tensor, w: Windows, groups: number): Tensor {
  return apply("ConvKernelGradient", [x, y], { ...attributesOf(w), group: groups }, INTERNAL);
}

/** The windows of a ConvKernelGradient. */
export function kernelGradientWindows({ x: [x, y], attributes }: Pick<Call, "x" | "attributes">): Windows {
  const kernel = intsAttribute(attributes, "kernel_shape")!;
  return { ...windowsOf(x!, kernel, attributes), output: spatialSizes(y!) };
}

/** A kernel of more elements than this is differentiated by one convolution instead of one matrix product for each element. */
const MANY_SHIFTS = 64;

function byShifts(x: Tensor, y: Tensor, w: Windows, groups: number): Tensor {
  const [n, c, m] = [x.shape[0]!, x.shape[1]!, y.shape[1]!];
  const places = sizeOf(w.output);
  const rows = y.reshape([n, groups, m / groups, places]);
  const padded = pad(x, [[0, 0], [0, 0], ...w.pads]);
  const slices = offsets(w.kernel).map((offset) => {
    const shift = shifted(padded, w, offset).reshape([n, groups, c / groups, places]);
    return rows.matmul(shift.swapAxes()).sum(0);
  });
  return stack(slices, 3).reshape([m, c / groups, ...w.kernel]);
}

/** Channels and batch exchange their parts, and so do stride and dilation. */
function byConvolution(x: Tensor, y: Tensor, w: Windows, groups: number): Tensor {
  const [n, c, m] = [x.shape[0]!, x.shape[1]!, y.shape[1]!];
  const axes = w.input.map((_, i) => i);
  const input = x
    .reshape([n, groups, c / groups, ...w.input])
    .transpose([2, 1, 0, ...axes.map((i) => i + 3)])
    .reshape([c / groups, groups * n, ...w.input]);
  const sliding = y.transpose([1, 0, ...axes.map((i) => i + 2)]);
  const swapped = { ...w, kernel: w.output, output: w.kernel, stride: w.dilation, dilation: w.stride };
  return correlate(input, sliding, swapped, groups)
    .transpose([1, 0, ...axes.map((i) => i + 2)])
    .reshape([m, c / groups, ...w.kernel]);
}

function biasGradient(bias: Tensor | undefined, dy: Tensor): Tensor | undefined {
  return bias && dy.sum(dy.shape.flatMap((_, i) => (i === 1 ? [] : [i])));
}

/** ONNX Runtime refuses auto_pad "SAME" beside dilations: the padding in numbers. */
function withExplicitPads(call: Call): Tensor | undefined {
  const { auto_pad: auto, ...rest } = call.attributes;
  const dilated = intsAttribute(rest, "dilations")?.some((d) => d > 1);
  if (!dilated || typeof auto !== "string" || !auto.startsWith("SAME")) return undefined;
  return apply("Conv", call.x, { ...rest, ...attributesOf(convWindows(call)) });
}

function resultType(x: Tensor, channels: number, sizes: Shape) {
  return { shape: [x.shape[0]!, channels, ...sizes], dtype: x.dtype };
}

defineOperators({
  [`${INTERNAL}.ConvKernelGradient`]: {
    type: ({ x: [x, y], attributes }) => ({
      shape: [
        y!.shape[1]!,
        x!.shape[1]! / groupsOf(attributes),
        ...intsAttribute(attributes, "kernel_shape")!,
      ],
      dtype: x!.dtype,
    }),
    gradient: (call) => {
      const [x, y] = call.x;
      const [windows, groups] = [kernelGradientWindows(call), groupsOf(call.attributes)];
      return [spread(y!, call.dy, windows, groups), correlate(x!, call.dy, windows, groups)];
    },
    expansion: (call) => {
      const [x, y] = call.x;
      const windows = kernelGradientWindows(call);
      const form = sizeOf(windows.kernel) <= MANY_SHIFTS ? byShifts : byConvolution;
      return form(x!, y!, windows, groupsOf(call.attributes));
    },
  },
  Conv: {
    type: (call) => {
      const [x, w] = call.x;
      spatialSizes(x!);
      checkChannels(call, w!.shape[1]!, w!.shape[0]!);
      return resultType(x!, w!.shape[0]!, convWindows(call).output);
    },
    gradient: (call) => {
      const [x, w, bias] = call.x;
      const [windows, groups] = [convWindows(call), groupsOf(call.attributes)];
      return [
        call.needs[0] ? spread(call.dy, w!, windows, groups) : undefined,
        call.needs[1] ? kernelGradient(x!, call.dy, windows, groups) : undefined,
        biasGradient(bias, call.dy),
      ];
    },
    simplify: withExplicitPads,
  },
  ConvTranspose: {
    type: (call) => {
      const [x, w] = call.x;
      const groups = groupsOf(call.attributes);
      spatialSizes(x!);
      const given = w!.shape[1]! * groups;
      checkChannels(call, w!.shape[0]! / groups, given);
      return resultType(x!, given, transposedWindows(call).input);
    },
    gradient: (call) => {
      const [x, w, bias] = call.x;
      const [windows, groups] = [transposedWindows(call), groupsOf(call.attributes)];
      return [
        call.needs[0] ? correlate(call.dy, w!, windows, groups) : undefined,
        call.needs[1] ? kernelGradient(call.dy, x!, windows, groups) : undefined,
        biasGradient(bias, call.dy),
      ];
    },
  },
});
