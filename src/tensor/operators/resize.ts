/** Resizing images and volumes; moving blocks between space and channels. */
import { fail } from "../fail.ts";
import { NDArray } from "../ndarray.ts";
import {
  type Attributes,
  type Call,
  defineOperators,
  floatAttribute,
  intAttribute,
  intsAttribute,
  stringAttribute,
} from "../node.ts";
import { normalAxis, type Shape, sameShape } from "../shape.ts";
import { apply, integers, Tensor } from "../tensor.ts";
import { type AxisMap, mapAxisBack } from "./axis-map.ts";
import { type AxisResize, axisMapOf } from "./interpolation.ts";
import { constantIntegers } from "./rules.ts";

export type CoordinateTransformation =
  | "half_pixel"
  | "half_pixel_symmetric"
  | "pytorch_half_pixel"
  | "align_corners"
  | "asymmetric";

export interface ResizeOptions {
  /** Sizes of the last axes, as many as given. */
  readonly sizes?: readonly number[];
  /** Or factors for the last axes; the new size is rounded down. */
  readonly scales?: readonly number[];
  /** Default "nearest". */
  readonly mode?: "nearest" | "linear" | "cubic";
  /** How places of the result map to the original. Default "half_pixel": pixels are areas. */
  readonly coordinateTransformation?: CoordinateTransformation;
  /** For mode "nearest", which neighbour a place between two takes. Default "round_prefer_floor". */
  readonly nearest?: "round_prefer_floor" | "round_prefer_ceil" | "floor" | "ceil";
  /** Average over all that shrinking leaves out, in modes "linear" and "cubic". Default false. */
  readonly antialias?: boolean;
}

/** The last axes of x, such as height and width of [N, C, H, W], in other sizes, by interpolation. */
export function resize(x: Tensor, options: ResizeOptions): Tensor {
  const { sizes, scales, mode = "nearest" } = options;
  const given = sizes ?? scales;
  if (given === undefined || (sizes !== undefined && scales !== undefined)) {
    throw new RangeError("resize: give either sizes or scales");
  }
  if (given.length > x.rank) fail("resize", [x], `${given.length} sizes for ${x.rank} axes`);
  const attributes: Attributes = {
    mode,
    axes: given.map((_, i) => x.rank - given.length + i),
    coordinate_transformation_mode: options.coordinateTransformation ?? "half_pixel",
    nearest_mode: options.nearest ?? "round_prefer_floor",
    ...(options.antialias ? { antialias: 1 } : {}),
  };
  const factors = scales && Tensor.constant(NDArray.from([...scales], "float32"));
  return apply("Resize", [x, undefined, factors, sizes && integers(sizes)], attributes);
}

/** Channels to blocks of pixels: x [N, C, H, W] to [N, C / block^2, H block, W block]. "DCR" takes the block's places from the outer channels, "CRD" (PyTorch's pixel shuffle) from the inner ones. */
export function depthToSpace(x: Tensor, block: number, mode: "DCR" | "CRD" = "DCR"): Tensor {
  return apply("DepthToSpace", [x], { blocksize: block, mode });
}

/** Blocks of pixels to channels: x [N, C, H, W] to [N, C block^2, H / block, W / block]; the inverse of depthToSpace in mode "DCR". */
export function spaceToDepth(x: Tensor, block: number): Tensor {
  return apply("SpaceToDepth", [x], { blocksize: block });
}

type ResizeCall = Pick<Call, "x" | "attributes">;

/** By axis of x, undefined for those that stay. */
function axesOf({ x: [x, roi, scales, sizes], attributes }: ResizeCall): (AxisResize | undefined)[] {
  const { shape } = x!;
  const axes = (intsAttribute(attributes, "axes") ?? shape.map((_, i) => i)).map((a) =>
    normalAxis(a, x!.rank),
  );
  const isGiven = (t: Tensor | undefined) => t !== undefined && t.size > 0;
  if (isGiven(scales) === isGiven(sizes)) throw new RangeError("it takes either scales or sizes");
  const cut = isGiven(roi) ? constantFloats(roi!, "the region") : undefined;
  const numbers = isGiven(scales)
    ? constantFloats(scales!, "the scales")
    : constantIntegers(sizes, "the sizes");
  if (numbers.length !== axes.length)
    throw new RangeError(`${numbers.length} sizes or scales for ${axes.length} axes`);
  const round = roundingOf(x!);
  const all = new Array<AxisResize | undefined>(x!.rank).fill(undefined);
  const targets = isGiven(scales)
    ? numbers.map((scale, k) => ({ scale, to: Math.floor(round(scale * shape[axes[k]!]!)) }))
    : targetsOf(
        axes.map((a) => shape[a]!),
        numbers,
        stringAttribute(attributes, "keep_aspect_ratio_policy", "stretch"),
        round,
      );
  axes.forEach((axis, k) => {
    const region = [cut?.[k] ?? 0, cut?.[k + axes.length] ?? 1] as const;
    all[axis] = { from: shape[axis]!, ...targets[k]!, roi: region };
  });
  return all;
}

/** Sizes as asked for, or all by one factor so that they fit in, or around, what is asked for. */
function targetsOf(from: Shape, asked: Shape, policy: string, round: (v: number) => number) {
  const scales = asked.map((to, k) => round(to / from[k]!));
  if (policy === "stretch") return scales.map((scale, k) => ({ scale, to: asked[k]! }));
  const scale = policy === "not_larger" ? Math.min(...scales) : Math.max(...scales);
  return from.map((n) => ({ scale, to: Math.round(round(scale * n)) }));
}

function constantFloats(t: Tensor, what: string): number[] {
  if (t.value === undefined) throw new RangeError(`${what} must be a constant: shapes are static here`);
  return Array.from(t.value.data as Iterable<number>, Number);
}

/** ONNX Runtime computes places in float32. */
function roundingOf(x: Tensor): (value: number) => number {
  return x.dtype === "float64" ? (v) => v : Math.fround;
}

/** The linear map along each axis of x that changes. */
export function resizeMaps(call: ResizeCall): { axis: number; map: AxisMap }[] {
  const { attributes } = call;
  const mode = stringAttribute(attributes, "mode", "nearest");
  const coordinates = stringAttribute(attributes, "coordinate_transformation_mode", "half_pixel");
  const how = {
    mode,
    coordinates,
    nearest: stringAttribute(attributes, "nearest_mode", "round_prefer_floor"),
    cubicCoefficient: floatAttribute(attributes, "cubic_coeff_a", -0.75),
    excludeOutside: intAttribute(attributes, "exclude_outside", 0) === 1,
    antialias: intAttribute(attributes, "antialias", 0) === 1,
    extrapolates: coordinates === "tf_crop_and_resize",
    round: roundingOf(call.x[0]!),
  };
  return axesOf(call).flatMap((resized, axis) => {
    if (resized === undefined || (resized.scale === 1 && resized.from === resized.to && !how.extrapolates))
      return [];
    return [{ axis, map: axisMapOf(resized, how) }];
  });
}

/** [N, C, H, W] with C = outer * block * block * inner, in whichever order, to blocks of pixels, and its inverse. */
function blocksOf({ x: [x], attributes }: Call): { n: number; c: number; h: number; w: number; b: number } {
  if (x!.rank !== 4) throw new RangeError(`it takes [N, C, H, W], not ${x!.rank} axes`);
  const [n, c, h, w] = x!.shape as [number, number, number, number];
  return { n, c, h, w, b: intAttribute(attributes, "blocksize", 1) };
}

defineOperators({
  Resize: {
    type: (call) => {
      const x = call.x[0]!;
      const axes = axesOf(call);
      return { shape: x.shape.map((d, i) => axes[i]?.to ?? d), dtype: x.dtype };
    },
    gradient: (call) => [
      resizeMaps(call).reduceRight((dy, { axis, map }) => mapAxisBack(dy, axis, map), call.dy),
    ],
    simplify: (call, types) =>
      sameShape(call.x[0]!.shape, types[0]!.shape) && resizeMaps(call).length === 0 ? call.x[0] : undefined,
  },
  DepthToSpace: {
    type: (call) => {
      const { n, c, h, w, b } = blocksOf(call);
      if (c % (b * b) !== 0) throw new RangeError(`${c} channels do not split into blocks of ${b} x ${b}`);
      return { shape: [n, c / (b * b), h * b, w * b], dtype: call.x[0]!.dtype };
    },
    gradient: (call) => {
      const { n, c, h, w, b } = blocksOf(call);
      if (stringAttribute(call.attributes, "mode", "DCR") === "DCR") return [spaceToDepth(call.dy, b)];
      const blocks = call.dy.reshape([n, c / (b * b), h, b, w, b]).transpose([0, 1, 3, 5, 2, 4]);
      return [blocks.reshape([n, c, h, w])];
    },
  },
  SpaceToDepth: {
    type: (call) => {
      const { n, c, h, w, b } = blocksOf(call);
      if (h % b !== 0 || w % b !== 0)
        throw new RangeError(`${h} x ${w} does not split into blocks of ${b} x ${b}`);
      return { shape: [n, c * b * b, h / b, w / b], dtype: call.x[0]!.dtype };
    },
    gradient: (call) => [depthToSpace(call.dy, blocksOf(call).b)],
  },
});
