import { describe, expect, test } from "vitest";
import { file, float, int, node, runFile } from "../../test/onnx-file.ts";
import { NDArray } from "../tensor/ndarray.ts";
import type { Attributes } from "../tensor/node.ts";
import { fold, folds, MAX_FOLDED } from "./fold.ts";

type Case = [op: string, inputs: (NDArray | undefined)[], attributes?: Attributes, outputs?: number];

const bool = (values: boolean[] | boolean[][]) => NDArray.from(values, "bool");
const grid = int([
  [1, -2, 3],
  [4, 5, -6],
]);
const floats = float([[0.1, -2.5, 3.75]]);
const int32 = NDArray.from([2147483647, -3, 7], "int32");

const cases: Case[] = [
  ["Identity", [grid]],
  ["Cast", [float([1.9, -1.9, 0])], { to: 7 }],
  ["Cast", [int([0, 2])], { to: 9 }],
  ["Cast", [int([3, 16777217])], { to: 1 }],
  ["Shape", [grid]],
  ["Shape", [NDArray.zeros([2, 3, 4])], { start: 1, end: -1 }],
  ["Size", [grid]],
  ["Reshape", [grid, int([0, -1])]],
  ["Flatten", [NDArray.from([1, 2, 3, 4], "int64").reshape([1, 2, 2])], { axis: -1 }],
  ["Squeeze", [int([[[1], [2]]])]],
  ["Squeeze", [int([[[1], [2]]]), int([-1])]],
  ["Unsqueeze", [grid, int([0, -1])]],
  [
    "Transpose",
    [
      int([
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
      ]),
    ],
    { perm: [2, 0, 1] },
  ],
  ["Expand", [int([[1], [2]]), int([3, 1, 2])]],
  ["Tile", [grid, int([2, 1])]],
  ["ConstantOfShape", [int([2, 3])]],
  ["ConstantOfShape", [int([2])], { value: { tensor: int([7]) } }],
  ["Concat", [grid, int([[9], [8]])], { axis: -1 }],
  ["Split", [grid], { axis: 1, num_outputs: 2 }, 2],
  ["Split", [grid, int([2, 1])], { axis: 1 }, 2],
  ["Range", [int(2), int(9), int(3)]],
  ["Range", [float(5), float(1), float(-1.5)]],
  ["EyeLike", [NDArray.zeros([2, 3])], { k: 1, dtype: 7 }],
  ["Gather", [grid, int([[0, -1]])], { axis: 1 }],
  ["Gather", [int([5, 6, 7]), int(1)]],
  ["Slice", [grid, int([-1]), int([-100]), int([1]), int([-2])]],
  ["Slice", [grid, int([0, 1]), int([1, 9])]],
  [
    "NonZero",
    [
      int([
        [1, 0],
        [0, 3],
      ]),
    ],
  ],
  ["ScatterND", [int([1, 2, 3, 4]), int([[3], [-4]]), int([9, 8])]],
  ["ScatterElements", [grid, int([[1, 0, 1]]), int([[7, 8, 9]])]],
  ["Compress", [grid, bool([true, false, true])], { axis: 1 }],
  ["Compress", [grid, bool([false, true, true])]],
  ["Trilu", [grid]],
  ["Trilu", [grid, int(1)], { upper: 0 }],
  ["Add", [grid, int([1, 2, 3])]],
  ["Add", [floats, float([0.2, 0.3, 1e8])]],
  ["Add", [int32, NDArray.from([1, 1, 1], "int32")]],
  ["Sub", [grid, int([[10], [20]])]],
  ["Mul", [floats, floats]],
  ["Div", [int([7, -7]), int([2, 2])]],
  ["Div", [floats, float([3, 7, 0.1])]],
  ["Mod", [int([7, -7, 7]), int([3, 3, -3])]],
  ["Mod", [int([7, -7, 7]), int([3, 3, -3])], { fmod: 1 }],
  ["Mod", [float([7.5, -7.5]), float([2, 2])], { fmod: 1 }],
  ["Min", [grid, int([0, 0, 0]), int([[2], [-9]])]],
  ["Max", [floats, float([1])]],
  ["Neg", [grid]],
  ["Abs", [grid]],
  ["Floor", [floats]],
  ["Ceil", [floats]],
  ["Sqrt", [float([2, 3, 0.1])]],
  ["Equal", [grid, int([1, 5, 3])]],
  ["Less", [floats, float([0])]],
  ["LessOrEqual", [grid, int([1])]],
  ["Greater", [grid, int([1])]],
  ["GreaterOrEqual", [grid, int([1])]],
  ["And", [bool([true, true, false]), bool([true, false, false])]],
  ["Or", [bool([true, true, false]), bool([true, false, false])]],
  ["Xor", [bool([true, true, false]), bool([true, false, false])]],
  ["Not", [bool([true, false])]],
  ["Where", [bool([true, false, true]), grid, int([0])]],
  ["ReduceSum", [grid, int([1])], { keepdims: 0 }],
  ["ReduceSum", [grid], { noop_with_empty_axes: 1 }],
  ["ReduceProd", [grid]],
  ["ReduceMax", [grid, int([0])]],
  ["ReduceMin", [grid, int([-1])], { keepdims: 0 }],
];

describe("what is computed here has the bits of ONNX Runtime", () => {
  test.each(cases)("%s %#", async (op, x, attributes = {}, outputs = 1) => {
    const names = x.map((_, i) => `x${i}`);
    const results = Array.from({ length: outputs }, (_, i) => `y${i}`);
    const bytes = file({
      opset: 18,
      inputs: Object.fromEntries(x.map((a, i) => [names[i]!, [a!.dtype, a!.shape] as const])),
      outputs: Object.fromEntries(results.map((name) => [name, undefined])),
      nodes: [node(op, names, results, attributes)],
    });
    const expected = await runFile(bytes, Object.fromEntries(x.map((a, i) => [names[i]!, a!])));
    const folded = fold(op, { x, attributes, outputs });
    expect(folded).toEqual(results.map((name) => expected[name]));
  });

  test("every operator that is folded is among these", () => {
    expect(Object.keys(folds).filter((op) => !cases.some(([name]) => name === op))).toEqual([]);
  });
});

describe("left to the runtime", () => {
  const call = (x: NDArray[], attributes: Attributes = {}) => ({ x, attributes, outputs: 1 });
  test("sums of floats, whose order matters", () => {
    expect(fold("ReduceSum", call([floats]))).toBeUndefined();
  });
  test("more elements than shape arithmetic has", () => {
    expect(fold("Neg", call([NDArray.zeros([MAX_FOLDED + 1], "int64")]))).toBeUndefined();
    expect(fold("Expand", call([int(1), int([MAX_FOLDED, 2])]))).toBeUndefined();
    expect(fold("Range", call([int(0), int(MAX_FOLDED + 1), int(1)]))).toBeUndefined();
  });
  test("division of integers by zero, and indices outside", () => {
    expect(fold("Div", call([int([1]), int([0])]))).toBeUndefined();
    expect(fold("Gather", call([int([1, 2]), int([2])]))).toBeUndefined();
  });
  test("operators that are not in the table, whatever their name", () => {
    expect(fold("constructor", call([int(1)]))).toBeUndefined();
  });
});
