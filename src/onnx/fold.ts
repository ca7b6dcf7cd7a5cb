/**
 * Operators on constants, computed here: the arithmetic of shapes, which an exporter writes as a graph. Only what gives
 * the same bits as the runtime does: integers, movement, and float operations that IEEE 754 rounds exactly.
 */
import { dtypeOfCode, dtypes } from "../tensor/dtype.ts";
import { NDArray } from "../tensor/ndarray.ts";
import { type Attributes, intAttribute, intsAttribute } from "../tensor/node.ts";
import { normalAxes, sizeOf } from "../tensor/shape.ts";
import { elementwiseFolds } from "./fold-elementwise.ts";
import { indexFolds } from "./fold-indexing.ts";
import { picked, pickedIndices } from "./fold-indices.ts";

/** A call with constant inputs; absent ones are undefined. */
export interface FoldCall {
  readonly x: readonly (NDArray | undefined)[];
  readonly attributes: Attributes;
  /** How many outputs are wanted. */
  readonly outputs: number;
}

/** The results, or undefined where they are not to be computed here. */
export type Fold = (call: FoldCall) => NDArray | readonly NDArray[] | undefined;

/** More elements than any shape arithmetic has are left to the runtime. */
export const MAX_FOLDED = 65_536;

const movement: Readonly<Record<string, Fold>> = {
  Identity: ({ x: [x] }) => x,
  Cast: ({ x: [x], attributes }) => {
    const dtype = dtypeOfCode(intAttribute(attributes, "to", 1));
    if (dtype === x!.dtype) return x;
    if (dtype === undefined || dtype === "float16" || x!.dtype === "float16") return undefined;
    // Beyond the range of the target, the result is the runtime's business.
    const whole = dtypes[dtype].kind !== "float" && dtypes[x!.dtype].kind === "float";
    return whole && !x!.data.every((v) => Math.abs(Number(v)) < 2 ** 31) ? undefined : x!.cast(dtype);
  },
  Shape: ({ x: [x], attributes }) => {
    const end = intAttribute(attributes, "end", x!.rank);
    return NDArray.from(
      BigInt64Array.from(x!.shape.slice(intAttribute(attributes, "start", 0), end), BigInt),
    );
  },
  Size: ({ x: [x] }) => NDArray.scalar(x!.size, "int64"),
  Reshape: ({ x: [x, target], attributes }) => {
    const keepZero = intAttribute(attributes, "allowzero", 0) === 1;
    const asked = integersIn(target!).map((d, i) => (d === 0 && !keepZero ? (x!.shape[i] ?? 0) : d));
    const known = sizeOf(asked.filter((d) => d !== -1));
    const shape = asked.map((d) => (d === -1 ? (known === 0 ? 0 : x!.size / known) : d));
    return sizeOf(shape) === x!.size ? x!.reshape(shape) : undefined;
  },
  Flatten: ({ x: [x], attributes }) => {
    const axis = intAttribute(attributes, "axis", 1);
    const at = axis < 0 ? axis + x!.rank : axis;
    return x!.reshape([sizeOf(x!.shape.slice(0, at)), sizeOf(x!.shape.slice(at))]);
  },
  Squeeze: ({ x: [x, axes] }) => {
    const drop = axes === undefined ? undefined : normalAxes(integersIn(axes), x!.rank);
    return x!.reshape(x!.shape.filter((d, i) => (drop === undefined ? d !== 1 : !drop.includes(i))));
  },
  Unsqueeze: ({ x: [x, axes] }) => {
    const list = integersIn(axes!);
    const shape = [...x!.shape];
    for (const a of normalAxes(list, x!.rank + list.length)) shape.splice(a, 0, 1);
    return x!.reshape(shape);
  },
  Transpose: ({ x: [x], attributes }) => {
    const perm = intsAttribute(attributes, "perm") ?? x!.shape.map((_, i) => x!.rank - 1 - i);
    const shape = perm.map((a) => x!.shape[a]!);
    return picked(x!, shape, (at) => {
      const from = new Array<number>(shape.length);
      perm.forEach((a, i) => {
        from[a] = at[i]!;
      });
      return from;
    });
  },
  Expand: ({ x: [x, target] }) => expanded(x!, integersIn(target!)),
  Tile: ({ x: [x, repeats] }) => {
    const times = integersIn(repeats!);
    const shape = x!.shape.map((d, i) => d * (times[i] ?? 1));
    return small(shape) ? picked(x!, shape, (at) => at.map((v, i) => v % x!.shape[i]!)) : undefined;
  },
  ConstantOfShape: ({ x: [shape], attributes }) => {
    const { value } = attributes;
    const fill =
      typeof value === "object" && "tensor" in value ? value.tensor : NDArray.from(new Float32Array(1));
    return expanded(fill.reshape([]), integersIn(shape!));
  },
  Concat: ({ x, attributes }) => {
    const parts = x as readonly NDArray[];
    const [axis] = normalAxes([intAttribute(attributes, "axis", 0)], parts[0]!.rank) as [number];
    const total = parts.reduce((n, p) => n + p.shape[axis]!, 0);
    const shape = parts[0]!.shape.map((d, i) => (i === axis ? total : d));
    const inner = sizeOf(shape.slice(axis + 1));
    const data = new dtypes[parts[0]!.dtype].array(sizeOf(shape));
    if (parts.some((p) => p.dtype !== parts[0]!.dtype || p.rank !== shape.length)) return undefined;
    let start = 0;
    for (const part of parts) {
      const width = part.shape[axis]! * inner;
      for (let row = 0; row * width < part.size; row++)
        (data as Float32Array).set(
          (part.data as Float32Array).subarray(row * width, (row + 1) * width),
          row * total * inner + start,
        );
      start += width;
    }
    return new NDArray(data, shape, parts[0]!.dtype);
  },
  Split: ({ x: [x, sizes], attributes, outputs }) => {
    const [axis] = normalAxes([intAttribute(attributes, "axis", 0)], x!.rank) as [number];
    const part = Math.ceil(x!.shape[axis]! / outputs);
    const list =
      sizes === undefined
        ? Array.from({ length: outputs }, (_, i) => Math.min(part, x!.shape[axis]! - i * part))
        : integersIn(sizes);
    let start = 0;
    return list.map((d) => {
      const from = start;
      start += d;
      const shape = x!.shape.map((s, i) => (i === axis ? d : s));
      return picked(x!, shape, (at) => at.map((v, i) => (i === axis ? v + from : v)));
    });
  },
  Range: ({ x: [start, limit, delta] }) => {
    const [from, to, step] = [start!, limit!, delta!].map((t) => Number(t.data[0])) as [
      number,
      number,
      number,
    ];
    const count = Math.max(0, Math.ceil((to - from) / step));
    if (!(count <= MAX_FOLDED) || start!.dtype === "float16") return undefined;
    const values = NDArray.from(Float64Array.from({ length: count }, (_, i) => from + i * step));
    return values.cast(start!.dtype);
  },
  EyeLike: ({ x: [x], attributes }) => {
    const dtype = dtypeOfCode(intAttribute(attributes, "dtype", dtypes[x!.dtype].code));
    if (dtype === undefined || dtype === "float16") return undefined;
    const [rows, columns] = x!.shape as [number, number];
    const k = intAttribute(attributes, "k", 0);
    const ones = Float64Array.from({ length: rows * columns }, (_, i) =>
      (i % columns) - Math.floor(i / columns) === k ? 1 : 0,
    );
    return new NDArray(ones, [rows, columns]).cast(dtype);
  },
};

export const folds: Readonly<Record<string, Fold>> = { ...movement, ...indexFolds, ...elementwiseFolds };

/** The results of an operator whose inputs are all constant, or undefined where the runtime is to compute them. */
export function fold(op: string, call: FoldCall): readonly NDArray[] | undefined {
  const rule = Object.hasOwn(folds, op) ? folds[op] : undefined;
  if (rule === undefined || call.x.some((t) => t !== undefined && t.size > MAX_FOLDED)) return undefined;
  const result = rule(call);
  return result instanceof NDArray ? [result] : result;
}

export function integersIn(t: NDArray): number[] {
  return Array.from(t.data as Iterable<number | bigint>, Number);
}

function small(shape: readonly number[]): boolean {
  return sizeOf(shape) <= MAX_FOLDED;
}

function expanded(x: NDArray, target: readonly number[]): NDArray | undefined {
  const indices = pickedIndices(x.shape, target);
  return indices === undefined || !small(indices.shape) ? undefined : picked(x, indices.shape, indices.from);
}
