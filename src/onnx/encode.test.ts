import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Plan, plans, type TypedKind } from "./fields.ts";
import { type Draft, type MessageName, messages } from "./schema.ts";
import { decodeMessage, encodeMessage } from "./wire.ts";

describe("encoding", () => {
  test("agrees with an independent reader, for every 64-bit number", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const reader = new BinaryReader(encodeMessage("AttributeProto", { i: value }));
        expect(reader.tag()).toEqual([3, WireType.Varint]);
        expect(BigInt(reader.int64())).toBe(value);
        expect(reader.pos).toBe(reader.len);
      }),
      { seed: 2 },
    );
    for (let bit = 0; bit < 64; bit++) {
      for (const value of [2n ** BigInt(bit) - 1n, 2n ** BigInt(bit), -(2n ** BigInt(bit))]) {
        const signed = BigInt.asIntN(64, value);
        const expected = new BinaryWriter().tag(8, WireType.Varint).int64(signed).finish();
        expect(encodeMessage("AttributeProto", { ints: [signed] })).toEqual(expected);
        expect(BigInt(decodeMessage("AttributeProto", expected).ints[0]!)).toBe(signed);
        expect(encodeMessage("TensorProto", { int64Data: [signed] }).subarray(2)).toEqual(
          expected.subarray(1),
        );
      }
    }
  });

  test("agrees with an independent writer, for every string", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (key) => {
        const expected = new BinaryWriter().tag(1, WireType.LengthDelimited).string(key).finish();
        expect(encodeMessage("StringStringEntryProto", { key })).toEqual(expected);
        expect(decodeMessage("StringStringEntryProto", expected)).toEqual({ key });
      }),
      { seed: 3 },
    );
  });

  test("any message of any type comes back equal", () => {
    for (const type of Object.keys(messages) as MessageName[]) {
      fc.assert(
        fc.property(anyMessage(plans[type], 3), (message) => {
          const bytes = encodeMessage(type, message as Draft<typeof type>);
          const back = decodeMessage(type, bytes);
          expect(back).toEqual(message);
          expect(Buffer.compare(encodeMessage(type, back as Draft<typeof type>), bytes)).toBe(0);
        }),
        { numRuns: 20, seed: 4 },
      );
    }
  });

  const wrong: [string, () => unknown, string][] = [
    [
      "undefined in a list",
      () => encodeMessage("NodeProto", { input: ["a", undefined as never] }),
      "NodeProto.input[1] is undefined, expected a string",
    ],
    [
      "a number for a string",
      () => encodeMessage("NodeProto", { name: 3 as never }),
      "NodeProto.name is 3, expected a string",
    ],
    [
      "null for a message",
      () => encodeMessage("ModelProto", { graph: null as never }),
      "ModelProto.graph is null, expected a message",
    ],
    [
      "a string for a list",
      () => encodeMessage("NodeProto", { input: "x" as never }),
      'NodeProto.input is "x", expected a list',
    ],
    [
      "a fraction as size",
      () => encodeMessage("TensorProto", { dims: [1.5] }),
      "TensorProto.dims[0] is 1.5, expected a whole number",
    ],
    [
      "a number beyond 2^53",
      () => encodeMessage("AttributeProto", { i: 2 ** 60 }),
      "AttributeProto.i is 1152921504606847000, expected a whole number",
    ],
    [
      "a bigint beyond 64 bits",
      () => encodeMessage("AttributeProto", { i: 2n ** 63n }),
      "expected a whole number of 64 bits",
    ],
    [
      "a bigint as size",
      () => encodeMessage("TensorProto", { dims: [2n as never] }),
      "TensorProto.dims[0] is 2, expected a whole number within 2^53",
    ],
    [
      "2^31 as int32",
      () => encodeMessage("TensorProto", { dataType: 2 ** 31 }),
      "TensorProto.dataType is 2147483648, expected a whole number of 32 bits",
    ],
    [
      "a number beyond float32",
      () => encodeMessage("AttributeProto", { floats: [1e39] }),
      "AttributeProto.floats[0] is 1e+39",
    ],
    [
      "a negative uint64",
      () => encodeMessage("TensorProto", { uint64Data: [-1n] }),
      "TensorProto.uint64Data[0] is -1",
    ],
    [
      "a misspelt field",
      () => encodeMessage("ModelProto", { opSetImport: [] } as never),
      'ModelProto has no field "opSetImport": it has irVersion',
    ],
    [
      "half a surrogate pair",
      () => encodeMessage("NodeProto", { name: "a\ud800" }),
      "expected a string without lone surrogates",
    ],
    [
      "two fields of a union",
      () => encodeMessage("TensorShapeProto.Dimension", { dimValue: 1, dimParam: "N" }),
      "exclude each other",
    ],
  ];
  test.each(wrong)("%s is an error", (_, run, message) => {
    expect(run).toThrow(message);
    expect(run).toThrow(/^encodeMessage: [^\n]+$/);
  });

  test("a message that is its own part is an error, and one beyond 2 GiB, before anything is allocated", () => {
    const type: Record<string, unknown> = {};
    type.sequenceType = { elemType: type };
    expect(() => encodeMessage("TypeProto", type)).toThrow("is one its own part?");
    const initializer = new Array(129).fill({ rawData: new Uint8Array(2 ** 24) });
    expect(() => encodeMessage("GraphProto", { initializer })).toThrow("keep large tensors as external data");
  });
});

/** A message of this plan with some of its fields, as decoding would give it. */
function anyMessage(plan: Plan, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const fields: Record<string, fc.Arbitrary<unknown>> = {};
  let union = false;
  for (const field of plan.fields) {
    if (field.message && depth === 0) {
      if (field.list) fields[field.name] = fc.constant([]);
      continue;
    }
    if (field.oneof && union) continue;
    union ||= field.oneof;
    const one = field.message ? anyMessage(field.message, depth - 1) : scalars[field.kind]!;
    if (field.typed)
      fields[field.name] = fc.array(one, { maxLength: 3 }).map((list) => typedOf(field.typed!, list));
    else if (field.list) fields[field.name] = fc.array(one, { maxLength: field.message ? 1 : 3 });
    else fields[field.name] = fc.option(one, { nil: undefined });
  }
  return fc
    .record(fields)
    .map((all) => Object.fromEntries(Object.entries(all).filter(([, v]) => v !== undefined)));
}

function typedOf(kind: TypedKind, list: readonly unknown[]): object {
  const array = new kind.array(new ArrayBuffer(list.length * kind.words * 4));
  list.forEach((v, i) => {
    array[i] = v as number;
  });
  return array;
}

const exact = (v: bigint): number | bigint => (Number.isSafeInteger(Number(v)) ? Number(v) : v);
const scalars: Record<string, fc.Arbitrary<unknown>> = {
  int32: fc.integer(),
  int64: fc.maxSafeInteger(),
  anyInt64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(exact),
  bigInt64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  bigUint64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  float: fc.float(),
  double: fc.double(),
  string: fc.string({ unit: "binary", maxLength: 40 }),
  bytes: fc.uint8Array({ maxLength: 10 }),
};
