import { NDArray } from "../tensor/ndarray.ts";
import { intAttribute, stringAttribute } from "../tensor/node.ts";
import { normalAxis, sameShape, sizeOf, stridesOf } from "../tensor/shape.ts";
import type { Fold, FoldCall } from "./fold.ts";
import { eachPlace, emptyLike, picked } from "./fold-indices.ts";

const numbers = (t: NDArray): number[] => Array.from(t.data as Iterable<number | bigint>, Number);

/** Indices counted from the front; undefined where one is outside. */
function fromFront(indices: NDArray, size: number): number[] | undefined {
  const at = numbers(indices).map((i) => (i < 0 ? i + size : i));
  return at.every((i) => Number.isInteger(i) && i >= 0 && i < size) ? at : undefined;
}

const gather: Fold = ({ x: [x, indices], attributes }) => {
  const axis = normalAxis(intAttribute(attributes, "axis", 0), x!.rank);
  const at = fromFront(indices!, x!.shape[axis]!);
  if (at === undefined) return undefined;
  const strides = stridesOf(indices!.shape);
  const shape = [...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)];
  return picked(x!, shape, (place) => {
    const inner = place.slice(axis, axis + strides.length).reduce((n, v, i) => n + v * strides[i]!, 0);
    return [...place.slice(0, axis), at[inner]!, ...place.slice(axis + strides.length)];
  });
};

const slice: Fold = ({ x: [x, starts, ends, axes, steps] }) => {
  const [from, to] = [numbers(starts!), numbers(ends!)];
  const along = axes === undefined ? from.map((_, i) => i) : numbers(axes);
  const by = steps === undefined ? from.map(() => 1) : numbers(steps);
  const first = x!.shape.map(() => 0);
  const step = x!.shape.map(() => 1);
  const shape = [...x!.shape];
  for (const [i, name] of along.entries()) {
    const axis = normalAxis(name, x!.rank);
    const size = x!.shape[axis]!;
    const s = by[i]!;
    if (s === 0) return undefined;
    const limit = (v: number, low: number, high: number) =>
      Math.min(Math.max(v < 0 ? v + size : v, low), high);
    const start = s > 0 ? limit(from[i]!, 0, size) : limit(from[i]!, 0, size - 1);
    const end = s > 0 ? limit(to[i]!, 0, size) : limit(to[i]!, -1, size - 1);
    first[axis] = start;
    step[axis] = s;
    shape[axis] = Math.max(0, Math.ceil((end - start) / s));
  }
  return picked(x!, shape, (at) => at.map((v, axis) => first[axis]! + v * step[axis]!));
};

const nonZero: Fold = ({ x: [x] }) => {
  const places: number[][] = [];
  eachPlace(x!.shape, (at, i) => {
    if (Number(x!.data[i]) !== 0) places.push([...at]);
  });
  const rank = x!.rank;
  const rows = Array.from({ length: rank }, (_, axis) => places.map((p) => p[axis]!)).flat();
  return new NDArray(BigInt64Array.from(rows, BigInt), [rank, places.length], "int64");
};

/** Only plain replacement, and only of constants. */
function replaces({ attributes }: FoldCall): boolean {
  return stringAttribute(attributes, "reduction", "none") === "none";
}

const scatterNd: Fold = (call) => {
  const [x, indices, updates] = call.x as [NDArray, NDArray, NDArray];
  const depth = indices.shape.at(-1)!;
  const inner = sizeOf(x.shape.slice(depth));
  const strides = stridesOf(x.shape);
  if (!replaces(call) || x.dtype !== updates.dtype) return undefined;
  const out = x.copy();
  const at = numbers(indices);
  for (let row = 0; row * depth < at.length; row++) {
    const place = at.slice(row * depth, (row + 1) * depth).map((v, i) => (v < 0 ? v + x.shape[i]! : v));
    if (place.some((v, i) => v < 0 || v >= x.shape[i]!)) return undefined;
    const to = place.reduce((n, v, i) => n + v * strides[i]!, 0);
    for (let k = 0; k < inner; k++) out.data[to + k] = updates.data[row * inner + k]!;
  }
  return out;
};

const scatterElements: Fold = (call) => {
  const [x, indices, updates] = call.x as [NDArray, NDArray, NDArray];
  const axis = normalAxis(intAttribute(call.attributes, "axis", 0), x.rank);
  const at = fromFront(indices, x.shape[axis]!);
  if (!replaces(call) || at === undefined || !sameShape(indices.shape, updates.shape)) return undefined;
  const out = x.copy();
  const strides = stridesOf(x.shape);
  eachPlace(indices.shape, (place, i) => {
    const to = place.reduce((n, v, a) => n + (a === axis ? at[i]! : v) * strides[a]!, 0);
    out.data[to] = updates.data[i]!;
  });
  return out;
};

const compress: Fold = ({ x: [x, condition], attributes }) => {
  const { axis } = attributes;
  const rows = [...condition!.data].flatMap((c, i) => (Number(c) === 1 ? [i] : []));
  const indices = NDArray.from(rows, "int64").reshape([rows.length]);
  if (axis !== undefined) return gather({ x: [x, indices], attributes, outputs: 1 });
  return gather({ x: [x!.reshape([x!.size]), indices], attributes: {}, outputs: 1 });
};

export const indexFolds: Readonly<Record<string, Fold>> = {
  Gather: gather,
  Slice: slice,
  NonZero: nonZero,
  ScatterND: scatterNd,
  ScatterElements: scatterElements,
  Compress: compress,
  Trilu: ({ x: [x, k], attributes }) => {
    const diagonal = k === undefined ? 0 : Number(k.data[0]);
    const upper = intAttribute(attributes, "upper", 1) === 1;
    const out = emptyLike(x!.shape, x!);
    eachPlace(x!.shape, (at, i) => {
      const [row, column] = at.slice(-2) as [number, number];
      if (upper ? column - row >= diagonal : column - row <= diagonal) out.data[i] = x!.data[i]!;
    });
    return out;
  },
};
