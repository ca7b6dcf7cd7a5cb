import { describe, expect, it } from "vitest";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import { dataset } from "./batches.ts";

const key = random.key(4);
const rows = (n: number) => ({
  x: NDArray.from(Array.from({ length: n }, (_, i) => [i, i + 0.5])),
  y: NDArray.from(
    Array.from({ length: n }, (_, i) => i),
    "int64",
  ),
});
const values = (a: NDArray) => Array.from(a.data, Number);
const labels = (batch: { y: NDArray }) => values(batch.y);

describe("dataset", () => {
  it("shuffles: an epoch has every row at most once, each epoch in another order", () => {
    const set = dataset(rows(10), 3, "shuffle", key);
    expect(set.stepsPerEpoch).toBe(3);
    const epochs = [0, 1].map((e) => [0, 1, 2].flatMap((s) => labels(set.at(3 * e + s))));
    for (const epoch of epochs) expect(new Set(epoch).size).toBe(9);
    expect(epochs[0]).not.toEqual(epochs[1]);
  });

  it("every order is as likely as any other", () => {
    const counts = new Map<string, number>();
    const set = dataset(rows(3), 2, "shuffle", key);
    for (let epoch = 0; epoch < 6000; epoch++) {
      const order = labels(set.at(epoch)).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    const chiSquare = [...counts.values()].reduce((sum, c) => sum + (c - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(20.5);
  });

  it("keeps the parts of a row together, in the same buffers from step to step", () => {
    const set = dataset(rows(10), 4, "shuffle", key);
    const first = set.at(0);
    for (let i = 0; i < 4; i++) {
      expect(first.x.data[2 * i]).toBe(labels(first)[i]);
      expect(first.x.data[2 * i + 1]).toBe(labels(first)[i]! + 0.5);
    }
    expect(set.at(1).x.data).toBe(first.x.data);
  });

  it("copies long rows too", () => {
    const long = NDArray.from(Array.from({ length: 6 }, (_, i) => new Array(40).fill(i)));
    const batch = dataset({ long }, 3, "shuffle", key).at(0).long;
    for (let i = 0; i < 3; i++) expect(new Set(values(batch).slice(40 * i, 40 * i + 40)).size).toBe(1);
    expect(new Set(values(batch)).size).toBe(3);
  });

  it("any step can be asked for at any time", () => {
    const [ahead, along] = [dataset(rows(10), 3, "shuffle", key), dataset(rows(10), 3, "shuffle", key)];
    const late = labels(ahead.at(7));
    for (let step = 0; step < 7; step++) along.at(step);
    expect(labels(along.at(7))).toEqual(late);
    expect(labels(ahead.at(2))).toEqual(labels(along.at(2)));
  });

  it("draws with replacement: rows repeat within a batch, all are drawn equally often", () => {
    const set = dataset(rows(5), 1000, "replacement", key);
    const counts = new Array(5).fill(0);
    for (let step = 0; step < 5; step++) for (const v of labels(set.at(step))) counts[v]++;
    expect(counts.reduce((sum, c) => sum + (c - 1000) ** 2 / 1000, 0)).toBeLessThan(18.5);
    expect(labels(set.at(0))).not.toEqual(labels({ y: set.at(0).y.copy() }).sort());
  });

  it("a batch of all rows is the data itself", () => {
    const data = rows(4);
    const set = dataset(data, 4, "shuffle", key);
    expect(set.at(3)).toBe(data);
    expect(set.stepsPerEpoch).toBe(1);
  });

  it("says what is wrong with data", () => {
    const { x } = rows(3);
    expect(() => dataset({ x, y: NDArray.zeros([4]) }, 2, "shuffle", key)).toThrow(
      'the data "x" has 3 rows and "y" 4',
    );
    expect(() => dataset({ x, n: 3 }, 2, "shuffle", key)).toThrow('the data at "n" is no array of rows');
    expect(() => dataset({ x: NDArray.zeros([0, 2]) }, 2, "shuffle", key)).toThrow("the data is empty");
    expect(() => dataset({ x }, 0, "shuffle", key)).toThrow("batch is 0");
  });
});
