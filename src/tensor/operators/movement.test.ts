import { describe, expect, test } from "vitest";
import { evaluate, nested, numeric, same } from "../../../test/evaluate.ts";
import { NDArray, type Nested } from "../ndarray.ts";
import { apply, applyAll, integers, type Tensor } from "../tensor.ts";
import { concat, flip, pad, split, stack, tile, tril, triu } from "./index.ts";

const all = ["float32", "float64", "int64", "bool"] as const;

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
      expect(nested(y!), name).toEqual(wanted);
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
      NDArray.from([0, 1, 2, 3, 4, 5, 6]),
    );
    expect(parts.map((y) => y.toNested())).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
  });
});
