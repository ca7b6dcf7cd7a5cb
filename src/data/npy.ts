import { zipSync } from "fflate";
import { dtypes, type TypedArray } from "../tensor/dtype.ts";
import { NDArray } from "../tensor/ndarray.ts";
import type { Shape } from "../tensor/shape.ts";
import { formatNpyHeader, type NpyHeader, parseNpyHeader } from "./npy-format.ts";
import { memberBytes, zipMembers } from "./zip.ts";

/**
 * Reads a .npy file (NumPy's format, versions 1 to 3): bool, integers and float16/32/64. Fortran order and big-endian
 * elements are converted; float16 stays raw bits. The data is copied.
 *
 * Throws, in one line that starts with `what`, for object arrays (pickles), other element types, and bytes that are more
 * or fewer than the header's shape takes; nothing is allocated before that check.
 */
export function readNpy(bytes: Uint8Array, what = "npy"): NDArray {
  const header = parseNpyHeader(bytes, what);
  if (header === undefined) {
    throw new RangeError(
      `${what}: the file ends inside its header, after ${bytes.length} bytes: copy or save it again`,
    );
  }
  const present = bytes.length - header.dataStart;
  if (present !== header.dataBytes) {
    throw new RangeError(
      `${what}: ${header.dtype} of shape (${header.shape.join(", ")}) takes ${header.dataBytes} bytes, ${present} follow the header: the file is ${present < header.dataBytes ? "cut short" : "not one single array"}`,
    );
  }
  return new NDArray(elements(bytes, header), header.shape, header.dtype);
}

/** A .npy file, version 1, C order, little-endian: what `numpy.save` writes. */
export function writeNpy(array: NDArray): Uint8Array<ArrayBuffer> {
  const header = formatNpyHeader(array.dtype, array.shape);
  const { buffer, byteOffset, byteLength } = array.data;
  const bytes = new Uint8Array(header.length + byteLength);
  bytes.set(header);
  bytes.set(new Uint8Array(buffer, byteOffset, byteLength), header.length);
  return bytes;
}

/**
 * Reads a .npz archive (`numpy.savez`, `numpy.savez_compressed`): its arrays by name, without ".npy".
 *
 * Each member is checked against its own header before its memory is allocated, inflated no further than that, and its
 * checksum compared. Errors are one line and name the member; one bad member fails the whole archive.
 */
export function readNpz(bytes: Uint8Array, what = "npz"): Record<string, NDArray> {
  const arrays = new Map<string, NDArray>();
  for (const member of zipMembers(bytes, what)) {
    const of = `${what}: member "${member.name}"`;
    const name = member.name.replace(/\.npy$/, "");
    if (arrays.has(name)) throw new TypeError(`${of} appears twice: save each array under a name of its own`);
    const npy = memberBytes(member, of, (start) => {
      const header = parseNpyHeader(start, of);
      return header && header.dataStart + header.dataBytes;
    });
    arrays.set(name, readNpy(npy, of));
  }
  return Object.fromEntries(arrays);
}

/**
 * A .npz archive of named arrays, stored, or deflated with `compress`. Equal arrays give equal bytes: no time is recorded.
 * Throws beyond 4 GiB, which the plain zip format does not hold.
 */
export function writeNpz(
  arrays: Record<string, NDArray>,
  o: { compress?: boolean } = {},
): Uint8Array<ArrayBuffer> {
  const files = Object.entries(arrays).map(([name, array]) => [`${name}.npy`, writeNpy(array)] as const);
  const total = files.reduce((sum, [name, bytes]) => sum + bytes.length + 2 * name.length + 200, 0);
  if (total >= 2 ** 32)
    throw new RangeError(
      `writeNpz: ${total} bytes are more than a zip archive holds (4 GiB): split the arrays`,
    );
  return zipSync(Object.fromEntries(files), { level: o.compress ? 6 : 0, mtime: new Date(1980, 0, 1) });
}

function elements(bytes: Uint8Array, header: NpyHeader): TypedArray {
  const { dtype, dataStart, dataBytes, shape } = header;
  const { array: Type, bytes: width } = dtypes[dtype];
  const own = new Uint8Array(dataBytes); // aligned; and slice() of a Node Buffer would be a view
  own.set(bytes.subarray(dataStart, dataStart + dataBytes));
  if (header.bigEndian && width > 1) {
    for (let at = 0; at < dataBytes; at += width) own.subarray(at, at + width).reverse();
  }
  if (dtype === "bool") own.set(own.map((byte) => (byte === 0 ? 0 : 1)));
  const data = new Type(own.buffer, 0, dataBytes / width);
  return header.fortranOrder && shape.length > 1 && data.length > 0 ? toRowMajor(data, shape) : data;
}

/** Elements laid out with the first axis fastest, laid out with the last axis fastest. */
function toRowMajor(data: TypedArray, shape: Shape): TypedArray {
  const out = data.slice();
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((a, b) => a * b, 1));
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < out.length; to++) {
    out[to] = data[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}
