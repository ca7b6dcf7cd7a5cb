/** Pools: the largest, the mean or the p-norm of each window, or of everything. */
import { fail } from "../fail.ts";
import {
  type BackwardCall,
  type Call,
  defineOperators,
  intAttribute,
  intsAttribute,
  type Operator,
} from "../node.ts";
import { sizeOf } from "../shape.ts";
import { apply, applyAll, Tensor } from "../tensor.ts";
import { type AxisMap, mapAxis, mapAxisBack } from "./axis-map.ts";
import { where } from "./elementwise.ts";
import { scatterElements } from "./indexing.ts";
import { constantIntegers, firstFloat, indicator, scalar } from "./rules.ts";
import {
  attributesOf,
  covered,
  explicitPads,
  extent,
  perAxis,
  remainder,
  spatialSizes,
  type WindowOptions,
  type Windows,
  windowAttributes,
  windowSizes,
  windowsOf,
} from "./windows.ts";

export interface PoolOptions extends WindowOptions {
  /** Default: the size of the window, so that windows lie side by side. */
  readonly stride?: number | readonly number[];
  /** Keep a last window that reaches over the end. Default false. */
  readonly ceil?: boolean;
}

/**
 * The largest element of each window (one size, or one by spatial axis) of x [N, C, *sizes]. The gradient goes to it, to the
 * first where several are equal.
 */
export function maxPool(x: Tensor, window: number | readonly number[], options: PoolOptions = {}): Tensor {
  return apply("MaxPool", [x], poolAttributes("maxPool", x, window, options));
}

/** The mean of each window of x [N, C, *sizes]. Padding does not count unless `countPadding` says so: then it counts as 0. */
export function averagePool(
  x: Tensor,
  window: number | readonly number[],
  options: PoolOptions & { readonly countPadding?: boolean } = {},
): Tensor {
  const attributes = poolAttributes("averagePool", x, window, options);
  return apply("AveragePool", [x], { ...attributes, count_include_pad: options.countPadding ? 1 : 0 });
}

/** The mean over all spatial axes, which are kept with size 1. */
export function globalAveragePool(x: Tensor): Tensor {
  return apply("GlobalAveragePool", [x]);
}

/** The largest element over all spatial axes, which are kept with size 1. Equal ones share the gradient. */
export function globalMaxPool(x: Tensor): Tensor {
  return apply("GlobalMaxPool", [x]);
}

function poolAttributes(who: string, x: Tensor, window: number | readonly number[], options: PoolOptions) {
  const kernel = windowSizes(window, x);
  const attributes = windowAttributes(who, [x], kernel, { stride: kernel, ...options });
  return { ...attributes, ceil_mode: options.ceil ? 1 : 0 };
}

function poolWindows({ x: [x], attributes }: Pick<Call, "x" | "attributes">): Windows {
  const kernel = intsAttribute(attributes, "kernel_shape");
  if (kernel === undefined) throw new RangeError("the attribute kernel_shape is missing");
  return windowsOf(x!, kernel, attributes);
}

function pooledType(call: Call) {
  const { dtype } = firstFloat(call);
  const [n, c] = call.x[0]!.shape;
  return { shape: [n!, c!, ...poolWindows(call).output], dtype };
}

/**
 * ONNX Runtime leaves out a last window that would start behind the input, but infers shapes as if it were there: without
 * ceil_mode where that changes nothing, else with the unused end of such an axis cut off.
 */
function withoutEmptyWindow(op: string, call: Call): Tensor | undefined {
  const { auto_pad: _, ...attributes } = call.attributes;
  if (intAttribute(attributes, "ceil_mode", 0) !== 1 || call.outputs > 1) return undefined;
  const x = call.x[0]!;
  const w = poolWindows(call);
  const unused = w.input.map((_, axis) => Math.max(0, remainder(w, axis)));
  if (w.input.every((_, axis) => remainder(w, axis) >= 0)) {
    return apply(op, [x], { ...attributes, ...attributesOf(w), ceil_mode: 0 });
  }
  if (unused.every((n) => n === 0)) return undefined;
  const pads = w.pads.map(([a, b], axis) => [a, Math.max(0, b - unused[axis]!)] as const);
  const cut = w.pads.map(([, b], axis) => [0, w.input[axis]! - Math.max(0, unused[axis]! - b)] as const);
  return apply(op, [x.slice(undefined, undefined, ...cut)], {
    ...attributes,
    ...attributesOf({ ...w, pads }),
  });
}

/** What each window sums along one axis, its elements weighted by a function of their count and the window's place. */
function windowSums(w: Windows, axis: number, weight: (count: number, place: number) => number): AxisMap {
  return {
    inputs: w.input[axis]!,
    taps: Array.from({ length: w.output[axis]! }, (_, place) => {
      const elements = covered(w, axis, place).filter((at) => at !== undefined);
      return elements.map((from) => ({ from, weight: weight(elements.length, place) }));
    }),
  };
}

/** Averages over windows factor into averages along each axis: these, by spatial axis. */
export function averageMaps(call: Pick<Call, "x" | "attributes">): AxisMap[] {
  const w = poolWindows(call);
  const counted = intAttribute(call.attributes, "count_include_pad", 0) === 1;
  /** With the padding, but not what a window reaches beyond it. */
  const countOf = (axis: number, place: number) => {
    const room = w.input[axis]! + w.pads[axis]![0] + w.pads[axis]![1] - place * w.stride[axis]!;
    return Math.min(w.kernel[axis]!, Math.ceil(room / w.dilation[axis]!));
  };
  return w.input.map((_, axis) =>
    windowSums(w, axis, (count, place) => 1 / (counted ? countOf(axis, place) : count)),
  );
}

/** Sums over windows, by spatial axis. */
export function sumMaps(call: Pick<Call, "x" | "attributes">): AxisMap[] {
  const w = poolWindows(call);
  return w.input.map((_, axis) => windowSums(w, axis, () => 1));
}

/** Maps of the spatial axes on x, and back. */
export function mapSpatial(x: Tensor, maps: readonly AxisMap[]): Tensor {
  return maps.reduce((t, map, i) => mapAxis(t, i + 2, map), x);
}

function mapSpatialBack(dy: Tensor, maps: readonly AxisMap[]): Tensor {
  return maps.reduceRight((t, map, i) => mapAxisBack(t, i + 2, map), dy);
}

/** The largest elements are found again with their places, and dy goes there. */
function maxPoolGradient(call: BackwardCall): Tensor {
  const x = call.x[0]!;
  const w = poolWindows(call);
  checkNoneEmpty(call, w);
  const places = call.ys[1] ?? applyAll("MaxPool", [x], call.attributes, 2)[1]!;
  const apart = w.input.every((_, i) => w.stride[i]! >= extent(w, i));
  const zeros = Tensor.zeros([x.size], x.dtype);
  const reduction = apart ? "none" : "add";
  return scatterElements(zeros, places.flatten(), call.dy.flatten(), { reduction }).reshape(x.shape);
}

function checkNoneEmpty(call: Call, w: Windows): void {
  for (const axis of w.input.keys()) {
    const empty = w.output[axis]! > 0 && windowSums(w, axis, () => 1).taps.some((t) => t.length === 0);
    if (empty) fail("the gradient of MaxPool", call.x, "some windows lie in the padding only: pad less");
  }
}

function exponentOf(call: Pick<Call, "attributes">): number {
  return intAttribute(call.attributes, "p", 2);
}

/** A sum of |x|^p, and what it maps dy back by; the norm is its p-th root. */
function normGradient({ x: [x], y, dy, attributes }: BackwardCall, back: (t: Tensor) => Tensor): Tensor {
  const p = exponentOf({ attributes });
  if (p === 1) return back(dy).mul(x!.sign());
  // Where the norm is 0, so is every element: any divisor will do.
  const divisor = where(y.equal(0), scalar(1, y), y).pow(p - 1);
  const slope =
    p === 2
      ? x!
      : x!
          .abs()
          .pow(p - 1)
          .mul(x!.sign());
  return back(dy.div(divisor)).mul(slope);
}

/** The p-norm of sums over something. */
export function normOf(x: Tensor, attributes: Call["attributes"], sum: (t: Tensor) => Tensor): Tensor {
  const p = exponentOf({ attributes });
  if (p === 1) return sum(x.abs());
  return p === 2 ? sum(x.mul(x)).sqrt() : sum(x.abs().pow(p)).pow(1 / p);
}

const spatialAxes = (x: Tensor) => x.shape.flatMap((_, i) => (i < 2 ? [] : [i]));

/** A pool over everything. */
function global(gradient: (call: BackwardCall, axes: readonly number[]) => Tensor): Operator {
  return {
    type: (call) => {
      const { dtype } = firstFloat(call);
      const x = call.x[0]!;
      if (x.rank < 3) throw new RangeError(`it takes [N, C, *sizes], not ${x.rank} axes: use mean or max`);
      return { shape: x.shape.map((d, i) => (i < 2 ? d : 1)), dtype };
    },
    gradient: (call) => [gradient(call, spatialAxes(call.x[0]!)).expand(call.x[0]!.shape)],
  };
}

defineOperators({
  MaxPool: {
    type: (call) => {
      const type = pooledType(call);
      return call.outputs === 1 ? type : [type, { shape: type.shape, dtype: "int64" }];
    },
    gradient: (call) => [maxPoolGradient(call)],
    simplify: (call) => withoutEmptyWindow("MaxPool", call),
  },
  AveragePool: {
    type: pooledType,
    gradient: (call) => [mapSpatialBack(call.dy, averageMaps(call))],
    simplify: (call) => withoutEmptyWindow("AveragePool", call),
  },
  LpPool: {
    type: pooledType,
    gradient: (call) => [normGradient(call, (t) => mapSpatialBack(t, sumMaps(call)))],
    simplify: (call) => withoutEmptyWindow("LpPool", call),
  },
  GlobalAveragePool: global(({ x: [x], dy }) => dy.mul(dy.size / x!.size)),
  GlobalMaxPool: global(({ x: [x], y, dy }, axes) => {
    const hits = indicator(x!.equal(y), x!);
    return hits.mul(dy.div(hits.sum(axes, { keepDims: true })));
  }),
  GlobalLpPool: global((call) => normGradient(call, (t) => t)),

  /** The elements of x at places that a MaxPool has given, zeros elsewhere. */
  MaxUnpool: {
    type: ({ x: [x, places, asked], attributes }) => {
      const sizes = spatialSizes(x!);
      const kernel = intsAttribute(attributes, "kernel_shape") ?? [];
      const stride = perAxis(attributes, "strides", sizes.length);
      const pads = explicitPads(attributes, sizes.length);
      if (sizeOf(places!.shape) !== x!.size) throw new RangeError("values and indices must have one shape");
      const inferred = sizes.map((n, i) => (n - 1) * stride[i]! + kernel[i]! - pads[i]![0] - pads[i]![1]);
      const shape = asked === undefined ? undefined : constantIntegers(asked, "the shape");
      return { shape: shape ?? [...x!.shape.slice(0, 2), ...inferred], dtype: x!.dtype };
    },
    gradient: ({ x: [x, places], dy }) => [
      apply("GatherElements", [dy.flatten(), places!.flatten()], { axis: 0 }).reshape(x!.shape),
    ],
  },
});
