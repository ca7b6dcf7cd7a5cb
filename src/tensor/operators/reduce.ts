/** Reductions along axes, and what is normalised or accumulated along them. */
import { NDArray } from "../ndarray.ts";
import {
  type BackwardCall,
  type Call,
  defineOperators,
  intAttribute,
  type Operator,
  type TensorType,
} from "../node.ts";
import { normalAxes, normalAxis } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { where } from "./elementwise.ts";
import { checkNumbers, constantIntegers, firstFloat, indicator, sameAsFirst, scalar } from "./rules.ts";

function axesOf({ x: [x, axes], attributes }: Call): number[] {
  const named = axes === undefined ? [] : constantIntegers(axes, "the axes");
  if (named.length > 0) return normalAxes(named, x!.rank);
  return intAttribute(attributes, "noop_with_empty_axes", 0) === 1 ? [] : normalAxes(undefined, x!.rank);
}

function reducedType(call: Call): TensorType {
  const x = call.x[0]!;
  const axes = new Set(axesOf(call));
  const keep = intAttribute(call.attributes, "keepdims", 1) === 1;
  const shape = x.shape.flatMap((d, i) => (axes.has(i) ? (keep ? [1] : []) : [d]));
  return { shape, dtype: x.dtype };
}

/** A result of the reduction with the reduced axes put back, of size 1. */
function kept(t: Tensor, call: Call): Tensor {
  const axes = axesOf(call);
  return intAttribute(call.attributes, "keepdims", 1) === 1 || axes.length === 0 ? t : t.unsqueeze(axes);
}

/** A reduction by its gradient, given what broadcasts against x: the output y and its gradient dy with the axes kept. */
function reduction(
  gradient: (x: Tensor, y: Tensor, dy: Tensor, call: BackwardCall) => Tensor,
  simplify?: Operator["simplify"],
): Operator {
  return {
    type: (call) => {
      checkNumbers(call.x.slice(0, 1));
      return reducedType(call);
    },
    gradient: (call) => {
      const x = call.x[0]!;
      return [gradient(x, kept(call.y, call), kept(call.dy, call), call).expand(x.shape)];
    },
    simplify: (call, types) => {
      const count = axesOf(call).reduce((n, a) => n * call.x[0]!.shape[a]!, 1);
      return count === 1 ? simplify?.(call, types) : undefined;
    },
  };
}

const overOneElement: Operator["simplify"] = ({ x: [x] }, types) => x!.reshape(types[0]!.shape);

/** The gradient of an extremum goes in equal parts to the elements that attain it. */
const extremum: Operator = {
  ...reduction((x, y, dy, call) => {
    const hits = indicator(x.equal(y), x);
    return hits.mul(dy.div(hits.sum(axesOf(call), { keepDims: true })));
  }, overOneElement),
  // Of bool too: any and all.
  type: reducedType,
};

/**
 * Each element's gradient is the product of the others. Formed without division, so that zeros are exact: a square of
 * n x n factors for n reduced elements.
 */
function prodGradient(x: Tensor, dy: Tensor, axes: readonly number[]): Tensor {
  const kept = x.shape.flatMap((_, i) => (axes.includes(i) ? [] : [i]));
  const order = [...kept, ...axes];
  const rows = kept.map((i) => x.shape[i]!);
  const n = axes.reduce((p, a) => p * x.shape[a]!, 1);
  const flat = x.transpose(order).reshape([...rows, 1, n]);
  const others = where(identityMask(n), scalar(1, x), flat).prod(-1);
  const inverse = order.map((_, i) => order.indexOf(i));
  return others
    .reshape(order.map((i) => x.shape[i]!))
    .transpose(inverse)
    .mul(dy);
}

function identityMask(n: number): Tensor {
  const data = Uint8Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
  return Tensor.constant(new NDArray(data, [n, n], "bool"));
}

const place: Operator = {
  type: ({ x: [x], attributes }) => {
    const axis = normalAxis(intAttribute(attributes, "axis", 0), x!.rank);
    const keep = intAttribute(attributes, "keepdims", 1) === 1;
    return { shape: x!.shape.flatMap((d, i) => (i === axis ? (keep ? [1] : []) : [d])), dtype: "int64" };
  },
  gradient: "none",
};

function axisOf({ x: [x], attributes }: Call): number {
  return normalAxis(intAttribute(attributes, "axis", -1), x!.rank);
}

defineOperators({
  ReduceSum: reduction((_x, _y, dy) => dy, overOneElement),
  ReduceMean: reduction((x, y, dy) => dy.mul(y.size / x.size), overOneElement),
  ReduceMax: extremum,
  ReduceMin: extremum,
  ReduceProd: reduction((x, _y, dy, call) => prodGradient(x, dy, axesOf(call)), overOneElement),
  ReduceLogSumExp: reduction((x, y, dy) => dy.mul(x.sub(y).exp()), overOneElement),
  ReduceLogSum: reduction((_x, y, dy) => dy.mul(y.neg().exp())),
  ReduceL1: reduction((x, _y, dy) => dy.mul(x.sign())),
  ReduceL2: reduction((x, y, dy) => dy.mul(x.div(y))),
  ReduceSumSquare: reduction((x, _y, dy) => dy.mul(x).mul(2)),
  ArgMax: place,
  ArgMin: place,

  CumSum: {
    type: sameAsFirst,
    gradient: ({ x: [, axis], attributes, dy }) => [
      dy.cumsum(constantIntegers(axis, "the axis")[0]!, {
        reverse: intAttribute(attributes, "reverse", 0) === 0,
        exclusive: intAttribute(attributes, "exclusive", 0) === 1,
      }),
    ],
  },
  Softmax: {
    type: firstFloat,
    gradient: (call) => {
      const { y, dy } = call;
      const weighted = dy.mul(y);
      return [weighted.sub(y.mul(weighted.sum(axisOf(call), { keepDims: true })))];
    },
  },
  LogSoftmax: {
    type: firstFloat,
    gradient: (call) => [call.dy.sub(call.y.exp().mul(call.dy.sum(axisOf(call), { keepDims: true })))],
  },
  Hardmax: { type: firstFloat, gradient: "none" },
});
