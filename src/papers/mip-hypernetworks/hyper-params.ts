/** The weights of a hypernetwork and what they start as. */
import type { DenseParams } from "../../nn/dense.ts";
import { type FloatType, normal } from "../../nn/initialisers.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";

/** What a hypernetwork for a model with weights `P` trains. */
export interface HyperParams<P> {
  readonly layers: readonly DenseParams[];
  /** The last layer, one column for each predicted weight. */
  readonly output: { readonly kernel: NDArray };
  /** theta_0, a tree like the model's weights; those that are not predicted are here too. */
  readonly residual: P;
}

/** The same with theta_0 frozen; `rest` has the model's weights that are not predicted, by path. */
export interface FrozenHyperParams<P> extends Omit<HyperParams<P>, "residual"> {
  readonly rest: Readonly<Record<string, NDArray>>;
  readonly frozen: { readonly residual: P };
}

/** Layers of these widths, the input's first: kernels normal with variance 2 / outputs, biases 0. */
export function hiddenLayers(
  keys: readonly NDArray[],
  widths: readonly number[],
  dtype: FloatType,
): DenseParams[] {
  return keys.map((key, i) => {
    const [inputs, outputs] = [widths[i]!, widths[i + 1]!];
    const kernel = normal(Math.sqrt(2 / outputs))(key, [inputs, outputs], dtype);
    return { kernel, bias: NDArray.zeros([outputs], dtype) };
  });
}

/** The kernel of the last layer, a block of columns for each predicted array: normal with variance 2 / (size of the array). */
export function outputKernel(
  key: NDArray,
  inputs: number,
  sizes: readonly number[],
  dtype: FloatType,
): NDArray {
  const columns = sizes.reduce((a, b) => a + b, 0);
  const kernel = NDArray.zeros([inputs, columns], dtype);
  let offset = 0;
  sizes.forEach((size, j) => {
    const block = normal(Math.sqrt(2 / size))(random.fold(key, j), [inputs, size], dtype)
      .data as Float32Array;
    for (let row = 0; row < inputs; row++)
      (kernel.data as Float32Array).set(block.subarray(row * size, (row + 1) * size), row * columns + offset);
    offset += size;
  });
  return kernel;
}
