import { Matrix } from "ml-matrix";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { stopGradient } from "../tensor/transforms.ts";
import { mapTrainable } from "./frozen.ts";
import type { Parametrization } from "./parametrization.ts";
import { forSelected, kernels, type Selects } from "./select.ts";

/**
 * Each weight matrix divided by its largest singular value, times `bound` (default 1). The
 * value comes from one step of power iteration in each training step, which goes on from the vectors that the last one left under
 * `frozen`; init makes the first 30 steps. A convolution kernel is the matrix [out, the rest]. Miyato et al., ICLR 2018.
 */
export function spectralNorm<P>(
  options: { readonly bound?: number | undefined; readonly select?: Selects | undefined } = {},
): Parametrization<{ weights: P; frozen: { left: Record<string, NDArray> } }, P> {
  const { bound = 1, select = kernels } = options;
  if (!(bound > 0)) throw new RangeError(`spectralNorm: bound is ${bound}: use a number above 0`);
  return {
    init: (key, params) => {
      let count = 0;
      const left = forSelected("spectralNorm", params, select, (w) => iterate(w, random.fold(key, count++)));
      return { weights: params, frozen: { left } };
    },
    weights: ({ weights, frozen }, context) =>
      mapTrainable((w, path) => {
        const before = (frozen.left as Readonly<Record<string, Tensor>>)[path];
        if (before === undefined) return w;
        const matrix = w.reshape([w.shape[0]!, w.size / w.shape[0]!]);
        const fixed = stopGradient(matrix);
        const right = unit(before.unsqueeze(0).matmul(fixed));
        const left = context?.training ? unit(right.matmul(fixed.swapAxes())) : before.unsqueeze(0);
        if (context?.training) context.record?.(before, left.squeeze(0));
        const largest = left.matmul(matrix).mul(right).sum();
        return w.mul(largest.reciprocal().mul(bound));
      }, weights),
  };
}

/** The left singular vector of the largest singular value, after 30 steps from a random start. */
function iterate(weight: NDArray, key: NDArray): NDArray {
  const rows = weight.shape[0]!;
  const matrix = Matrix.from1DArray(rows, weight.size / rows, Array.from(weight.data, Number));
  const transposed = matrix.transpose();
  let left = Matrix.columnVector([...(random.normal(key, [rows], "float64").data as Float64Array)]);
  for (let i = 0; i < 30; i++) {
    left = matrix.mmul(transposed.mmul(left));
    left.div(left.norm() || 1);
  }
  return NDArray.from(Float64Array.from(left.to1DArray())).cast(weight.dtype);
}

function unit(row: Tensor): Tensor {
  return row.div(row.square().sum().add(1e-24).sqrt());
}
