/** Elementwise operators that imported models bring. */
import { defineOperators, floatAttribute, intsAttribute } from "../node.ts";
import type { Tensor } from "../tensor.ts";
import { where } from "./elementwise.ts";
import { gradientOf } from "./expansion.ts";
import { firstFloat, scalar } from "./rules.ts";

/** Less its mean, by its standard deviation, over these axes. */
export function standardised(x: Tensor, axes: readonly number[] = [0, 2, 3]): Tensor {
  const centred = x.sub(x.mean(axes, { keepDims: true }));
  const deviation = centred.square().mean(axes, { keepDims: true }).sqrt();
  return centred.div(deviation.add(1e-9));
}

defineOperators({
  /** x + bias below -lambd, x - bias above lambd, 0 between. */
  Shrink: {
    type: firstFloat,
    gradient: ({ x: [x], attributes, dy }) => [
      where(x!.abs().greater(floatAttribute(attributes, "lambd", 0.5)), dy, scalar(0, dy)),
    ],
  },
  /** x * sigmoid(alpha * x). */
  Swish: {
    type: firstFloat,
    gradient: ({ x: [x], y, attributes, dy }) => {
      const alpha = floatAttribute(attributes, "alpha", 1);
      const s = x!.mul(alpha).sigmoid();
      return [dy.mul(s.add(y.mul(alpha).mul(s.neg().add(1))))];
    },
  },
  /** Mean 0 and variance 1 over some axes, by default all but the channels. */
  MeanVarianceNormalization: {
    type: firstFloat,
    gradient: gradientOf(([x], { attributes }) => [standardised(x!, intsAttribute(attributes, "axes"))]),
  },
});
