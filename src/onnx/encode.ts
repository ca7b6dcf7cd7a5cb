import { type Bag, type Field, type Plan, plans, type TypedList } from "./fields.ts";
import { bytesOf, quoted } from "./raw.ts";
import { MAX_DEPTH } from "./reader.ts";
import { type Draft, type MessageName, unknownFields } from "./schema.ts";
import { utf8Size, varint64Size, varintSize, Writer } from "./writer.ts";

/** Protobuf's limit, which every reader of ONNX files keeps to. */
const MAX_BYTES = 0x7fff_ffff;

const none: readonly Uint8Array[] = [];

/**
 * Encodes a message of this type in protobuf's wire format: fields in ascending number, unknown fields last, lists packed as
 * onnx.proto says; a field is written where it is not undefined, also where it holds its default. Large bytes are copied once.
 * Throws an error of one line where a value does not fit its field, or where the message takes more than protobuf's 2 GiB.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
export function encodeMessage<N extends MessageName>(type: N, message: Draft<N>): Uint8Array<ArrayBuffer> {
  const sizes: number[] = [];
  const size = measure(plans[type], message as unknown as Bag, sizes, 1);
  if (size > MAX_BYTES) {
    throw new Error(
      `encodeMessage: the ${type} takes ${size} bytes, protobuf holds ${MAX_BYTES}: keep large tensors as external data`,
    );
  }
  const emitter = new Emitter(sizes);
  emitter.message(plans[type], message as unknown as Bag);
  return emitter.writer.bytes as Uint8Array<ArrayBuffer>;
}

/**
 * Checks a message's fields and gives the bytes that they take. `sizes` receives what the emitter has to know before it writes a
 * part, in the order of writing: the size of each message, and of each packed list.
 */
function measure(plan: Plan, bag: Bag, sizes: number[], depth: number): number {
  if (depth > MAX_DEPTH) {
    throw new Error(
      `encodeMessage: messages nest more than ${MAX_DEPTH} deep at ${plan.name}: is one its own part?`,
    );
  }
  const place = sizes.push(0) - 1;
  let total = 0;
  let present = 0;
  let union: Field | undefined;
  const { fields } = plan;
  // Counted loops where every node passes: for-of leaves an object a step until it is compiled.
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]!;
    const value = bag[field.name];
    if (value === undefined) continue;
    present++;
    if (field.oneof && union) {
      throw new Error(`encodeMessage: ${union.path} and ${field.path} exclude each other: keep one`);
    }
    if (field.oneof) union = field;
    if (field.list) total += measureList(field, value, sizes, depth);
    else total += tagSize(field) + measureOne(field, value, sizes, depth);
  }
  if (Object.keys(bag).length > present) checkKeys(plan, bag);
  for (const piece of unknownOf(bag)) total += piece.length;
  sizes[place] = total;
  return total;
}

function checkKeys(plan: Plan, bag: Bag): void {
  for (const key of Object.keys(bag)) {
    if (plan.byName.has(key)) continue;
    const known = plan.fields.map((field) => field.name).join(", ");
    throw new Error(`encodeMessage: ${plan.name} has no field ${quoted(key)}: it has ${known}`);
  }
}

function measureList(field: Field, value: unknown, sizes: number[], depth: number): number {
  if (!Array.isArray(value) && !(field.typed && value instanceof field.typed.array))
    reject(field, value, "a list");
  const list = value as readonly unknown[];
  if (list.length === 0) return 0;
  if (field.typed === undefined) {
    let total = list.length * tagSize(field);
    for (let i = 0; i < list.length; i++) total += measureOne(field, list[i], sizes, depth, i);
    return total;
  }
  const payload = measureTyped(field, toTyped(field, list));
  if (!field.packed) return list.length * tagSize(field) + payload;
  sizes.push(payload);
  return tagSize(field) + varintSize(payload) + payload;
}

function measureOne(field: Field, value: unknown, sizes: number[], depth: number, index?: number): number {
  if (field.message === undefined) return measureScalar(field, value, index);
  if (typeof value !== "object" || value === null) return reject(field, value, "a message", index);
  const size = measure(field.message, value as Bag, sizes, depth + 1);
  return varintSize(size) + size;
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
  if (field.kind === "int64") return reject(field, value, "a whole number within 2^53", index);
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

/** The second pass: writes what `measure` has checked and measured. */
class Emitter {
  readonly writer: Writer;
  private readonly sizes: readonly number[];
  private next = 1;

  /** The first of the sizes is that of the whole message. */
  constructor(sizes: readonly number[]) {
    this.writer = new Writer(sizes[0]!);
    this.sizes = sizes;
  }

  message(plan: Plan, bag: Bag): void {
    const { fields } = plan;
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i]!;
      const value = bag[field.name];
      if (value === undefined) continue;
      if (field.typed !== undefined) this.typedList(field, toTyped(field, value as readonly unknown[]));
      else if (field.list) this.list(field, value as readonly unknown[]);
      else this.one(field, value);
    }
    for (const piece of unknownOf(bag)) this.writer.raw(piece);
  }

  private list(field: Field, list: readonly unknown[]): void {
    for (let i = 0; i < list.length; i++) this.one(field, list[i]);
  }

  private one(field: Field, value: unknown): void {
    const { writer } = this;
    writer.varint(field.tag);
    if (field.message !== undefined) {
      writer.varint(this.sizes[this.next++]!);
      this.message(field.message, value as Bag);
      return;
    }
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

  private typedList(field: Field, list: TypedList): void {
    if (list.length === 0) return;
    const { writer } = this;
    const { varint, words: perElement } = field.typed!;
    if (field.packed) {
      writer.varint(field.tag);
      writer.varint(this.sizes[this.next++]!);
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

function unknownOf(bag: Bag): readonly Uint8Array[] {
  return (bag as { [unknownFields]?: readonly Uint8Array[] })[unknownFields] ?? none;
}

function reject(field: Field, value: unknown, expected: string, index?: number): never {
  const where = index === undefined ? field.path : `${field.path}[${index}]`;
  const plain = typeof value === "string" ? quoted(value) : String(value);
  const got = typeof value === "object" && value !== null ? (value.constructor?.name ?? "an object") : plain;
  throw new Error(`encodeMessage: ${where} is ${got}, expected ${expected}`);
}
