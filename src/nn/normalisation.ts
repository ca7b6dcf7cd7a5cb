/** Normalisation of each example by its own statistics, then scale and bias. Weights are `scale` and `bias`, one for each channel. */
import { NDArray } from "../tensor/ndarray.ts";
import * as operators from "../tensor/operators/normalisation.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Traced } from "../tensor/tree.ts";
import { checkSizes, checkSplits } from "./checks.ts";
import type { FloatType } from "./initialisers.ts";
import type { Model } from "./model.ts";

export interface ScaleParams {
  scale: NDArray;
}

export interface NormParams extends ScaleParams {
  bias: NDArray;
}

export interface NormOptions {
  /** Of the last axis, or of the channels. */
  readonly size: number;
  /** Added to the variance, or to the mean square. Default 1e-5. */
  readonly epsilon?: number | undefined;
  /** Default float32. */
  readonly dtype?: FloatType | undefined;
}

/** Each vector along the last axis: x [..., size]. Ba, Kiros and Hinton, 2016. */
export function layerNorm({ size, epsilon = 1e-5, dtype }: NormOptions): Model<NormParams> {
  return normalised("layerNorm", size, dtype, (params, x) => operators.layerNorm(x, { ...params, epsilon }));
}

/** x / sqrt(mean(x^2) + epsilon) * scale along the last axis: x [..., size]. Zhang and Sennrich, NeurIPS 2019. */
export function rmsNorm({ size, epsilon = 1e-5, dtype }: NormOptions): Model<ScaleParams> {
  checkSizes("rmsNorm", { size });
  return {
    init: () => ({ scale: NDArray.full([size], 1, dtype) }),
    apply: ({ scale }, x) => operators.rmsNorm(x, { scale, epsilon }),
  };
}

/** Groups of neighbouring channels of x [N, size, ...sizes]. Wu and He, ECCV 2018. */
export function groupNorm(options: NormOptions & { readonly groups: number }): Model<NormParams> {
  const { size, groups, epsilon = 1e-5, dtype } = options;
  checkSizes("groupNorm", { size, groups });
  checkSplits("groupNorm", "size", size, groups, "groups");
  return normalised("groupNorm", size, dtype, (params, x) =>
    operators.groupNorm(x, groups, { ...params, epsilon }),
  );
}

/** Each channel of x [N, size, ...sizes]. Ulyanov et al., 2016. */
export function instanceNorm({ size, epsilon = 1e-5, dtype }: NormOptions): Model<NormParams> {
  return normalised("instanceNorm", size, dtype, (params, x) =>
    operators.instanceNorm(x, { ...params, epsilon }),
  );
}

function normalised(
  who: string,
  size: number,
  dtype: FloatType | undefined,
  apply: (params: Traced<NormParams>, x: Tensor) => Tensor,
): Model<NormParams> {
  checkSizes(who, { size });
  return {
    init: () => ({ scale: NDArray.full([size], 1, dtype), bias: NDArray.zeros([size], dtype) }),
    apply,
  };
}
