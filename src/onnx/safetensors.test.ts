import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type DType, dtypes } from "../tensor/dtype.ts";
import { NDArray } from "../tensor/ndarray.ts";
import { bytesOf } from "./raw.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";

/** A file of this header (padded with spaces to 8 bytes, as writers do) and so many data bytes: 0, 1, 2 ... */
function file(header: string | Uint8Array, data = 0, claimed?: bigint): Uint8Array {
  const json = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const size = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + size + data).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(size), true);
  bytes.set(json, 8);
  for (let i = 0; i < data; i++) bytes[8 + size + i] = i;
  return bytes;
}

const one = (name: string, dtype: string, shape: string, offsets: string): string =>
  `"${name}":{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;

describe("the format, by hand", () => {
  const header = `{"__metadata__":{"a":"1","format":"pw"},${one("w", "F32", "[2,1]", "[0,8]")},${one("m", "BOOL", "[]", "[8,9]")}}`;
  const tensors = { m: NDArray.scalar(true), w: NDArray.from([[1], [2]]) };
  const expected = file(header, 9);
  expected.set(new Uint8Array(Float32Array.of(1, 2).buffer), expected.length - 9);
  expected[expected.length - 1] = 1;

  test("encodes", () => {
    expect(encodeSafetensors(tensors, { format: "pw", a: "1" })).toEqual(expected);
  });

  test("decodes, in the order of the file, without copying where aligned", () => {
    const decoded = decodeSafetensors(expected);
    expect(Object.keys(decoded.tensors)).toEqual(["w", "m"]);
    expect(decoded.tensors.w!.toNested()).toEqual([[1], [2]]);
    expect(decoded.tensors.w!.data.buffer).toBe(expected.buffer);
    expect(decoded.tensors.m!.toNested()).toBe(true);
    expect({ ...decoded.metadata }).toEqual({ a: "1", format: "pw" });
    const shifted = new Uint8Array(expected.length + 1);
    shifted.set(expected, 1);
    expect(decodeSafetensors(shifted.subarray(1)).tensors.w!.toNested()).toEqual([[1], [2]]);
  });

  test("the example of the reference's documentation", () => {
    const example = file('{"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}}', 16, 60n);
    const exact = new Uint8Array([...example.subarray(0, 68), ...new Uint8Array(16)]);
    expect(decodeSafetensors(exact).tensors.test!.toNested()).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  test("an empty file of tensors is 16 bytes", () => {
    expect(encodeSafetensors({})).toEqual(file("{}"));
    expect(decodeSafetensors(file("{}"))).toEqual({ tensors: {}, metadata: {} });
  });

  test("tensors lie by alignment, then by name in code point order; input order does not matter", () => {
    const i8 = new NDArray(new Int8Array(1), [1]);
    const f64 = NDArray.zeros([1], "float64");
    const names = ["\u{1F600}", "b", "\uFB01", "a"];
    const forward = encodeSafetensors(Object.fromEntries([...names.map((n) => [n, i8]), ["z", f64]]));
    const backward = encodeSafetensors(
      Object.fromEntries([["z", f64], ...names.map((n) => [n, i8]).reverse()]),
    );
    expect(forward).toEqual(backward);
    expect(Object.keys(decodeSafetensors(forward).tensors)).toEqual(["z", "a", "b", "\uFB01", "\u{1F600}"]);
  });

  test("tensors may stand in any order in the header, empty ones take no bytes, extra spaces are allowed", () => {
    const text = `{ ${one("b", "U8", "[1]", "[2,3]")}, ${one("a", "U8", "[2]", "[ 0, 2 ]")}, ${one("e", "F32", "[0, 3]", "[2,2]")} }  \n`;
    const { tensors: all } = decodeSafetensors(file(text, 3));
    expect(all.a!.toNested()).toEqual([0, 1]);
    expect(all.b!.toNested()).toEqual([2]);
    expect(all.e!.shape).toEqual([0, 3]);
  });

  test("any name is a plain key", () => {
    const names = ["__proto__", "constructor", "toString", "0", "", 'a"\\\n\u2028é'];
    const input = Object.create(null) as Record<string, NDArray>;
    for (const [i, name] of names.entries()) input[name] = NDArray.scalar(i);
    const metadata = JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>;
    const back = decodeSafetensors(encodeSafetensors(input, metadata));
    for (const [i, name] of names.entries()) expect(back.tensors[name]!.item()).toBe(i);
    expect(Object.keys(back.tensors)).toHaveLength(names.length);
    expect(back.tensors.hasOwnProperty).toBeUndefined();
    expect(Object.entries(back.metadata)).toEqual([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
    expect(Object.prototype).not.toHaveProperty("item");
  });

  test("everything comes back bit by bit, and encodes to the same bytes", () => {
    const names = Object.keys(dtypes) as DType[];
    const anyArray = fc
      .tuple(
        fc.constantFrom(...names),
        fc.array(fc.nat({ max: 2 }), { maxLength: 3 }),
        fc.uint8Array({ minLength: 64, maxLength: 64 }),
      )
      .map(([dtype, shape, noise]) => {
        const size = shape.reduce((n, d) => n * d, 1);
        const bytes = noise.map((b) => (dtype === "bool" ? b & 1 : b));
        return new NDArray(new dtypes[dtype].array(bytes.buffer, 0, size), shape, dtype);
      });
    const text = fc.string({ unit: "binary" });
    const anyTensors = fc.dictionary(
      text.filter((n) => n !== "__metadata__"),
      anyArray,
      { maxKeys: 5 },
    );
    fc.assert(
      fc.property(anyTensors, fc.dictionary(text, text, { maxKeys: 3 }), (input, metadata) => {
        const bytes = encodeSafetensors(input, metadata);
        const back = decodeSafetensors(bytes);
        expect(Object.keys(back.tensors).sort()).toEqual(Object.keys(input).sort());
        for (const [name, array] of Object.entries(input)) {
          const got = back.tensors[name]!;
          expect([got.dtype, got.shape]).toEqual([array.dtype, array.shape]);
          expect(Buffer.compare(bytesOf(got.data), bytesOf(array.data))).toBe(0);
        }
        expect(Object.entries(back.metadata).sort()).toEqual(Object.entries(metadata).sort());
        expect(Buffer.compare(encodeSafetensors(back.tensors, back.metadata), bytes)).toBe(0);
      }),
      { seed: 1 },
    );
  });
});

describe("bad files fail in one line", () => {
  const ok = one("w", "U8", "[2]", "[0,2]");
  const bad: [string, Uint8Array, string][] = [
    ["nothing", new Uint8Array(0), "the file has 0 bytes"],
    ["seven bytes", new Uint8Array(7), "the file has 7 bytes"],
    [
      "a header of 100 MB and a byte",
      file("{}", 0, 100_000_001n),
      "a header of 100000001 bytes is claimed, the format allows 100000000",
    ],
    [
      "a header of 2^64 - 1 bytes",
      file("{}", 0, 2n ** 64n - 1n),
      "a header of 18446744073709551615 bytes is claimed",
    ],
    ["a header longer than the file", file("{}", 0, 9n), "a header of 9 bytes is claimed, 8 are left"],
    ["no header", file("", 0), 'does not begin with "{"'],
    ["a space first", file(" {}"), 'does not begin with "{"'],
    ["a list", file("[]"), 'does not begin with "{"'],
    ["a byte order mark", file("\ufeff{}"), 'does not begin with "{"'],
    ["invalid UTF-8", file(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)), "not valid UTF-8"],
    ["invalid JSON", file(`{${ok},}`, 2), "not valid JSON"],
    ["two objects", file(`{${ok}}{}`, 2), "not valid JSON"],
    ["a tensor twice", file(`{${ok},${ok}}`, 2), 'has the key "w" twice'],
    ["a tensor twice, escaped", file(`{${ok},${ok.replace("w", "\\u0077")}}`, 2), 'has the key "w" twice'],
    [
      "a field twice",
      file('{"w":{"dtype":"U8","dtype":"U8","shape":[2],"data_offsets":[0,2]}}', 2),
      'has the key "dtype" twice',
    ],
    ["metadata twice", file('{"__metadata__":{},"__metadata__":{}}'), 'has the key "__metadata__" twice'],
    [
      "__proto__ twice",
      file(`{${ok.replace("w", "__proto__")},${ok.replace("w", "__proto__")}}`, 2),
      'has the key "__proto__" twice',
    ],
    ["half a surrogate pair", file(`{${ok.replace("w", "\\ud800")}}`, 2), "half a surrogate pair"],
    ["a number in the metadata", file('{"__metadata__":{"a":1}}'), 'the metadata "a" is no string'],
    ["a list as metadata", file('{"__metadata__":[]}'), "is no object of strings"],
    ["null as metadata", file('{"__metadata__":null}'), "is no object of strings"],
    ["an entry that is no object", file('{"w":3}'), "its entry is no object"],
    [
      "bfloat16",
      file(`{${one("w", "BF16", "[1]", "[0,2]")}}`, 2),
      'its dtype is "BF16", which cannot be held here',
    ],
    ["no dtype", file('{"w":{"shape":[2],"data_offsets":[0,2]}}', 2), 'its dtype is "undefined"'],
    ["no shape", file('{"w":{"dtype":"U8","data_offsets":[0,2]}}', 2), "its shape is no list"],
    [
      "a prototype as entry",
      file('{"w":{"__proto__":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}}', 2),
      'its dtype is "undefined"',
    ],
    [
      "a negative size",
      file(`{${one("w", "U8", "[-2]", "[0,2]")}}`, 2),
      "the number -2, expected a whole number from 0",
    ],
    ["a fraction", file(`{${one("w", "U8", "[2.0]", "[0,2]")}}`, 2), "the number 2.0, expected"],
    ["an exponent", file(`{${one("w", "U8", "[2e0]", "[0,2]")}}`, 2), "the number 2e0, expected"],
    [
      "a size beyond 2^53",
      file(`{${one("w", "U8", "[9007199254740993]", "[0,2]")}}`, 2),
      "its shape is no list",
    ],
    [
      "a shape that overflows",
      file(`{${one("w", "U8", "[4294967296,4294967296]", "[0,2]")}}`, 2),
      "more elements than any file",
    ],
    ["a string as size", file(`{${one("w", "U8", '["2"]', "[0,2]")}}`, 2), "its shape is no list"],
    ["one offset", file(`{${one("w", "U8", "[2]", "[2]")}}`, 2), "its data_offsets are no [begin, end]"],
    [
      "an end before its begin",
      file(`{${one("w", "U8", "[2]", "[2,0]")}}`, 2),
      "its data_offsets are no [begin, end]",
    ],
    ["a hole at the start", file(`{${one("w", "U8", "[2]", "[1,3]")}}`, 3), "leaves a hole before it"],
    ["a hole between", file(`{${ok},${one("v", "U8", "[1]", "[3,4]")}}`, 4), "leaves a hole before it"],
    ["an overlap", file(`{${ok},${one("v", "U8", "[2]", "[1,3]")}}`, 3), "overlaps the tensor before it"],
    ["bytes after the last tensor", file(`{${ok}}`, 3), "the tensors take 2 bytes, the file holds 3"],
    ["data cut short", file(`{${ok}}`, 1), "the tensors take 2 bytes, the file holds 1"],
    ["data without tensors", file("{}", 1), "the tensors take 0 bytes, the file holds 1"],
    [
      "more bytes than shape and dtype take",
      file(`{${one("w", "U16", "[2]", "[0,2]")}}`, 2),
      "uint16 [2] takes 4 bytes, the file holds 2",
    ],
    ["2 as bool", file(`{${one("w", "BOOL", "[3]", "[0,3]")}}`, 3), "element 2 of a bool tensor is 2"],
    ["a hundred thousand open lists", file(`{"w":${"[".repeat(100_000)}`), "not valid JSON"],
    ["a name of a megabyte", file(`{${one("x".repeat(1_000_000), "F8", "[]", "[0,1]")}}`, 1), 'tensor "xxx'],
  ];
  test.each(bad)("%s", (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes)).toThrow(message);
    expect(() => decodeSafetensors(bytes)).toThrow(/^safetensors: [^\n]{1,300}$/);
  });

  test("a file cut short at any byte, and 2,000 mutated ones, give errors of ours or sound arrays", () => {
    const bytes = encodeSafetensors(
      { a: NDArray.from([1, 2, 3]), b: NDArray.from([[true], [false]]), c: NDArray.from([5n]) },
      { k: "v" },
    );
    for (let n = 0; n < bytes.length; n++) expect(attempt(bytes.slice(0, n))).toBe(false);
    fc.assert(
      fc.property(
        fc.nat({ max: bytes.length - 1 }),
        fc.nat({ max: 255 }),
        fc.nat({ max: 255 }),
        (at, value, other) => {
          const mutant = bytes.slice();
          mutant[at] = value;
          mutant[(at * 7 + other) % mutant.length]! ^= 1 << (other % 8);
          attempt(mutant);
        },
      ),
      { numRuns: 2000, seed: 2 },
    );
  });

  test("what cannot be written is an error", () => {
    const array = NDArray.scalar(1);
    expect(() => encodeSafetensors({ __metadata__: array })).toThrow("__metadata__ is reserved");
    expect(() => encodeSafetensors({ "\ud800": array })).toThrow("without lone surrogates");
    expect(() => encodeSafetensors({}, { a: "\udc00" })).toThrow("without lone surrogates");
    expect(() => encodeSafetensors({}, { a: 3 as never })).toThrow("3 cannot be a name or metadata");
  });
});

/** True where the file decodes to arrays that fill it; any error but ours fails the test. */
function attempt(bytes: Uint8Array): boolean {
  try {
    const { tensors } = decodeSafetensors(bytes);
    for (const array of Object.values(tensors))
      expect(array.data.length).toBe(array.shape.reduce((n, d) => n * d, 1));
    return true;
  } catch (error) {
    expect((error as Error).message).toMatch(/^safetensors: [^\n]+$/);
    return false;
  }
}
