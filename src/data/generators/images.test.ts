import { describe, expect, it } from "vitest";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import { classCounts, type Dataset, take } from "../dataset.ts";
import { segdigits } from "./segdigits.ts";
import { shapes10 } from "./shapes10.ts";
import { type Shapes16Style, shapes16 } from "./shapes16.ts";

const key = random.key(7);
const values = (array: NDArray) => Array.from(array.data as Float32Array);
const mean = (x: readonly number[]) => x.reduce((a, b) => a + b, 0) / x.length;

const makers: Record<string, (key: NDArray, n: number) => Dataset> = {
  segdigits: (k, n) => segdigits(k, n),
  shapes10: (k, n) => shapes10(k, n),
  "shapes16, hard": (k, n) => shapes16(k, n, { style: "hard" }),
  "shapes16, mix": (k, n) => shapes16(k, n, { style: "mix" }),
};

describe.each(Object.entries(makers))("%s", (_name, make) => {
  it("gives the same examples for the same key, others for another, and more begin with the same ones", () => {
    const ten = make(key, 10);
    expect(make(key, 4)).toEqual(take(ten, [0, 1, 2, 3]));
    expect(values(make(random.key(8), 4).features)).not.toEqual(values(make(key, 4).features));
    expect(ten.features.data.every((x) => Number.isFinite(x as number))).toBe(true);
  });

  it("gives nothing for none, and refuses what is no number of examples", () => {
    expect(make(key, 0).features.shape[0]).toBe(0);
    expect(() => make(key, 1.5)).toThrow("generator: 1.5 is no number of examples");
  });
});

describe("segdigits", () => {
  it("is float32 [n, size * size] with labels 0 to 9, about equally often", () => {
    const { features, labels } = segdigits(key, 2000, { size: 4 });
    expect([features.dtype, features.shape, labels.dtype, labels.shape]).toEqual([
      "float32",
      [2000, 16],
      "int64",
      [2000],
    ]);
    for (const count of classCounts(labels, 10)) expect(Math.abs(count - 200)).toBeLessThan(60);
  });

  it("without noise lies in 0 to 1 and reaches 0.7 or more where a stroke passes; more segments mean more ink", () => {
    const { features, labels } = segdigits(key, 200, { noise: 0 });
    const all = values(features);
    const ink = new Array<number[]>(10).fill([]).map((): number[] => []);
    for (let i = 0; i < 200; i++) {
      const image = all.slice(144 * i, 144 * (i + 1));
      expect(Math.min(...image)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...image)).toBeLessThanOrEqual(1);
      expect(Math.max(...image)).toBeGreaterThan(0.7);
      ink[Number(labels.data[i])]!.push(mean(image));
    }
    const [one, seven, eight, zero] = [1, 7, 8, 0].map((d) => mean(ink[d]!)) as [
      number,
      number,
      number,
      number,
    ];
    expect(one < seven && seven < zero && zero < eight).toBe(true);
  });

  it("noise has the standard deviation it is given", () => {
    const [clean, noisy] = [0, 0.35].map((noise) => values(segdigits(key, 50, { noise }).features));
    const difference = noisy!.map((x, i) => (x - clean![i]!) / 0.35);
    expect(Math.abs(mean(difference))).toBeLessThan(0.03);
    expect(Math.abs(Math.sqrt(mean(difference.map((d) => d * d))) - 1)).toBeLessThan(0.03);
  });
});

describe("shapes10", () => {
  it("labels example i with i mod 10; images are [n, 3, 16, 16]", () => {
    const { features, labels, classes } = shapes10(key, 23);
    expect(features.shape).toEqual([23, 3, 16, 16]);
    expect(Array.from(labels.data, Number)).toEqual(Array.from({ length: 23 }, (_, i) => i % 10));
    expect(classes).toHaveLength(10);
  });

  it("without noise a disc has its own colour in the middle, another in the corners, 0.25 apart or more", () => {
    const { features } = shapes10(key, 91, { noise: 0, size: 32 });
    for (let i = 0; i < 91; i += 10) {
      const at = (c: number, k: number) => Number(features.data[(i * 3 + c) * 1024 + k]) * 0.25 + 0.5;
      const apart = [0, 1, 2].map((c) => Math.abs(at(c, 16 * 32 + 16) - at(c, 0)));
      expect(mean(apart)).toBeGreaterThan(0.249);
      expect([0, 1, 2].every((c) => at(c, 0) >= 0 && at(c, 0) <= 1)).toBe(true);
    }
  });
});

describe("shapes16", () => {
  const pixels = (style: Shapes16Style, n = 3) => values(shapes16(key, n, { style }).features);

  it("draws the same shapes in every style; images are [n, 1, 16, 16] from -1 to 1", () => {
    const { features, labels } = shapes16(key, 40);
    expect(features.shape).toEqual([40, 1, 16, 16]);
    for (const style of ["clean", "soft", "dots", "grating", "hard"] as const) {
      expect(shapes16(key, 40, { style }).labels).toEqual(labels);
      const image = pixels(style);
      expect(Math.min(...image) >= -1 && Math.max(...image) <= 1).toBe(true);
    }
  });

  it("dots, grating and soft are what the style says of the clean image, where nothing is clipped", () => {
    const [clean, dots, grating, soft] = (["clean", "dots", "grating", "soft"] as const).map((s) =>
      pixels(s),
    ) as [number[], number[], number[], number[]];
    const inside = (x: number) => Math.abs(x) < 0.999;
    clean.forEach((x, k) => {
      const [row, column] = [(k >> 4) & 15, k & 15];
      if (!inside(x)) return;
      const kept = (Math.floor(row / 2) + Math.floor(column / 2)) % 2 === 0;
      expect(dots[k]).toBeCloseTo(kept ? x : 0.46 * x, 6);
      const waved = 0.85 * x + 0.3 * Math.cos((2 * Math.PI * (column + 0.5)) / 4);
      if (inside(waved)) expect(grating[k]).toBeCloseTo(waved, 6);
      if (row === 0 || row === 15 || column === 0 || column === 15) return;
      const around = [-17, -16, -15, -1, 0, 1, 15, 16, 17].map((d) => clean[k + d]!);
      if (!around.every(inside)) return;
      const blurred = around.reduce((sum, v, i) => sum + v * [1, 2, 1, 2, 4, 2, 1, 2, 1][i]!, 0) / 16;
      expect(soft[k]).toBeCloseTo(blurred, 6);
    });
  });

  it("mix takes clean, soft and dots in turn; hard turns about half of the images round", () => {
    const parts = (["clean", "soft", "dots"] as const).map((s) => pixels(s, 6));
    const mix = values(shapes16(key, 6, { style: "mix" }).features);
    for (let i = 0; i < 6; i++) {
      expect(mix.slice(256 * i, 256 * (i + 1))).toEqual(parts[i % 3]!.slice(256 * i, 256 * (i + 1)));
    }
    const [clean, hard] = [pixels("clean", 200), pixels("hard", 200)];
    const turned = Array.from({ length: 200 }, (_, i) =>
      mean(clean.slice(256 * i, 256 * (i + 1)).map((x, k) => x * hard[256 * i + k]!)),
    ).filter((c) => c < 0).length;
    expect(Math.abs(turned - 100)).toBeLessThan(30);
  });

  it("draws only the classes it is given, and refuses what it does not know", () => {
    const counts = classCounts(shapes16(key, 400, { classes: [0, 3] }).labels, 8);
    expect(counts[0]! + counts[3]!).toBe(400);
    expect(Math.min(counts[0]!, counts[3]!)).toBeGreaterThan(150);
    expect(() => shapes16(key, 1, { classes: [8] })).toThrow("name one or more of 0 to 7");
    expect(() => shapes16(key, 1, { style: "neon" as "soft" })).toThrow(
      'there is no style "neon": there is clean, soft',
    );
  });
});
