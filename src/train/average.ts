import { isFloat } from "../tensor/dtype.ts";
import { Tensor } from "../tensor/tensor.ts";

type Tensors = Readonly<Record<string, Tensor>>;

/**
 * The exponential moving average of values after another step: that of k steps ago counts `decay` ^ k, and all weights of the mean
 * add up to 1, as in Adam's bias correction. So the first weights have no part in it, and the first average is the first value.
 * `step` counts from 0. Values that are not float are taken as they are.
 */
export function averageOf(average: Tensors, values: Tensors, decay: number, step: Tensor): Tensors {
  const missing = Tensor.constant(decay, "float64").pow(step.add(1));
  const rate = missing
    .neg()
    .add(1)
    .reciprocal()
    .mul(1 - decay);
  const moved = Object.entries(values).map(([path, value]) => {
    if (!isFloat(value.dtype)) return [path, value] as const;
    const old = average[path]!;
    return [path, old.add(value.sub(old).mul(rate.cast(value.dtype)))] as const;
  });
  return Object.fromEntries(moved);
}
