import type { DType } from "../tensor/dtype.ts";
import type { NDArray } from "../tensor/ndarray.ts";
import { parseHeader } from "./json.ts";
import { arrayFromBytes, bytesOf, quoted } from "./raw.ts";
import { utf8Size } from "./writer.ts";

/** What a .safetensors file holds. Both are objects without a prototype: any name is a plain key. */
export interface Safetensors {
  /** In the order of the file. */
  tensors: Record<string, NDArray>;
  metadata: Record<string, string>;
}

interface Entry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

const MAX_HEADER = 100_000_000;
const METADATA = "__metadata__";

/** Names in the file, in the order in which the reference implementation lays tensors out. */
const fileNames: Readonly<Record<DType, string>> = {
  uint64: "U64",
  int64: "I64",
  float64: "F64",
  float32: "F32",
  uint32: "U32",
  int32: "I32",
  float16: "F16",
  uint16: "U16",
  int16: "I16",
  int8: "I8",
  uint8: "U8",
  bool: "BOOL",
};
const layout = Object.keys(fileNames) as DType[];
const dtypesByName = new Map(Object.entries(fileNames).map(([dtype, name]) => [name, dtype as DType]));

/**
 * Encodes arrays as a .safetensors file: the same bytes as the reference implementation (widest dtype first, then by name),
 * and for equal input equal bytes; metadata keys are sorted. Throws where a name or text is not valid Unicode.
 * Source: https://github.com/huggingface/safetensors, README, "Format".
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, NDArray>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const entries = Object.entries(tensors).sort(
    ([aName, a], [bName, b]) =>
      layout.indexOf(a.dtype) - layout.indexOf(b.dtype) || compareText(aName, bName),
  );
  const header = encodeHeader(entries, metadata);
  const start = 8 + header.length;
  const size = entries.reduce((n, [, array]) => n + array.data.byteLength, 0);
  const bytes = new Uint8Array(start + size);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  let at = start;
  for (const [, array] of entries) {
    bytes.set(bytesOf(array.data), at);
    at += array.data.byteLength;
  }
  return bytes;
}

/**
 * Decodes a .safetensors file. Arrays are views of `bytes` where aligned, so keep it unchanged while they are in use.
 * Everything that the format demands is checked, so that no byte of the file is without meaning: throws an error of one line.
 */
export function decodeSafetensors(bytes: Uint8Array): Safetensors {
  const headerSize = readHeaderSize(bytes);
  const start = 8 + headerSize;
  const header = parseHeader(bytes.subarray(8, start));
  const metadata = readMetadata(header.get(METADATA));
  header.delete(METADATA);
  const entries = [...header].map(([name, info]) => readEntry(name, info));
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCover(entries, bytes.byteLength - start);
  const tensors: Record<string, NDArray> = Object.create(null);
  for (const { name, dtype, shape, begin, end } of entries) {
    const what = `safetensors: tensor ${quoted(name)}`;
    tensors[name] = arrayFromBytes(bytes.subarray(start + begin, start + end), shape, dtype, what);
  }
  return { tensors, metadata };
}

function encodeHeader(
  entries: readonly [string, NDArray][],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const parts: string[] = [];
  const pairs = Object.entries(metadata).sort(([a], [b]) => compareText(a, b));
  if (pairs.length > 0) {
    const texts = pairs.map(([key, value]) => `${quote(key)}:${quote(value)}`);
    parts.push(`"${METADATA}":{${texts.join(",")}}`);
  }
  let at = 0;
  for (const [name, array] of entries) {
    if (name === METADATA)
      throw new Error(`safetensors: ${METADATA} is reserved for metadata: give the tensor another name`);
    const end = at + array.data.byteLength;
    const info = `{"dtype":"${fileNames[array.dtype]}","shape":[${array.shape}],"data_offsets":[${at},${end}]}`;
    parts.push(`${quote(name)}:${info}`);
    at = end;
  }
  const json = new TextEncoder().encode(`{${parts.join(",")}}`);
  const header = new Uint8Array(Math.ceil(json.length / 8) * 8).fill(0x20);
  if (header.length > MAX_HEADER) {
    throw new Error(
      `safetensors: the header takes ${header.length} bytes, the format allows ${MAX_HEADER}: use fewer or shorter names`,
    );
  }
  header.set(json);
  return header;
}

function quote(text: unknown): string {
  if (typeof text !== "string" || utf8Size(text) < 0) {
    const got = typeof text === "string" ? JSON.stringify(text) : String(text);
    throw new Error(`safetensors: ${got} cannot be a name or metadata: use strings without lone surrogates`);
  }
  return JSON.stringify(text);
}

/** By code point, which is the order of the UTF-8 bytes. */
function compareText(a: string, b: string): number {
  for (let i = 0; i < a.length && i < b.length; ) {
    const x = a.codePointAt(i)!;
    const y = b.codePointAt(i)!;
    if (x !== y) return x - y;
    i += x > 0xffff ? 2 : 1;
  }
  return a.length - b.length;
}

function readHeaderSize(bytes: Uint8Array): number {
  if (bytes.byteLength < 8) {
    throw new Error(
      `safetensors: the file has ${bytes.byteLength} bytes, its header's length alone takes 8: it is cut short`,
    );
  }
  const size = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (size > BigInt(MAX_HEADER)) {
    throw new Error(
      `safetensors: a header of ${size} bytes is claimed, the format allows ${MAX_HEADER}: this is no .safetensors file`,
    );
  }
  if (Number(size) > bytes.byteLength - 8) {
    throw new Error(
      `safetensors: a header of ${size} bytes is claimed, ${bytes.byteLength - 8} are left: the file is cut short`,
    );
  }
  return Number(size);
}

function readMetadata(value: unknown): Record<string, string> {
  const metadata: Record<string, string> = Object.create(null);
  if (value === undefined) return metadata;
  if (!isObject(value)) throw new Error(`safetensors: ${METADATA} is no object of strings`);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string")
      throw new Error(
        `safetensors: the metadata ${quoted(key)} is no string: the format allows only strings`,
      );
    metadata[key] = text;
  }
  return metadata;
}

function readEntry(name: string, info: unknown): Entry {
  const what = `safetensors: tensor ${quoted(name)}`;
  if (!isObject(info)) throw new Error(`${what}: its entry is no object with dtype, shape and data_offsets`);
  const own = new Map(Object.entries(info));
  const typeName = own.get("dtype");
  const dtype = dtypesByName.get(typeName as string);
  if (dtype === undefined) {
    const known = [...dtypesByName.keys()].join(", ");
    throw new Error(
      `${what}: its dtype is ${quoted(String(typeName))}, which cannot be held here: convert it to one of ${known}`,
    );
  }
  const shape = own.get("shape");
  if (!isCounts(shape)) throw new Error(`${what}: its shape is no list of whole numbers from 0`);
  const offsets = own.get("data_offsets");
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    throw new Error(`${what}: its data_offsets are no [begin, end] with begin at most end`);
  }
  return { name, dtype, shape, begin: offsets[0]!, end: offsets[1]! };
}

/** Every byte of the data belongs to one tensor: so nothing overlaps, and nothing can hide in the file. */
function checkCover(entries: readonly Entry[], size: number): void {
  let at = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== at) {
      const fault = begin < at ? "overlaps the tensor before it" : "leaves a hole before it";
      throw new Error(
        `safetensors: tensor ${quoted(name)} begins at byte ${begin} of the data and ${fault}, expected ${at}`,
      );
    }
    at = end;
  }
  if (at !== size) {
    throw new Error(
      `safetensors: the tensors take ${at} bytes, the file holds ${size}: it is cut short, or something was added to it`,
    );
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}
