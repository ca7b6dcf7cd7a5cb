/** What a hypernetwork sees of its inputs: values in [0, 1], as they are or as a code whose norm does not depend on them. */

import { concat } from "../../tensor/operators/movement.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/**
 * `cos-sin`: [cos(pi g / 2), sin(pi g / 2)], of constant Euclidean norm (the paper's). `z-1-z`: [g, 1 - g], of constant sum (in its
 * official code). `none`: g as it is.
 */
export type Encoding = "cos-sin" | "z-1-z" | "none";

export const encodings: readonly Encoding[] = ["cos-sin", "z-1-z", "none"];

/**
 * Codes of gamma [..., k], with values in [0, 1]: [..., 2 k], or [..., k] for `none`. The squared norm of a `cos-sin` code is k.
 * Section 4 of the paper; the whole first half is cosines, as in the official code.
 */
export function encodeInput(gamma: Tensor, encoding: Encoding): Tensor {
  if (encoding === "none") return gamma;
  if (encoding === "z-1-z") return concat([gamma, gamma.neg().add(1)], -1);
  const angle = gamma.mul(Math.PI / 2);
  return concat([angle.cos(), angle.sin()], -1);
}

/** How many numbers `encodeInput` makes of k. */
export function encodedSize(k: number, encoding: Encoding): number {
  return encoding === "none" ? k : 2 * k;
}

/**
 * Values between `low` and `high` as values between 0 and 1, linearly or, for ranges over orders of magnitude, in their logarithm.
 *
 *     const gamma = { weight: toUnit(weight, { low: 1e-4, high: 1, scale: "log" }) };
 */
export function toUnit(
  value: Tensor,
  { low, high, scale = "linear" }: { low: number; high: number; scale?: "linear" | "log" },
): Tensor {
  if (!(high > low) || (scale === "log" && !(low > 0)))
    throw new RangeError(
      `toUnit: the range ${low} to ${high} is none${scale === "log" ? " above 0, as a log scale needs" : ""}: give low below high`,
    );
  if (scale === "linear") return value.sub(low).div(high - low);
  return value
    .log()
    .sub(Math.log(low))
    .div(Math.log(high / low));
}

/** Standard normal values as uniform ones in [0, 1]: their distribution function. */
export function gaussianToUnit(z: Tensor): Tensor {
  return z.mul(Math.SQRT1_2).erf().add(1).mul(0.5);
}
