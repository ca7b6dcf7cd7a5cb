import { describe, expect, test } from "vitest";
import { evaluate, numbers, numeric, reals, same } from "../../../test/evaluate.ts";
import { NDArray } from "../ndarray.ts";
import { sizeOf, stridesOf } from "../shape.ts";
import { apply, integers } from "../tensor.ts";
import { stack } from "./index.ts";

const sum = (v: readonly number[]) => v.reduce((a, b) => a + b, 0);
const reductions: Readonly<Record<string, (v: readonly number[]) => number>> = {
  ReduceSum: sum,
  ReduceMean: (v) => sum(v) / v.length,
  ReduceMax: (v) => Math.max(...v),
  ReduceMin: (v) => Math.min(...v),
  ReduceProd: (v) => v.reduce((a, b) => a * b, 1),
  ReduceLogSumExp: (v) => Math.log(sum(v.map(Math.exp))),
  ReduceLogSum: (v) => Math.log(sum(v)),
  ReduceL1: (v) => sum(v.map(Math.abs)),
  ReduceL2: (v) => Math.hypot(...v),
  ReduceSumSquare: (v) => sum(v.map((x) => x * x)),
};

/** The elements that each element of a reduction is made of, in order. */
function groups(x: NDArray, axes: readonly number[]): number[][] {
  const kept = x.shape.map((d, i) => (axes.includes(i) ? 1 : d));
  const [from, to] = [stridesOf(x.shape), stridesOf(kept)];
  const out = Array.from({ length: sizeOf(kept) }, (): number[] => []);
  numbers(x).forEach((v, flat) => {
    const at = x.shape.map((d, i) => Math.floor(flat / from[i]!) % d);
    out[sum(at.map((p, i) => (axes.includes(i) ? 0 : p * to[i]!)))]!.push(v);
  });
  return out;
}

describe("reductions", () => {
  const data = Array.from({ length: 24 }, (_, i) => 1.5 + Math.sin(i * i));
  const axesLists = [[0], [1], [2], [0, 2], [1, 2], [0, 1, 2]];
  test.each(Object.entries(reductions).flatMap(([n, f]) => reals.map((d) => [n, d, f] as const)))(
    "%s of %s",
    async (name, dtype, f) => {
      const x = NDArray.from(data, dtype).reshape([2, 3, 4]);
      const found = await evaluate(
        (t) =>
          axesLists.flatMap((axes) =>
            [0, 1].map((keepdims) => apply(name, [t, integers(axes)], { keepdims })),
          ),
        x,
      );
      axesLists.forEach((axes, k) => {
        const wanted = groups(x, axes).map(f);
        for (const y of found.slice(2 * k, 2 * k + 2)) {
          numbers(y).forEach((v, i) => expect(v).toBeCloseTo(wanted[i]!, dtype === "float32" ? 4 : 12));
        }
        expect(found[2 * k + 1]!.shape).toEqual(x.shape.map((d, i) => (axes.includes(i) ? 1 : d)));
      });
    },
  );

  test("whole numbers", () =>
    same(
      ["int64", "int32"],
      (x) => x.sum(0).mul(x.prod(0)).add(x.max(0)).sub(x.min(0)),
      [
        [
          [1, 2],
          [3, -4],
        ],
      ],
      [4 * 3 + 2, -2 * -8 + 6],
    ));
  test("no axes: nothing is reduced", () => same(numeric, (x) => x.sum([]), [[1, 2]], [1, 2]));
  test("of nothing: sum 0, product 1", () =>
    same(
      reals,
      (x) => stack([x.sum(1), x.prod(1)]),
      [[[], []]],
      [
        [0, 0],
        [1, 1],
      ],
    ));
  test("any and all of bool", () =>
    same(
      ["bool"],
      (x) => stack([x.max(1), x.min(1)]),
      [
        [
          [0, 1],
          [1, 1],
        ],
      ],
      [
        [1, 1],
        [0, 1],
      ],
    ));
  test("logSumExp of large numbers does not overflow", async () => {
    const [y] = await evaluate((x) => x.logSumExp(), NDArray.from([1000, 1000], "float64"));
    expect(y!.item()).toBeCloseTo(1000 + Math.LN2, 10);
  });

  test("argMax and argMin take the first of equals", async () => {
    const x = NDArray.from([
      [3, 1, 3],
      [0, 0, 2],
    ]);
    const found = await evaluate(
      (t) => [t.argMax(), t.argMin(), t.argMax(0), t.argMax(1, { keepDims: true })],
      x,
    );
    expect(found.map((y) => y.toNested())).toEqual([
      [0n, 2n],
      [1n, 0n],
      [0n, 0n, 0n],
      [[0n], [2n]],
    ]);
  });

  test("cumsum", async () => {
    await same(
      numeric,
      (x) => x.cumsum(),
      [
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
      ],
      [
        [1, 3, 6],
        [4, 9, 15],
      ],
    );
    await same(
      numeric,
      (x) => x.cumsum(0),
      [
        [
          [1, 2],
          [4, 5],
        ],
      ],
      [
        [1, 2],
        [5, 7],
      ],
    );
    await same(numeric, (x) => x.cumsum(0, { exclusive: true }), [[1, 2, 3]], [0, 1, 3]);
    await same(numeric, (x) => x.cumsum(0, { reverse: true }), [[1, 2, 3]], [6, 5, 3]);
    await same(numeric, (x) => x.cumsum(0, { reverse: true, exclusive: true }), [[1, 2, 3]], [5, 3, 0]);
  });

  test.each(reals)("softmax, logSoftmax and Hardmax of %s", async (dtype) => {
    const x = NDArray.from(
      [
        [1, 3, 3],
        [-1000, 0, 1000],
      ],
      dtype,
    );
    const [soft, log, hard, down] = await evaluate(
      (t) => [t.softmax(), t.logSoftmax(), apply("Hardmax", [t]), apply("Hardmax", [t], { axis: 0 })],
      x,
    );
    const z = Math.exp(-2) + 2;
    [Math.exp(-2) / z, 1 / z, 1 / z, 0, 0, 1].forEach((w, i) => expect(soft!.data[i]).toBeCloseTo(w, 6));
    [-2 - Math.log(z), -Math.log(z), -Math.log(z), -2000, -1000, 0].forEach((w, i) =>
      expect(log!.data[i]).toBeCloseTo(w, 6),
    );
    expect(hard!.toNested()).toEqual([
      [0, 1, 0],
      [0, 0, 1],
    ]);
    expect(down!.toNested()).toEqual([
      [1, 1, 0],
      [0, 0, 1],
    ]);
  });
});
