import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { type PngParts, png } from "../../test/fixtures/png.ts";
import { NDArray } from "../tensor/ndarray.ts";
import { openImageFolder } from "./image-folder.node.ts";
import { readImageFolder, toFloat } from "./images.ts";
import { writeNpz } from "./npy.ts";
import { readOmniglot, readOmniglot28 } from "./omniglot.ts";
import { decodePng } from "./png.ts";

const pixels = (parts: PngParts) => [...decodePng(png(parts)).data];
const grey = (width: number, height: number, value = 0) =>
  png({
    width,
    height,
    rows: Array.from({ length: height }, () => [0, ...new Array<number>(width).fill(value)]),
  });

describe("decodePng", () => {
  it("undoes every filter: none, sub, up, average, Paeth", () => {
    const rows = [
      [0, 10, 20, 30],
      [1, 10, 10, 10],
      [2, 1, 2, 250],
      [3, 5, 5, 5],
      [4, 1, 1, 1],
    ];
    expect(pixels({ width: 3, height: 5, rows })).toEqual([
      10, 20, 30, 10, 20, 30, 11, 22, 24, 10, 21, 27, 11, 22, 28,
    ]);
  });

  it("predicts from a whole pixel back where there are several channels", () => {
    const rows = [
      [1, 1, 2, 3, 10, 10, 10],
      [4, 1, 1, 1, 0, 0, 0],
    ];
    expect(decodePng(png({ width: 2, height: 2, colour: 2, rows }))).toEqual({
      width: 2,
      height: 2,
      channels: 3,
      data: Uint8Array.of(1, 2, 3, 11, 12, 13, 2, 3, 4, 11, 12, 13),
    });
  });

  it("spreads 1, 2 and 4 bits over 0 to 255", () => {
    expect(pixels({ width: 10, height: 1, depth: 1, rows: [[0, 0b10110010, 0b01000000]] })).toEqual([
      255, 0, 255, 255, 0, 0, 255, 0, 0, 255,
    ]);
    expect(pixels({ width: 4, height: 1, depth: 2, rows: [[0, 0b00011011]] })).toEqual([0, 85, 170, 255]);
    expect(pixels({ width: 3, height: 1, depth: 4, rows: [[0, 0x0f, 0x80]] })).toEqual([0, 255, 136]);
  });

  it("looks palettes up, and reads grey with alpha, RGBA, and data in several parts", () => {
    const PLTE = [1, 2, 3, 4, 5, 6];
    const indexed = { width: 3, height: 1, depth: 1, colour: 3, rows: [[0, 0b01000000]] };
    expect(pixels({ ...indexed, chunks: { PLTE } })).toEqual([1, 2, 3, 4, 5, 6, 1, 2, 3]);
    expect(pixels({ ...indexed, chunks: { PLTE, tRNS: [7] } })).toEqual([
      1, 2, 3, 7, 4, 5, 6, 255, 1, 2, 3, 7,
    ]);
    const alpha = decodePng(png({ width: 1, height: 1, colour: 4, rows: [[0, 9, 8]] }));
    expect([alpha.channels, ...alpha.data]).toEqual([2, 9, 8]);
    expect(pixels({ width: 1, height: 1, colour: 6, rows: [[0, 1, 2, 3, 4]], cuts: 3 })).toEqual([
      1, 2, 3, 4,
    ]);
  });

  const ok = { width: 2, height: 1, rows: [[0, 1, 2]] };
  const indexed = { width: 2, height: 1, colour: 3, rows: [[0, 0, 2]] };
  const refusals: [string, Uint8Array, string][] = [
    ["another file", Uint8Array.of(0xff, 0xd8, 0xff), "x: this is no PNG picture"],
    ["a cut file", png(ok).subarray(0, 60), "x: damaged: it is cut short, after 60 bytes"],
    [
      "a flipped bit",
      png(ok).map((b, i) => (i === 45 ? b ^ 1 : b)),
      'x: damaged: the checksum of its part "IDAT" at byte 33',
    ],
    ["interlacing", png({ ...ok, interlace: 1 }), "x: interlaced pictures are not read"],
    ["16 bits", png({ ...ok, depth: 16 }), "x: 16 bits a sample are not read"],
    ["no width", png({ ...ok, width: 0 }), "x: damaged: its header makes no sense (0 x 1"],
    ["a size of terabytes", png({ ...ok, width: 2 ** 31, height: 2 ** 20 }), "cannot hold the"],
    ["too few rows", png({ ...ok, height: 2 }), "x: damaged: it ends early, after 3 of 6 bytes"],
    ["an unknown filter", png({ ...ok, rows: [[9, 1, 2]] }), "x: damaged: row 0 has the filter 9"],
    [
      "a colour outside the palette",
      png({ ...indexed, chunks: { PLTE: [1, 2, 3] } }),
      "pixel 1 has the colour 2 of 1",
    ],
    ["no palette", png(indexed), "pixel 0 has the colour 0 of 0"],
    ["a transparent colour", png({ ...ok, chunks: { tRNS: [0, 1] } }), "a transparent colour is not read"],
  ];
  it.each(refusals)("refuses %s in one line", (_name, bytes, message) => {
    expect(() => decodePng(bytes, "x")).toThrow(message);
    expect(() => decodePng(bytes, "x")).toThrow(/^[^\n]+$/);
  });
});

describe("image folders", () => {
  const files = [
    { name: "dog/2.png", bytes: grey(2, 3, 9) },
    { name: "cat/1.png", bytes: grey(2, 3, 5) },
    { name: "dog/1.png", bytes: grey(2, 3, 7) },
  ];

  it("classes are the folders, examples are sorted; [n, channels, height, width]", () => {
    const { features, labels, classes } = readImageFolder(files);
    expect([features.shape, classes]).toEqual([
      [3, 1, 3, 2],
      ["cat", "dog"],
    ]);
    expect([0, 6, 12].map((i) => features.data[i])).toEqual([5, 7, 9]);
    expect(Array.from(labels.data, Number)).toEqual([0, 1, 1]);
    const colour = png({ width: 2, height: 1, colour: 2, rows: [[0, 1, 2, 3, 4, 5, 6]] });
    expect(readImageFolder([{ name: "a/b.png", bytes: colour }]).features.toNested()).toEqual([
      [[[1, 4]], [[2, 5]], [[3, 6]]],
    ]);
  });

  it("refuses pictures that differ, and files in no folder", () => {
    expect(() => readImageFolder([...files, { name: "z/a.png", bytes: grey(3, 3) }])).toThrow(
      "z/a.png: 3 x 3 pixels of 1 channels, the pictures before have 2 x 3 of 1",
    );
    expect(() => readImageFolder([{ name: "a.png", bytes: grey(1, 1) }])).toThrow(
      "a.png: it lies in no folder",
    );
    expect(() => readImageFolder([])).toThrow("there are no pictures");
  });

  it("are read from disk", async () => {
    const folder = mkdtempSync(join(tmpdir(), "paperweight-images-"));
    try {
      for (const { name, bytes } of files) {
        mkdirSync(join(folder, name.split("/")[0]!), { recursive: true });
        writeFileSync(join(folder, name), bytes);
      }
      writeFileSync(join(folder, "dog", ".hidden"), "");
      expect(await openImageFolder(folder)).toEqual(readImageFolder(files));
      writeFileSync(join(folder, "dog", "notes.txt"), "woof");
      await expect(openImageFolder(folder)).rejects.toThrow("dog/notes.txt: this is no PNG picture");
      await expect(openImageFolder(join(folder, "none"))).rejects.toThrow("is no folder");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("toFloat", () => {
  const images = new NDArray(Uint8Array.of(0, 255, 51, 102), [1, 2, 1, 2]);

  it("scales to 0 to 1, then by mean and standard deviation of each channel, into a buffer", () => {
    expect([...toFloat(images).data]).toEqual([0, 1, 0.2, 0.4].map(Math.fround));
    const out = NDArray.zeros([1, 2, 1, 2]);
    expect(toFloat(images, { mean: [0.5, 0.2], std: [0.5, 0.1], out })).toBe(out);
    [-1, 1, 0, 2].forEach((v, i) => expect(out.data[i]).toBeCloseTo(v, 6));
  });

  it("refuses other arrays and counts", () => {
    expect(() => toFloat(NDArray.zeros([1, 2, 1, 2]))).toThrow("are no uint8 images");
    expect(() => toFloat(images, { mean: [0] })).toThrow("1 values of mean for 2 channels");
    expect(() => toFloat(images, { out: NDArray.zeros([4]) })).toThrow(
      "out is float32[4], it should be float32[1, 2, 1, 2]",
    );
  });
});

describe("Omniglot", () => {
  const picture = (bits: number) => png({ width: 4, height: 1, depth: 1, rows: [[0, bits << 4]] });
  const zip = (names: Record<string, number>) =>
    zipSync(Object.fromEntries(Object.entries(names).map(([name, bits]) => [`root/${name}`, picture(bits)])));
  const first = {
    "Greek/character02/2_01.png": 0b1110,
    "Greek/character01/1_02.png": 0b1101,
    "Greek/character01/1_01.png": 0b1011,
  };
  const second = { "Greek/character01/1_01.png": 0b1011, "Tagalog/character01/9_01.png": 0b0111 };

  it("takes pictures of several archives once; 1 is ink", () => {
    const set = readOmniglot([
      { name: "a.zip", bytes: zip(first) },
      { name: "b.zip", bytes: zip(second) },
    ]);
    expect(set.features.toNested()).toEqual([
      [[[0, 1, 0, 0]]],
      [[[0, 0, 1, 0]]],
      [[[0, 0, 0, 1]]],
      [[[1, 0, 0, 0]]],
    ]);
    expect(Array.from(set.labels.data, Number)).toEqual([0, 0, 1, 2]);
    expect(set.classes).toEqual(["Greek/character01", "Greek/character02", "Tagalog/character01"]);
    expect([set.alphabets, Array.from(set.alphabetOf.data, Number)]).toEqual([
      ["Greek", "Tagalog"],
      [0, 0, 1],
    ]);
  });

  it("refuses damaged archives, naming archive and member, and others", () => {
    const good = zip(second);
    expect(() => readOmniglot([{ name: "a.zip", bytes: good.subarray(0, 100) }])).toThrow(
      "a.zip: this is no complete zip archive",
    );
    const bad = { name: "a.zip", bytes: zipSync({ "r/Greek/character01/1.png": Uint8Array.of(1, 2) }) };
    expect(() => readOmniglot([bad])).toThrow(
      'a.zip: member "r/Greek/character01/1.png": this is no PNG picture',
    );
    expect(() => readOmniglot([{ name: "a.zip", bytes: zipSync({ "x.txt": Uint8Array.of(1) }) }])).toThrow(
      "this is not Omniglot",
    );
  });

  it("reads the 28 x 28 packing in its two parts", () => {
    const images = NDArray.zeros([3, 20, 28, 28], "uint8");
    images.data[2 * 20 * 784] = 1;
    const npz = writeNpz({ images, split: new NDArray(Uint8Array.of(0, 1, 0), [3]) });
    const names = new TextEncoder().encode(
      JSON.stringify({ characters: ["A/character01", "B/character01", "B/character02"] }),
    );
    const { background, evaluation } = readOmniglot28(
      { name: "x.npz", bytes: npz },
      { name: "x.json", bytes: names },
    );
    expect([background.features.shape, evaluation.features.shape]).toEqual([
      [40, 1, 28, 28],
      [20, 1, 28, 28],
    ]);
    expect([background.features.data[20 * 784], background.classes, evaluation.alphabets]).toEqual([
      1,
      ["A/character01", "B/character02"],
      ["B"],
    ]);
    const two = new TextEncoder().encode('{"characters":["A/character01"]}');
    expect(() => readOmniglot28({ name: "x.npz", bytes: npz }, { name: "x.json", bytes: two })).toThrow(
      "x.npz: images and split do not fit the 1 characters of x.json",
    );
    const none = new TextEncoder().encode("[");
    expect(() => readOmniglot28({ name: "x.npz", bytes: npz }, { name: "x.json", bytes: none })).toThrow(
      "x.json: it is no JSON",
    );
  });
});
