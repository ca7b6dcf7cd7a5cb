/**
 * Element types. The names are ONNX Runtime's; `code` is ONNX's TensorProto.DataType.
 *
 * float32, float64, int64 and bool are what the operators here compute with. The others are carried through, so that
 * an imported model keeps them.
 */

const table = {
  float32: { code: 1, bytes: 4, array: Float32Array, kind: "float" },
  float64: { code: 11, bytes: 8, array: Float64Array, kind: "float" },
  float16: { code: 10, bytes: 2, array: Uint16Array, kind: "float" },
  int64: { code: 7, bytes: 8, array: BigInt64Array, kind: "int" },
  int32: { code: 6, bytes: 4, array: Int32Array, kind: "int" },
  int16: { code: 5, bytes: 2, array: Int16Array, kind: "int" },
  int8: { code: 3, bytes: 1, array: Int8Array, kind: "int" },
  uint64: { code: 13, bytes: 8, array: BigUint64Array, kind: "int" },
  uint32: { code: 12, bytes: 4, array: Uint32Array, kind: "int" },
  uint16: { code: 4, bytes: 2, array: Uint16Array, kind: "int" },
  uint8: { code: 2, bytes: 1, array: Uint8Array, kind: "int" },
  bool: { code: 9, bytes: 1, array: Uint8Array, kind: "bool" },
} as const;

export type DType = keyof typeof table;

export type TypedArray =
  | Float32Array
  | Float64Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | BigUint64Array
  | Uint32Array
  | Uint16Array
  | Uint8Array;

type Buffers<A> = {
  new (length: number): A;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): A;
};

interface DTypeInfo {
  /** TensorProto.DataType. */
  readonly code: number;
  readonly bytes: number;
  readonly array: Buffers<TypedArray> & { from(values: readonly number[]): TypedArray };
  readonly kind: "float" | "int" | "bool";
}

export const dtypes = table as unknown as Readonly<Record<DType, DTypeInfo>>;

const byCode = new Map(Object.entries(dtypes).map(([name, info]) => [info.code, name as DType]));

/** The dtype with this TensorProto.DataType, or undefined where it has no typed array (strings, float8, int4 ...). */
export function dtypeOfCode(code: number): DType | undefined {
  return byCode.get(code);
}

export function isFloat(dtype: DType): boolean {
  return dtypes[dtype].kind === "float";
}

/** True where the elements are held as bigint. */
export function isBig(dtype: DType): boolean {
  return dtype === "int64" || dtype === "uint64";
}
