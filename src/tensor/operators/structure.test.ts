/** Forward values of the operators that look at several elements: exact, by hand or by loops in plain JavaScript. */
import { describe, expect, test } from "vitest";
import { evaluate } from "../../../test/evaluate.ts";
import type { DType } from "../dtype.ts";
import { NDArray, type Nested } from "../ndarray.ts";
import { sizeOf, stridesOf } from "../shape.ts";
import { apply, applyAll, integers, Tensor } from "../tensor.ts";
import {
  concat,
  einsum,
  flip,
  gather,
  gatherElements,
  gemm,
  oneHot,
  pad,
  scatterElements,
  split,
  stack,
  tile,
  topK,
  tril,
  triu,
} from "./index.ts";

const numbers = (y: NDArray): number[] => Array.from(y.data as Iterable<number | bigint>, Number);

/** 0, 1, 2 ... in a shape. */
function counting(shape: readonly number[], dtype: DType = "float32"): NDArray {
  return NDArray.from(
    Array.from({ length: sizeOf(shape) }, (_, i) => i),
    dtype,
  ).reshape(shape);
}

/** The results of f as nested numbers, in every dtype that it is tried in. */
async function same(
  dtypes: readonly DType[],
  f: (...x: Tensor[]) => Tensor,
  inputs: readonly Nested[],
  wanted: Nested,
): Promise<void> {
  for (const dtype of dtypes) {
    const [y] = await evaluate(f, ...inputs.map((x) => NDArray.from(x, dtype)));
    expect(new NDArray(Float64Array.from(numbers(y!)), y!.shape).toNested()).toEqual(wanted);
  }
}
const all = ["float32", "float64", "int64", "bool"] as const;
const reals = ["float32", "float64"] as const;
const numeric = ["float32", "float64", "int64"] as const;

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

describe("movement", () => {
  const grid = [
    [0, 1, 2],
    [3, 4, 5],
  ];
  const bits = [
    [0, 1, 1],
    [1, 0, 1],
  ];
  test.each(all)("of %s", async (dtype) => {
    const x = dtype === "bool" ? bits : grid;
    const [a, b, c] = x[0]!;
    const [d, e, f] = x[1]!;
    const t: readonly (readonly [string, (x: Tensor) => Tensor, Nested])[] = [
      [
        "reshape",
        (x) => x.reshape([3, -1]),
        [
          [a!, b!],
          [c!, d!],
          [e!, f!],
        ],
      ],
      ["flatten", (x) => x.flatten(), [a!, b!, c!, d!, e!, f!]],
      ["Flatten", (x) => apply("Flatten", [x], { axis: 0 }), [[a!, b!, c!, d!, e!, f!]]],
      [
        "transpose",
        (x) => x.transpose(),
        [
          [a!, d!],
          [b!, e!],
          [c!, f!],
        ],
      ],
      ["swapAxes", (x) => x.unsqueeze(0).swapAxes(0, 1), [[[a!, b!, c!]], [[d!, e!, f!]]]],
      [
        "squeeze",
        (x) => x.unsqueeze([0, -1]).squeeze(),
        [
          [a!, b!, c!],
          [d!, e!, f!],
        ],
      ],
      ["unsqueeze", (x) => x.unsqueeze(1), [[[a!, b!, c!]], [[d!, e!, f!]]]],
      [
        "expand",
        (x) => x.slice([0, 1]).expand([2, 3]),
        [
          [a!, b!, c!],
          [a!, b!, c!],
        ],
      ],
      ["slice", (x) => x.slice([1], [-2]), [[e!, f!]]],
      [
        "slice backwards",
        (x) => x.slice(undefined, [undefined, undefined, -2]),
        [
          [c!, a!],
          [f!, d!],
        ],
      ],
      [
        "slice from beyond the end",
        (x) => x.slice([9, -9, -1], [2, 0, -1]),
        [
          [f!, e!],
          [c!, b!],
        ],
      ],
      ["slice of nothing", (x) => x.slice([1, 1]), []],
      [
        "flip",
        (x) => flip(x, 1),
        [
          [c!, b!, a!],
          [f!, e!, d!],
        ],
      ],
      [
        "concat",
        (x) => concat([x, x.slice([0, 1])]),
        [
          [a!, b!, c!],
          [d!, e!, f!],
          [a!, b!, c!],
        ],
      ],
      [
        "concat along the last axis",
        (x) => concat([x, x.slice(undefined, [0, 1])], -1),
        [
          [a!, b!, c!, a!],
          [d!, e!, f!, d!],
        ],
      ],
      [
        "stack",
        (x) => stack([x.slice([0, 1]), x.slice([1, 2])], 2),
        [
          [
            [a!, d!],
            [b!, e!],
            [c!, f!],
          ],
        ],
      ],
      [
        "split",
        (x) => split(x, [1, 2], 1)[1]!,
        [
          [b!, c!],
          [e!, f!],
        ],
      ],
      ["split into equal parts", (x) => split(x, 3, -1)[2]!, [[c!], [f!]]],
      [
        "tile",
        (x) => tile(x, [2, 1]),
        [
          [a!, b!, c!],
          [d!, e!, f!],
          [a!, b!, c!],
          [d!, e!, f!],
        ],
      ],
      [
        "pad",
        (x) =>
          pad(x, [
            [0, 1],
            [1, -2],
          ]),
        [
          [0, a!],
          [0, d!],
          [0, 0],
        ],
      ],
      [
        "pad by reflection",
        (x) =>
          pad(
            x,
            [
              [1, 0],
              [0, 2],
            ],
            { mode: "reflect" },
          ),
        [
          [d!, e!, f!, e!, d!],
          [a!, b!, c!, b!, a!],
          [d!, e!, f!, e!, d!],
        ],
      ],
      [
        "pad with the edge",
        (x) =>
          pad(
            x,
            [
              [0, 1],
              [2, 0],
            ],
            { mode: "edge" },
          ),
        [
          [a!, a!, a!, b!, c!],
          [d!, d!, d!, e!, f!],
          [d!, d!, d!, e!, f!],
        ],
      ],
      [
        "pad periodically",
        (x) =>
          pad(
            x,
            [
              [0, 1],
              [1, 2],
            ],
            { mode: "wrap" },
          ),
        [
          [c!, a!, b!, c!, a!, b!],
          [f!, d!, e!, f!, d!, e!],
          [c!, a!, b!, c!, a!, b!],
        ],
      ],
      [
        "triu",
        (x) => triu(x, 1),
        [
          [0, b!, c!],
          [0, 0, f!],
        ],
      ],
      [
        "tril",
        (x) => tril(x),
        [
          [a!, 0, 0],
          [d!, e!, 0],
        ],
      ],
    ];
    for (const [name, f, wanted] of t) {
      const [y] = await evaluate(f, NDArray.from(x, dtype));
      expect(new NDArray(Float64Array.from(numbers(y!)), y!.shape).toNested(), name).toEqual(wanted);
    }
  });

  test("pad with a value, of 7 or of a tensor", async () => {
    await same(numeric, (x) => pad(x, [[1, 0]], { value: 7 }), [[1, 2]], [7, 1, 2]);
    await same(numeric, (x, v) => pad(x, [[0, 2]], { value: v }), [[1, 2], 9], [1, 2, 9, 9]);
  });

  test("reshape with a size of 0 is taken by its word", async () => {
    const [y] = await evaluate((x) => x.reshape([0, 5]), NDArray.zeros([2, 0]));
    expect(y!.shape).toEqual([0, 5]);
  });

  test("Shape, Size and ConstantOfShape are constants", async () => {
    const [shape, part, size, filled] = await evaluate(
      (x) => [
        apply("Shape", [x]),
        apply("Shape", [x], { start: 1, end: -1 }),
        apply("Size", [x]),
        apply("ConstantOfShape", [integers([2, 2])], { value: { tensor: NDArray.from([7], "int64") } }),
      ],
      NDArray.zeros([2, 3, 4]),
    );
    expect([shape, part, size, filled].map((y) => y!.toNested())).toEqual([
      [2n, 3n, 4n],
      [3n],
      24n,
      [
        [7n, 7n],
        [7n, 7n],
      ],
    ]);
  });

  test("Split into parts that the operator chooses", async () => {
    const parts = await evaluate(
      (x) => applyAll("Split", [x], { axis: 0, num_outputs: 3 }, 3),
      counting([7]),
    );
    expect(parts.map((y) => y.toNested())).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
  });
});

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

describe("products", () => {
  const a = [
    [1, 2, 3],
    [4, 5, 6],
  ];
  const b = [
    [1, -1],
    [2, 0],
    [0, 3],
  ];
  test("matmul", async () => {
    await same(
      numeric,
      (x, y) => x.matmul(y),
      [a, b],
      [
        [5, 8],
        [14, 14],
      ],
    );
    await same(numeric, (x, y) => x.matmul(y), [[1, 0, 2], b], [1, 5]);
    await same(numeric, (x, y) => x.matmul(y), [a, [1, 0, 2]], [7, 16]);
    await same(
      numeric,
      (x, y) => x.matmul(y),
      [
        [1, 2, 3],
        [1, 0, 2],
      ],
      7,
    );
    await same(
      numeric,
      (x, y) => x.matmul(y),
      [[a, a], b],
      [
        [
          [5, 8],
          [14, 14],
        ],
        [
          [5, 8],
          [14, 14],
        ],
      ],
    );
    const [empty] = await evaluate((x, y) => x.matmul(y), NDArray.zeros([2, 0]), NDArray.zeros([0, 3]));
    expect(empty!.toNested()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });

  test("gemm with factors, transposes and a bias that broadcasts", async () => {
    await same(
      reals,
      (x, y) => gemm(x, y),
      [a, b],
      [
        [5, 8],
        [14, 14],
      ],
    );
    await same(
      reals,
      (x, y, c) => gemm(x, y, c, { alpha: 2, beta: -1 }),
      [a, b, [1, 10]],
      [
        [9, 6],
        [27, 18],
      ],
    );
    await same(
      reals,
      (x, y, c) => gemm(x, y, c, { transA: true }),
      [
        [
          [1, 4],
          [2, 5],
          [3, 6],
        ],
        b,
        [[1], [10]],
      ],
      [
        [6, 9],
        [24, 24],
      ],
    );
    await same(
      reals,
      (x, y, c) => gemm(x, y, c, { transB: true }),
      [
        a,
        [
          [1, 2, 0],
          [-1, 0, 3],
        ],
        1,
      ],
      [
        [6, 9],
        [15, 15],
      ],
    );
  });

  test("gemm in float64 takes its factors in float64", async () => {
    const [y] = await evaluate(
      (x, c) => gemm(x, x, c, { alpha: 0.1, beta: 0.3 }),
      NDArray.from([[1]], "float64"),
      NDArray.from([[2]], "float64"),
    );
    expect(y!.item()).toBe(0.1 + 0.3 * 2);
  });

  test.each([
    [
      "ij,jk->ki",
      [a, b],
      [
        [5, 14],
        [8, 14],
      ],
    ],
    [
      "ij,jk",
      [a, b],
      [
        [5, 8],
        [14, 14],
      ],
    ],
    [
      "ba",
      [a],
      [
        [1, 4],
        [2, 5],
        [3, 6],
      ],
    ],
    ["ij->", [a], 21],
    ["ij->j", [a], [5, 7, 9]],
    [
      "ii->i",
      [
        [
          [1, 2],
          [3, 4],
        ],
      ],
      [1, 4],
    ],
    [
      "ii",
      [
        [
          [1, 2],
          [3, 4],
        ],
      ],
      5,
    ],
    [
      "i,j->ij",
      [
        [1, 2],
        [3, 4, 5],
      ],
      [
        [3, 4, 5],
        [6, 8, 10],
      ],
    ],
    ["i,ij,j->", [[1, 2], a, [1, 0, 1]], 24],
    [
      "...j,jk->...k",
      [a, b],
      [
        [5, 8],
        [14, 14],
      ],
    ],
    [
      "...i,...i->...",
      [
        [[[1, 2]]],
        [
          [3, 4],
          [5, 6],
        ],
      ],
      [[11, 17]],
    ],
    [
      "...ij,jk",
      [[a], b],
      [
        [
          [5, 8],
          [14, 14],
        ],
      ],
    ],
  ] as const)("einsum %s", (equation, inputs, wanted) =>
    same(reals, (...x) => einsum(equation, ...x), inputs as readonly Nested[], wanted as Nested),
  );
});
