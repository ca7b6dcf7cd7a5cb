import type { ArrayClass } from "./raw.ts";
import { type FieldRow, type MessageName, messages } from "./schema.ts";

/** Protobuf's wire types. */
export const wire = { varint: 0, fixed64: 1, bytes: 2, group: 3, endGroup: 4, fixed32: 5 } as const;

export type TypedList = Float32Array | Float64Array | Int32Array | BigInt64Array | BigUint64Array;

/** A list kind that is held in a typed array: `words` 32-bit words an element, as varints or fixed-width. */
export interface TypedKind {
  readonly words: 1 | 2;
  readonly varint: boolean;
  readonly array: ArrayClass<TypedList>;
  readonly empty: TypedList;
}

/** A row of the schema, prepared for the encoder and the decoder. */
export interface Field {
  readonly path: string;
  readonly name: string;
  readonly number: number;
  readonly kind: string;
  readonly wireType: number;
  /** The tag that the encoder writes. */
  readonly tag: number;
  readonly list: boolean;
  readonly packed: boolean;
  readonly oneof: boolean;
  readonly typed: TypedKind | undefined;
  readonly message: Plan | undefined;
}

export interface Plan {
  readonly name: string;
  /** In ascending field number, the order in which they are written. */
  fields: readonly Field[];
  byNumber: readonly (Field | undefined)[];
  byName: ReadonlyMap<string, Field>;
  lists: readonly Field[];
}

/** A message as the table-driven code sees it. */
export type Bag = Record<string, unknown>;

const wireTypes: Readonly<Record<string, number>> = {
  int32: wire.varint,
  int64: wire.varint,
  anyInt64: wire.varint,
  bigInt64: wire.varint,
  bigUint64: wire.varint,
  float: wire.fixed32,
  double: wire.fixed64,
  string: wire.bytes,
  bytes: wire.bytes,
};

const typedKinds: Readonly<Record<string, TypedKind>> = {
  int32: { words: 1, varint: true, array: Int32Array, empty: new Int32Array(0) },
  float: { words: 1, varint: false, array: Float32Array, empty: new Float32Array(0) },
  double: { words: 2, varint: false, array: Float64Array, empty: new Float64Array(0) },
  bigInt64: { words: 2, varint: true, array: BigInt64Array, empty: new BigInt64Array(0) },
  bigUint64: { words: 2, varint: true, array: BigUint64Array, empty: new BigUint64Array(0) },
};

/** The table by message name, ready to use. */
export const plans = preparePlans();

/** A message without content, in the form in which messages are decoded: every list is there and empty. */
export function emptyBag(plan: Plan): Bag {
  const bag: Bag = {};
  for (let i = 0; i < plan.lists.length; i++) {
    const field = plan.lists[i]!;
    bag[field.name] = field.typed === undefined ? [] : field.typed.empty;
  }
  return bag;
}

function preparePlans(): Readonly<Record<MessageName, Plan>> {
  const all: Record<string, Plan> = {};
  for (const name of Object.keys(messages)) {
    all[name] = { name, fields: [], byNumber: [], byName: new Map(), lists: [] };
  }
  for (const [name, rows] of Object.entries(messages) as [string, Record<string, FieldRow>][]) {
    const plan = all[name]!;
    plan.fields = Object.entries(rows)
      .map(([field, row]) => prepareField(`${name}.${field}`, field, row, all))
      .sort((a, b) => a.number - b.number);
    const byNumber: (Field | undefined)[] = new Array(plan.fields.at(-1)!.number + 1).fill(undefined);
    for (const field of plan.fields) byNumber[field.number] = field;
    plan.byNumber = byNumber;
    plan.byName = new Map(plan.fields.map((field) => [field.name, field]));
    plan.lists = plan.fields.filter((field) => field.list);
  }
  return all as Record<MessageName, Plan>;
}

function prepareField(path: string, name: string, row: FieldRow, all: Record<string, Plan>): Field {
  const [number, kind, label] = row;
  const message = all[kind];
  const wireType = message ? wire.bytes : wireTypes[kind];
  if (wireType === undefined) throw new Error(`schema: ${path} has the unknown kind ${kind}`);
  const list = label === "repeated" || label === "packed";
  const packed = label === "packed";
  return {
    path,
    name,
    number,
    kind,
    wireType,
    tag: number * 8 + (packed ? wire.bytes : wireType),
    list,
    packed,
    oneof: label === "oneof",
    typed: list ? typedKinds[kind] : undefined,
    message,
  };
}
