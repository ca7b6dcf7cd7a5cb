import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type DType, dtypes } from "../tensor/dtype.ts";
import { NDArray } from "../tensor/ndarray.ts";
import type { TensorProto } from "./schema.ts";
import { ndarrayToTensor, tensorToNDArray } from "./tensors.ts";
import { createMessage, decodeMessage, encodeMessage } from "./wire.ts";

function tensor(fields: Partial<TensorProto>): TensorProto {
  return createMessage("TensorProto", { name: "w", ...fields });
}

describe("typed fields", () => {
  const cases: [DType, Partial<TensorProto>, unknown][] = [
    ["float32", { floatData: Float32Array.of(1, -2.5) }, [1, -2.5]],
    ["float64", { doubleData: Float64Array.of(0.1, 2) }, [0.1, 2]],
    ["int64", { int64Data: BigInt64Array.of(-1n, 2n ** 62n) }, [-1n, 2n ** 62n]],
    ["int32", { int32Data: Int32Array.of(-1, 2) }, [-1, 2]],
    ["int16", { int32Data: Int32Array.of(-32768, 32767) }, [-32768, 32767]],
    ["int8", { int32Data: Int32Array.of(-128, 127) }, [-128, 127]],
    ["uint16", { int32Data: Int32Array.of(0, 65535) }, [0, 65535]],
    ["uint8", { int32Data: Int32Array.of(0, 255) }, [0, 255]],
    ["bool", { int32Data: Int32Array.of(0, 1) }, [false, true]],
    ["float16", { int32Data: Int32Array.of(0x3c00, 0xfc00) }, [0x3c00, 0xfc00]],
    ["uint32", { uint64Data: BigUint64Array.of(0n, 4294967295n) }, [0, 4294967295]],
    ["uint64", { uint64Data: BigUint64Array.of(0n, 2n ** 64n - 1n) }, [0n, 2n ** 64n - 1n]],
  ];
  test.each(cases)("%s", (dtype, fields, expected) => {
    const array = tensorToNDArray(tensor({ dims: [2], dataType: dtypes[dtype].code, ...fields }));
    expect(array.dtype).toBe(dtype);
    expect(array.shape).toEqual([2]);
    expect(array.toNested()).toEqual(expected);
  });
  test("every dtype is covered", () => {
    expect(cases.map(([dtype]) => dtype).sort()).toEqual(Object.keys(dtypes).sort());
  });
});

describe("raw data", () => {
  const floats = Float32Array.of(9, 1, 2);
  test("is a view where it is aligned, a copy where it is not", () => {
    const bytes = new Uint8Array(floats.buffer);
    const view = tensorToNDArray(tensor({ dims: [2], dataType: 1, rawData: bytes.subarray(4) }));
    expect([view.toNested(), view.data.buffer === floats.buffer]).toEqual([[1, 2], true]);
    const shifted = new Uint8Array(13);
    shifted.set(bytes, 1);
    const copy = tensorToNDArray(tensor({ dims: [3], dataType: 1, rawData: shifted.subarray(1) }));
    expect([copy.toNested(), copy.data.buffer === shifted.buffer]).toEqual([[9, 1, 2], false]);
  });

  test("a scalar has one element, a size of 0 needs no data", () => {
    expect(tensorToNDArray(tensor({ dataType: 2, rawData: Uint8Array.of(7) })).item()).toBe(7);
    expect(tensorToNDArray(tensor({ dims: [0, 5], dataType: 1 })).shape).toEqual([0, 5]);
    expect(
      tensorToNDArray(
        tensor({ dims: [1], dataType: 1, rawData: new Uint8Array(0), floatData: Float32Array.of(4) }),
      ).item(),
    ).toBe(4);
  });

  test("every dtype and shape comes back bit by bit, through the wire too", () => {
    const names = Object.keys(dtypes) as DType[];
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.array(fc.nat({ max: 4 }), { maxLength: 3 }),
        fc.uint8Array({ minLength: 64 * 8, maxLength: 64 * 8 }),
        fc.string(),
        (dtype, shape, noise, name) => {
          const size = shape.reduce((n, d) => n * d, 1);
          const bytes = noise.slice(0, size * dtypes[dtype].bytes).map((b) => (dtype === "bool" ? b & 1 : b));
          const array = new NDArray(new dtypes[dtype].array(bytes.buffer, 0, size), shape, dtype);
          const proto = decodeMessage(
            "TensorProto",
            encodeMessage("TensorProto", ndarrayToTensor(array, name)),
          );
          const back = tensorToNDArray(proto);
          expect(proto.name).toBe(name);
          expect([back.dtype, back.shape]).toEqual([dtype, shape]);
          expect(new Uint8Array(back.data.buffer, back.data.byteOffset, back.data.byteLength)).toEqual(bytes);
        },
      ),
      { seed: 1 },
    );
  });

  test("ndarrayToTensor does not copy", () => {
    const array = NDArray.from([[1, 2, 3]]);
    const proto = ndarrayToTensor(array, "w");
    expect(proto.rawData!.buffer).toBe(array.data.buffer);
    expect(proto).toMatchObject({ name: "w", dims: [1, 3], dataType: 1 });
  });
});

describe("external data", () => {
  const external = (entries: Record<string, string>): TensorProto =>
    tensor({
      dims: [2],
      dataType: 1,
      dataLocation: 1,
      externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
    });

  test("is asked for by location, offset and length", () => {
    const asked: unknown[] = [];
    const read = (range: unknown) => {
      asked.push(range);
      return new Uint8Array(Float32Array.of(3, 4).buffer);
    };
    expect(
      tensorToNDArray(
        external({ location: "sub/w.bin", offset: "4096", length: "8", checksum: "x" }),
        read,
      ).toNested(),
    ).toEqual([3, 4]);
    tensorToNDArray(external({ location: "w.bin" }), read);
    expect(asked).toEqual([
      { location: "sub/w.bin", offset: 4096, length: 8 },
      { location: "w.bin", offset: 0, length: 8 },
    ]);
  });

  test.each(["", "../w", "a/../../w", "/etc/passwd", "a//b", "c:\\w", "a\\..\\w", "a\0", "file:w"])(
    "a location outside the model's folder is refused: %j",
    (location) => {
      expect(() => tensorToNDArray(external({ location }), () => new Uint8Array(8))).toThrow(
        "not a plain path",
      );
    },
  );

  const bad: [string, () => unknown, string][] = [
    [
      "no reader",
      () => tensorToNDArray(external({ location: "w.bin" })),
      'in the external file "w.bin": load the model together',
    ],
    [
      "another length",
      () => tensorToNDArray(external({ location: "w", length: "12" })),
      "takes 8 bytes, the external length is 12",
    ],
    [
      "a negative offset",
      () => tensorToNDArray(external({ location: "w", offset: "-4" })),
      'external offset is "-4"',
    ],
    [
      "too few bytes",
      () => tensorToNDArray(external({ location: "w" }), () => new Uint8Array(4)),
      "takes 8 bytes, the file holds 4",
    ],
    [
      "data in both",
      () => tensorToNDArray({ ...external({ location: "w" }), rawData: new Uint8Array(8) }),
      "both in the model and in an external file",
    ],
  ];
  test.each(bad)("%s is an error", (_, run, message) => expect(run).toThrow(message));
});

describe("what does not fit is an error of one line", () => {
  const bad: [string, Partial<TensorProto>, string][] = [
    ["no type", {}, 'tensor "w": its element type UNDEFINED cannot be held'],
    ["strings", { dataType: 8 }, "its element type STRING cannot be held"],
    ["bfloat16", { dataType: 16 }, "its element type BFLOAT16 cannot be held"],
    ["a type from the future", { dataType: 99 }, "its element type with the code 99 cannot be held"],
    ["a negative size", { dataType: 1, dims: [2, -1] }, "-1 is no size in the shape [2, -1]"],
    ["too many elements to count", { dataType: 1, dims: [2 ** 40, 2 ** 40] }, "more elements than any file"],
    [
      "a size of 8 TB without data",
      { dataType: 1, dims: [2 ** 41] },
      "takes 8796093022208 bytes, the file holds 0",
    ],
    [
      "a byte too few",
      { dataType: 1, dims: [1], rawData: new Uint8Array(3) },
      "float32 [1] takes 4 bytes, the file holds 3",
    ],
    [
      "an element too many",
      { dataType: 1, dims: [1], floatData: new Float32Array(2) },
      "takes 1 elements, floatData has 2",
    ],
    [
      "the wrong field",
      { dataType: 1, dims: [1], doubleData: new Float64Array(1) },
      "float32 elements stand in floatData, this tensor has them in doubleData",
    ],
    [
      "two fields",
      { dataType: 1, dims: [1], floatData: new Float32Array(1), rawData: new Uint8Array(4) },
      "data in rawData and floatData",
    ],
    [
      "300 as uint8",
      { dataType: 2, dims: [1], int32Data: Int32Array.of(300) },
      "element 0 is 300, which uint8 does not hold",
    ],
    [
      "2^32 as uint32",
      { dataType: 12, dims: [1], uint64Data: BigUint64Array.of(2n ** 32n) },
      "element 0 is 4294967296",
    ],
    ["2 as bool", { dataType: 9, dims: [1], rawData: Uint8Array.of(2) }, "element 0 of a bool tensor is 2"],
    [
      "-1 as bool",
      { dataType: 9, dims: [1], int32Data: Int32Array.of(-1) },
      "element 0 of a bool tensor is -1",
    ],
    ["segments", { dataType: 1, segment: { begin: 0, end: 1 } }, "stored in segments"],
    ["an unknown data location", { dataType: 1, dataLocation: 2 }, "its data location is 2"],
  ];
  test.each(bad)("%s", (_, fields, message) => {
    expect(() => tensorToNDArray(tensor(fields))).toThrow(message);
    expect(() => tensorToNDArray(tensor(fields))).toThrow(/^tensor "w": [^\n]+$/);
  });
});
