/** The bytes of an ONNX file, decoded and checked. */
import { dtypeOfCode, dtypes, isFloat } from "../tensor/dtype.ts";
import { NDArray } from "../tensor/ndarray.ts";
import { sizeOf, stridesOf } from "../tensor/shape.ts";
import { checkedGraph } from "./graph.ts";
import { modelOpsets, type NormalGraph, normalise } from "./normalise.ts";
import type { Opsets } from "./opsets.ts";
import { countElements, quoted } from "./raw.ts";
import type { ModelProto, SparseTensorProto, TensorProto } from "./schema.ts";
import { type ReadExternal, tensorToNDArray } from "./tensors.ts";
import type { TraceSource } from "./trace.ts";
import { decodeMessage } from "./wire.ts";

/** A dense form of a sparse tensor may take this many bytes. */
const MAX_DENSE = 2 ** 31;

/** A file, with its graph in normal form; values are read when they are asked for. */
export class ModelFile implements TraceSource {
  readonly proto: ModelProto;
  readonly opsets: Opsets;
  private readonly normal: NormalGraph;
  private readonly values = new Map<TensorProto, NDArray>();

  /** Throws one line where the bytes are no ONNX model, or one that no runtime could run. */
  constructor(
    readonly bytes: Uint8Array,
    private readonly readExternal?: ReadExternal,
  ) {
    this.proto = decodeMessage("ModelProto", bytes);
    if (this.proto.graph === undefined)
      throw new Error("model: it has no graph: the file is no ONNX model, or is cut short");
    this.opsets = modelOpsets(this.proto);
    this.normal = normalise({ ...this.proto, graph: checkedGraph(this.proto.graph) });
    for (const tensor of this.proto.graph.initializer) if (isStoredHere(tensor)) this.valueOf(tensor);
  }

  get graph() {
    return this.normal.graph;
  }

  get origins() {
    return this.normal.origins;
  }

  valueOf(tensor: TensorProto): NDArray {
    let value = this.values.get(tensor);
    if (value === undefined) {
      value = tensorToNDArray(tensor, this.readExternal);
      this.values.set(tensor, value);
    }
    return value;
  }

  denseOf({ values, indices, dims }: SparseTensorProto): NDArray {
    const what = `sparse tensor ${quoted(values?.name ?? "")}`;
    if (values === undefined || indices === undefined)
      throw new Error(`${what}: it has no values or no indices`);
    const [held, places] = [
      tensorToNDArray(values, this.readExternal),
      tensorToNDArray(indices, this.readExternal),
    ];
    const size = countElements(dims, what);
    if (size * dtypes[held.dtype].bytes > MAX_DENSE)
      throw new Error(
        `${what}: it would take ${size * dtypes[held.dtype].bytes} bytes in dense form: run the file as it is`,
      );
    const dense = NDArray.zeros(dims, held.dtype === "float16" ? "uint16" : held.dtype);
    const strides = stridesOf(dims);
    const depth = places.rank === 2 ? dims.length : 1;
    if (places.size !== held.size * depth)
      throw new Error(
        `${what}: it has ${held.size} values and ${places.size} indices, ${depth} each are expected`,
      );
    for (let i = 0; i < held.size; i++) {
      const at = Array.from({ length: depth }, (_, axis) => Number(places.data[i * depth + axis]));
      const to = places.rank === 2 ? at.reduce((n, v, axis) => n + v * strides[axis]!, 0) : at[0]!;
      const inside = places.rank !== 2 || at.every((v, axis) => v >= 0 && v < dims[axis]!);
      if (!inside || to < 0 || to >= sizeOf(dims))
        throw new Error(`${what}: the index [${at}] is outside of [${dims}]: the file is damaged`);
      dense.data[to] = held.data[i]!;
    }
    return new NDArray(dense.data, [...dims], held.dtype);
  }
}

function isStoredHere(tensor: TensorProto): boolean {
  return dtypeOfCode(tensor.dataType ?? 0) !== undefined && (tensor.dataLocation ?? 0) === 0;
}

/** Is it a tensor of floats that an NDArray holds? */
export function holdsFloats(tensor: TensorProto): boolean {
  const dtype = dtypeOfCode(tensor.dataType ?? 0);
  return dtype !== undefined && isFloat(dtype);
}
