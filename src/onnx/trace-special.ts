/** Operators that a trace treats in its own way. */
import { dtypes, isFloat } from "../tensor/dtype.ts";
import { NDArray } from "../tensor/ndarray.ts";
import { intAttribute } from "../tensor/node.ts";
import * as random from "../tensor/random.ts";
import { sizeOf } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { attributeFromProto } from "./attributes.ts";
import { integersIn } from "./fold.ts";
import type { NodeProto } from "./schema.ts";
import { constantOf, type Scope, type Tracer } from "./trace.ts";
import { branch, loop, scan } from "./trace-subgraphs.ts";

export interface SpecialCall {
  readonly tracer: Tracer;
  readonly node: NodeProto;
  readonly scope: Scope;
  readonly inputs: readonly (Tensor | undefined)[];
}

/** The outputs, or undefined to apply the operator as usual. */
export type Special = (call: SpecialCall) => readonly Tensor[] | undefined;

function constant({ tracer, node }: SpecialCall): readonly Tensor[] | undefined {
  const sparse = node.attribute.find((a) => a.sparseTensor !== undefined)?.sparseTensor;
  if (sparse !== undefined) return [Tensor.constant(tracer.source.denseOf(sparse))];
  const first = node.attribute[0];
  if (first === undefined) throw new Error("it has no value");
  if (first.t !== undefined) return [Tensor.constant(tracer.source.valueOf(first.t))];
  const value = attributeFromProto(first);
  if (typeof value === "number") return [Tensor.constant(value, "int64")];
  if (Array.isArray(value))
    return [Tensor.constant(new NDArray(BigInt64Array.from(value, BigInt), [value.length]))];
  if (typeof value === "object" && "float" in value) return [Tensor.constant(value.float)];
  if (typeof value === "object" && "floats" in value)
    return [Tensor.constant(NDArray.from(Float32Array.from(value.floats)))];
  throw new Error("its value is text, which no NDArray holds: run the file as it is");
}

/** Identity unless the model is trained; then a mask from a key of its own. */
function dropout(call: SpecialCall): readonly Tensor[] | undefined {
  const { tracer, node, scope, inputs } = call;
  const [x, ratio, training] = inputs;
  const mask = { shape: x!.shape, dtype: "bool" as const };
  const { key } = tracer.context;
  if (key === undefined) {
    const flag = training && constantOf(training);
    if (training !== undefined && flag?.data[0] !== 0) return tracer.carried(node, scope, inputs, [x, mask]);
    return [x!, Tensor.constant(NDArray.scalar(true)).expand(x!.shape)];
  }
  const dropped = ratio ?? Tensor.constant(0.5, x!.dtype);
  const draws = random.uniform(tracer.keyFor(node, key), x!.shape);
  const kept = draws.greaterEqual(dropped.cast("float32"));
  const scale = Tensor.constant(1, x!.dtype).sub(dropped.cast(x!.dtype));
  return [x!.mul(kept.cast(x!.dtype)).div(scale), kept];
}

/** Some exporters give an empty tensor for an input that is absent. */
function resize({ tracer, node, scope, inputs }: SpecialCall): readonly Tensor[] {
  const present = inputs.map((t, i) => (i > 0 && t?.size === 0 ? undefined : t));
  return tracer.apply(node, scope, present);
}

/** A target that was written for the file's batch size, for the one that the caller chose. */
function reshape({ tracer, node, inputs, scope }: SpecialCall): readonly Tensor[] | undefined {
  const { batch } = tracer.context;
  const [x, target] = inputs;
  const sizes = target && constantOf(target);
  if (batch === undefined || sizes === undefined) return undefined;
  const wanted = integersIn(sizes);
  if (wanted.includes(-1) || wanted.includes(0) || sizeOf(wanted) === x!.size) return undefined;
  if (wanted[0] !== batch.declared || (sizeOf(wanted) / batch.declared) * batch.given !== x!.size)
    return undefined;
  const other = NDArray.from([batch.given, ...wanted.slice(1)], "int64");
  return tracer.apply(node, scope, [x, Tensor.constant(other)]);
}

function castLike({ inputs: [x, like] }: SpecialCall): readonly Tensor[] {
  const value = constantOf(x!);
  const exact =
    value !== undefined && isFloat(value.dtype) === isFloat(like!.dtype) && like!.dtype !== "float16";
  return [
    exact && value.dtype !== "float16" ? Tensor.constant(value.cast(like!.dtype)) : x!.cast(like!.dtype),
  ];
}

/** A matrix like another one in shape; its elements are constant. */
function eyeLike({ tracer, node, inputs, scope }: SpecialCall): readonly Tensor[] {
  const [x] = inputs;
  const dtype = intAttribute(tracer.attributesOf(node), "dtype", dtypes[x!.dtype].code);
  const like = Tensor.constant(NDArray.zeros(x!.shape, x!.dtype === "float16" ? "float32" : x!.dtype));
  return dtype === dtypes.float16.code
    ? tracer.carried(node, scope, inputs)
    : tracer.apply(node, scope, [like]);
}

export const special: Readonly<Record<string, Special>> = {
  Constant: constant,
  Dropout: dropout,
  Resize: resize,
  Reshape: reshape,
  CastLike: castLike,
  EyeLike: eyeLike,
  If: branch,
  Loop: loop,
  Scan: scan,
};
