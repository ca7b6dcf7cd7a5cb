import { NDArray } from "../../src/tensor/ndarray.ts";
import { concat, gather, gatherElements, scatterElements, topK } from "../../src/tensor/operators/index.ts";
import { apply, Tensor } from "../../src/tensor/tensor.ts";
import { any, check, fixed, type GradientCase, squared } from "../gradient-check.ts";

const indices = (values: Parameters<typeof NDArray.from>[0]) => NDArray.from(values, "int64");

export const indexing: readonly GradientCase[] = [
  ...[0, 1, -1].map((axis) =>
    check(
      `Gather, axis ${axis}`,
      any,
      squared((x) =>
        gather(
          x,
          indices([
            [0, 2],
            [-1, 0],
          ]),
          axis,
        ),
      ),
      fixed([3, 4, 3]),
    ),
  ),
  check(
    "Gather of one",
    any,
    squared((x) => gather(x, -2, 1)),
    fixed([3, 4]),
  ),
  check("Gather nothing", any, (x) => concat([gather(x, indices([]), 0), x.exp()]), fixed([3, 2])),
  ...[0, 1].map((axis) =>
    check(
      `GatherElements, axis ${axis}`,
      any,
      squared((x) =>
        gatherElements(
          x,
          indices([
            [0, 1, 0],
            [1, -1, 0],
          ]),
          axis,
        ),
      ),
      fixed([2, 3]),
    ),
  ),
  check(
    "GatherND",
    any,
    squared((x) =>
      apply("GatherND", [
        x,
        lift([
          [0, 1],
          [2, -1],
          [0, 1],
        ]),
      ]),
    ),
    fixed([3, 2, 2]),
  ),
  check(
    "GatherND of all axes",
    any,
    squared((x) => apply("GatherND", [x, lift([[[0, 1]], [[-1, 0]]])])),
    fixed([3, 2]),
  ),
  check(
    "ScatterElements",
    any,
    (x, u) =>
      scatterElements(
        x,
        indices([
          [2, 0],
          [0, 1],
        ]),
        u,
      ).square(),
    fixed([3, 2], [2, 2]),
  ),
  check(
    "ScatterElements of axis 1",
    any,
    (x, u) =>
      scatterElements(
        x,
        indices([
          [2, 0],
          [0, -2],
        ]),
        u,
        { axis: 1 },
      ).exp(),
    fixed([2, 3], [2, 2]),
  ),
  check(
    "ScatterElements that adds",
    any,
    (x, u) =>
      scatterElements(
        x,
        indices([
          [2, 0],
          [2, -1],
          [2, 0],
        ]),
        u,
        { reduction: "add" },
      ).square(),
    fixed([3, 2], [3, 2]),
  ),
  check(
    "ScatterND",
    any,
    (x, u) => apply("ScatterND", [x, lift([[1], [-1]]), u]).square(),
    fixed([3, 2], [2, 2]),
  ),
  check(
    "ScatterND that adds",
    any,
    (x, u) =>
      apply(
        "ScatterND",
        [
          x,
          lift([
            [1, 0],
            [-2, 0],
            [2, 1],
          ]),
          u,
        ],
        { reduction: "add" },
      ).exp(),
    fixed([3, 2, 2], [3, 2]),
  ),
  check(
    "TopK",
    any,
    (x) => Object.values(topK(x, 2, { axis: 0 })).map((y) => (y.dtype === "float64" ? y.square() : y)),
    fixed([4, 3]),
  ),
  check("TopK, smallest", any, (x) => topK(x, 3, { largest: false }).values.exp(), fixed([2, 4])),
];

function lift(values: Parameters<typeof NDArray.from>[0]): Tensor {
  return Tensor.constant(indices(values));
}
