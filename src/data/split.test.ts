import { describe, expect, it } from "vitest";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import { affine, randomAffine, rotation } from "./affine.ts";
import { cutout, randomCrop, randomFlip } from "./augment.ts";
import { classCounts, countOf, type Dataset, take, takeRows } from "./dataset.ts";
import { folds, permuteFeatures, shuffle, shuffleLabels, split } from "./split.ts";
import { columnStatistics, standardise, unstandardise } from "./standardise.ts";

const key = random.key(4);
const counting = (n: number): Dataset => ({
  features: new NDArray(
    Float32Array.from({ length: 2 * n }, (_, i) => i),
    [n, 2],
  ),
  labels: new NDArray(
    BigInt64Array.from({ length: n }, (_, i) => BigInt(i % 4 === 0 ? 1 : 0)),
    [n],
  ),
});
/** Which examples of `counting` these are. */
const ids = ({ features }: Dataset) => (features.toNested() as number[][]).map(([x]) => x! / 2);
const sorted = (x: readonly number[]) => [...x].sort((a, b) => a - b);
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);

describe("take", () => {
  it("gathers rows, repeated ones too, into a buffer where one is given", () => {
    const { features } = counting(4);
    expect(takeRows(features, [3, 0, 3]).toNested()).toEqual([
      [6, 7],
      [0, 1],
      [6, 7],
    ]);
    const out = NDArray.zeros([2, 2]);
    expect(takeRows(features, BigInt64Array.of(1n, 2n), out)).toBe(out);
    expect(out.toNested()).toEqual([
      [2, 3],
      [4, 5],
    ]);
  });

  it("refuses rows that are not there, buffers that do not fit, and labels that are fewer", () => {
    const { features, labels } = counting(4);
    expect(() => takeRows(features, [4])).toThrow("there is no row 4 in 4: use 0 to 3");
    expect(() => takeRows(features, [0], NDArray.zeros([2, 2]))).toThrow(
      "out is float32[2, 2], it should be float32[1, 2]",
    );
    expect(() => countOf({ features, labels: takeRows(labels, [0]) })).toThrow("differ in their first axis");
  });
});

describe("split", () => {
  it("cuts a shuffled set into parts that share nothing, by shares or by numbers, the same for the same key", () => {
    const parts = split(key, counting(480), [0.25, 0.15, 0.6]);
    expect(parts.map(countOf)).toEqual([120, 72, 288]);
    expect(sorted(parts.flatMap(ids))).toEqual(upTo(480));
    expect(split(key, counting(480), [0.25, 0.15, 0.6])).toEqual(parts);
    expect(ids(split(random.key(5), counting(480), [0.25])[0]!)).not.toEqual(ids(parts[0]!));
    expect(split(key, counting(10), [3, 6]).map(countOf)).toEqual([3, 6]);
    for (const part of parts)
      ids(part).forEach((id, i) => expect(part.labels.data[i]).toBe(id % 4 === 0 ? 1n : 0n));
  });

  it("keeps the share of each class with stratify", () => {
    const parts = split(key, counting(40), [0.5, 0.3, 0.2], { stratify: true });
    expect(parts.map((p) => classCounts(p.labels, 2))).toEqual([
      [15, 5],
      [9, 3],
      [6, 2],
    ]);
    expect(sorted(parts.flatMap(ids))).toEqual(upTo(40));
  });

  it("refuses more than there is", () => {
    expect(() => split(key, counting(10), [6, 5])).toThrow("split: parts of 6, 5 do not fit 10 examples");
    expect(() => split(key, counting(10), [0.9, 0.2])).toThrow("do not fit 10 examples");
    expect(() => split(key, counting(10), [-0.1])).toThrow("do not fit");
    expect(() => split(key, counting(10), [5, 5], { stratify: true })).toThrow("stratify takes shares");
  });
});

describe("folds, shuffles and permutations", () => {
  it("every example is tested in one fold and trained on in the others", () => {
    const all = folds(key, counting(11), 4);
    expect(sorted(all.flatMap((f) => ids(f.test)))).toEqual(upTo(11));
    for (const { train, test } of all) expect(sorted([...ids(train), ...ids(test)])).toEqual(upTo(11));
    expect(() => folds(key, counting(3), 4)).toThrow("folds: 4 folds of 3 examples");
  });

  it("shuffle keeps features and labels together, shuffleLabels does not", () => {
    const shuffled = shuffle(key, counting(50));
    expect(ids(shuffled)).not.toEqual(upTo(50));
    expect(shuffled).toEqual(take(counting(50), ids(shuffled)));
    const dealt = shuffleLabels(key, counting(50));
    expect(ids(dealt)).toEqual(upTo(50));
    expect(classCounts(dealt.labels, 2)).toEqual(classCounts(counting(50).labels, 2));
    expect(dealt.labels).not.toEqual(counting(50).labels);
  });

  it("permuteFeatures moves the numbers of every example alike", () => {
    const rows = new NDArray(
      Float32Array.from({ length: 18 }, (_, i) => i),
      [2, 3, 3],
    );
    const [a, b] = permuteFeatures(key, rows).reshape([2, 9]).toNested() as [number[], number[]];
    expect(sorted(a)).toEqual(upTo(9));
    expect(a).not.toEqual(upTo(9));
    expect(b).toEqual(a.map((x) => x + 9));
  });
});

describe("standardise", () => {
  it("has mean 0 and deviation 1 by column, leaves constant columns at 0, and is undone", () => {
    const table = NDArray.from(
      [
        [1, 5, 10],
        [3, 5, 30],
      ],
      "float64",
    );
    const statistics = columnStatistics(table);
    expect(standardise(table, statistics).toNested()).toEqual([
      [-1, 0, -1],
      [1, 0, 1],
    ]);
    expect(unstandardise(standardise(table, statistics), statistics)).toEqual(table);
    expect(standardise(NDArray.from([[5, 6, 20]], "float64"), statistics).toNested()).toEqual([[3, 1, 0]]);
  });

  it("refuses other columns and dtypes", () => {
    expect(() => standardise(NDArray.zeros([1, 2]), columnStatistics(NDArray.zeros([2, 3])))).toThrow(
      "2 columns and statistics of 3",
    );
    expect(() => columnStatistics(NDArray.zeros([2, 3], "uint8"))).toThrow("uint8[2, 3] is no float array");
  });
});

describe("augmentation", () => {
  const batch = new NDArray(
    Float32Array.from({ length: 40 * 2 * 5 * 4 }, (_, i) => i + 1),
    [40, 2, 5, 4],
  );
  const nested = new Map<NDArray, number[][][][]>();
  const image = (array: NDArray, i: number, c: number) => {
    if (!nested.has(array)) nested.set(array, array.toNested() as number[][][][]);
    return nested.get(array)![i]![c]!;
  };

  const each: [string, (k: NDArray, b: NDArray, out?: NDArray) => NDArray][] = [
    ["randomCrop", (k, b, out) => randomCrop(k, b, { padding: 2, ...(out && { out }) })],
    ["randomFlip", (k, b, out) => randomFlip(k, b, out && { out })],
    ["cutout", (k, b, out) => cutout(k, b, { size: 3, ...(out && { out }) })],
    ["randomAffine", (k, b, out) => randomAffine(k, b, { rotate: 0.3, shift: 0.2, ...(out && { out }) })],
  ];
  it.each(each)(
    "%s: the same key gives the same, another key another; buffers are reused and wholly written",
    (_name, change) => {
      const fresh = change(key, batch);
      const out = new NDArray(new Float32Array(batch.size).fill(Number.NaN), batch.shape);
      expect(change(key, batch, out)).toBe(out);
      expect(out.data).toEqual(fresh.data);
      expect(change(random.key(5), batch).data).not.toEqual(fresh.data);
      expect(() => change(key, batch, batch)).toThrow("out is the batch itself");
      expect(() => change(key, batch, NDArray.zeros([2]))).toThrow(
        "out is float32[2], it should be float32[40, 2, 5, 4]",
      );
      expect(() => change(key, NDArray.zeros([4, 4]))).toThrow(
        "batch of images [n, channels, height, width]",
      );
    },
  );

  it("randomCrop shifts every image by whole pixels, channels alike, by every amount up to the padding", () => {
    const cropped = randomCrop(key, batch, { padding: 1 });
    const shifts = new Set<string>();
    for (let i = 0; i < 40; i++) {
      const find = [-1, 0, 1]
        .flatMap((dy) => [-1, 0, 1].map((dx) => [dy, dx] as const))
        .filter(([dy, dx]) =>
          [0, 1].every((c) =>
            image(cropped, i, c).every((row, y) =>
              row.every((v, x) => v === (image(batch, i, c)[y + dy]?.[x + dx] ?? 0)),
            ),
          ),
        );
      expect(find).toHaveLength(1);
      shifts.add(find[0]!.join());
    }
    expect(shifts.size).toBeGreaterThan(6);
    expect(randomCrop(key, batch, { padding: 0 })).toEqual(batch);
  });

  it("randomFlip mirrors about half of the images", () => {
    const flipped = randomFlip(key, batch);
    let mirrored = 0;
    for (let i = 0; i < 40; i++) {
      const same = image(flipped, i, 0)[0]![0] === image(batch, i, 0)[0]![0];
      if (!same) mirrored++;
      for (const c of [0, 1])
        expect(image(flipped, i, c)).toEqual(
          image(batch, i, c).map((row) => (same ? row : [...row].reverse())),
        );
    }
    expect(mirrored > 10 && mirrored < 30).toBe(true);
  });

  it("cutout puts zeros in one square, the same in every channel, and changes nothing else", () => {
    const cut = cutout(key, batch, { size: 2 });
    for (let i = 0; i < 40; i++) {
      const holes = [0, 1].map((c) =>
        image(cut, i, c).flatMap((row, y) => row.flatMap((v, x) => (v === 0 ? [[y, x]] : []))),
      );
      expect(holes[0]).toEqual(holes[1]);
      expect([1, 2, 4]).toContain(holes[0]!.length);
      const kept = image(cut, i, 0)
        .flat()
        .filter((v) => v !== 0);
      expect(image(batch, i, 0).flat()).toEqual(expect.arrayContaining(kept));
    }
  });
});

describe("affine", () => {
  const square = new NDArray(
    Float64Array.from({ length: 9 }, (_, i) => i + 1),
    [1, 1, 3, 3],
  );
  const close = (array: NDArray, expected: readonly number[]) =>
    expected.forEach((v, i) => expect(array.data[i]).toBeCloseTo(v, 12));

  it("is exact for the identity, a quarter turn, a half turn and a shift by a pixel", () => {
    close(affine(square, [1, 0, 0, 0, 1, 0]), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    close(affine(square, rotation(Math.PI / 2)), [3, 6, 9, 2, 5, 8, 1, 4, 7]);
    close(affine(square, rotation(Math.PI)), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    close(affine(square, [1, 0, 2 / 3, 0, 1, 0]), [2, 3, 0, 5, 6, 0, 8, 9, 0]);
  });

  it("interpolates between pixels, with zeros outside", () => {
    close(affine(square, [1, 0, 1 / 3, 0, 1, 0]), [1.5, 2.5, 1.5, 4.5, 5.5, 3, 7.5, 8.5, 4.5]);
  });

  it("randomAffine moves and enlarges the content as it says", () => {
    const dot = NDArray.zeros([200, 1, 21, 21]);
    for (let i = 0; i < 200; i++) dot.data[i * 441 + 220] = 1;
    const at = (array: NDArray, i: number) => {
      const image = array.data.subarray(i * 441, (i + 1) * 441) as Float32Array;
      const mass = image.reduce((a, b) => a + b, 0);
      const x = image.reduce((s, v, k) => s + (v * ((2 * ((k % 21) + 0.5)) / 21 - 1)) / mass, 0);
      return { mass, x };
    };
    const moved = randomAffine(key, dot, { shift: 0.5 });
    const places = upTo(200).map((i) => at(moved, i).x);
    expect(Math.max(...places)).toBeGreaterThan(0.45);
    expect(Math.min(...places)).toBeLessThan(-0.45);
    expect(places.every((x) => Math.abs(x) < 0.56)).toBe(true);
    const grown = randomAffine(key, dot, { scale: [2, 2] });
    expect(at(grown, 0).mass).toBeCloseTo(4, 5);
  });

  it("refuses integers and a wrong number of maps", () => {
    expect(() => affine(NDArray.zeros([1, 1, 2, 2], "uint8"), rotation(1))).toThrow(
      "uint8[1, 1, 2, 2] is no float batch",
    );
    expect(() => affine(square, [rotation(1), rotation(2)])).toThrow("2 maps for 1 images");
  });
});
