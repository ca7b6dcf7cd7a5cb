import * as random from "../random.ts";
import { Tensor } from "../tensor.ts";
import { stopGradient } from "../transforms.ts";
import { sizes } from "./matrices.ts";

export interface PowerOptions {
  /** How many steps. Default 30. A step brings the vectors nearer by the square of the ratio of the second singular value to the first. */
  readonly iterations?: number | undefined;
  /** The right vector [..., n] to start from: the last result, where the matrix moves little. Default a fixed random one. */
  readonly start?: Tensor | undefined;
}

/**
 * The largest singular value of each matrix [..., m, n] and its vectors: `value` [...], `left` [..., m], `right` [..., n], of unit length. The value has
 * the gradient left right^T, which is right once the vectors are; the vectors carry none.
 */
export function powerIteration(
  a: Tensor,
  options: PowerOptions = {},
): { value: Tensor; left: Tensor; right: Tensor } {
  const { iterations = 30 } = options;
  const [, n] = sizes("powerIteration", a);
  if (!Number.isInteger(iterations) || iterations < 1)
    throw new RangeError(`powerIteration: iterations is ${iterations}: use a whole number from 1`);
  const fixed = stopGradient(a);
  const turned = fixed.swapAxes();
  const first = options.start ?? Tensor.constant(random.normal(random.key(0), [n], a.dtype as "float64"));
  let right = unit(stopGradient(first).unsqueeze([-1]));
  for (let i = 0; i < iterations; i++) right = unit(turned.matmul(fixed.matmul(right)));
  const left = unit(fixed.matmul(right));
  const value = left.swapAxes().matmul(a).matmul(right);
  return { value: value.squeeze([-2, -1]), left: left.squeeze([-1]), right: right.squeeze([-1]) };
}

function unit(column: Tensor): Tensor {
  const tiny = column.dtype === "float32" ? 1e-30 : 1e-280;
  return column.div(column.square().sum([-2], { keepDims: true }).sqrt().maximum(tiny));
}
