/** The linear map that ONNX's Resize is along one axis. */
import type { AxisMap } from "./axis-map.ts";

export interface AxisResize {
  /** Sizes before and after. */
  readonly from: number;
  readonly to: number;
  /** As asked for: not always to / from, which must be whole. */
  readonly scale: number;
  /** tf_crop_and_resize only: the ends of the cut, where 0 to 1 is the axis. */
  readonly roi: readonly [start: number, end: number];
}

export interface Interpolation {
  readonly mode: string;
  readonly coordinates: string;
  readonly nearest: string;
  readonly cubicCoefficient: number;
  readonly excludeOutside: boolean;
  readonly antialias: boolean;
  /** Places outside of the axis get a value of their own: no taps here. */
  readonly extrapolates: boolean;
  /** To the precision that coordinates are computed in: `Math.fround` for ONNX Runtime's kernels. */
  readonly round: (value: number) => number;
}

type Weights = { readonly first: number; readonly weights: readonly number[] };

export function axisMapOf(axis: AxisResize, the: Interpolation): AxisMap {
  const { from, to } = axis;
  return {
    inputs: from,
    taps: Array.from({ length: to }, (_, i) => tapsAt(placeOf(i, axis, the), axis, the)),
  };
}

/** The place on the original axis that element i of the result shows. */
function placeOf(
  i: number,
  { from, to, scale, roi }: AxisResize,
  { coordinates, round: r }: Interpolation,
): number {
  const half = () => r(r(r(i + 0.5) / scale) - 0.5);
  switch (coordinates) {
    case "half_pixel":
    case "tf_half_pixel_for_nn":
      return coordinates === "half_pixel" ? half() : r(r(i + 0.5) / scale);
    case "pytorch_half_pixel":
      return to > 1 ? half() : 0;
    case "half_pixel_symmetric": {
      // ONNX Runtime rounds only the result of this one.
      const offset = r((from / 2) * r(1 - r(to / r(scale * from))));
      return r(offset + (i + 0.5) / scale - 0.5);
    }
    case "align_corners":
      return to === 1 ? 0 : r((i * (from - 1)) / (to - 1));
    case "asymmetric":
      return r(i / scale);
    case "tf_crop_and_resize": {
      const [start, end] = roi;
      if (to === 1) return r(r(0.5 * r(start + end)) * (from - 1));
      return r(r(start * (from - 1)) + r(r(i * r(end - start) * (from - 1)) / (to - 1)));
    }
    default:
      throw new RangeError(`there is no coordinate transformation "${coordinates}"`);
  }
}

function tapsAt(place: number, { from, scale }: AxisResize, the: Interpolation): AxisMap["taps"][number] {
  if (the.extrapolates && (place < 0 || place > from - 1)) return [];
  const { first, weights } = weightsAt(place, from, scale, the);
  const inside = weights.map((weight, k) => ({ at: first + k, weight }));
  const kept = the.excludeOutside ? inside.filter(({ at }) => at >= 0 && at < from) : inside;
  const total = the.excludeOutside || the.antialias ? kept.reduce((s, { weight }) => s + weight, 0) : 1;
  return kept.flatMap(({ at, weight }) =>
    weight === 0 ? [] : [{ from: Math.min(Math.max(at, 0), from - 1), weight: weight / total }],
  );
}

function weightsAt(place: number, from: number, scale: number, the: Interpolation): Weights {
  if (the.mode === "nearest") return { first: nearestTo(place, from, scale, the.nearest), weights: [1] };
  const filter = the.mode === "cubic" ? cubic(the.cubicCoefficient) : hat;
  const reach = the.mode === "cubic" ? 2 : 1;
  // Shrinking with antialias stretches the filter over all that it leaves out.
  const stretch = the.antialias ? Math.max(1, 1 / scale) : 1;
  if (stretch === 1) {
    const at = the.mode === "linear" ? Math.min(Math.max(place, 0), from - 1) : place;
    const left = Math.floor(at);
    const offsets = Array.from({ length: 2 * reach }, (_, k) => k - reach + 1);
    return { first: left + offsets[0]!, weights: offsets.map((k) => filter(Math.abs(at - left - k))) };
  }
  const first = Math.ceil(place - reach * stretch);
  const last = Math.floor(place + reach * stretch);
  return {
    first,
    weights: Array.from({ length: last - first + 1 }, (_, k) =>
      filter(Math.abs(first + k - place) / stretch),
    ),
  };
}

function nearestTo(place: number, from: number, scale: number, rule: string): number {
  const down = Math.floor(place);
  const at = () => {
    switch (rule) {
      case "floor":
        return down;
      case "ceil":
        return Math.ceil(place);
      case "round_prefer_ceil":
        return down + (place - down >= 0.5 ? 1 : 0);
      case "round_prefer_floor":
        return down + (place - down > 0.5 ? 1 : 0);
      default:
        return scale < 1 ? Math.ceil(place) : Math.trunc(place);
    }
  };
  return Math.min(Math.max(at(), 0), from - 1);
}

const hat = (distance: number): number => Math.max(0, 1 - distance);

/** Keys' kernel. */
const cubic =
  (a: number) =>
  (d: number): number => {
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
  };
