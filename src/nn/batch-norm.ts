import { NDArray } from "../tensor/ndarray.ts";
import * as operators from "../tensor/operators/batch-normalisation.ts";
import { showShape } from "../tensor/shape.ts";
import { checkRate, checkSizes } from "./checks.ts";
import type { Model } from "./model.ts";
import type { NormOptions, NormParams } from "./normalisation.ts";

/** All [size]. The running statistics are not trained: `fit` writes them back after each step. */
export interface BatchNormParams extends NormParams {
  frozen: { mean: NDArray; variance: NDArray };
}

export interface BatchNormOptions extends NormOptions {
  /** How much of the running statistics a step keeps. Default 0.9. */
  readonly momentum?: number | undefined;
}

/**
 * Each channel of x [N, size, ...sizes] normalised over the batch and all places. Ioffe and Szegedy, ICML 2015.
 *
 * In training by the statistics of the batch, and the running ones move towards them: they are given to `context.record`, the
 * variance divided by n - 1. Otherwise by the running statistics.
 */
export function batchNorm(options: BatchNormOptions): Model<BatchNormParams> {
  const { size, epsilon = 1e-5, momentum = 0.9, dtype } = options;
  checkSizes("batchNorm", { size });
  checkRate("batchNorm", "momentum", momentum);
  return {
    init: () => ({
      scale: NDArray.full([size], 1, dtype),
      bias: NDArray.zeros([size], dtype),
      frozen: { mean: NDArray.zeros([size], dtype), variance: NDArray.full([size], 1, dtype) },
    }),
    apply: ({ scale, bias, frozen }, x, context) => {
      if (!context?.training) return operators.batchNorm(x, scale, bias, { ...frozen, epsilon });
      const n = x.size / size;
      if (n < 2)
        throw new RangeError(
          `batchNorm: the input ${showShape(x.shape)} has one number in each channel, which has no variance: train on larger batches`,
        );
      const { y, mean, variance } = operators.batchNorm(x, scale, bias, { training: true, epsilon });
      const moved = { mean, variance: variance.mul(n / (n - 1)) };
      for (const name of ["mean", "variance"] as const) {
        context.record?.(frozen[name], frozen[name].mul(momentum).add(moved[name].mul(1 - momentum)));
      }
      return y;
    },
  };
}
