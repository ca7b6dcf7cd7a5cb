import { batchNorm, groupNorm, instanceNorm, layerNorm, rmsNorm } from "../../src/tensor/operators/index.ts";
import { apply, applyAll, type Tensor } from "../../src/tensor/tensor.ts";
import { any, check, fixed, type GradientCase, nonzero, positive } from "../gradient-check.ts";

/** A weight for each element, so that a normalised slice does not add up to nothing. */
const weighted = (y: Tensor): Tensor => y.mul(y.add(0.3)).sin();

export const normalisation: readonly GradientCase[] = [
  check("layerNorm", any, (x) => weighted(layerNorm(x)), fixed([3, 4])),
  check(
    "layerNorm over two axes, with scale and bias",
    any,
    (x, scale, bias) => weighted(layerNorm(x, { axis: 1, scale, bias, epsilon: 0.1 })),
    fixed([2, 3, 2], [3, 2], [3, 2]),
  ),
  check(
    "layerNorm with a scale that broadcasts",
    any,
    (x, scale, bias) => weighted(layerNorm(x, { axis: 1, scale, bias })),
    fixed([2, 3, 2], [1], [3, 1]),
  ),
  check(
    "all outputs of LayerNormalization",
    any,
    (x, scale) => applyAll("LayerNormalization", [x, scale], {}, 3).map(weighted),
    fixed([2, 4], [4]),
  ),
  check(
    "LayerNormalization with one output",
    any,
    (x, scale) => weighted(apply("LayerNormalization", [x, scale], { axis: 1 })),
    fixed([2, 4], [4]),
  ),
  check(
    "groupNorm",
    any,
    (x, scale, bias) => weighted(groupNorm(x, 2, { scale, bias })),
    fixed([2, 4, 3], [4], [4]),
  ),
  check(
    "instanceNorm",
    any,
    (x, scale, bias) => weighted(instanceNorm(x, { scale, bias })),
    fixed([2, 2, 3, 2], [2], [2]),
  ),
  check(
    "batchNorm by given statistics",
    [any, any, any, any, positive],
    (x, scale, bias, mean, variance) => weighted(batchNorm(x, scale, bias, { mean, variance })),
    fixed([3, 2, 2], [2], [2], [2], [2]),
  ),
  check(
    "batchNorm by its own statistics",
    any,
    (x, scale, bias) => {
      const { y, mean, variance } = batchNorm(x, scale, bias, { training: true, epsilon: 0.01 });
      return [weighted(y), mean.sin(), variance.sin()];
    },
    fixed([3, 2, 2, 2], [2], [2]),
  ),
  check(
    "BatchNormalization in training",
    any,
    (x, scale, bias, mean, variance) =>
      applyAll(
        "BatchNormalization",
        [x, scale, bias, mean, variance],
        { training_mode: 1, momentum: { float: 0.7 } },
        3,
      ).map(weighted),
    fixed([3, 2, 4], [2], [2], [2], [2]),
  ),
  check(
    "rmsNorm",
    any,
    (x, scale) => weighted(rmsNorm(x, { axis: 1, scale, epsilon: 0.1 })),
    fixed([2, 3, 2], [3, 2]),
  ),
  ...[1, 2].map((p) =>
    check(
      `LpNormalization, p = ${p}`,
      nonzero,
      (x) => weighted(apply("LpNormalization", [x], { p, axis: 1 })),
      fixed([2, 3, 2]),
    ),
  ),
  check(
    "LRN",
    any,
    (x) => apply("LRN", [x], { size: 3, alpha: { float: 0.7 }, beta: { float: 0.6 }, bias: { float: 1.3 } }),
    fixed([2, 5, 2, 2]),
  ),
];
