import { gzipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { NDArray } from "../tensor/ndarray.ts";
import { readCifar10 } from "./cifar.ts";
import { gunzip } from "./gzip.ts";
import { readIdx, readIdxImages } from "./idx.ts";
import { datasets } from "./registry.ts";
import { readTar } from "./tar.ts";

const be = (n: number) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
const idx = (type: number, shape: readonly number[], data: ArrayLike<number>) =>
  Uint8Array.from([0, 0, type, shape.length, ...shape.flatMap(be), ...Array.from(data)]);
const images = idx(8, [2, 2, 3], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]);
const labels = idx(8, [2], [3, 9]);

describe("readIdx", () => {
  it("reads bytes, plain and gzipped, and never aliases them", () => {
    const expected = new NDArray(Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255), [2, 2, 3]);
    const copy = images.slice();
    const array = readIdx(copy);
    copy.fill(0);
    expect(array).toEqual(expected);
    expect(readIdx(gzipSync(images))).toEqual(expected);
    expect(readIdx(gzipSync(images, { filename: "a name" }))).toEqual(expected);
  });

  it("reads the other types, big-endian", () => {
    expect(readIdx(idx(9, [2], [255, 127])).toNested()).toEqual([-1, 127]);
    expect(readIdx(idx(11, [2], [255, 254, 1, 0])).toNested()).toEqual([-2, 256]);
    expect(readIdx(idx(12, [1], [0, 1, 0, 0])).toNested()).toEqual([65536]);
    expect(readIdx(idx(13, [1], [0x3f, 0xc0, 0, 0])).toNested()).toEqual([1.5]);
    expect(readIdx(idx(14, [1], [0xbf, 0xf0, 0, 0, 0, 0, 0, 0])).toNested()).toEqual([-1]);
    expect(readIdx(idx(8, [0, 4], [])).shape).toEqual([0, 4]);
  });

  const gz = gzipSync(images);
  const flipped = (bytes: Uint8Array, at: number) => bytes.map((b, i) => (i === at ? b ^ 1 : b));
  const refusals: [string, Uint8Array, string][] = [
    [
      "a cut file",
      images.subarray(0, 20),
      "x: uint8 of shape (2, 2, 3) takes 28 bytes with its header, the file has 20: it is cut short",
    ],
    ["a longer file", idx(8, [1], [1, 2]), "the file has 10: something follows the data"],
    ["a cut header", images.subarray(0, 9), "x: the file ends inside its header, after 9 bytes"],
    ["nothing", new Uint8Array(0), "x: the file ends inside its header, after 0 bytes"],
    [
      "another magic number",
      Uint8Array.of(80, 75, 3, 4, 0),
      "x: it starts with 50 4b 03 04, an idx file with 00 00, a type",
    ],
    ["an unknown type", idx(7, [1], [1]), "x: it starts with 00 00 07 01"],
    ["no axes", Uint8Array.of(0, 0, 8, 0, 1), "x: it starts with 00 00 08 00"],
    ["a shape beyond counting", idx(8, [2 ** 31, 2 ** 31, 2 ** 31], []), "is beyond counting"],
    ["a gzipped file cut short", gz.subarray(0, gz.length - 12), "x: damaged:"],
    [
      "a gzipped file with a wrong checksum",
      flipped(gz, gz.length - 6),
      "x: damaged: its checksum does not match",
    ],
    [
      "a gzipped shape of terabytes",
      gzipSync(idx(8, [2 ** 20, 2 ** 20], [1])),
      "cannot hold the 1099511627788 that it claims",
    ],
    [
      "a gzipped longer file",
      gzipSync(idx(8, [1], [1, 2])),
      "x: damaged: it inflates beyond the 9 bytes of its header",
    ],
    [
      "a gzipped cut file",
      gzipSync(images.subarray(0, 20)),
      "x: damaged: it ends early, after 20 of 28 bytes",
    ],
    ["two gzip files in one", Uint8Array.from([...gz, ...gzipSync(labels)]), "x: damaged: "],
  ];
  it.each(refusals)("refuses %s in one line", (_name, bytes, message) => {
    expect(() => readIdx(bytes, "x")).toThrow(message);
    expect(() => readIdx(bytes, "x")).toThrow(/^[^\n]+$/);
  });

  it("never answers a damaged gzip file with other numbers: every flipped byte and every cut", () => {
    const expected = readIdx(gz);
    for (let at = 0; at < gz.length; at++) {
      for (const bad of [gz.map((b, i) => (i === at ? b ^ 0x11 : b)), gz.subarray(0, at)]) {
        let answer: NDArray | undefined;
        try {
          answer = readIdx(bad, "x");
        } catch (error) {
          expect((error as Error).message).toMatch(/^x: [^\n]+$/);
        }
        if (answer !== undefined) expect(answer).toEqual(expected);
      }
    }
  });
});

describe("readIdxImages", () => {
  it("gives [n, 1, height, width] and int64 labels", () => {
    const { features, labels: l } = readIdxImages(images, labels);
    expect([features.shape, features.dtype]).toEqual([[2, 1, 2, 3], "uint8"]);
    expect(l).toEqual(new NDArray(BigInt64Array.of(3n, 9n), [2], "int64"));
  });

  it("refuses pairs that do not fit, and labels out of range", () => {
    const what = ["im", "lab"] as const;
    const read =
      (a: Uint8Array, b: Uint8Array, classes = 10) =>
      () =>
        readIdxImages(a, b, { what, classes });
    expect(read(images, labels, 9)).toThrow("lab: record 1 has the label 9, 0 to 8 is expected");
    expect(read(images, idx(8, [3], [1, 2, 3]))).toThrow("lab: 3 labels for the 2 images of im");
    expect(read(labels, images)).toThrow("im: uint8 of shape (2), uint8 images of three axes are expected");
    expect(read(images, images)).toThrow(
      "lab: uint8 of shape (2, 2, 3), uint8 labels of one axis are expected",
    );
  });
});

describe("gunzip", () => {
  const text = new TextEncoder().encode("weights ".repeat(100));

  it("unpacks no more than the limit", () => {
    expect(gunzip(gzipSync(text), "x", { limit: 800 })).toEqual(text);
    expect(() => gunzip(gzipSync(text), "x", { limit: 799 })).toThrow(
      "x: it claims to unpack to 800 bytes, at most 799",
    );
  });

  it("refuses what is no gzip file, and one cut inside its header", () => {
    expect(() => gunzip(text, "x")).toThrow("x: this is no gzip file");
    const named = gzipSync(text, { filename: "name" });
    for (let at = 2; at < 20; at++) expect(() => gunzip(named.subarray(0, at), "x")).toThrow(/^x: [^\n]+$/);
  });
});

describe("readCifar10", () => {
  const record = (label: number, shade: number) => [
    label,
    ...new Array(1024).fill(shade),
    ...new Array(2048).fill(shade + 1),
  ];
  const file = (name: string, ...records: number[][]) => ({ name, bytes: Uint8Array.from(records.flat()) });

  it("takes the count from the size, over several files", () => {
    const {
      features,
      labels: l,
      classes,
    } = readCifar10([file("a", record(3, 7), record(0, 9)), file("b", record(9, 200))]);
    expect([features.shape, features.dtype]).toEqual([[3, 3, 32, 32], "uint8"]);
    expect(Array.from(l.data, Number)).toEqual([3, 0, 9]);
    expect([0, 1023, 1024, 3071, 3072, 6144, 9215].map((i) => features.data[i])).toEqual([
      7, 7, 8, 8, 9, 200, 201,
    ]);
    expect(classes?.[9]).toBe("truck");
  });

  it("refuses a cut file and a label out of range, naming file and record", () => {
    const { bytes } = file("a", record(1, 1), record(2, 2));
    expect(() => readCifar10([{ name: "a.bin", bytes: bytes.subarray(0, 6145) }])).toThrow(
      "a.bin: 6145 bytes are no whole number of records of 3073 bytes (record 1 ends after 3072)",
    );
    expect(() => readCifar10([{ name: "a.bin", bytes: new Uint8Array(0) }])).toThrow("a.bin: 0 bytes");
    expect(() => readCifar10([file("b.bin", record(1, 1), record(10, 1))])).toThrow(
      "b.bin: record 1 has the label 10, 0 to 9 is expected",
    );
  });
});

describe("readTar", () => {
  function member(name: string, content: Uint8Array | string, kind = "0"): Uint8Array {
    const header = new Uint8Array(512);
    const put = (text: string, at: number) => header.set(new TextEncoder().encode(text), at);
    put(name, 0);
    put(content.length.toString(8).padStart(11, "0"), 124);
    put(`${kind}`, 156);
    header.fill(0x20, 148, 156);
    put(
      header
        .reduce((a, b) => a + b, 0)
        .toString(8)
        .padStart(6, "0"),
      148,
    );
    header[154] = 0;
    const body = new Uint8Array(Math.ceil(content.length / 512) * 512);
    body.set(typeof content === "string" ? new TextEncoder().encode(content) : content);
    return Uint8Array.from([...header, ...body]);
  }
  const tar = Uint8Array.from([
    ...member("folder/", "", "5"),
    ...member("folder/a.bin", "hello"),
    ...member("b", ""),
    ...new Uint8Array(1024),
  ]);

  it("gives the files, not the folders", () => {
    const files = readTar(tar, "x").map(({ name, bytes }) => [name, new TextDecoder().decode(bytes)]);
    expect(files).toEqual([
      ["folder/a.bin", "hello"],
      ["b", ""],
    ]);
  });

  it("is how the whole of CIFAR-10 comes: training batches in order, and the test batch", () => {
    const batch = (label: number) => new Uint8Array(3073).fill(label);
    const names = { data_batch_2: 2, test_batch: 9, data_batch_1: 1, readme: 0 };
    const members = Object.entries(names).flatMap(([name, label]) => [
      ...member(`cifar-10-batches-bin/${name}.bin`, batch(label)),
    ]);
    const archive = gzipSync(Uint8Array.from([...members, ...new Uint8Array(1024)]));
    const { train, test } = datasets.cifar10.load([{ name: "x.tar.gz", bytes: archive }]);
    expect([train, test].map((d) => Array.from(d.labels.data, Number))).toEqual([[1, 2], [9]]);
  });

  it("refuses damage, in one line", () => {
    expect(() =>
      readTar(
        tar.map((b, i) => (i === 515 ? b ^ 1 : b)),
        "x",
      ),
    ).toThrow("the tar header at byte 512");
    expect(() => readTar(tar.subarray(0, 1026), "x")).toThrow('"folder/a.bin" ends beyond the archive');
    expect(() => readTar(new Uint8Array(2000), "x")).toThrow("it holds no files");
  });
});
