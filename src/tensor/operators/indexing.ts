/** Operators that pick elements by index, and put them back. */
import { fail } from "../fail.ts";
import { NDArray } from "../ndarray.ts";
import { type BackwardCall, type Call, defineOperators, intAttribute, stringAttribute } from "../node.ts";
import { normalAxis, type Shape, sameShape, showShape, sizeOf } from "../shape.ts";
import { apply, applyAll, lift, Tensor, type TensorLike } from "../tensor.ts";
import { commonDtype, constantIntegers, flatIndices } from "./rules.ts";

/** Indices as int64: numbers and nested lists come as float32 arrays. */
function asIndices(indices: TensorLike): Tensor {
  const t =
    indices instanceof NDArray
      ? lift(indices.dtype === "float32" ? indices.cast("int64") : indices)
      : lift(indices);
  return t.dtype === "float32" && t.value !== undefined ? lift(t.value.cast("int64")) : t;
}

/** The slices of `x` at `indices` along an axis: shape x[..axis) + indices + x(axis..]. Negative indices count from the end. */
export function gather(x: Tensor, indices: TensorLike, axis = 0): Tensor {
  return apply("Gather", [x, asIndices(indices)], { axis: normalAxis(axis, x.rank) });
}

/** One element of `x` for each index: `out[i][j] = x[indices[i][j]][j]` for axis 0. */
export function gatherElements(x: Tensor, indices: TensorLike, axis = 0): Tensor {
  return apply("GatherElements", [x, asIndices(indices)], { axis: normalAxis(axis, x.rank) });
}

/**
 * `x` with `updates` put at `indices` along an axis: the inverse of gatherElements. With reduction "add" they are added, so
 * that an index may occur several times; with "none" (default) it must not.
 */
export function scatterElements(
  x: Tensor,
  indices: TensorLike,
  updates: TensorLike,
  options: { readonly axis?: number; readonly reduction?: "none" | "add" } = {},
): Tensor {
  const axis = normalAxis(options.axis ?? 0, x.rank);
  const inputs = [x, asIndices(indices), lift(updates, x)];
  return apply("ScatterElements", inputs, { axis, reduction: options.reduction ?? "none" });
}

/** 1 at each index along a new axis of the given depth, 0 elsewhere. Default: a new last axis, float32. */
export function oneHot(
  indices: TensorLike,
  depth: number,
  options: { axis?: number; dtype?: "float32" | "float64" } = {},
): Tensor {
  const at = asIndices(indices);
  // ONNX wants an axis to stand beside.
  if (at.rank === 0) return oneHot(at.unsqueeze(0), depth, { ...options, axis: -1 }).reshape([depth]);
  const values = Tensor.constant(NDArray.from([0, 1], options.dtype ?? "float32"));
  return apply("OneHot", [at, Tensor.constant(depth, "int64"), values], {
    axis: options.axis ?? -1,
  });
}

/** The k largest (or smallest) elements along an axis, sorted, and their places. */
export function topK(
  x: Tensor,
  k: number,
  options: { readonly axis?: number; readonly largest?: boolean } = {},
): { values: Tensor; indices: Tensor } {
  const attributes = {
    axis: normalAxis(options.axis ?? -1, x.rank),
    largest: options.largest === false ? 0 : 1,
  };
  const [values, indices] = applyAll("TopK", [x, Tensor.constant(NDArray.from([k], "int64"))], attributes, 2);
  return { values: values!, indices: indices! };
}

/**
 * The gradient of a gather: slices added back to their places along an axis of size n. By ScatterElements, because ONNX
 * Runtime's ScatterND adds in several threads without a lock and loses some where an index occurs often.
 */
export function gatherGradient(dy: Tensor, indices: TensorLike, axis: number, n: number): Tensor {
  const at = asIndices(indices);
  const before = dy.shape.slice(0, axis);
  const after = dy.shape.slice(axis + at.rank);
  const rows = dy.reshape([...before, at.size, ...after]);
  const places = at.reshape([at.size, ...after.map(() => 1)]).expand(rows.shape);
  const zeros = Tensor.zeros([...before, n, ...after], dy.dtype);
  return scatterElements(zeros, places, rows, { axis, reduction: "add" });
}

function axisOf({ x: [x], attributes }: Call, standard = 0): number {
  return normalAxis(intAttribute(attributes, "axis", standard), x!.rank);
}

function checkIndices(indices: Tensor): void {
  if (indices.dtype !== "int64" && indices.dtype !== "int32") {
    throw new RangeError(`indices are int64, not ${indices.dtype}: use cast("int64")`);
  }
}

/** Scatter puts or adds; for its other reductions there is no rule. */
function scatterGradient(
  call: BackwardCall,
  cleared: () => Tensor,
  picked: () => Tensor,
): readonly (Tensor | undefined)[] {
  const reduction = stringAttribute(call.attributes, "reduction", "none");
  if (reduction !== "none" && reduction !== "add") {
    fail(
      "a scatter",
      call.x,
      `there is no gradient rule for the reduction "${reduction}": use "add" or "none"`,
    );
  }
  return [reduction === "add" ? call.dy : cleared(), undefined, picked()];
}

function gatherNdShape({ x: [data, indices], attributes }: Call): Shape {
  const batch = intAttribute(attributes, "batch_dims", 0);
  const depth = indices!.shape.at(-1)!;
  return [...indices!.shape.slice(0, -1), ...data!.shape.slice(batch + depth)];
}

defineOperators({
  Gather: {
    type: (call) => {
      const [x, indices] = call.x;
      checkIndices(indices!);
      const axis = axisOf(call);
      return {
        shape: [...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)],
        dtype: x!.dtype,
      };
    },
    gradient: (call) => {
      const [x, indices] = call.x;
      const axis = axisOf(call);
      return [gatherGradient(call.dy, indices!, axis, x!.shape[axis]!)];
    },
  },
  GatherElements: {
    type: ({ x: [x, indices] }) => {
      checkIndices(indices!);
      if (x!.rank !== indices!.rank) throw new RangeError("the indices need as many axes as the data");
      return { shape: indices!.shape, dtype: x!.dtype };
    },
    gradient: (call) => {
      const [x, indices] = call.x;
      const zeros = Tensor.zeros(x!.shape, x!.dtype);
      return [scatterElements(zeros, indices!, call.dy, { axis: axisOf(call), reduction: "add" })];
    },
  },
  ScatterElements: {
    type: ({ x: [x, indices, updates] }) => {
      checkIndices(indices!);
      if (!sameShape(indices!.shape, updates!.shape))
        throw new RangeError("indices and updates must have one shape");
      return { shape: x!.shape, dtype: commonDtype([x!, updates!]) };
    },
    gradient: (call) => {
      const [, indices, updates] = call.x;
      const axis = axisOf(call);
      return scatterGradient(
        call,
        () => scatterElements(call.dy, indices!, Tensor.zeros(updates!.shape, call.dy.dtype), { axis }),
        () => gatherElements(call.dy, indices!, axis),
      );
    },
  },
  GatherND: {
    type: (call) => {
      checkIndices(call.x[1]!);
      return { shape: gatherNdShape(call), dtype: call.x[0]!.dtype };
    },
    gradient: (call) => {
      const [x, indices] = call.x;
      if (intAttribute(call.attributes, "batch_dims", 0) !== 0) {
        fail("GatherND", call.x, "there is no gradient rule for batch_dims other than 0: index without them");
      }
      const sizes = x!.shape.slice(0, indices!.shape.at(-1)!);
      const flat = gatherGradient(
        call.dy.reshape([sizeOf(indices!.shape.slice(0, -1)), ...x!.shape.slice(sizes.length)]),
        flatIndices(indices!, sizes).flatten(),
        0,
        sizeOf(sizes),
      );
      return [flat.reshape(x!.shape)];
    },
  },
  ScatterND: {
    type: ({ x: [x, indices, updates] }) => {
      checkIndices(indices!);
      const wanted = [...indices!.shape.slice(0, -1), ...x!.shape.slice(indices!.shape.at(-1)!)];
      if (!sameShape(wanted, updates!.shape))
        throw new RangeError(`the updates must have the shape ${showShape(wanted)}`);
      return { shape: x!.shape, dtype: commonDtype([x!, updates!]) };
    },
    gradient: (call) => {
      const [, indices, updates] = call.x;
      return scatterGradient(
        call,
        () => apply("ScatterND", [call.dy, indices, Tensor.zeros(updates!.shape, call.dy.dtype)]),
        () => apply("GatherND", [call.dy, indices]),
      );
    },
  },
  OneHot: {
    type: ({ x: [indices, depth, values], attributes }) => {
      const rank = indices!.rank + 1;
      const shape = [...indices!.shape];
      shape.splice(
        normalAxis(intAttribute(attributes, "axis", -1), rank),
        0,
        constantIntegers(depth, "the depth")[0]!,
      );
      return { shape, dtype: values!.dtype };
    },
    gradient: "none",
  },
  TopK: {
    type: (call) => {
      const [x, k] = call.x;
      const axis = axisOf(call, -1);
      const count = constantIntegers(k, "k")[0]!;
      if (count > x!.shape[axis]!)
        throw new RangeError(`k is ${count}, axis ${axis} has only ${x!.shape[axis]} elements`);
      const shape = x!.shape.map((d, i) => (i === axis ? count : d));
      return [
        { shape, dtype: x!.dtype },
        { shape, dtype: "int64" },
      ];
    },
    gradient: (call) => {
      const [x] = call.x;
      const values = call.dys[0];
      const zeros = Tensor.zeros(x!.shape, x!.dtype);
      return [
        values && scatterElements(zeros, call.ys[1]!, values, { axis: axisOf(call, -1), reduction: "add" }),
      ];
    },
  },
});
