import { type DType, dtypes, type TypedArray } from "../tensor/dtype.ts";
import { NDArray } from "../tensor/ndarray.ts";
import { type Shape, showShape } from "../tensor/shape.ts";

/** A typed array's class, as far as this folder needs it. */
export interface ArrayClass<A> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): A;
}

/** Little-endian bytes as a typed array: a view where they are aligned, else a copy. The byte length must fit. */
export function typedFromBytes<A>(array: ArrayClass<A>, bytes: Uint8Array): A {
  const width = array.BYTES_PER_ELEMENT;
  if (bytes.byteOffset % width !== 0) return new array(new Uint8Array(bytes).buffer);
  return new array(bytes.buffer, bytes.byteOffset, bytes.byteLength / width);
}

/** A typed array's memory as bytes: little-endian, not copied. */
export function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/**
 * The number of elements of a shape from a file. Throws where a size is no whole number from 0, or where the elements are
 * more than can be counted exactly.
 */
export function countElements(shape: Shape, what: string): number {
  let count = 1;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new Error(
        `${what}: ${size} is no size in the shape ${showShape(shape)}: sizes are whole numbers from 0`,
      );
    }
    count *= size;
    if (!Number.isSafeInteger(count)) {
      throw new Error(
        `${what}: the shape ${showShape(shape)} has more elements than any file: the file is damaged`,
      );
    }
  }
  return count;
}

/** An array of raw little-endian bytes, which must be exactly as many as shape and dtype take. Not copied where aligned. */
export function arrayFromBytes(bytes: Uint8Array, shape: Shape, dtype: DType, what: string): NDArray {
  const { array, bytes: width } = dtypes[dtype];
  const expected = countElements(shape, what) * width;
  if (bytes.byteLength !== expected) {
    throw new Error(
      `${what}: ${dtype} ${showShape(shape)} takes ${expected} bytes, the file holds ${bytes.byteLength}: it is damaged or was written wrongly`,
    );
  }
  const data = typedFromBytes(array as unknown as ArrayClass<TypedArray>, bytes);
  if (dtype === "bool") checkBools(data as Uint8Array, what);
  return new NDArray(data, [...shape], dtype);
}

/** Throws where a bool is neither 0 nor 1. */
export function checkBools(data: ArrayLike<number>, what: string): void {
  for (let i = 0; i < data.length; i++) {
    if (data[i]! >>> 0 > 1)
      throw new Error(`${what}: element ${i} of a bool tensor is ${data[i]}, expected 0 or 1`);
  }
}

/** A name from a file for an error message: in quotes, on one line, cut where it is long. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 77)}...` : name);
}
