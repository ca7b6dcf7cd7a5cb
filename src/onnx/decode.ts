import {
  type Bag,
  emptyBag,
  type Field,
  type Plan,
  plans,
  type TypedKind,
  type TypedList,
  wire,
} from "./fields.ts";
import { typedFromBytes } from "./raw.ts";
import { MAX_DEPTH, Reader } from "./reader.ts";
import { type Message, type MessageName, unknownFields } from "./schema.ts";

/**
 * Decodes a message of this type from protobuf's wire format.
 *
 * Nothing is copied that can be a view: bytes and aligned packed lists are views of `bytes`, so keep it unchanged while the message
 * is in use. Lists may be packed or not. Fields that the schema does not know are kept under `unknownFields`. Throws an error of one
 * line, with the byte offset, where the bytes are no such message; a length is checked before anything is allocated for it.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
export function decodeMessage<N extends MessageName>(type: N, bytes: Uint8Array): Message<N> {
  const plan = plans[type];
  const bag = emptyBag(plan);
  readFields(new Reader(bytes), plan, bag, 1);
  return bag as unknown as Message<N>;
}

/** Reads fields into `bag` until the reader's end. */
function readFields(reader: Reader, plan: Plan, bag: Bag, depth: number): void {
  let parts: Map<Field, TypedList[]> | undefined;
  while (reader.pos < reader.end) {
    const start = reader.pos;
    reader.path = plan.name;
    const tag = reader.tag();
    const field = plan.byNumber[tag >>> 3];
    if (field === undefined) {
      reader.skip(tag, depth);
      keepUnknown(bag, reader.bytes.subarray(start, reader.pos));
      continue;
    }
    reader.path = field.path;
    const packed = checkWireType(reader, field, tag);
    if (field.typed !== undefined) {
      parts ??= new Map();
      const part = packed ? readPacked(reader, field.typed) : readUnpacked(reader, field.typed, tag);
      const earlier = parts.get(field);
      if (earlier) earlier.push(part);
      else parts.set(field, [part]);
    } else if (field.list) readElements(reader, field, bag[field.name] as unknown[], packed, depth);
    else {
      if (field.oneof) clearOthers(plan, field, bag);
      bag[field.name] = readOne(reader, field, bag[field.name], depth);
    }
  }
  if (parts)
    for (const [field, list] of parts) bag[field.name] = join(bag[field.name] as TypedList, list, field);
}

/** Of a union, the field that comes last counts. */
function clearOthers(plan: Plan, field: Field, bag: Bag): void {
  for (const other of plan.fields) {
    if (other.oneof && other !== field && bag[other.name] !== undefined) delete bag[other.name];
  }
}

/** True where a list comes packed. */
function checkWireType(reader: Reader, field: Field, tag: number): boolean {
  const got = tag & 7;
  if (got === field.wireType) return false;
  if (field.list && got === wire.bytes) return true;
  return reader.fail(`the wire type is ${got}, ${field.kind} takes ${field.wireType}`);
}

function readElements(reader: Reader, field: Field, list: unknown[], packed: boolean, depth: number): void {
  if (!packed) {
    list.push(readOne(reader, field, undefined, depth));
    return;
  }
  const outer = open(reader);
  while (reader.pos < reader.end) list.push(readOne(reader, field, undefined, depth));
  reader.end = outer;
}

/** `earlier`: the message that this field already holds; a second one is merged into it, as protobuf says. */
function readOne(reader: Reader, field: Field, earlier: unknown, depth: number): unknown {
  if (field.message !== undefined)
    return readNested(reader, field.message, earlier as Bag | undefined, depth + 1);
  switch (field.kind) {
    case "string":
      return reader.string();
    case "bytes":
      return reader.subarray();
    case "int32":
      return reader.int32();
    case "float":
      return reader.float();
    case "double":
      return reader.double();
    case "anyInt64":
      return reader.int64();
    default: {
      const value = reader.int64();
      return typeof value === "number" ? value : reader.fail(`${value} is beyond 2^53`);
    }
  }
}

function readNested(reader: Reader, plan: Plan, earlier: Bag | undefined, depth: number): Bag {
  if (depth > MAX_DEPTH) reader.fail(`messages nest more than ${MAX_DEPTH} deep`);
  const outer = open(reader);
  const bag = earlier ?? emptyBag(plan);
  readFields(reader, plan, bag, depth);
  reader.end = outer;
  return bag;
}

/** Reads a length and makes what it spans the reader's range; gives the end of the range before. */
function open(reader: Reader): number {
  const length = reader.length();
  const outer = reader.end;
  reader.end = reader.pos + length;
  return outer;
}

function readPacked(reader: Reader, kind: TypedKind): TypedList {
  if (kind.varint) {
    const outer = open(reader);
    const words = new Uint32Array(countVarints(reader) * kind.words);
    for (let i = 0; reader.pos < reader.end; ) {
      reader.varint();
      words[i++] = reader.lo;
      if (kind.words === 2) words[i++] = reader.hi;
    }
    reader.end = outer;
    return new kind.array(words.buffer);
  }
  const bytes = reader.subarray();
  const width = kind.words * 4;
  if (bytes.length % width !== 0) {
    reader.fail(`a packed list of ${bytes.length} bytes is not made of elements of ${width}`);
  }
  return typedFromBytes(kind.array, bytes);
}

/** One element, and those that follow it directly with the same tag: as one piece, so that long lists cost little. */
function readUnpacked(reader: Reader, kind: TypedKind, tag: number): TypedList {
  const words: number[] = [];
  for (;;) {
    if (kind.varint) reader.varint();
    else reader.fixed(kind.words);
    words.push(reader.lo);
    if (kind.words === 2) words.push(reader.hi);
    const here = reader.pos;
    if (here >= reader.end) break;
    if (reader.tag() !== tag) {
      reader.pos = here;
      break;
    }
  }
  return new kind.array(Uint32Array.from(words).buffer);
}

function countVarints(reader: Reader): number {
  let count = 0;
  for (let i = reader.pos; i < reader.end; i++) if (reader.bytes[i]! < 0x80) count++;
  return count;
}

function join(earlier: TypedList, parts: readonly TypedList[], field: Field): TypedList {
  const all = earlier.length === 0 ? parts : [earlier, ...parts];
  if (all.length === 1) return all[0]!;
  const kind = field.typed!;
  const whole = new kind.array(new ArrayBuffer(all.reduce((n, part) => n + part.byteLength, 0)));
  let at = 0;
  for (const part of all) {
    (whole as { set(from: TypedList, at: number): void }).set(part, at);
    at += part.length;
  }
  return whole;
}

/** Adjoining unknown fields are kept as one piece. */
function keepUnknown(bag: Bag, bytes: Uint8Array): void {
  const owner = bag as { [unknownFields]?: Uint8Array[] };
  owner[unknownFields] ??= [];
  const pieces = owner[unknownFields];
  const last = pieces.at(-1);
  if (last && last.byteOffset + last.length === bytes.byteOffset && last.buffer === bytes.buffer) {
    pieces[pieces.length - 1] = new Uint8Array(last.buffer, last.byteOffset, last.length + bytes.length);
  } else pieces.push(bytes);
}
