import { NDArray } from "../../src/tensor/ndarray.ts";
import type { Attributes } from "../../src/tensor/node.ts";
import { where } from "../../src/tensor/operators/index.ts";
import { apply, Tensor } from "../../src/tensor/tensor.ts";
import { customGradient, stopGradient } from "../../src/tensor/transforms.ts";
import {
  any,
  awayFrom,
  between,
  check,
  fixed,
  type GradientCase,
  nonzero,
  positive,
} from "../gradient-check.ts";

const op =
  (name: string, attributes: Attributes = {}) =>
  (x: Tensor) =>
    apply(name, [x], attributes);
const op2 = (name: string) => (a: Tensor, b: Tensor) => apply(name, [a, b]);
const op3 = (name: string) => (a: Tensor, b: Tensor, c: Tensor) => apply(name, [a, b, c]);

export const elementwise: readonly GradientCase[] = [
  check("Add", any, op2("Add")),
  check("Add of a tensor to itself", any, (x) => x.add(x)),
  check("Sub", any, op2("Sub")),
  check("Mul", any, op2("Mul")),
  check("square", any, (x) => x.square()),
  check("Div", [any, nonzero], op2("Div")),
  check("Pow", [positive, any], op2("Pow")),
  check("Pow of a negative base", nonzero, (x) => x.pow(3).add(x.pow(2)).add(x.pow(-2)).add(x.pow(0))),
  check("Pow with exponents of int64", any, (x) => apply("Pow", [x, Tensor.constant(3, "int64")])),
  check(
    "Pow with exponent 0 among others",
    positive,
    (x) => x.pow(NDArray.from([0, 1, 2], "float64")),
    fixed([2, 3]),
  ),
  check("Mod", [between(2.3, 2.7), between(0.95, 1.05)], (a, b) => a.mod(b).add(a.neg().mod(b).mul(a))),
  check("Min", any, op2("Min")),
  check("Max of three", any, op3("Max")),
  check("Max of one", any, op("Max")),
  check("Sum", any, op3("Sum")),
  check("Mean", any, op3("Mean")),
  check("Neg", any, op("Neg")),
  check("Abs", nonzero, op("Abs")),
  ...["Sign", "Floor", "Ceil", "Round"].map((name) =>
    check(name, awayFrom(-3, -2, -1, 0, 1, 2, 3, -3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5), (x) =>
      apply(name, [x]).add(0.5).mul(x),
    ),
  ),
  check("Sqrt", positive, op("Sqrt")),
  check("Reciprocal", nonzero, op("Reciprocal")),
  check("Exp", any, op("Exp")),
  check("Log", positive, op("Log")),
  check("Sin", any, op("Sin")),
  check("Cos", any, op("Cos")),
  check("Tan", between(-1, 1), op("Tan")),
  check("Asin", between(-0.9, 0.9), op("Asin")),
  check("Acos", between(-0.9, 0.9), op("Acos")),
  check("Atan", any, op("Atan")),
  check("Sinh", any, op("Sinh")),
  check("Cosh", any, op("Cosh")),
  check("Tanh", any, op("Tanh")),
  check("Asinh", any, op("Asinh")),
  check("Acosh", between(1.2, 4), op("Acosh")),
  check("Atanh", between(-0.9, 0.9), op("Atanh")),
  check("Erf", any, op("Erf")),
  check("Sigmoid", any, op("Sigmoid")),
  check("Relu", nonzero, op("Relu")),
  check("Softplus", any, op("Softplus")),
  check("Softsign", nonzero, op("Softsign")),
  check("Gelu", any, op("Gelu")),
  check("Gelu by tanh", any, op("Gelu", { approximate: "tanh" })),
  check("Elu", nonzero, op("Elu", { alpha: { float: 0.7 } })),
  check("Celu", nonzero, op("Celu", { alpha: { float: 0.7 } })),
  check("Selu", nonzero, op("Selu")),
  check("Selu with attributes", nonzero, op("Selu", { alpha: { float: 1.2 }, gamma: { float: 0.9 } })),
  check("LeakyRelu", nonzero, op("LeakyRelu", { alpha: { float: 0.1 } })),
  check("ThresholdedRelu", awayFrom(1, 0.5), (x) =>
    apply("ThresholdedRelu", [x]).add(apply("ThresholdedRelu", [x], { alpha: { float: 0.5 } })),
  ),
  check("PRelu", [nonzero, any], op2("PRelu")),
  check("HardSigmoid", awayFrom(-2.5, 2.5), op("HardSigmoid")),
  check(
    "HardSigmoid with attributes",
    awayFrom(-1, 1.5),
    op("HardSigmoid", { alpha: { float: 0.4 }, beta: { float: 0.4 } }),
  ),
  check("HardSwish", awayFrom(-3, 3), op("HardSwish")),
  check("Mish", any, op("Mish")),
  check("Clip", any, (x, low, high) => x.clip(low.sub(1).mean(), high.add(1).mean())),
  check("Clip from below only", any, (x) => x.clip(0.3)),
  check("Clip from above only", any, (x) => x.clip(undefined, 0.3).mul(x)),
  check("clip with bounds that broadcast", any, (x, low, high) => x.clip(low.sub(1), high.add(1))),
  check("Where", any, (a, b) => where(NDArray.from([[true], [false]]), a, b), fixed([2, 3], [3])),
  check("Where with a mask of the inputs", any, (a, b) => where(a.less(b), a.mul(b), b.exp())),
  check("Cast", any, (x) => x.cast("float64").mul(x.cast("int64").cast("float64"))),
  check("Identity", any, op("Identity")),
  check("stopGradient as a factor", any, (x) => x.mul(stopGradient(Tensor.constant(2, "float64")))),
  check("customGradient", any, (x) =>
    customGradient(
      (a) => a.sin(),
      (dy, _, a) => [dy.mul(a.cos())],
    )(x),
  ),
];
