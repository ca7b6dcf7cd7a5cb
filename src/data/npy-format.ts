import { type DType, dtypes } from "../tensor/dtype.ts";
import { type Shape, showShape, sizeOf } from "../tensor/shape.ts";

/** What the header of a .npy file says (NumPy's format, versions 1 to 3). */
export interface NpyHeader {
  readonly dtype: DType;
  readonly bigEndian: boolean;
  readonly fortranOrder: boolean;
  readonly shape: Shape;
  /** Where the elements start, and the bytes that they take. */
  readonly dataStart: number;
  readonly dataBytes: number;
}

/** NumPy's own limit is 10,000 characters: no plain array comes near it. */
const longestHeader = 65_536;
/** NumPy's limit. */
const mostAxes = 64;

const byDescr: Record<string, DType> = {
  b1: "bool",
  i1: "int8",
  i2: "int16",
  i4: "int32",
  i8: "int64",
  u1: "uint8",
  u2: "uint16",
  u4: "uint32",
  u8: "uint64",
  f2: "float16",
  f4: "float32",
  f8: "float64",
};

/**
 * Reads the header at the start of `bytes`, which may end before the elements do. `undefined` where `bytes` ends inside the
 * header; throws where it is no .npy header. `what` names the file in errors.
 */
export function parseNpyHeader(bytes: Uint8Array, what: string): NpyHeader | undefined {
  const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
  if (magic.some((byte, i) => i < bytes.length && bytes[i] !== byte)) {
    throw new TypeError(
      `${what}: this is no .npy data (it does not start with \\x93NUMPY): save it with numpy.save`,
    );
  }
  if (bytes.length < 10) return undefined;
  const version = bytes[6]!;
  if (version < 1 || version > 3) {
    throw new TypeError(
      `${what}: .npy version ${version} is unknown, 1 to 3 are: save it with a released numpy`,
    );
  }
  const textStart = version === 1 ? 10 : 12;
  if (bytes.length < textStart) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > longestHeader) {
    throw new RangeError(
      `${what}: the header claims ${length} bytes, at most ${longestHeader} are accepted: the file is damaged`,
    );
  }
  const dataStart = textStart + length;
  if (bytes.length < dataStart) return undefined;
  const encoding = version === 3 ? "utf-8" : "latin1";
  return describe(new TextDecoder(encoding).decode(bytes.subarray(textStart, dataStart)), dataStart, what);
}

function describe(text: string, dataStart: number, what: string): NpyHeader {
  const fields = parseDict(text, what);
  const { dtype, bigEndian } = parseDescr(fields.descr, what);
  const shape = parseShape(fields.shape, what);
  const dataBytes = sizeOf(shape) * dtypes[dtype].bytes;
  if (!Number.isSafeInteger(dataBytes)) {
    throw new RangeError(
      `${what}: the shape ${showShape(shape)} takes more bytes than can be counted: the file is damaged`,
    );
  }
  return { dtype, bigEndian, fortranOrder: fields.fortran_order === "True", shape, dataStart, dataBytes };
}

/** A Python dict literal with exactly the three fields of the format, in any order; values stay text. */
function parseDict(text: string, what: string): { descr: string; fortran_order: string; shape: string } {
  const field =
    /\s*(['"])(descr|fortran_order|shape)\1\s*:\s*('[^']*'|"[^"]*"|True|False|\([^()]*\)|\[[^{}:]*\])\s*(,|(?=\}))/y;
  const found: Record<string, string> = {};
  const open = /^\s*\{/.exec(text);
  field.lastIndex = open ? open[0].length : text.length;
  let end = field.lastIndex;
  for (let m = field.exec(text); m; m = field.exec(text)) {
    if (m[2]! in found) break;
    found[m[2]!] = m[3]!;
    end = field.lastIndex;
  }
  const { descr, fortran_order, shape } = found;
  const complete =
    descr && /^(True|False)$/.test(fortran_order ?? "") && shape && /^\s*\}\s*$/.test(text.slice(end));
  if (!complete) {
    throw new TypeError(
      `${what}: the header is no dict of descr, fortran_order and shape: ${JSON.stringify(text.trim().slice(0, 100))}`,
    );
  }
  return { descr, fortran_order: fortran_order!, shape };
}

function parseDescr(descr: string, what: string): { dtype: DType; bigEndian: boolean } {
  const [, order, code] = /^['"]([<>|=]?)(.*)['"]$/.exec(descr) ?? [];
  if (code === "O") {
    throw new TypeError(
      `${what}: this is an object array, a Python pickle, which is not read: save it again without pickle, as one plain array for each part`,
    );
  }
  const dtype = code !== undefined && Object.hasOwn(byDescr, code) ? byDescr[code] : undefined;
  if (dtype === undefined) {
    throw new TypeError(
      `${what}: elements of type ${descr.slice(0, 60)} are not read: convert to a bool, integer or float16/32/64 array first`,
    );
  }
  return { dtype, bigEndian: order === ">" };
}

/** `(3, 4)`, `(3,)`, `()`; Python 2 wrote `(3L,)`. */
function parseShape(shape: string, what: string): number[] {
  const inside = /^\((.*)\)$/s.exec(shape)?.[1]?.trim();
  const parts = inside === "" ? [] : (inside?.replace(/,$/, "").split(",") ?? ["?"]);
  const sizes = parts.map((part) => (/^\s*\d+L?\s*$/.test(part) ? Number.parseInt(part, 10) : Number.NaN));
  if (!sizes.every(Number.isSafeInteger) || (sizes.length === 1 && !inside?.endsWith(","))) {
    throw new TypeError(`${what}: ${shape.slice(0, 60)} is no shape: the file is damaged`);
  }
  if (sizes.length > mostAxes)
    throw new RangeError(`${what}: ${sizes.length} axes, at most ${mostAxes} are read: reshape it`);
  return sizes;
}

/** A version 1 header, padded so that the elements start at a multiple of 64 bytes. */
export function formatNpyHeader(dtype: DType, shape: Shape): Uint8Array {
  const code = Object.keys(byDescr).find((key) => byDescr[key] === dtype)!;
  const descr = (dtypes[dtype].bytes === 1 ? "|" : "<") + code;
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const total = Math.ceil((10 + dict.length + 1) / 64) * 64;
  const bytes = new Uint8Array(total).fill(0x20);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, (total - 10) & 0xff, (total - 10) >> 8]);
  bytes.set(new TextEncoder().encode(dict), 10);
  bytes[total - 1] = 0x0a;
  return bytes;
}
