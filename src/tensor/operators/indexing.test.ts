import { describe, expect, test } from "vitest";
import { evaluate, numbers, numeric, reals, same } from "../../../test/evaluate.ts";
import { NDArray, type Nested } from "../ndarray.ts";
import { apply, Tensor } from "../tensor.ts";
import { gather, gatherElements, oneHot, scatterElements, topK } from "./index.ts";

describe("indexing", () => {
  const list = (values: Nested) => Tensor.constant(NDArray.from(values, "int64"));
  test("gather: an axis, repeated and negative indices, one index", async () => {
    const x = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    await same(numeric, (t) => gather(t, list([[0, -1]]), 1), [x], [[[1, 3]], [[4, 6]]]);
    await same(
      numeric,
      (t) => gather(t, NDArray.from([1, 1, -2])),
      [x],
      [
        [4, 5, 6],
        [4, 5, 6],
        [1, 2, 3],
      ],
    );
    await same(numeric, (t) => gather(t, 2, -1), [x], [3, 6]);
  });

  test("gatherElements", () =>
    same(
      numeric,
      (t) => gatherElements(t, list([[0, -1, 0]])),
      [
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
      ],
      [[1, 5, 3]],
    ));
  test("GatherND", async () => {
    const x = [
      [
        [1, 2],
        [3, 4],
      ],
      [
        [5, 6],
        [7, 8],
      ],
    ];
    await same(
      numeric,
      (t) =>
        apply("GatherND", [
          t,
          list([
            [0, 1],
            [-1, 0],
          ]),
        ]),
      [x],
      [
        [3, 4],
        [5, 6],
      ],
    );
    await same(
      numeric,
      (t) => apply("GatherND", [t, list([[1], [0]])], { batch_dims: 1 }),
      [x],
      [
        [3, 4],
        [5, 6],
      ],
    );
  });

  test("scatterElements puts, or adds", async () => {
    await same(
      numeric,
      (t, u) => scatterElements(t, list([2, -3]), u),
      [
        [1, 2, 3],
        [7, 8],
      ],
      [8, 2, 7],
    );
    await same(
      numeric,
      (t, u) => scatterElements(t, list([2, 2]), u, { reduction: "add" }),
      [
        [1, 2, 3],
        [7, 8],
      ],
      [1, 2, 18],
    );
  });

  test("ScatterND puts, adds, multiplies; indices may be negative", async () => {
    const scatter = (reduction: string) => (t: Tensor, u: Tensor) =>
      apply("ScatterND", [t, list([[1], [-1]]), u], { reduction });
    await same(
      numeric,
      scatter("none"),
      [
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        [
          [7, 8],
          [9, 9],
        ],
      ],
      [
        [1, 2],
        [7, 8],
        [9, 9],
      ],
    );
    await same(
      numeric,
      scatter("add"),
      [
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        [
          [7, 8],
          [9, 9],
        ],
      ],
      [
        [1, 2],
        [10, 12],
        [14, 15],
      ],
    );
    await same(
      numeric,
      scatter("mul"),
      [
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        [
          [7, 8],
          [9, 9],
        ],
      ],
      [
        [1, 2],
        [21, 32],
        [45, 54],
      ],
    );
  });

  test("ScatterND adds exactly where an index occurs ten thousand times", async () => {
    const [n, width] = [10_000, 64];
    const [y] = await evaluate(
      (t, u) =>
        apply("ScatterND", [t, Tensor.constant(NDArray.zeros([n, 1], "int64")), u], { reduction: "add" }),
      NDArray.zeros([1, width]),
      NDArray.full([n, width], 1),
    );
    expect(new Set(numbers(y!))).toEqual(new Set([n]));
  });

  test.each(reals)("oneHot of %s", async (dtype) => {
    const [last, first, values] = await evaluate(
      (i) => [
        oneHot(i, 3, { dtype }),
        oneHot(i, 3, { dtype, axis: 0 }),
        apply("OneHot", [i, Tensor.constant(3, "int64"), Tensor.constant(NDArray.from([-1, 5], dtype))], {
          axis: -1,
        }),
      ],
      NDArray.from([2, 0, -1, 7], "int64"),
    );
    expect(last!.toNested()).toEqual([
      [0, 0, 1],
      [1, 0, 0],
      [0, 0, 1],
      [0, 0, 0],
    ]);
    expect(first!.toNested()).toEqual([
      [0, 1, 0, 0],
      [0, 0, 0, 0],
      [1, 0, 1, 0],
    ]);
    expect((values!.toNested() as Nested[])[1]).toEqual([5, -1, -1]);
  });

  test.each(numeric)("topK of %s", async (dtype) => {
    const x = NDArray.from(
      [
        [3, 1, 2],
        [5, 9, 7],
      ],
      dtype,
    );
    const [most, at, least] = await evaluate((t) => {
      const top = topK(t, 2);
      return [top.values, top.indices, topK(t, 1, { axis: 0, largest: false }).values];
    }, x);
    expect([most, at, least].map((y) => numbers(y!))).toEqual([
      [3, 2, 9, 7],
      [0, 2, 1, 2],
      [3, 1, 2],
    ]);
  });
});
