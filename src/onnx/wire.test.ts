import { isDeepStrictEqual } from "node:util";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Draft, type MessageName, type ModelProto, unknownFields } from "./schema.ts";
import { createMessage, decodeMessage, encodeMessage } from "./wire.ts";

/** Bytes from hex, spaces allowed. */
function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replace(/\s/g, ""), "hex"));
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

const small: Draft<"ModelProto"> = {
  irVersion: 8,
  producerName: "pw",
  opsetImport: [{ domain: "", version: 17 }],
  graph: {
    name: "g",
    node: [
      {
        input: ["x", "w"],
        output: ["y"],
        opType: "Add",
        attribute: [
          { name: "axes", type: 7, ints: [0, -1, 9223372036854775807n] },
          { name: "a", type: 1, f: 0.5, floats: [1, 2] },
          { name: "s", type: 3, s: hex("c3a9"), strings: [hex(""), hex("ff")] },
        ],
      },
    ],
    initializer: [
      { name: "w", dataType: 1, dims: [2, 3], rawData: new Uint8Array(24).fill(7) },
      { name: "t", dataType: 7, dims: [2], int64Data: [-1n, 5n] },
      { name: "u", dataType: 1, dims: [1], floatData: [3.5], uint64Data: [18446744073709551615n] },
    ],
    input: [
      {
        name: "x",
        type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: "N" }, { dimValue: 3 }] } } },
      },
    ],
  },
};

describe("the wire format, by hand", () => {
  const vectors: [string, MessageName, string, object][] = [
    ["a varint and a string", "OperatorSetIdProto", "0a 02 61 62  10 11", { domain: "ab", version: 17 }],
    ["150 as in protobuf's documentation", "OperatorSetIdProto", "10 96 01", { version: 150 }],
    ["-1 in ten bytes", "OperatorSetIdProto", "10 ff ff ff ff ff ff ff ff ff 01", { version: -1 }],
    ["a default that is written out", "OperatorSetIdProto", "0a 00 10 00", { domain: "", version: 0 }],
    ["a negative int32", "TensorProto", "10 fe ff ff ff ff ff ff ff ff 01", { dataType: -2 }],
    ["unpacked dims", "TensorProto", "08 02 08 03", { dims: [2, 3] }],
    ["packed floats", "TensorProto", "22 08 00 00 80 3f 00 00 00 c0", { floatData: Float32Array.of(1, -2) }],
    [
      "packed int32",
      "TensorProto",
      "2a 0c 01 ff ff ff ff ff ff ff ff ff 01 07",
      { int32Data: Int32Array.of(1, -1, 7) },
    ],
    [
      "packed int64",
      "TensorProto",
      "3a 0b ff ff ff ff ff ff ff ff 7f 80 02",
      { int64Data: BigInt64Array.of(2n ** 63n - 1n, 256n) },
    ],
    ["packed doubles", "TensorProto", "52 08 00 00 00 00 00 00 f8 3f", { doubleData: Float64Array.of(1.5) }],
    [
      "packed uint64",
      "TensorProto",
      "5a 0a ff ff ff ff ff ff ff ff ff 01",
      { uint64Data: BigUint64Array.of(2n ** 64n - 1n) },
    ],
    [
      "a tag of two bytes, 2^63 - 1",
      "AttributeProto",
      "18 ff ff ff ff ff ff ff ff 7f a0 01 02",
      { i: 2n ** 63n - 1n, type: 2 },
    ],
    ["unpacked floats", "AttributeProto", "3d 00 00 80 3f 3d 00 00 00 40", { floats: Float32Array.of(1, 2) }],
    [
      "a nested message",
      "ValueInfoProto",
      "0a 01 78 12 04 0a 02 08 01",
      { name: "x", type: createMessage("TypeProto", { tensorType: { elemType: 1 } }) },
    ],
    [
      "UTF-8 in one to four bytes",
      "StringStringEntryProto",
      "0a 0a 61 c3 a9 e2 82 ac f0 9f 98 80",
      { key: "aé€😀" },
    ],
  ];
  test.each(vectors)("%s", (_, type, bytes, fields) => {
    const message = { ...createMessage(type), ...fields };
    expect(decodeMessage(type, hex(bytes))).toStrictEqual(message);
    expect(toHex(encodeMessage(type, message as Draft<typeof type>))).toBe(bytes.replace(/\s/g, ""));
  });

  test("lists may be packed or not, whatever the schema prefers, also mixed", () => {
    expect(decodeMessage("TensorProto", hex("0a 03 02 80 01 08 05")).dims).toEqual([2, 128, 5]);
    expect(decodeMessage("TensorProto", hex("25 00 00 80 3f")).floatData).toEqual(Float32Array.of(1));
    expect(
      decodeMessage("TensorProto", hex("25 00 00 80 3f 22 08 00 00 00 40 00 00 40 40 25 00 00 80 40"))
        .floatData,
    ).toEqual(Float32Array.of(1, 2, 3, 4));
    expect(
      decodeMessage("TensorProto", hex("38 01 38 ff ff ff ff ff ff ff ff ff 01 3a 01 02")).int64Data,
    ).toEqual(BigInt64Array.of(1n, -1n, 2n));
    expect(decodeMessage("AttributeProto", hex("42 02 01 02 40 03")).ints).toEqual([1, 2, 3]);
    expect(decodeMessage("TensorProto", hex("22 00")).floatData).toEqual(new Float32Array(0));
  });

  test("a number longer than it need be is read", () => {
    expect(decodeMessage("OperatorSetIdProto", hex("10 81 80 80 00")).version).toBe(1);
  });

  test("of a scalar given twice the last counts, two messages are merged, of a union the last field counts", () => {
    expect(decodeMessage("OperatorSetIdProto", hex("10 01 10 02")).version).toBe(2);
    const graph = "3a 03 12 01 67  3a 05 0a 03 22 01 41";
    expect(decodeMessage("ModelProto", hex(graph)).graph).toMatchObject({
      name: "g",
      node: [{ opType: "A" }],
    });
    expect(decodeMessage("TensorShapeProto.Dimension", hex("08 05 12 01 4e"))).toStrictEqual({
      dimParam: "N",
    });
    expect(decodeMessage("TensorShapeProto.Dimension", hex("12 01 4e 08 05"))).toEqual({ dimValue: 5 });
  });

  test("every bit of a float list survives, NaN payloads included", () => {
    for (const bytes of ["3d 01 00 a0 7f", "3d 01 00 e0 ff"]) {
      expect(toHex(encodeMessage("AttributeProto", decodeMessage("AttributeProto", hex(bytes))))).toBe(
        bytes.replace(/\s/g, ""),
      );
    }
    const packed = "220401 00a07f".replace(" ", "");
    expect(toHex(encodeMessage("TensorProto", decodeMessage("TensorProto", hex(packed))))).toBe(packed);
  });

  test("bytes and aligned lists are views of the input, also of a Buffer", () => {
    const bytes = Buffer.alloc(
      2048,
      encodeMessage("TensorProto", { dims: [1], rawData: hex("01020304") }),
    ).subarray(0, 8);
    const raw = decodeMessage("TensorProto", bytes).rawData!;
    expect(raw.buffer).toBe(bytes.buffer);
    expect(Object.getPrototypeOf(raw)).toBe(Uint8Array.prototype);
    const aligned = new Uint8Array(encodeMessage("TensorProto", { dataType: 1, floatData: [1, 2] }));
    const floats = decodeMessage("TensorProto", aligned).floatData;
    expect([floats.buffer === aligned.buffer, floats.byteOffset]).toEqual([true, 4]);
    expect(
      decodeMessage("TensorProto", encodeMessage("TensorProto", { floatData: [1, 2] })).floatData,
    ).toEqual(Float32Array.of(1, 2));
  });
});

describe("drafts", () => {
  test("fields left out and plain arrays give what full messages give", () => {
    const full = decodeMessage("ModelProto", encodeMessage("ModelProto", small));
    expect(full.graph!.initializer[1]!.int64Data).toEqual(BigInt64Array.of(-1n, 5n));
    expect(full.graph!.node[0]!.attribute[0]!.ints).toEqual([0, -1, 9223372036854775807n]);
    expect(encodeMessage("ModelProto", full)).toEqual(encodeMessage("ModelProto", small));
  });
});

describe("unknown fields", () => {
  // Numbers 1000 to 1003 in every wire type, between known fields; a group with a group inside.
  const unknown = "c03e 05  c93e 0102030405060708  d23e 02 aabb  dd3e 01020304  e33e 0b 08 01 0c e43e";
  test("are kept and written again, after the known ones", () => {
    const message = decodeMessage("OperatorSetIdProto", hex(`c03e 07 0a 01 61 ${unknown} 10 02`));
    expect(message[unknownFields]!.map(toHex)).toEqual(["c03e07", unknown.replace(/\s/g, "")]);
    expect(toHex(encodeMessage("OperatorSetIdProto", { ...message, version: 3 }))).toBe(
      `0a016110 03 c03e07 ${unknown}`.replace(/\s/g, ""),
    );
  });

  test("in nested messages too", () => {
    const bytes = hex(`3a 07 12 01 67 c03e 8001`);
    expect(encodeMessage("ModelProto", decodeMessage("ModelProto", bytes))).toEqual(bytes);
  });
});

describe("bad input fails in one line that says what and where", () => {
  const bad: [string, MessageName, string, string][] = [
    [
      "a length of 2 GB",
      "TensorProto",
      "08 02 4a ff ff ff ff 07 00",
      "byte 8, TensorProto.rawData: a length of 2147483647 bytes is claimed, 1 are left",
    ],
    [
      "a length beyond 32 bits",
      "TensorProto",
      "4a 81 80 80 80 80 80 01 00",
      "a length of 4398046511105 bytes is claimed, 1 are left",
    ],
    ["a packed list of 2 GB", "TensorProto", "3a ff ff ff ff 07 00", "TensorProto.int64Data: a length of"],
    [
      "a nested length beyond its message",
      "ModelProto",
      "3a 02 12 09 61 61 61 61 61 61 61 61 61",
      "byte 4, GraphProto.name: a length of 9 bytes is claimed, 0 are left",
    ],
    [
      "an end inside a varint",
      "OperatorSetIdProto",
      "10 80",
      "byte 1, OperatorSetIdProto.version: the bytes end inside a number",
    ],
    [
      "an end inside a float",
      "AttributeProto",
      "15 00 00",
      "AttributeProto.f: 4 bytes are expected, 2 are left",
    ],
    [
      "a varint of eleven bytes",
      "OperatorSetIdProto",
      "10 ff ff ff ff ff ff ff ff ff ff 01",
      "a number has more than 10 bytes",
    ],
    [
      "a packed list that ends inside a number",
      "TensorProto",
      "3a 02 01 80 01",
      "TensorProto.int64Data: the bytes end inside a number",
    ],
    [
      "packed floats of 5 bytes",
      "TensorProto",
      "22 05 00 00 00 00 00",
      "a packed list of 5 bytes is not made of elements of 4",
    ],
    [
      "the wrong wire type",
      "OperatorSetIdProto",
      "12 01 00",
      "OperatorSetIdProto.version: the wire type is 2, int64 takes 0",
    ],
    ["field number 0", "OperatorSetIdProto", "00 00", "there is no field with this number"],
    ["wire type 7", "OperatorSetIdProto", "7f", "the wire type 7 is out of place"],
    ["the end of a group that never began", "OperatorSetIdProto", "7c", "the wire type 4 is out of place"],
    ["a group that never ends", "OperatorSetIdProto", "7b 08 01", "the bytes end inside a number"],
    ["a group that ends as another", "OperatorSetIdProto", "7b 84 01 7c", "the wire type 4 is out of place"],
    [
      "invalid UTF-8",
      "OperatorSetIdProto",
      "0a 02 c3 28",
      "byte 2, OperatorSetIdProto.domain: a string is not UTF-8",
    ],
    [
      "a size beyond 2^53",
      "TensorProto",
      "08 ff ff ff ff ff ff ff ff 7f",
      "TensorProto.dims: 9223372036854775807 is beyond 2^53",
    ],
  ];
  test.each(bad)("%s", (_, type, bytes, message) => {
    expect(() => decodeMessage(type, hex(bytes))).toThrow(message);
    expect(() => decodeMessage(type, hex(bytes))).toThrow(/^ONNX data, byte \d+, [^\n]+$/);
  });

  test("nesting is bounded, at 100 messages", () => {
    const nest = (depth: number): Draft<"TypeProto"> =>
      depth <= 1 ? {} : { sequenceType: depth === 2 ? {} : { elemType: nest(depth - 2) } };
    const bytes = encodeMessage("TypeProto", nest(100));
    expect(encodeMessage("TypeProto", decodeMessage("TypeProto", bytes))).toEqual(bytes);
    expect(() => encodeMessage("TypeProto", nest(101))).toThrow("nest more than 100 deep");
    const deeper = new BinaryWriter()
      .tag(4, WireType.LengthDelimited)
      .bytes(encodeMessage("TypeProto.Sequence", { elemType: nest(99) }))
      .finish();
    expect(() => decodeMessage("TypeProto", deeper)).toThrow("messages nest more than 100 deep");
    const million = new Uint8Array(1_000_000).fill(0x7b);
    expect(() => decodeMessage("TypeProto", million)).toThrow("messages nest more than 100 deep");
  });

  test("a model cut short at any byte gives an error of ours or a smaller model", () => {
    const bytes = encodeMessage("ModelProto", small);
    for (let n = 0; n < bytes.length; n++) {
      const model = attempt(bytes.subarray(0, n));
      if (model) expect(encodeMessage("ModelProto", model).length).toBeLessThanOrEqual(n);
    }
    expect(attempt(bytes)).toBeDefined();
  });

  test("2,000 mutated models give errors of ours or models that survive a round trip", () => {
    const bytes = encodeMessage("ModelProto", small);
    const random = mulberry(1);
    let errors = 0;
    for (let i = 0; i < 2000; i++) {
      const mutant = bytes.slice();
      for (let k = 0; k <= i % 3; k++) {
        const at = random() % mutant.length;
        mutant[at] = i % 2 === 0 ? mutant[at]! ^ (1 << (random() % 8)) : random() % 256;
      }
      const model = attempt(mutant);
      if (model === undefined) errors++;
      else {
        const again = decodeMessage("ModelProto", encodeMessage("ModelProto", model));
        expect(isDeepStrictEqual(again, model)).toBe(true);
      }
    }
    expect(errors).toBeGreaterThan(200);
    expect(errors).toBeLessThan(1800);
  });

  test("arbitrary bytes never give a foreign error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void attempt(bytes)),
      { numRuns: 2000, seed: 1 },
    );
  });
});

/** The model, or undefined where decoding threw; any error but ours fails the test. */
function attempt(bytes: Uint8Array): ModelProto | undefined {
  try {
    return decodeMessage("ModelProto", bytes);
  } catch (error) {
    expect((error as Error).message).toMatch(/^ONNX data, byte \d+, [^\n]+$/);
    return undefined;
  }
}

function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}
