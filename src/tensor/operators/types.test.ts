/** The inferred shape and dtype of every operator is what ONNX Runtime returns. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { evaluate } from "../../../test/evaluate.ts";
import { gradientCases } from "../../../test/gradient-cases/index.ts";
import { anyShape, broadcasting, ofRank, operatorsIn, type Shapes } from "../../../test/gradient-check.ts";
import type { DType } from "../dtype.ts";
import { NDArray } from "../ndarray.ts";
import { operators } from "../node.ts";
import { reachable } from "../rewrite.ts";
import { apply, integers, Tensor } from "../tensor.ts";
import { oneHot, topK } from "./index.ts";

interface TypeCase {
  readonly name: string;
  readonly dtypes: readonly DType[];
  readonly f: (...x: Tensor[]) => Tensor | readonly Tensor[];
  readonly shapes: Shapes;
}

const numbers = ["float32", "float64", "int64", "int32"] as const;
const floats = ["float32", "float64"] as const;
const whole = ["int64", "int32", "uint8"] as const;

function line(dtypes: readonly DType[], name: string, f: TypeCase["f"], shapes?: Shapes): TypeCase {
  return { name, dtypes, f, shapes: shapes ?? (f.length === 1 ? anyShape : broadcasting(f.length)) };
}
const named = (dtypes: readonly DType[], name: string) => line(dtypes, name, (a, b) => apply(name, [a, b]));
const named1 = (dtypes: readonly DType[], name: string) => line(dtypes, name, (x) => apply(name, [x]));

/** What carries no derivative, and what computes with other dtypes than floats too. */
const cases: TypeCase[] = [
  ...["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Add", "Sub", "Mul", "Min", "Max"].map(
    (n) => named(numbers, n),
  ),
  ...["And", "Or", "Xor", "Equal"].map((n) => named(["bool"], n)),
  ...["BitwiseAnd", "BitwiseOr", "BitwiseXor"].map((n) => named(whole, n)),
  named1(["bool"], "Not"),
  named1(whole, "BitwiseNot"),
  line(["uint32", "uint8"], "BitShift", (a, b) => apply("BitShift", [a, b], { direction: "LEFT" })),
  named1(floats, "IsNaN"),
  named1(floats, "IsInf"),
  ...["Neg", "Abs", "Sign"].map((n) => named1(numbers, n)),
  line(numbers, "Cast", (x) => [x.cast("float64"), x.cast("int32"), x.cast("bool")]),
  line(numbers, "ArgMax", (x) => [x.argMax(0), x.argMax(1, { keepDims: true })], ofRank(2)),
  line(numbers, "ArgMin", (x) => [x.argMin(), x.argMin(0, { keepDims: true })], ofRank(3)),
  line(floats, "Hardmax", (x) => apply("Hardmax", [x], { axis: 1 }), ofRank(3)),
  line(["int64"], "OneHot", (x) => [oneHot(x, 4), oneHot(x, 2, { axis: 0, dtype: "float64" })]),
  line(numbers, "TopK", (x) => Object.values(topK(x, 2, { axis: 0 })), ofRank(2)),
  line(numbers, "Shape and Size", (x) => [
    apply("Shape", [x]),
    apply("Shape", [x], { start: -1 }),
    apply("Size", [x]),
  ]),
  line(numbers, "ConstantOfShape", (x) => [x, apply("ConstantOfShape", [integers([2, 0, 3])])]),
  line(["float32"], "stopGradient", (x) => apply("StopGradient", [x], {}, "paperweight")),
  line(["float32"], "straightThrough", (x) => apply("StraightThrough", [x.round(), x], {}, "paperweight")),
  line(["float32"], "Variable", (x) => apply("Variable", [x], {}, "paperweight")),
  line(["float32"], "Identity", (x) => apply("Identity", [x])),
  ...["ReduceSum", "ReduceMax", "ReduceProd"].map((n) =>
    line(["float32", "int64", "int32"], n, (x) => apply(n, [x, integers([-1])], { keepdims: 0 }), ofRank(2)),
  ),
];

async function agree(the: Omit<TypeCase, "dtypes">, dtype: DType, runs: number): Promise<void> {
  const property = fc.asyncProperty(the.shapes, async (shapes) => {
    await evaluate(the.f, ...shapes.map((shape) => NDArray.full(shape, 1, dtype)));
  });
  await fc.assert(property, { numRuns: runs, seed: 1, endOnFailure: true });
}

describe("inferred and computed types agree", () => {
  test.each(gradientCases.map((c) => [c.name, c] as const))("%s", (_, the) => agree(the, "float64", 2));
  const others = cases.flatMap((c) => c.dtypes.map((dtype) => [c.name, dtype, c] as const));
  test.each(others)("%s of %s", (_, dtype, the) => agree(the, dtype, 3));
});

test("every operator of the table is checked", () => {
  const inOthers = cases.flatMap(({ f, shapes, dtypes }) => {
    const drawn = fc.sample(shapes, { numRuns: 1, seed: 1 })[0]!;
    const outputs = f(...drawn.map((shape) => Tensor.input(shape, dtypes[0]!)));
    return reachable(Array.isArray(outputs) ? outputs : [outputs as Tensor]).map((n) => n.name);
  });
  const covered = new Set([...inOthers, ...gradientCases.flatMap((c) => [...operatorsIn(c)])]);
  // These are never nodes: they simplify away.
  const constants = ["Shape", "Size", "ConstantOfShape"];
  const gone = ["Identity", ...constants, "GroupNormalization", "InstanceNormalization", "RMSNormalization"];
  expect([...operators.keys()].filter((name) => !covered.has(name) && !gone.includes(name))).toEqual([]);
});
