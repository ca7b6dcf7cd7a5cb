/** What the operator modules share: common type rules, and small expressions that gradient rules are made of. */
import { type DType, isFloat } from "../dtype.ts";
import { NDArray } from "../ndarray.ts";
import type { Call, TensorType } from "../node.ts";
import { broadcastShapes, type Shape, sameShape, sizeOf, stridesOf } from "../shape.ts";
import { apply, integersOf, Tensor } from "../tensor.ts";

/** The type of the first input. */
export function sameAsFirst({ x }: Call): TensorType {
  return { shape: x[0]!.shape, dtype: x[0]!.dtype };
}

export function firstFloat(call: Call): TensorType {
  const { dtype } = call.x[0]!;
  if (!isFloat(dtype)) throw new RangeError(`it takes float tensors, not ${dtype}: use cast("float32")`);
  return sameAsFirst(call);
}

/** Throws where a tensor is bool: ONNX does not compute with these. */
export function checkNumbers(tensors: readonly Tensor[]): void {
  if (tensors.some((t) => t.dtype === "bool"))
    throw new RangeError('it takes numbers, not bool: use cast("float32")');
}

/** Numbers of one dtype, broadcast together. */
export function numeric(call: Call): TensorType {
  checkNumbers(call.x);
  return broadcast(call);
}

/** All inputs of one dtype, broadcast together. */
export function broadcast({ x }: Call): TensorType {
  return { shape: broadcastShape(x), dtype: commonDtype(x) };
}

export function commonDtype(tensors: readonly Tensor[]): DType {
  const { dtype } = tensors[0]!;
  const other = tensors.find((t) => t.dtype !== dtype);
  if (other !== undefined) {
    throw new RangeError(`${dtype} and ${other.dtype} do not mix: cast one to the other's dtype`);
  }
  return dtype;
}

export function broadcastShape(tensors: readonly Tensor[]): Shape {
  const shape = broadcastShapes(...tensors.map((t) => t.shape));
  if (shape === undefined) {
    throw new RangeError("the shapes do not broadcast: aligned at the last axis, sizes must be equal or 1");
  }
  return shape;
}

export function broadcastToBool(call: Call): TensorType {
  return { shape: broadcast(call).shape, dtype: "bool" };
}

export function logical(call: Call): TensorType {
  const other = call.x.find((t) => t.dtype !== "bool");
  if (other !== undefined)
    throw new RangeError(`it takes bool tensors, not ${other.dtype}: compare or cast first`);
  return broadcast(call);
}

/** The integers in an input that must be constant: a shape, axes, pads. */
export function constantIntegers(t: Tensor | undefined, what: string): number[] {
  const values = integersOf(t);
  if (values === undefined) throw new RangeError(`${what} must be a constant: shapes are static here`);
  return values;
}

/** Sum over the axes that broadcasting added or stretched, so that the result has this shape. */
export function sumTo(t: Tensor, shape: Shape): Tensor {
  if (sameShape(t.shape, shape)) return t;
  const lead = t.rank - shape.length;
  if (sameShape(t.shape.slice(lead), shape) && isFloat(t.dtype)) return sumRows(t, lead).reshape(shape);
  const axes = t.shape.flatMap((d, i) => (i < lead || (shape[i - lead] === 1 && d !== 1) ? [i] : []));
  return t.sum(axes, { keepDims: true }).reshape(shape);
}

/** Sum over the first axes, as a product with ones: ONNX Runtime's fastest way to add up rows. */
function sumRows(t: Tensor, axes: number): Tensor {
  const rows = sizeOf(t.shape.slice(0, axes));
  return Tensor.ones([1, rows], t.dtype).matmul(t.reshape([rows, sizeOf(t.shape.slice(axes))]));
}

/** The one value that all elements of this expression have, where that is known without computing. */
export function uniformValue(t: Tensor): number | undefined {
  if (t.value !== undefined) return t.size === 1 ? Number(t.value.data[0]) : undefined;
  const { op, inputs } = t.node;
  return op === "Expand" || op === "Reshape" ? uniformValue(inputs[0]!) : undefined;
}

/** `t` itself where it has the wanted shape: the result of an identity such as x + 0. */
export function ifShaped(t: Tensor, types: readonly TensorType[]): Tensor | undefined {
  return sameShape(t.shape, types[0]!.shape) && t.dtype === types[0]!.dtype ? t : undefined;
}

export function scalar(value: number, like: Tensor): Tensor {
  return Tensor.constant(NDArray.scalar(value, like.dtype));
}

/** 1 where the condition holds, else 0, in the dtype of `like`. */
export function indicator(condition: Tensor, like: Tensor): Tensor {
  return condition.cast(like.dtype);
}

/** Indices of several axes, in the last axis of a tensor, as places in these axes flattened. Negative ones count from the end. */
export function flatIndices(indices: Tensor, sizes: Shape): Tensor {
  const wide = indices.cast("int64");
  const integers = (values: readonly number[]) => Tensor.constant(NDArray.from(values, "int64"));
  const fromFront = apply("Where", [wide.less(0), wide.add(integers(sizes)), wide]);
  return fromFront.mul(integers(stridesOf(sizes))).sum(-1);
}
