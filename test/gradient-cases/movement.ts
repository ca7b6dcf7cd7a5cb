import { concat, pad, split, tile, tril, triu } from "../../src/tensor/operators/index.ts";
import { apply, integers } from "../../src/tensor/tensor.ts";
import { any, check, fixed, type GradientCase, lettered, ofRank, squared } from "../gradient-check.ts";

export const movement: readonly GradientCase[] = [
  check(
    "Reshape",
    any,
    squared((x) => x.reshape([-1, 1])),
    ofRank(3),
  ),
  check(
    "Flatten",
    any,
    squared((x) => apply("Flatten", [x], { axis: 2 })),
    ofRank(3),
  ),
  check(
    "Transpose",
    any,
    squared((x) => x.transpose([2, 0, 1])),
    ofRank(3),
  ),
  check(
    "Transpose by default",
    any,
    squared((x) => x.transpose().transpose([1, 0, 2])),
    ofRank(3),
  ),
  check(
    "Squeeze",
    any,
    squared((x) => x.squeeze([0, 2])),
    fixed([1, 3, 1]),
  ),
  check(
    "Unsqueeze",
    any,
    squared((x) => x.unsqueeze([0, -1])),
  ),
  check(
    "Expand",
    any,
    squared((x) => x.expand([2, 3, 2])),
    fixed([3, 1]),
  ),
  check(
    "Expand of a scalar",
    any,
    squared((x) => x.expand([2, 3])),
    fixed([]),
  ),
  check(
    "Expand of an inner axis, read in places",
    any,
    (x) => x.expand([4, 2]).slice([1, 3]).prod(0),
    fixed([4, 1]),
  ),
  check(
    "Slice",
    any,
    squared((x) => x.slice([1, 3], [-2])),
    fixed([4, 3]),
  ),
  check(
    "Slice with steps",
    any,
    squared((x) => x.slice([undefined, undefined, 2], [1, undefined, 3])),
    fixed([5, 8]),
  ),
  check(
    "Slice backwards",
    any,
    squared((x) => x.slice([undefined, undefined, -1], [-2, 0, -2])),
    fixed([3, 7]),
  ),
  check(
    "Slice backwards with ends",
    any,
    squared((x) => x.slice([4, 1, -2], [5, -6, -3])),
    fixed([6, 6]),
  ),
  check(
    "Slice beyond the ends",
    any,
    squared((x) => x.slice([-9, 9], [9, -9, -4])),
    fixed([3, 6]),
  ),
  check(
    "Slice of nothing",
    any,
    (x) => concat([x.slice([2, 2]), x.slice([1, 2, -1]), x.square()]),
    fixed([3, 2]),
  ),
  check(
    "Pad",
    any,
    squared((x) =>
      pad(x, [
        [1, 2],
        [0, 1],
      ]),
    ),
    ofRank(2),
  ),
  check(
    "Pad with negative widths",
    any,
    squared((x) =>
      pad(x, [
        [-1, 2],
        [1, -1],
      ]),
    ),
    ofRank(2),
  ),
  check(
    "Pad with a value",
    any,
    (x, value) =>
      pad(
        x,
        [
          [1, -1],
          [2, 1],
        ],
        { value },
      ).exp(),
    fixed([2, 3], []),
  ),
  check(
    "Pad named axes",
    any,
    squared((x) => apply("Pad", [x, integers([1, 0, 2, 1]), undefined, integers([2, -3])])),
    ofRank(3),
  ),
  check(
    "Pad by reflection",
    any,
    squared((x) =>
      pad(
        x,
        [
          [2, 1],
          [0, 2],
        ],
        { mode: "reflect" },
      ),
    ),
    fixed([3, 4]),
  ),
  check(
    "Pad with the edge",
    any,
    squared((x) =>
      pad(
        x,
        [
          [2, 1],
          [3, 0],
        ],
        { mode: "edge" },
      ),
    ),
    ofRank(2),
  ),
  check(
    "Pad periodically",
    any,
    squared((x) =>
      pad(
        x,
        [
          [2, 1],
          [1, 2],
        ],
        { mode: "wrap" },
      ),
    ),
    ofRank(2),
  ),
  check("Concat", any, (a, b, c) => concat([a, b, c, a], 1).square(), lettered("aib,ajb,akb")),
  check(
    "Concat of one and of an empty one",
    any,
    (a, b) => concat([a, concat([b], -1)], -1).exp(),
    fixed([2, 3], [2, 0]),
  ),
  check("Split", any, (x) => split(x.sin(), 3, 1), fixed([2, 6])),
  check("Split, uneven, one part unused", any, (x) => split(x.exp(), [1, 3, 2], -1)[1]!, fixed([2, 6])),
  check(
    "Split by default",
    any,
    (x) => split(x.exp(), [2, 0, 1]).map((part) => part.square()),
    fixed([3, 2]),
  ),
  check(
    "Tile",
    any,
    squared((x) => tile(x, [2, 1, 3])),
    ofRank(3),
  ),
  check("Tile of a scalar", any, (x) => tile(x, []).exp(), fixed([])),
  check(
    "Trilu",
    any,
    squared((x) => triu(x, 1).add(tril(x, -1))),
    ofRank(3),
  ),
  check(
    "Trilu of a wide matrix",
    any,
    squared((x) => triu(x, -1).add(tril(x))),
    fixed([2, 4]),
  ),
];
