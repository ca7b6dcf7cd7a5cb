/** Operators that put the same elements in other places: reshaping, transposing, cutting, joining, repeating. */

import { fail } from "../fail.ts";
import { NDArray } from "../ndarray.ts";
import { type Call, defineOperators, intAttribute, intsAttribute, stringAttribute } from "../node.ts";
import {
  broadcastShapes,
  normalAxes,
  normalAxis,
  type Shape,
  sameShape,
  showShape,
  sizeOf,
} from "../shape.ts";
import { apply, applyAll, integers, lift, Tensor, type TensorLike } from "../tensor.ts";
import { gatherGradient } from "./indexing.ts";
import { commonDtype, constantIntegers, sameAsFirst, sumTo, uniformValue } from "./rules.ts";

/** Tensors end to end along an axis; they must agree in all other sizes. */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  if (tensors.length === 0) throw new RangeError("concat: the list of tensors is empty: give at least one");
  return apply("Concat", tensors, { axis: normalAxis(axis, tensors[0]!.rank) });
}

/** Tensors of one shape side by side, along a new axis. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  return concat(
    tensors.map((t) => t.unsqueeze(axis)),
    axis,
  );
}

/** Parts along an axis: a number of equal parts, or the size of each. */
export function split(x: Tensor, parts: number | readonly number[], axis = 0): readonly Tensor[] {
  const at = normalAxis(axis, x.rank);
  if (typeof parts === "number" && x.shape[at]! % parts !== 0) {
    fail(
      "split",
      [x],
      `the size ${x.shape[at]} does not split into ${parts} equal parts: give the sizes as a list`,
    );
  }
  const sizes = typeof parts === "number" ? new Array<number>(parts).fill(x.shape[at]! / parts) : parts;
  return sizes.length === 1 ? [x] : applyAll("Split", [x, integers(sizes)], { axis: at }, sizes.length);
}

/** The tensor repeated along each axis. */
export function tile(x: Tensor, repeats: readonly number[]): Tensor {
  return apply("Tile", [x, integers(repeats)]);
}

export type PadMode = "constant" | "reflect" | "edge" | "wrap";

/**
 * Padding before and after, a pair for each axis from the first; negative numbers cut. `reflect` mirrors without the edge,
 * `wrap` is periodic. Default: zeros.
 */
export function pad(
  x: Tensor,
  widths: readonly (readonly [before: number, after: number])[],
  options: { readonly mode?: PadMode; readonly value?: TensorLike } = {},
): Tensor {
  const all = x.shape.map((_, i) => widths[i] ?? ([0, 0] as const));
  const pads = integers([...all.map((w) => w[0]), ...all.map((w) => w[1])]);
  const mode = options.mode ?? "constant";
  const value = options.value === undefined ? undefined : lift(options.value, x);
  return apply("Pad", value === undefined ? [x, pads] : [x, pads, value], { mode });
}

/** The upper triangle of the last two axes, from the k-th diagonal; zeros below. */
export function triu(x: Tensor, k = 0): Tensor {
  return apply("Trilu", [x, Tensor.constant(k, "int64")], { upper: 1 });
}

/** The lower triangle of the last two axes, up to the k-th diagonal; zeros above. */
export function tril(x: Tensor, k = 0): Tensor {
  return apply("Trilu", [x, Tensor.constant(k, "int64")], { upper: 0 });
}

/** The tensor backwards along an axis. */
export function flip(x: Tensor, axis: number): Tensor {
  const at = normalAxis(axis, x.rank);
  return x.slice(...new Array(at).fill(undefined), [undefined, undefined, -1]);
}

function reshapedShape({ x: [x, target], attributes }: Call): Shape {
  const allowZero = intAttribute(attributes, "allowzero", 0) === 1;
  const asked = constantIntegers(target, "the shape");
  const shape = asked.map((d, i) => (d === 0 && !allowZero ? (x!.shape[i] ?? 0) : d));
  const unknown = shape.indexOf(-1);
  if (unknown >= 0) {
    const rest = sizeOf(shape.filter((_, i) => i !== unknown));
    shape[unknown] = rest === 0 ? 0 : x!.size / rest;
  }
  if (shape.some((d) => !Number.isInteger(d) || d < 0) || sizeOf(shape) !== x!.size) {
    throw new RangeError(`${x!.size} elements do not fill the shape ${showShape(asked)}`);
  }
  return shape;
}

interface Slice {
  readonly axis: number;
  readonly start: number;
  readonly step: number;
  /** How many elements are taken. */
  readonly count: number;
}

function slicesOf({ x: [x, starts, ends, axes, steps] }: Call): Slice[] {
  const from = constantIntegers(starts, "the starts of a slice");
  const to = constantIntegers(ends, "the ends of a slice");
  const along = axes === undefined ? from.map((_, i) => i) : constantIntegers(axes, "the axes of a slice");
  const by = steps === undefined ? from.map(() => 1) : constantIntegers(steps, "the steps of a slice");
  return from.map((s, i) => {
    const axis = normalAxis(along[i]!, x!.rank);
    const size = x!.shape[axis]!;
    const step = by[i]!;
    if (step === 0)
      throw new RangeError("the step of a slice is 0: use 1 or more, or negative to go backwards");
    const limit = (v: number, low: number, high: number) =>
      Math.min(Math.max(v < 0 ? v + size : v, low), high);
    const [start, end] =
      step > 0
        ? [limit(s, 0, size), limit(to[i]!, 0, size)]
        : [limit(s, 0, size - 1), limit(to[i]!, -1, size - 1)];
    return { axis, start, step, count: Math.max(0, Math.ceil((end - start) / step)) };
  });
}

/** The gradient of one slice: each element back to its place, zeros between. */
function unslice(dy: Tensor, { axis, start, step, count }: Slice, size: number): Tensor {
  if (count === 0)
    return Tensor.zeros(
      dy.shape.map((d, i) => (i === axis ? size : d)),
      dy.dtype,
    );
  if (step < 0) {
    return unslice(flip(dy, axis), { axis, start: start + step * (count - 1), step: -step, count }, size);
  }
  const at = (width: readonly [number, number], k: number) => [...new Array(k).fill([0, 0]), width];
  let spread = dy;
  if (step > 1) {
    const shape = dy.shape.map((d, i) => (i === axis ? d * step : d));
    const gaps = Tensor.zeros(
      [...dy.shape.slice(0, axis + 1), step - 1, ...dy.shape.slice(axis + 1)],
      dy.dtype,
    );
    // ONNX Runtime's Concat is many times faster than its Pad where what is padded is short.
    spread = concat([dy.unsqueeze(axis + 1), gaps], axis + 1).reshape(shape);
  }
  return pad(spread, at([start, size - start - count * step], axis));
}

function padsOf({ x: [x, pads, , axes] }: Call): [before: number, after: number][] {
  const widths = constantIntegers(pads, "the pads");
  const along =
    axes === undefined
      ? x!.shape.map((_, i) => i)
      : normalAxesInOrder(constantIntegers(axes, "the axes"), x!.rank);
  const pairs = x!.shape.map((): [number, number] => [0, 0]);
  along.forEach((axis, i) => {
    pairs[axis] = [widths[i]!, widths[i + along.length]!];
  });
  return pairs;
}

function normalAxesInOrder(axes: readonly number[], rank: number): number[] {
  return axes.map((a) => normalAxis(a, rank));
}

/** Which element of an axis of size n each place of the padded axis shows. */
function padSources(n: number, [before, after]: readonly [number, number], mode: string): number[] {
  const wrap = (i: number) => ((i % n) + n) % n;
  const mirror = (i: number) => {
    const period = Math.max(1, 2 * (n - 1));
    const r = ((i % period) + period) % period;
    return r < n ? r : period - r;
  };
  const source =
    mode === "edge" ? (i: number) => Math.min(Math.max(i, 0), n - 1) : mode === "wrap" ? wrap : mirror;
  return Array.from({ length: before + n + after }, (_, i) => source(i - before));
}

defineOperators({
  Reshape: {
    type: (call) => ({ shape: reshapedShape(call), dtype: call.x[0]!.dtype }),
    gradient: ({ x: [x], dy }) => [dy.reshape(x!.shape)],
    simplify: ({ x: [x] }, types) => {
      const { shape } = types[0]!;
      if (sameShape(x!.shape, shape)) return x;
      if (x!.value !== undefined) return Tensor.constant(x!.value.reshape(shape));
      if (x!.node.op === "Reshape") return x!.node.inputs[0]!.reshape(shape);
      const value = x!.node.op === "Expand" ? uniformValue(x!) : undefined;
      return value === undefined ? undefined : Tensor.full(shape, value, x!.dtype);
    },
  },
  Flatten: {
    type: ({ x: [x], attributes }) => {
      const axis = intAttribute(attributes, "axis", 1);
      const at = axis < 0 ? axis + x!.rank : axis;
      return { shape: [sizeOf(x!.shape.slice(0, at)), sizeOf(x!.shape.slice(at))], dtype: x!.dtype };
    },
    gradient: ({ x: [x], dy }) => [dy.reshape(x!.shape)],
  },
  Transpose: {
    type: ({ x: [x], attributes }) => {
      const perm = permOf(x!, attributes);
      if (perm.length !== x!.rank || new Set(perm).size !== x!.rank) {
        throw new RangeError(`[${perm}] is no order of ${x!.rank} axes: name each axis once`);
      }
      return { shape: perm.map((a) => x!.shape[a]!), dtype: x!.dtype };
    },
    gradient: ({ x: [x], attributes, dy }) => {
      const perm = permOf(x!, attributes);
      return [dy.transpose(perm.map((_, i) => perm.indexOf(i)))];
    },
    simplify: ({ x: [x], attributes }, types) => {
      const perm = permOf(x!, attributes);
      if (perm.every((a, i) => a === i)) return x;
      if (x!.node.op === "Transpose") {
        const first = permOf(x!.node.inputs[0]!, x!.node.attributes);
        return x!.node.inputs[0]!.transpose(perm.map((a) => first[a]!));
      }
      const value = uniformValue(x!);
      return value === undefined ? undefined : Tensor.full(types[0]!.shape, value, x!.dtype);
    },
  },
  Squeeze: {
    type: ({ x: [x, axes] }) => {
      const drop = axes === undefined ? undefined : normalAxes(constantIntegers(axes, "the axes"), x!.rank);
      const wide = drop?.find((a) => x!.shape[a] !== 1);
      if (wide !== undefined)
        throw new RangeError(`axis ${wide} has size ${x!.shape[wide]}, only size 1 can go`);
      const shape = x!.shape.filter((d, i) => (drop === undefined ? d !== 1 : !drop.includes(i)));
      return { shape, dtype: x!.dtype };
    },
    gradient: ({ x: [x], dy }) => [dy.reshape(x!.shape)],
    simplify: ({ x: [x] }, types) => movedConstant(x!, types[0]!.shape),
  },
  Unsqueeze: {
    type: ({ x: [x, axes] }) => {
      const list = constantIntegers(axes, "the axes");
      const added = normalAxes(list, x!.rank + list.length);
      const sizes = [...x!.shape];
      for (const a of added) sizes.splice(a, 0, 1);
      return { shape: sizes, dtype: x!.dtype };
    },
    gradient: ({ x: [x], dy }) => [dy.reshape(x!.shape)],
    simplify: ({ x: [x] }, types) => movedConstant(x!, types[0]!.shape),
  },
  Expand: {
    type: ({ x: [x, target] }) => {
      const shape = broadcastShapes(x!.shape, constantIntegers(target, "the shape"));
      if (shape === undefined)
        throw new RangeError("it does not broadcast to that shape: sizes must be equal or 1");
      return { shape, dtype: x!.dtype };
    },
    gradient: ({ x: [x], dy }) => [sumTo(dy, x!.shape)],
    simplify: ({ x: [x] }, types) => {
      if (sameShape(x!.shape, types[0]!.shape)) return x;
      return x!.node.op === "Expand" ? x!.node.inputs[0]!.expand(types[0]!.shape) : undefined;
    },
  },
  Slice: {
    type: (call) => {
      const shape = [...call.x[0]!.shape];
      for (const s of slicesOf(call)) shape[s.axis] = s.count;
      return { shape, dtype: call.x[0]!.dtype };
    },
    gradient: (call) => {
      const { shape } = call.x[0]!;
      return [slicesOf(call).reduce((dy, s) => unslice(dy, s, shape[s.axis]!), call.dy)];
    },
    simplify: (call, types) => {
      const forward = slicesOf(call).every((s) => s.step > 0);
      return forward && sameShape(call.x[0]!.shape, types[0]!.shape) ? call.x[0] : undefined;
    },
  },
  Pad: {
    type: (call) => {
      const x = call.x[0]!;
      const pads = padsOf(call);
      const shape = x.shape.map((d, i) => d + pads[i]![0] + pads[i]![1]);
      if (shape.some((d) => d < 0))
        throw new RangeError(`the pads [${pads.join("; ")}] cut away more than there is`);
      return { shape, dtype: x.dtype };
    },
    gradient: (call) => {
      const [x, , value] = call.x;
      const pads = padsOf(call);
      const mode = stringAttribute(call.attributes, "mode", "constant");
      if (mode === "constant") {
        const dx = pad(
          call.dy,
          pads.map(([a, b]) => [-a, -b] as const),
        );
        return [dx, undefined, value && call.needs[2] ? call.dy.sum().sub(dx.sum()) : undefined];
      }
      return [
        pads.reduce((dy, width, axis) => {
          const n = x!.shape[axis]!;
          return width[0] === 0 && width[1] === 0
            ? dy
            : gatherGradient(dy, NDArray.from(padSources(n, width, mode), "int64"), axis, n);
        }, call.dy),
      ];
    },
    simplify: (call) => {
      const pads = padsOf(call);
      if (pads.every(([a, b]) => a === 0 && b === 0)) return call.x[0];
      if (pads.some(([a, b]) => a > 0 || b > 0)) return undefined;
      return call.x[0]!.slice(...pads.map(([a, b], i) => [-a, call.x[0]!.shape[i]! + b] as const));
    },
  },
  Concat: {
    type: ({ x, attributes }) => {
      const first = x[0]!;
      const axis = normalAxis(intAttribute(attributes, "axis", 0), first.rank);
      const dtype = commonDtype(x);
      const odd = x.find(
        (t) => t.rank !== first.rank || t.shape.some((d, i) => i !== axis && d !== first.shape[i]),
      );
      if (odd !== undefined) {
        throw new RangeError(
          `${showShape(odd.shape)} and ${showShape(first.shape)} differ beyond axis ${axis}`,
        );
      }
      const length = x.reduce((n, t) => n + t.shape[axis]!, 0);
      return { shape: first.shape.map((d, i) => (i === axis ? length : d)), dtype };
    },
    gradient: ({ x, attributes, dy }) => {
      const axis = normalAxis(intAttribute(attributes, "axis", 0), dy.rank);
      return split(
        dy,
        x.map((t) => t.shape[axis]!),
        axis,
      );
    },
    simplify: ({ x }) => (x.length === 1 ? x[0] : undefined),
  },
  Split: {
    type: ({ x: [x, sizes], attributes, outputs }) => {
      const axis = normalAxis(intAttribute(attributes, "axis", 0), x!.rank);
      const total = x!.shape[axis]!;
      const part = Math.ceil(total / outputs);
      const equal = Array.from({ length: outputs }, (_, i) => Math.min(part, total - i * part));
      const list = sizes === undefined ? equal : constantIntegers(sizes, "the sizes of a split");
      if (list.reduce((a, b) => a + b, 0) !== total) {
        throw new RangeError(`the parts [${list}] do not add up to the size ${total} of axis ${axis}`);
      }
      return list.map((d) => ({ shape: x!.shape.map((s, i) => (i === axis ? d : s)), dtype: x!.dtype }));
    },
    gradient: ({ ys, dys, attributes }) => [
      concat(
        ys.map((y, i) => dys[i] ?? Tensor.zeros(y.shape, y.dtype)),
        intAttribute(attributes, "axis", 0),
      ),
    ],
  },
  Tile: {
    type: ({ x: [x, repeats] }) => {
      const times = constantIntegers(repeats, "the repeats");
      if (times.length !== x!.rank)
        throw new RangeError(`it takes ${x!.rank} repeats, one an axis, not ${times.length}`);
      return { shape: x!.shape.map((d, i) => d * times[i]!), dtype: x!.dtype };
    },
    gradient: ({ x: [x, repeats], dy }) => {
      const times = constantIntegers(repeats, "the repeats");
      const apart = x!.shape.flatMap((d, i) => [times[i]!, d]);
      return [dy.reshape(apart).sum(times.map((_, i) => 2 * i))];
    },
    simplify: ({ x: [x] }, types) => (sameShape(x!.shape, types[0]!.shape) ? x : undefined),
  },
  Trilu: {
    type: sameAsFirst,
    gradient: ({ x: [, k], attributes, dy }) => [apply("Trilu", [dy, k], attributes)],
  },
  Shape: {
    type: ({ x: [x], attributes }) => ({ shape: [shapeRange(x!, attributes).length], dtype: "int64" }),
    gradient: "none",
    simplify: ({ x: [x], attributes }) => integers(shapeRange(x!, attributes)),
  },
  Size: {
    type: () => ({ shape: [], dtype: "int64" }),
    gradient: "none",
    simplify: ({ x: [x] }) => Tensor.constant(x!.size, "int64"),
  },
  ConstantOfShape: {
    type: ({ x: [shape], attributes }) => ({
      shape: constantIntegers(shape, "the shape"),
      dtype: fillValue(attributes).dtype,
    }),
    gradient: "none",
    simplify: ({ attributes }, types) =>
      Tensor.constant(fillValue(attributes).reshape([])).expand(types[0]!.shape),
  },
});

function permOf(x: Tensor, attributes: Call["attributes"]): readonly number[] {
  return intsAttribute(attributes, "perm") ?? x.shape.map((_, i) => x.rank - 1 - i);
}

/** A constant in a new shape, where `x` is one: nothing is computed for it. */
function movedConstant(x: Tensor, shape: Shape): Tensor | undefined {
  if (sameShape(x.shape, shape)) return x;
  return x.value === undefined ? undefined : Tensor.constant(x.value.reshape(shape));
}

function shapeRange(x: Tensor, attributes: Call["attributes"]): readonly number[] {
  return x.shape.slice(intAttribute(attributes, "start", 0), intAttribute(attributes, "end", x.rank));
}

function fillValue(attributes: Call["attributes"]): NDArray {
  const value = attributes.value;
  return typeof value === "object" && "tensor" in value ? value.tensor : NDArray.from([0], "float32");
}
