/** A file with other weights: only the initialisers that changed are written anew. */
import type { NDArray } from "../tensor/ndarray.ts";
import { sameShape, showShape } from "../tensor/shape.ts";
import type { ModelFile } from "./model-file.ts";
import type { Parameter } from "./parameters.ts";
import { bytesOf, quoted } from "./raw.ts";
import type { TensorProto } from "./schema.ts";
import { encodeMessage } from "./wire.ts";

/**
 * The file's bytes with these weights. Where none differs from the file's, bit by bit, the bytes are those of the file. A changed
 * one is stored in the same field as before (inside the model, if it was in a file beside it); everything else stays, unknown
 * fields too. With `selfContained`, all data from other files are put into the model. Throws one line where names, shapes or dtypes
 * are not those of the file.
 */
export function withWeights(
  file: ModelFile,
  parameters: ReadonlyMap<TensorProto, Parameter>,
  params: Readonly<Record<string, NDArray>>,
  selfContained: boolean,
): Uint8Array {
  const changed = new Map<TensorProto, TensorProto>();
  const names = new Set<string>();
  for (const [tensor, parameter] of parameters) {
    const array = fitting(parameter, params);
    names.add(parameter.name);
    if (!sameBytes(array, file.valueOf(tensor))) changed.set(tensor, stored(tensor, array));
  }
  const stray = Object.keys(params).find((name) => !names.has(name));
  if (stray !== undefined)
    throw new RangeError(`export: the file has no weight ${quoted(stray)}: it has ${some([...names])}`);
  const graph = file.proto.graph!;
  if (selfContained)
    for (const t of graph.initializer)
      if (t.dataLocation === 1 && !changed.has(t)) changed.set(t, stored(t, file.valueOf(t)));
  if (changed.size === 0) return file.bytes.slice();
  return encodeMessage("ModelProto", {
    ...file.proto,
    graph: { ...graph, initializer: graph.initializer.map((t) => changed.get(t) ?? t) },
  });
}

function fitting(parameter: Parameter, params: Readonly<Record<string, NDArray>>): NDArray {
  const { name, shape, dtype } = parameter;
  const array = Object.hasOwn(params, name) ? params[name] : undefined;
  if (array === undefined)
    throw new RangeError(`export: the weight ${quoted(name)} is missing: pass all of the model's`);
  if (array.dtype !== dtype || !sameShape(array.shape, shape)) {
    throw new RangeError(
      `export: the weight ${quoted(name)} is ${dtype}${showShape(shape)} in the file, this one is ${array.dtype}${showShape(array.shape)}`,
    );
  }
  return array;
}

function sameBytes(a: NDArray, b: NDArray): boolean {
  const [x, y] = [bytesOf(a.data), bytesOf(b.data)];
  return x.length === y.length && x.every((v, i) => v === y[i]);
}

/** The tensor with other values, in the field that held them. */
function stored(tensor: TensorProto, array: NDArray): TensorProto {
  const { dataLocation: _, rawData: __, ...rest } = tensor;
  const base: TensorProto = { ...rest, externalData: [] };
  if (tensor.floatData.length > 0) return { ...base, floatData: array.data as Float32Array };
  if (tensor.doubleData.length > 0) return { ...base, doubleData: array.data as Float64Array };
  if (tensor.int32Data.length > 0) return { ...base, int32Data: Int32Array.from(array.data as Uint16Array) };
  return { ...base, rawData: bytesOf(array.data) };
}

function some(names: readonly string[]): string {
  return names.length <= 4
    ? names.join(", ")
    : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;
}
