import { type DType, dtypeOfCode, dtypes } from "../tensor/dtype.ts";
import { NDArray } from "../tensor/ndarray.ts";
import { showShape } from "../tensor/shape.ts";
import { arrayFromBytes, bytesOf, checkBools, countElements, quoted } from "./raw.ts";
import { type TensorProto, tensorTypes } from "./schema.ts";
import { createMessage } from "./wire.ts";

/** A range of a file beside the model: `location` is relative to the model's folder, the rest is in bytes. */
export interface ExternalRange {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/** Gives exactly the bytes of the range, or throws. */
export type ReadExternal = (range: ExternalRange) => Uint8Array;

/** TensorProto's fields for elements that do not stand in rawData. */
const typedFields = ["floatData", "int32Data", "int64Data", "doubleData", "uint64Data"] as const;
type TypedField = (typeof typedFields)[number];

/** Which of them holds a dtype's elements. Source: the comments of TensorProto in onnx.proto. */
const fieldOfDType: Readonly<Record<DType, TypedField>> = {
  float32: "floatData",
  float64: "doubleData",
  int64: "int64Data",
  uint64: "uint64Data",
  uint32: "uint64Data",
  int32: "int32Data",
  int16: "int32Data",
  int8: "int32Data",
  uint16: "int32Data",
  uint8: "int32Data",
  float16: "int32Data",
  bool: "int32Data",
};

/**
 * The values of a TensorProto: from rawData, from the typed field of its type, or by `readExternal` where they stand in another
 * file. Nothing is copied that need not be, so the array may share memory with the message. Throws where type, dims and data
 * do not fit each other exactly, and for types that NDArray does not hold (strings, bfloat16, float8, int4 ...).
 */
export function tensorToNDArray(proto: TensorProto, readExternal?: ReadExternal): NDArray {
  const what = `tensor ${quoted(proto.name ?? "")}`;
  const dtype = dtypeOf(proto, what);
  if (proto.segment !== undefined) {
    throw new Error(
      `${what}: it is stored in segments, which ONNX never specified: save the model again in one piece`,
    );
  }
  const filled = typedFields.filter((field) => proto[field].length > 0);
  const raw = proto.rawData !== undefined && proto.rawData.length > 0;
  if (proto.dataLocation === 1) {
    if (raw || filled.length > 0)
      throw new Error(`${what}: it has data both in the model and in an external file: keep one`);
    return readFrom(proto, dtype, what, readExternal);
  }
  if (proto.dataLocation !== undefined && proto.dataLocation !== 0) {
    throw new Error(
      `${what}: its data location is ${proto.dataLocation}, expected 0 (in the model) or 1 (external file)`,
    );
  }
  if (filled.length + Number(raw) > 1) {
    const both = [...(raw ? ["rawData"] : []), ...filled].join(" and ");
    throw new Error(`${what}: it has data in ${both}: one of them must hold all of it`);
  }
  const field = filled[0];
  if (field === undefined) return arrayFromBytes(proto.rawData ?? new Uint8Array(0), proto.dims, dtype, what);
  return fromTyped(proto, field, dtype, what);
}

/** A TensorProto with the array's memory as its rawData (not copied: keep the array unchanged until the message is encoded). */
export function ndarrayToTensor(array: NDArray, name: string): TensorProto {
  return createMessage("TensorProto", {
    dims: [...array.shape],
    dataType: dtypes[array.dtype].code,
    name,
    rawData: bytesOf(array.data),
  });
}

function dtypeOf(proto: TensorProto, what: string): DType {
  const code = proto.dataType ?? 0;
  const dtype = dtypeOfCode(code);
  if (dtype !== undefined) return dtype;
  const name = tensorTypes[code] ?? `with the code ${code}`;
  throw new Error(
    `${what}: its element type ${name} cannot be held in an NDArray: convert it to one of ${Object.keys(dtypes).join(", ")}`,
  );
}

function fromTyped(proto: TensorProto, field: TypedField, dtype: DType, what: string): NDArray {
  const expected = fieldOfDType[dtype];
  if (field !== expected)
    throw new Error(`${what}: ${dtype} elements stand in ${expected}, this tensor has them in ${field}`);
  const values = proto[field];
  const count = countElements(proto.dims, what);
  if (values.length !== count) {
    throw new Error(
      `${what}: ${dtype} ${showShape(proto.dims)} takes ${count} elements, ${field} has ${values.length}`,
    );
  }
  const { array } = dtypes[dtype];
  if (dtype === "bool") checkBools(values as Int32Array, what);
  if (values instanceof array) return new NDArray(values, [...proto.dims], dtype);
  return new NDArray(narrow(values as Int32Array | BigUint64Array, dtype, what), [...proto.dims], dtype);
}

/** Elements that the file stores in a wider type, back in their own; one that does not fit is an error. */
function narrow(values: Int32Array | BigUint64Array, dtype: DType, what: string) {
  const out = new dtypes[dtype].array(values.length);
  for (let i = 0; i < out.length; i++) {
    out[i] = Number(values[i]);
    if (out[i] !== Number(values[i]))
      throw new Error(`${what}: element ${i} is ${values[i]}, which ${dtype} does not hold`);
  }
  return out;
}

function readFrom(
  proto: TensorProto,
  dtype: DType,
  what: string,
  readExternal: ReadExternal | undefined,
): NDArray {
  const entries = new Map(proto.externalData.map((entry) => [entry.key ?? "", entry.value ?? ""]));
  const location = safeLocation(entries.get("location") ?? "", what);
  const expected = countElements(proto.dims, what) * dtypes[dtype].bytes;
  const offset = byteCount(entries.get("offset") ?? "0", "offset", what);
  const length = byteCount(entries.get("length") ?? String(expected), "length", what);
  if (length !== expected) {
    throw new Error(
      `${what}: ${dtype} ${showShape(proto.dims)} takes ${expected} bytes, the external length is ${length}`,
    );
  }
  if (readExternal === undefined) {
    throw new Error(
      `${what}: its data is in the external file ${quoted(location)}: load the model together with that file`,
    );
  }
  return arrayFromBytes(readExternal({ location, offset, length }), [...proto.dims], dtype, what);
}

/** External data may only come from the model's own folder and those below it. */
function safeLocation(location: string, what: string): string {
  const steps = location.split("/");
  const plain = steps.every((step) => step !== "" && step !== "..") && !/[\\:\0]/.test(location);
  if (!plain) {
    throw new Error(
      `${what}: its external location ${quoted(location)} is not a plain path below the model's folder: move the file there`,
    );
  }
  return location;
}

function byteCount(text: string, key: string, what: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new Error(`${what}: its external ${key} is ${quoted(text)}, expected a number of bytes`);
  }
  return value;
}
