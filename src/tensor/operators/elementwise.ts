/** Arithmetic, comparison, logic and activations: operators that work element by element. */
import { dtypeOfCode, isFloat } from "../dtype.ts";
import { NDArray } from "../ndarray.ts";
import {
  type BackwardCall,
  type Call,
  defineOperators,
  floatAttribute,
  intAttribute,
  type Operator,
  stringAttribute,
  type TensorType,
} from "../node.ts";
import { apply, lift, Tensor, type TensorLike } from "../tensor.ts";
import {
  broadcast,
  broadcastShape,
  broadcastToBool,
  checkNumbers,
  commonDtype,
  firstFloat,
  ifShaped,
  indicator,
  logical,
  numeric,
  sameAsFirst,
  scalar,
  uniformValue,
} from "./rules.ts";

/** `condition ? a : b`, elementwise with broadcasting. */
export function where(condition: TensorLike, a: TensorLike, b: TensorLike): Tensor {
  const like = a instanceof Tensor ? a : b instanceof Tensor ? b : undefined;
  const [mask, yes, no] = [lift(condition), lift(a, like), lift(b, like)];
  // ONNX Runtime has no Where for bool.
  if (yes.dtype === "bool") return mask.and(yes).or(mask.not().and(no));
  return apply("Where", [mask, yes, no]);
}

type Rule = (call: BackwardCall) => Tensor;

/** A float function of one tensor, by its derivative times dy. */
function unary(derivative: Rule): Operator {
  return { type: firstFloat, gradient: (call) => [derivative(call)] };
}

/** A step function: its derivative is 0 wherever it has one. */
const step: Operator = {
  type: firstFloat,
  gradient: ({ x: [x] }) => [Tensor.zeros(x!.shape, x!.dtype)],
};

const order: Operator = {
  type: (call) => ({ shape: numeric(call).shape, dtype: "bool" }),
  gradient: "none",
};
const logic: Operator = { type: logical, gradient: "none" };

/** A binary operator with its host arithmetic for constants, its neutral right operand, and its gradient. */
function arithmetic(
  host: (a: number, b: number) => number,
  neutral: { right?: number; left?: number },
  gradient: NonNullable<Operator["gradient"]>,
): Operator {
  const simplify = ({ x: [a, b] }: Call, types: readonly TensorType[]) => {
    const [left, right] = [uniformValue(a!), uniformValue(b!)];
    if (left !== undefined && right !== undefined && isFloat(a!.dtype)) {
      return Tensor.constant(host(left, right), a!.dtype).expand(types[0]!.shape);
    }
    if (right !== undefined && right === neutral.right) return ifShaped(a!, types);
    if (left !== undefined && left === neutral.left) return ifShaped(b!, types);
    return undefined;
  };
  return { type: numeric, elementwise: true, gradient, simplify };
}

/** The largest or smallest of any number of tensors. Ties share the gradient equally. */
const extremum: Operator = {
  type: numeric,
  elementwise: true,
  simplify: ({ x }) => (x.length === 1 ? x[0] : undefined),
  gradient: ({ x, y, dy }) => {
    const hits = x.map((t) => indicator(t.equal(y), y));
    const share = dy.div(hits.reduce((a, b) => a.add(b)));
    return hits.map((hit) => share.mul(hit));
  },
};

const SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);

/** The standard normal density. */
function normalDensity(x: Tensor): Tensor {
  return x
    .mul(x)
    .mul(-0.5)
    .exp()
    .mul(1 / Math.sqrt(2 * Math.PI));
}

function geluDerivative(x: Tensor, approximate: string): Tensor {
  if (approximate === "none") {
    const distribution = x.mul(Math.SQRT1_2).erf().mul(0.5).add(0.5);
    return distribution.add(x.mul(normalDensity(x)));
  }
  const square = x.mul(x);
  const t = x.mul(square.mul(0.044715).add(1)).mul(SQRT_2_OVER_PI).tanh();
  const inner = square
    .mul(3 * 0.044715)
    .add(1)
    .mul(SQRT_2_OVER_PI);
  return t
    .add(1)
    .mul(0.5)
    .add(x.mul(0.5).mul(t.mul(t).neg().add(1)).mul(inner));
}

/** dy where the condition holds, else 0. */
function gate(condition: Tensor, dy: Tensor): Tensor {
  return where(condition, dy, scalar(0, dy));
}

function powGradient({ x: [a, power], y, dy, needs }: BackwardCall): (Tensor | undefined)[] {
  const b = power!.cast(a!.dtype);
  const exponent = uniformValue(b);
  const slope = b.mul(a!.pow(b.sub(1)));
  const da = exponent !== undefined && exponent !== 0 ? slope : where(b.equal(0), scalar(0, slope), slope);
  const db = () => {
    const positive = a!.greater(0);
    return gate(positive, dy.mul(y).mul(where(positive, a!, scalar(1, a!)).log()));
  };
  return [dy.mul(da), needs[1] ? db() : undefined];
}

defineOperators({
  Add: arithmetic(
    (a, b) => a + b,
    { left: 0, right: 0 },
    ({ dy }) => [dy, dy],
  ),
  Sub: arithmetic(
    (a, b) => a - b,
    { right: 0 },
    ({ dy }) => [dy, dy.neg()],
  ),
  Mul: arithmetic(
    (a, b) => a * b,
    { left: 1, right: 1 },
    ({ x: [a, b], dy }) => [dy.mul(b!), dy.mul(a!)],
  ),
  Div: arithmetic(
    (a, b) => a / b,
    { right: 1 },
    ({ x: [, b], y, dy }) => [dy.div(b!), dy.mul(y).div(b!).neg()],
  ),
  Pow: {
    ...arithmetic((a, b) => a ** b, { right: 1 }, powGradient),
    type: ({ x }) => {
      checkNumbers(x);
      return { shape: broadcastShape(x), dtype: x[0]!.dtype };
    },
  },
  Mod: {
    type: numeric,
    elementwise: true,
    gradient: ({ x: [a, b], y, dy }) => [dy, dy.mul(y.sub(a!).div(b!).round())],
  },
  Min: extremum,
  Max: extremum,
  Sum: { type: broadcast, elementwise: true, gradient: ({ x, dy }) => x.map(() => dy) },
  Mean: { type: broadcast, elementwise: true, gradient: ({ x, dy }) => x.map(() => dy.div(x.length)) },

  Neg: {
    type: numeric,
    gradient: ({ dy }) => [dy.neg()],
    simplify: ({ x: [x] }, types) => {
      if (x!.node.op === "Neg") return x!.node.inputs[0];
      const value = uniformValue(x!);
      return value === undefined ? undefined : Tensor.full(types[0]!.shape, -value, x!.dtype);
    },
  },
  Abs: { type: numeric, gradient: ({ x: [x], dy }) => [dy.mul(x!.sign())] },
  Sign: { ...step, type: numeric },
  Floor: step,
  Ceil: step,
  Round: step,
  Sqrt: unary(({ y, dy }) => dy.div(y.mul(2))),
  Reciprocal: unary(({ y, dy }) => dy.mul(y).mul(y).neg()),
  Exp: unary(({ y, dy }) => dy.mul(y)),
  Log: unary(({ x: [x], dy }) => dy.div(x!)),
  Sin: unary(({ x: [x], dy }) => dy.mul(x!.cos())),
  Cos: unary(({ x: [x], dy }) => dy.mul(x!.sin()).neg()),
  Tan: unary(({ y, dy }) => dy.mul(y.mul(y).add(1))),
  Asin: unary(({ x: [x], dy }) => dy.div(x!.mul(x!).neg().add(1).sqrt())),
  Acos: unary(({ x: [x], dy }) => dy.div(x!.mul(x!).neg().add(1).sqrt()).neg()),
  Atan: unary(({ x: [x], dy }) => dy.div(x!.mul(x!).add(1))),
  Sinh: unary(({ x: [x], dy }) => dy.mul(apply("Cosh", [x]))),
  Cosh: unary(({ x: [x], dy }) => dy.mul(apply("Sinh", [x]))),
  Tanh: unary(({ y, dy }) => dy.mul(y.mul(y).neg().add(1))),
  Asinh: unary(({ x: [x], dy }) => dy.div(x!.mul(x!).add(1).sqrt())),
  Acosh: unary(({ x: [x], dy }) => dy.div(x!.mul(x!).sub(1).sqrt())),
  Atanh: unary(({ x: [x], dy }) => dy.div(x!.mul(x!).neg().add(1))),
  Erf: unary(({ x: [x], dy }) =>
    dy.mul(
      x!
        .mul(x!)
        .neg()
        .exp()
        .mul(2 / Math.sqrt(Math.PI)),
    ),
  ),
  Sigmoid: unary(({ y, dy }) => dy.mul(y.mul(y.neg().add(1)))),
  Relu: unary(({ y, dy }) => dy.mul(indicator(y.cast("bool"), y))),
  Softplus: unary(({ x: [x], dy }) => dy.mul(x!.sigmoid())),
  Softsign: unary(({ x: [x], dy }) => dy.div(x!.abs().add(1).square())),
  Gelu: unary(({ x: [x], attributes, dy }) =>
    dy.mul(geluDerivative(x!, stringAttribute(attributes, "approximate", "none"))),
  ),
  Elu: unary(({ x: [x], y, attributes, dy }) =>
    dy.mul(where(x!.greater(0), scalar(1, y), y.add(floatAttribute(attributes, "alpha", 1)))),
  ),
  Celu: unary(({ x: [x], y, attributes, dy }) =>
    dy.mul(where(x!.greater(0), scalar(1, y), y.div(floatAttribute(attributes, "alpha", 1)).add(1))),
  ),
  Selu: unary(({ x: [x], y, attributes, dy }) => {
    const gamma = floatAttribute(attributes, "gamma", 1.0507009873554805);
    const alpha = floatAttribute(attributes, "alpha", 1.6732632423543772);
    return dy.mul(where(x!.greater(0), scalar(gamma, y), y.add(gamma * alpha)));
  }),
  LeakyRelu: unary(({ x: [x], attributes, dy }) =>
    where(x!.greaterEqual(0), dy, dy.mul(floatAttribute(attributes, "alpha", 0.01))),
  ),
  ThresholdedRelu: unary(({ x: [x], attributes, dy }) =>
    gate(x!.greater(floatAttribute(attributes, "alpha", 1)), dy),
  ),
  PRelu: {
    type: broadcast,
    elementwise: true,
    gradient: ({ x: [x, slope], dy }) => {
      const negative = x!.less(0);
      return [where(negative, dy.mul(slope!), dy), gate(negative, dy.mul(x!))];
    },
  },
  HardSigmoid: unary(({ y, attributes, dy }) => {
    const inside = y.greater(0).and(y.less(1));
    return gate(inside, dy.mul(floatAttribute(attributes, "alpha", 0.2)));
  }),
  HardSwish: unary(({ x: [x], dy }) =>
    where(x!.abs().less(3), dy.mul(x!.div(3).add(0.5)), gate(x!.greaterEqual(3), dy)),
  ),
  Mish: unary(({ x: [x], dy }) => {
    const t = x!.softplus().tanh();
    return dy.mul(t.add(x!.mul(t.mul(t).neg().add(1)).mul(x!.sigmoid())));
  }),

  Clip: {
    type: sameAsFirst,
    gradient: ({ x: [x, low, high], dy }) => {
      const below = low === undefined ? undefined : x!.less(low);
      const above = high === undefined ? undefined : x!.greater(high);
      const outside = below !== undefined && above !== undefined ? below.or(above) : (below ?? above);
      return [
        outside === undefined ? dy : where(outside, scalar(0, dy), dy),
        below && gate(below, dy).sum(),
        above && gate(above, dy).sum(),
      ];
    },
  },

  Equal: { type: broadcastToBool, gradient: "none" },
  Less: order,
  LessOrEqual: order,
  Greater: order,
  GreaterOrEqual: order,
  IsNaN: { type: ({ x: [x] }) => ({ shape: x!.shape, dtype: "bool" }), gradient: "none" },
  IsInf: { type: ({ x: [x] }) => ({ shape: x!.shape, dtype: "bool" }), gradient: "none" },
  And: logic,
  Or: logic,
  Xor: logic,
  Not: {
    type: logical,
    gradient: "none",
    simplify: ({ x: [x] }) => (x!.node.op === "Not" ? x!.node.inputs[0] : undefined),
  },
  BitwiseAnd: { type: broadcast, gradient: "none" },
  BitwiseOr: { type: broadcast, gradient: "none" },
  BitwiseXor: { type: broadcast, gradient: "none" },
  BitwiseNot: { type: sameAsFirst, gradient: "none" },
  BitShift: { type: broadcast, gradient: "none" },

  Where: {
    type: ({ x: [condition, a, b] }) => {
      if (condition!.dtype !== "bool")
        throw new RangeError(`the condition must be bool, not ${condition!.dtype}`);
      return { shape: broadcastShape([condition!, a!, b!]), dtype: commonDtype([a!, b!]) };
    },
    elementwise: true,
    gradient: ({ x: [condition], dy }) => {
      const zero = scalar(0, dy);
      return [undefined, where(condition!, dy, zero), where(condition!, zero, dy)];
    },
  },

  Cast: {
    type: ({ x: [x], attributes }) => {
      const code = intAttribute(attributes, "to", 1);
      const dtype = dtypeOfCode(code);
      if (dtype === undefined) throw new RangeError(`there is no array for the ONNX element type ${code}`);
      return { shape: x!.shape, dtype };
    },
    gradient: ({ x: [x], dy }) => [dy.cast(x!.dtype)],
    simplify: ({ x: [x] }, types) => {
      const unchanged = ifShaped(x!, types);
      const value = uniformValue(x!);
      if (unchanged !== undefined || value === undefined || x!.dtype === "float16") return unchanged;
      if (types[0]!.dtype === "float16" || (!Number.isFinite(value) && !isFloat(types[0]!.dtype)))
        return undefined;
      return Tensor.constant(new NDArray(Float64Array.of(value), []).cast(types[0]!.dtype)).expand(x!.shape);
    },
  },
  // Never a node: it simplifies away.
  Identity: { type: sameAsFirst, simplify: ({ x: [x] }) => x },
});
