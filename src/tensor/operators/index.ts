/** Importing this fills the operator table. */
export { type BatchStatistics, batchNorm } from "./batch-normalisation.ts";
export {
  type ConvolutionOptions,
  conv,
  convTranspose,
  type TransposedOptions,
} from "./convolution.ts";
export * from "./elementwise.ts";
export { gather, gatherElements, oneHot, scatterElements, topK } from "./indexing.ts";
export * from "./linear.ts";

import "./more-activations.ts";

export * from "./movement.ts";
export {
  groupNorm,
  instanceNorm,
  layerNorm,
  type NormOptions,
  rmsNorm,
} from "./normalisation.ts";
export { averagePool, globalAveragePool, globalMaxPool, maxPool, type PoolOptions } from "./pooling.ts";

import "./recurrent.ts";

export * from "./reduce.ts";
export {
  type CoordinateTransformation,
  depthToSpace,
  type ResizeOptions,
  resize,
  spaceToDepth,
} from "./resize.ts";
export type { Padding, WindowOptions } from "./windows.ts";
