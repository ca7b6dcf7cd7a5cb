import type { Tensor } from "../tensor/tensor.ts";
import { batchNorm } from "./batch-norm.ts";
import { combine } from "./combine.ts";
import { type ConvOptions, conv } from "./convolution.ts";

/** A convolution without bias, then batch normalisation: weights `conv/kernel`, `norm/scale`, ... */
export function convNorm(options: ConvOptions) {
  const { outputs, dtype } = options;
  const parts = { conv: conv({ ...options, bias: false }), norm: batchNorm({ size: outputs, dtype }) };
  return combine(parts, (run, x: Tensor) => run.norm(run.conv(x)));
}
