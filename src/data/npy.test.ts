import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { type Zippable, zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { type DType, dtypes } from "../tensor/dtype.ts";
import { NDArray } from "../tensor/ndarray.ts";
import { readNpy, readNpz, writeNpy, writeNpz } from "./npy.ts";

/** A .npy file by hand: the header's text as given, padded with nothing. */
function npy(dict: string, data: ArrayLike<number> = [], version = 1): Uint8Array {
  const text = new TextEncoder().encode(`${dict}\n`);
  const length =
    version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0];
  return Uint8Array.of(0x93, 78, 85, 77, 80, 89, version, 0, ...length, ...text, ...Array.from(data));
}

const dict = (descr: string, shape: string, fortran = "False") =>
  `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }`;

const bytesOf = (data: ArrayBufferView) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** What numpy.save writes for the big-endian int16 array [[0, 1, 2], [3, 4, 5]] in Fortran order. */
const fromNumpy = Buffer.from(
  `934e554d5059010076007b276465736372273a20273e6932272c2027666f727472616e5f6f72646572273a20547275652c20277368617065273a2028322c2033292c207d20${"20".repeat(58)}0a000000030001000400020005`,
  "hex",
);

describe("readNpy", () => {
  it("reads what numpy writes: big-endian, Fortran order", () => {
    expect(readNpy(fromNumpy)).toEqual(new NDArray(Int16Array.of(0, 1, 2, 3, 4, 5), [2, 3], "int16"));
  });

  it.each([1, 2, 3])("reads version %i", (version) => {
    const array = readNpy(npy(dict("<f4", "(2, 1)"), bytesOf(Float32Array.of(1.5, -2)), version));
    expect(array).toEqual(new NDArray(Float32Array.of(1.5, -2), [2, 1], "float32"));
  });

  it("reads scalars, empty arrays, vectors, and headers in other words for the same", () => {
    expect(readNpy(npy(dict("<f8", "()"), bytesOf(Float64Array.of(7)))).item()).toBe(7);
    expect(readNpy(npy(dict("<f8", "(0, 3)", "True"))).shape).toEqual([0, 3]);
    expect(readNpy(npy(dict("|u1", "(3,)"), [1, 2, 3])).toNested()).toEqual([1, 2, 3]);
    const other = `{"shape": (2L, 1L), "descr": "|i1", "fortran_order": True}`;
    expect(readNpy(npy(other, [255, 2])).toNested()).toEqual([[-1], [2]]);
  });

  it("makes any nonzero bool true, and keeps float16 as raw bits", () => {
    expect([...readNpy(npy(dict("|b1", "(3,)"), [0, 1, 7])).data]).toEqual([0, 1, 1]);
    const half = readNpy(npy(dict(">f2", "(1,)"), [0x3c, 0x00]));
    expect([half.dtype, half.data[0]]).toEqual(["float16", 0x3c00]);
  });

  it("lays Fortran order of three axes out in C order", () => {
    const shape = [2, 3, 4];
    const data: number[] = [];
    for (let k = 0; k < 4; k++)
      for (let j = 0; j < 3; j++) for (let i = 0; i < 2; i++) data.push(100 * i + 10 * j + k);
    const array = readNpy(npy(dict("|u1", "(2, 3, 4)", "True"), data));
    expect(array.shape).toEqual(shape);
    expect(array.toNested()).toEqual(
      [0, 1].map((i) => [0, 1, 2].map((j) => [0, 1, 2, 3].map((k) => 100 * i + 10 * j + k))),
    );
  });

  it("copies: the array does not change with the bytes", () => {
    const bytes = Buffer.from(npy(dict("|u1", "(1,)"), [5]));
    const array = readNpy(bytes);
    bytes.fill(0);
    expect(array.data[0]).toBe(5);
  });

  const refusals: [string, Uint8Array, string][] = [
    [
      "an object array",
      npy(dict("|O", "(2,)")),
      "x: this is an object array, a Python pickle, which is not read: save it again without pickle",
    ],
    ["complex numbers", npy(dict("<c16", "(2,)")), "x: elements of type '<c16' are not read"],
    ["text", npy(dict("<U5", "(2,)")), "x: elements of type '<U5' are not read"],
    [
      "a name of Object's",
      npy(dict("constructor", "(2,)")),
      "x: elements of type 'constructor' are not read",
    ],
    [
      "a record",
      npy(`{'descr': [('a', '<f4'), ('b', '<i4')], 'fortran_order': False, 'shape': (2,), }`),
      "x: elements of type [('a', '<f4'), ('b', '<i4')] are not read",
    ],
    ["other bytes", Uint8Array.of(80, 75, 3, 4, 0, 0), "x: this is no .npy data"],
    ["nothing", new Uint8Array(0), "x: the file ends inside its header, after 0 bytes"],
    ["a cut header", fromNumpy.subarray(0, 60), "x: the file ends inside its header, after 60 bytes"],
    [
      "a cut array",
      fromNumpy.subarray(0, 139),
      "x: int16 of shape (2, 3) takes 12 bytes, 11 follow the header: the file is cut short",
    ],
    [
      "two arrays in a row",
      Buffer.concat([fromNumpy, fromNumpy]),
      "152 follow the header: the file is not one single array",
    ],
    ["version 4", npy(dict("<f4", "()"), [0, 0, 0, 0], 4), "x: .npy version 4 is unknown"],
    [
      "a header of 4 GB",
      Uint8Array.of(0x93, 78, 85, 77, 80, 89, 2, 0, 255, 255, 255, 255, 32),
      "x: the header claims 4294967295 bytes",
    ],
    [
      "a shape of terabytes",
      npy(dict("<f8", "(1000000, 1000000)"), [0]),
      "takes 8000000000000 bytes, 1 follow the header",
    ],
    [
      "a shape beyond counting",
      npy(dict("<f8", "(9007199254740991, 9007199254740991)")),
      "takes more bytes than can be counted",
    ],
    ["a size beyond counting", npy(dict("<f8", "(99999999999999999999,)")), "is no shape"],
    ["a negative size", npy(dict("<f8", "(-1,)")), "x: (-1,) is no shape"],
    ["a number as shape", npy(dict("<f8", "(3)")), "x: (3) is no shape"],
    [
      "a thousand axes",
      npy(dict("|u1", `(${"1, ".repeat(1000)})`), [1]),
      "x: 1000 axes, at most 64 are read",
    ],
    [
      "a missing field",
      npy(`{'descr': '<f4', 'shape': (), }`),
      "x: the header is no dict of descr, fortran_order and shape",
    ],
    [
      "a field twice",
      npy(`{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (), }`),
      "x: the header is no dict",
    ],
    [
      "code in a header",
      npy(`{'descr': '<f4', 'fortran_order': f(), 'shape': (), }`),
      "x: the header is no dict",
    ],
    ["words after the dict", npy(`${dict("<f4", "()")} + 1`), "x: the header is no dict"],
  ];
  it.each(refusals)("refuses %s in one line", (_name, bytes, message) => {
    expect(() => readNpy(bytes, "x")).toThrow(message);
    expect(() => readNpy(bytes, "x")).toThrow(/^[^\n]+$/);
  });
});

describe("writeNpy", () => {
  it("writes numpy's bytes", () => {
    const bytes = writeNpy(NDArray.from([[1, 2, 3]], "float64"));
    expect(bytes.length).toBe(128 + 24);
    expect(new TextDecoder("latin1").decode(bytes.subarray(10, 128))).toBe(
      `{'descr': '<f8', 'fortran_order': False, 'shape': (1, 3), }`.padEnd(117).concat("\n"),
    );
    expect([...bytes.subarray(0, 10)]).toEqual([0x93, 78, 85, 77, 80, 89, 1, 0, 118, 0]);
  });

  it("writes a view's own part of its buffer", () => {
    const part = new NDArray(new Float32Array([1, 2, 3, 4]).subarray(1, 3), [2]);
    expect(readNpy(writeNpy(part)).toNested()).toEqual([2, 3]);
  });

  it("is undone by readNpy for every dtype and shape", () => {
    const arrays = fc
      .tuple(
        fc.constantFrom(...(Object.keys(dtypes) as DType[])),
        fc.array(fc.nat(4), { maxLength: 4 }),
        fc.nat(255),
      )
      .map(([dtype, shape, salt]) => {
        const size = shape.reduce((a, b) => a * b, 1);
        const { array: Type, bytes } = dtypes[dtype];
        const raw = Uint8Array.from({ length: size * bytes }, (_, i) =>
          dtype === "bool" ? i & 1 : (i * 31 + salt) & 127,
        );
        return new NDArray(new Type(raw.buffer, 0, size), shape, dtype);
      });
    fc.assert(
      fc.property(arrays, (array) => {
        expect(readNpy(writeNpy(array))).toEqual(array);
      }),
    );
  });
});

describe("npz", () => {
  const arrays = {
    x: NDArray.from([
      [1, 2],
      [3, 4],
    ]),
    "a/label": new NDArray(BigInt64Array.of(-5n), [], "int64"),
    größe: NDArray.zeros([300, 20], "float64"),
    __proto: NDArray.from([true, false]),
  };

  it("is undone by readNpz, stored and deflated, and repeats bit for bit", () => {
    for (const compress of [false, true]) {
      const bytes = writeNpz(arrays, { compress });
      expect(readNpz(bytes)).toEqual(arrays);
      expect(writeNpz(arrays, { compress })).toEqual(bytes);
    }
    expect(writeNpz(arrays, { compress: true }).length).toBeLessThan(2000);
    expect(readNpz(writeNpz({}))).toEqual({});
  });

  it("reads an archive that is part of a larger buffer", () => {
    const bytes = writeNpz(arrays, { compress: true });
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(readNpz(shifted.subarray(3))).toEqual(arrays);
  });

  const zip = (files: Record<string, Uint8Array>, level: 0 | 6 = 6): Uint8Array =>
    zipSync(files as Zippable, { level });
  const plain = npy(dict("|u1", "(50,)"), new Uint8Array(50));

  it("names the member that is an object array, and says what to do", () => {
    const bytes = zip({ "X.npy": npy(dict("|O", "(2,)"), [1, 2, 3]), "y.npy": plain });
    expect(() => readNpz(bytes, "train.npz")).toThrow(
      'train.npz: member "X.npy": this is an object array, a Python pickle, which is not read: save it again without pickle',
    );
  });

  it("refuses members that are no arrays, and a name twice", () => {
    expect(() => readNpz(zip({ "a.txt": Uint8Array.of(1, 2, 3) }))).toThrow(
      'member "a.txt": this is no .npy data',
    );
    expect(() => readNpz(zip({ "a.npy": plain, a: plain }))).toThrow('member "a" appears twice');
  });

  it("refuses a bomb before it is inflated: content beyond the shape that its header declares", () => {
    for (const level of [0, 6] as const) {
      const bytes = zip({ "bomb.npy": npy(dict("|u1", "(4,)"), new Uint8Array(50_000)) }, level);
      expect(() => readNpz(bytes)).toThrow(
        /member "bomb.npy": damaged: it should have \d+ bytes, it has 50\d+/,
      );
    }
  });

  /** The archive with a field of its first directory entry overwritten. */
  const tamper = (bytes: Uint8Array, offset: number, value: number): Uint8Array => {
    const copy = bytes.slice();
    const view = new DataView(copy.buffer);
    const entry = copy.findIndex((_, i) => i + 4 <= copy.length && view.getUint32(i, true) === 0x02014b50);
    view.setUint32(entry + offset, value, true);
    return copy;
  };

  it("refuses sizes, checksums and places that are not true", () => {
    const deflated = zip({ "a.npy": plain });
    expect(() => readNpz(tamper(deflated, 24, 0xf0000000))).toThrow(
      "cannot hold the 4026531840 that it claims",
    );
    expect(() => readNpz(tamper(deflated, 24, plain.length + 1))).toThrow(
      `it should have ${plain.length} bytes`,
    );
    expect(() => readNpz(tamper(deflated, 16, 1))).toThrow(
      'member "a.npy": damaged: its checksum does not match',
    );
    expect(() => readNpz(tamper(deflated, 20, 0x00ffffff))).toThrow("it ends beyond the archive");
    expect(() => readNpz(tamper(deflated, 42, 5))).toThrow("its local header is missing");
    expect(() => readNpz(tamper(deflated, 24, 0xffffffff))).toThrow("is stored as zip64");
    expect(() => readNpz(tamper(deflated, 8, 0x00080001))).toThrow("is encrypted");
    expect(() => readNpz(tamper(deflated, 8, 0x000c0000))).toThrow("is compressed by zip method 12");
  });

  it("stops inflating where the content runs beyond its header", () => {
    // the directory tells the size that the header asks for, the data holds more
    const long = npy(dict("|u1", "(50,)"), new Uint8Array(100_000));
    const bytes = tamper(zip({ "a.npy": long }), 24, plain.length);
    expect(() => readNpz(bytes)).toThrow(`it inflates beyond the ${plain.length} bytes of its header`);
  });

  it("never answers a damaged archive with other arrays: every flipped byte and every cut", () => {
    const bytes = writeNpz({ x: NDArray.from([1, 2, 3]), y: NDArray.from([[4], [5]]) }, { compress: true });
    const whole = readNpz(bytes);
    for (let at = 0; at < bytes.length; at++) {
      for (const broken of [bytes.slice(0, at), bytes.map((b, i) => (i === at ? b ^ 0x55 : b))]) {
        let message = "";
        try {
          // a flip in a time stamp or a name changes no array
          expect(Object.values(readNpz(broken))).toEqual(Object.values(whole));
        } catch (error) {
          message = (error as Error).message;
          expect(message, `byte ${at}`).toMatch(/^npz: [^\n]+$/);
        }
      }
    }
  });
});

const folder = join(process.env.PAPERWEIGHT_DATA ?? "", "operators");
const present = process.env.PAPERWEIGHT_DATA !== undefined && existsSync(folder);
if (!present)
  console.info(
    "npy: files of PAPERWEIGHT_DATA/operators not read (the variable is not set, or the folder is not there)",
  );

describe.skipIf(!present)("published files (PAPERWEIGHT_DATA/operators)", () => {
  const read = (name: string) => readNpz(readFileSync(join(folder, name)), name);
  const at = (a: NDArray | undefined, ...index: number[]) =>
    a!.data[index.reduce((o, i, axis) => o * a!.shape[axis]! + i, 0)];

  it("Burgers.npz: stored, Fortran order", () => {
    const { usol, t, x } = read("Burgers.npz");
    expect([usol!.shape, t!.shape, x!.shape]).toEqual([
      [256, 100],
      [100, 1],
      [256, 1],
    ]);
    expect([at(usol, 3, 7), at(usol, 255, 99), at(t, 5, 0)]).toEqual([
      0.06047446543444653, 1.1238879505933596e-16, 0.05,
    ]);
  });

  it("burgers_test_16.npz: deflated, three axes in Fortran order", () => {
    const { y } = read("burgers_test_16.npz");
    expect([y!.shape, y!.dtype]).toEqual([[400, 17, 16], "float32"]);
    expect(at(y, 399, 16, 3)).toBeCloseTo(-0.07282805, 8);
    expect(at(y, 7, 2, 15)).toBeCloseTo(0.12627798, 8);
  });

  it("darcy_test_16.npz: bytes", () => {
    const { x } = read("darcy_test_16.npz");
    expect([...x!.data].reduce<number>((a, b) => a + Number(b), 0)).toBe(6298);
    expect(Array.from({ length: 16 }, (_, k) => at(x, 3, 4, k))).toEqual([
      0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0,
    ]);
  });

  it("antiderivative_aligned_test.npz: pickled, refused; its plain copy: read", () => {
    expect(() => read("antiderivative_aligned_test.npz")).toThrow(
      'antiderivative_aligned_test.npz: member "X.npy": this is an object array',
    );
    const { branch, y } = read("antiderivative_aligned_test_plain.npz");
    expect([at(branch, 2, 3), at(y, 2, 3)]).toEqual([0.24342033833606175, 0.00478439178024487]);
  });

  it.each(["Lorenz", "Poisson_Lshape", "reaction", "stokes", "darcy_train_16", "burgers_train_16"])(
    "%s.npz",
    (name) => {
      for (const array of Object.values(read(`${name}.npz`))) expect(array.size).toBeGreaterThan(0);
    },
  );
});
