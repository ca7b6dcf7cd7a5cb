import type { NDArray } from "../tensor/ndarray.ts";
import * as operators from "../tensor/operators/convolution.ts";
import type { WindowOptions } from "../tensor/operators/windows.ts";
import * as random from "../tensor/random.ts";
import type { Shape } from "../tensor/shape.ts";
import { checkSizes, checkSplits } from "./checks.ts";
import { type FloatType, glorotUniform, type Initialiser, zeros } from "./initialisers.ts";
import type { Model } from "./model.ts";

/** `kernel` [out, in / groups, ...window] (transposed: [in, out / groups, ...window]) and `bias` [out]. */
export interface ConvParams {
  kernel: NDArray;
  bias?: NDArray;
}

export interface ConvOptions extends WindowOptions {
  /** Channels. */
  readonly inputs: number;
  readonly outputs: number;
  /** Sizes of the window, or one for all axes. */
  readonly kernel: number | readonly number[];
  /** Spatial axes, 1 to 3, where `kernel` is one number. Default 2. */
  readonly axes?: number | undefined;
  /** Parts of the channels convolved apart from each other. Default 1. */
  readonly groups?: number | undefined;
  /** Default true. */
  readonly bias?: boolean | undefined;
  /** Default `glorotUniform`. */
  readonly kernelInit?: Initialiser | undefined;
  /** Default `zeros`. */
  readonly biasInit?: Initialiser | undefined;
  /** Default float32. */
  readonly dtype?: FloatType | undefined;
}

/**
 * A convolution in 1 to 3 spatial axes: [N, inputs, ...sizes] to [N, outputs, ...places], as `conv` among the operators.
 *
 * ```ts
 * nn.conv({ inputs: 3, outputs: 64, kernel: 3, padding: "same" }); // kernel [64, 3, 3, 3]
 * nn.conv({ inputs: 8, outputs: 8, kernel: 5, axes: 1, groups: 4 }); // kernel [8, 2, 5]
 * ```
 */
export function conv(options: ConvOptions): Model<ConvParams> {
  const { inputs, outputs, groups = 1 } = options;
  const shape = [outputs, inputs / groups, ...windowOf("conv", options)];
  return {
    init: (key) => initial(options, shape, key),
    apply: ({ kernel, bias }, x) =>
      operators.conv(x, kernel, { ...windowOptions(options), groups, ...(bias && { bias }) }),
  };
}

/** A convolution of each channel by itself, with `multiplier` outputs each (default 1): kernel [channels multiplier, 1, ...window]. */
export function depthwiseConv(
  options: Omit<ConvOptions, "inputs" | "outputs" | "groups"> & {
    readonly channels: number;
    readonly multiplier?: number | undefined;
  },
): Model<ConvParams> {
  const { channels, multiplier = 1, ...rest } = options;
  return conv({ ...rest, inputs: channels, outputs: channels * multiplier, groups: channels });
}

export interface ConvTransposeOptions extends ConvOptions {
  /** Places added at the end of each axis. Default 0. */
  readonly outputPadding?: number | readonly number[] | undefined;
}

/**
 * The transpose of a convolution: [N, inputs, ...sizes] to [N, outputs, ...larger sizes], kernel [inputs, outputs / groups, ...window].
 *
 * ```ts
 * nn.convTranspose({ inputs: 64, outputs: 32, kernel: 2, stride: 2 }); // twice the height and width
 * ```
 */
export function convTranspose(options: ConvTransposeOptions): Model<ConvParams> {
  const { inputs, outputs, groups = 1, outputPadding = 0 } = options;
  const shape = [inputs, outputs / groups, ...windowOf("convTranspose", options)];
  return {
    init: (key) => initial(options, shape, key),
    apply: ({ kernel, bias }, x) =>
      operators.convTranspose(x, kernel, {
        ...windowOptions(options),
        groups,
        outputPadding,
        ...(bias && { bias }),
      }),
  };
}

function windowOf(who: string, options: ConvOptions): Shape {
  const { inputs, outputs, kernel, axes = 2, groups = 1 } = options;
  checkSizes(who, { inputs, outputs, groups });
  checkSplits(who, "inputs", inputs, groups, "groups");
  checkSplits(who, "outputs", outputs, groups, "groups");
  const window = typeof kernel === "number" ? new Array<number>(axes).fill(kernel) : kernel;
  if (window.length < 1 || window.length > 3)
    throw new RangeError(`${who}: there are ${window.length} spatial axes: use 1 to 3`);
  checkSizes(who, Object.fromEntries(window.map((k, i) => [`kernel[${i}]`, k])));
  return window;
}

function windowOptions({ stride = 1, padding = 0, dilation = 1 }: ConvOptions): WindowOptions {
  return { stride, padding, dilation };
}

function initial(options: ConvOptions, shape: Shape, key: NDArray): ConvParams {
  const { bias = true, kernelInit = glorotUniform, biasInit = zeros, dtype } = options;
  const [forKernel, forBias] = random.split(key);
  const kernel = kernelInit(forKernel!, shape, dtype);
  return bias ? { kernel, bias: biasInit(forBias!, [options.outputs], dtype) } : { kernel };
}
