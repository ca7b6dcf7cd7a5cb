import { type Bag, type Field, type Plan, plans, type TypedList } from "./fields.ts";
import { bytesOf, quoted } from "./raw.ts";
import { MAX_DEPTH } from "./reader.ts";
import { type Draft, type MessageName, unknownFields } from "./schema.ts";
import { utf8Size, varint64Size, varintSize, Writer } from "./writer.ts";

/** Protobuf's limit, which every reader of ONNX files keeps to. */
const MAX_BYTES = 0x7fff_ffff;

/**
 * Encodes a message of this type in protobuf's wire format: fields in ascending number, unknown fields last, lists packed as
 * onnx.proto says; a field is written where it is not undefined, also where it holds its default. Large bytes are copied once.
 * Throws an error of one line where a value does not fit its field, or where the message takes more than protobuf's 2 GiB.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
export function encodeMessage<N extends MessageName>(type: N, message: Draft<N>): Uint8Array<ArrayBuffer> {
  const tape: Entry[] = [];
  const size = measure(plans[type], message as unknown as Bag, tape, 1);
  if (size > MAX_BYTES) {
    throw new Error(
      `encodeMessage: the ${type} takes ${size} bytes, protobuf holds ${MAX_BYTES}: keep large tensors as external data`,
    );
  }
  const writer = new Writer(size);
  for (const entry of tape) write(writer, entry);
  return writer.bytes as Uint8Array<ArrayBuffer>;
}

/**
 * What to write, in the order of writing: a message's tag and size (its fields follow), a value, a list of values, or (without a
 * field) bytes as they are. `size` is that of a message or a typed list, without tags.
 */
interface Entry {
  readonly field: Field | undefined;
  readonly value: unknown;
  size: number;
}

/** Checks a message's fields and enters them on the tape; gives the bytes that they take. */
function measure(plan: Plan, bag: Bag, tape: Entry[], depth: number): number {
  if (depth > MAX_DEPTH) {
    throw new Error(
      `encodeMessage: messages nest more than ${MAX_DEPTH} deep at ${plan.name}: is one its own part?`,
    );
  }
  let total = 0;
  let union: Field | undefined;
  for (const field of plan.fields) {
    const value = bag[field.name];
    if (value === undefined) continue;
    if (field.oneof && union) {
      throw new Error(`encodeMessage: ${union.path} and ${field.path} exclude each other: keep one`);
    }
    if (field.oneof) union = field;
    if (field.list) total += measureList(field, value, tape, depth);
    else if (field.message) total += measureMessage(field, field.message, value, tape, depth);
    else {
      tape.push({ field, value, size: 0 });
      total += tagSize(field) + measureScalar(field, value);
    }
  }
  for (const value of (bag as { [unknownFields]?: readonly Uint8Array[] })[unknownFields] ?? []) {
    tape.push({ field: undefined, value, size: 0 });
    total += value.length;
  }
  return total;
}

function measureMessage(
  field: Field,
  plan: Plan,
  value: unknown,
  tape: Entry[],
  depth: number,
  index?: number,
): number {
  if (typeof value !== "object" || value === null) reject(field, value, "a message", index);
  const entry: Entry = { field, value: undefined, size: 0 };
  tape.push(entry);
  entry.size = measure(plan, value as Bag, tape, depth + 1);
  return tagSize(field) + varintSize(entry.size) + entry.size;
}

function measureList(field: Field, value: unknown, tape: Entry[], depth: number): number {
  if (!Array.isArray(value) && !(field.typed && value instanceof field.typed.array))
    reject(field, value, "a list");
  const list = value as readonly unknown[];
  if (list.length === 0) return 0;
  let total = 0;
  if (field.message) {
    for (let i = 0; i < list.length; i++)
      total += measureMessage(field, field.message, list[i], tape, depth, i);
    return total;
  }
  if (field.typed) {
    const typed = toTyped(field, list);
    const size = measureTyped(field, typed);
    tape.push({ field, value: typed, size });
    return size + (field.packed ? tagSize(field) + varintSize(size) : list.length * tagSize(field));
  }
  tape.push({ field, value: list, size: 0 });
  for (let i = 0; i < list.length; i++) total += tagSize(field) + measureScalar(field, list[i], i);
  return total;
}

function measureScalar(field: Field, value: unknown, index?: number): number {
  switch (field.kind) {
    case "string": {
      if (typeof value !== "string") return reject(field, value, "a string", index);
      const size = utf8Size(value);
      if (size < 0) return reject(field, value, "a string without lone surrogates", index);
      return varintSize(size) + size;
    }
    case "bytes":
      if (!(value instanceof Uint8Array)) return reject(field, value, "a Uint8Array", index);
      return varintSize(value.length) + value.length;
    case "int32":
      if ((value as number) !== ((value as number) | 0))
        reject(field, value, "a whole number of 32 bits", index);
      return (value as number) < 0 ? 10 : varintSize(value as number);
    case "float":
      if (typeof value !== "number" || !fitsFloat32(value))
        reject(field, value, "a number that float32 holds", index);
      return 4;
    case "double":
      if (typeof value !== "number") reject(field, value, "a number", index);
      return 8;
    default:
      return measureInt64(field, value, index);
  }
}

function measureInt64(field: Field, value: unknown, index?: number): number {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value < 0 ? 10 : varintSize(value);
  if (typeof value !== "bigint" || BigInt.asIntN(64, value) !== value) {
    return reject(field, value, "a whole number of 64 bits (a bigint beyond 2^53)", index);
  }
  return varint64Size(Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n)));
}

function measureTyped(field: Field, list: TypedList): number {
  const { words: perElement, varint } = field.typed!;
  if (!varint) return list.byteLength;
  const words = wordsOf(list);
  let total = 0;
  for (let i = 0; i < words.length; i += perElement)
    total += varint64Size(words[i]!, highWord(words, i, perElement));
  return total;
}

/** Numbers as the typed array that the field is held in; a number that it would change is an error. */
function toTyped(field: Field, list: ArrayLike<unknown>): TypedList {
  const { array } = field.typed!;
  if (list instanceof array) return list as TypedList;
  const typed = new array(new ArrayBuffer(list.length * array.BYTES_PER_ELEMENT));
  const big = field.kind === "bigInt64" || field.kind === "bigUint64";
  for (let i = 0; i < list.length; i++) {
    const value = list[i];
    if (typeof value !== "number" && !(big && typeof value === "bigint")) reject(field, value, "a number", i);
    if (big && typeof value === "number" && !Number.isSafeInteger(value))
      reject(field, value, "a whole number", i);
    typed[i] = (big ? BigInt(value as number) : value) as number;
    const exact = field.kind === "double" || Number(typed[i]) === Number(value);
    const kept = field.kind === "float" ? fitsFloat32(value as number) : exact;
    if (!kept) reject(field, value, `a number that ${array.name} holds`, i);
  }
  return typed;
}

/** Writes what has been checked and measured. */
function write(writer: Writer, { field, value, size }: Entry): void {
  if (field === undefined) writer.raw(value as Uint8Array);
  else if (field.message) {
    writer.varint(field.tag);
    writer.varint(size);
  } else if (field.typed) writeTyped(writer, field, value as TypedList, size);
  else if (field.list) for (const element of value as readonly unknown[]) writeScalar(writer, field, element);
  else writeScalar(writer, field, value);
}

function writeScalar(writer: Writer, field: Field, value: unknown): void {
  writer.varint(field.tag);
  switch (field.kind) {
    case "string":
      writer.string(value as string);
      break;
    case "bytes":
      writer.varint((value as Uint8Array).length);
      writer.raw(value as Uint8Array);
      break;
    case "float":
      writer.float(value as number);
      break;
    case "double":
      writer.double(value as number);
      break;
    default:
      writer.int64(value as number | bigint);
  }
}

function writeTyped(writer: Writer, field: Field, list: TypedList, size: number): void {
  const { varint, words: perElement } = field.typed!;
  if (field.packed) {
    writer.varint(field.tag);
    writer.varint(size);
    if (!varint) {
      writer.raw(bytesOf(list));
      return;
    }
  }
  const words = wordsOf(list);
  for (let i = 0; i < words.length; i += perElement) {
    if (!field.packed) writer.varint(field.tag);
    if (varint) writer.varint64(words[i]!, highWord(words, i, perElement));
    else for (let k = 0; k < perElement; k++) writer.word(words[i + k]!);
  }
}

function tagSize(field: Field): number {
  return field.tag < 0x80 ? 1 : 2;
}

function wordsOf(list: TypedList): Uint32Array {
  return new Uint32Array(list.buffer, list.byteOffset, list.byteLength / 4);
}

/** The upper half of the element at word i: int32 is written as 64 bits, its sign carried on. */
function highWord(words: Uint32Array, i: number, perElement: 1 | 2): number {
  if (perElement === 2) return words[i + 1]!;
  return words[i]! >>> 31 === 1 ? 0xffff_ffff : 0;
}

function fitsFloat32(value: number): boolean {
  return Number.isFinite(Math.fround(value)) || !Number.isFinite(value);
}

function reject(field: Field, value: unknown, expected: string, index?: number): never {
  const where = index === undefined ? field.path : `${field.path}[${index}]`;
  const plain = typeof value === "string" ? quoted(value) : String(value);
  const got = typeof value === "object" && value !== null ? (value.constructor?.name ?? "an object") : plain;
  throw new Error(`encodeMessage: ${where} is ${got}, expected ${expected}`);
}
