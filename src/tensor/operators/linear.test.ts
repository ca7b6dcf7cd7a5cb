import { describe, expect, test } from "vitest";
import { evaluate, numeric, reals, same } from "../../../test/evaluate.ts";
import { NDArray, type Nested } from "../ndarray.ts";
import { einsum, gemm } from "./index.ts";

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
