/** Models as pure functions of their weights. */
export * from "./activations.ts";
export { type BatchNormOptions, type BatchNormParams, batchNorm } from "./batch-norm.ts";
export { combine, layer, type ParamsOf, type Parts, type Running, residual, sequential } from "./combine.ts";
export { convNorm } from "./conv-norm.ts";
export {
  type ConvOptions,
  type ConvParams,
  type ConvTransposeOptions,
  conv,
  convTranspose,
  depthwiseConv,
} from "./convolution.ts";
export { type DenseOptions, type DenseParams, dense, type LinearParams } from "./dense.ts";
export { dropout, stochasticDepth } from "./dropout.ts";
export { isFrozen, mapTrainable, parameterCount, trainable, withTrainable } from "./frozen.ts";
export * from "./initialisers.ts";
export * as losses from "./losses.ts";
export { type MlpOptions, type MlpParams, mlp } from "./mlp.ts";
export { type Context, type Model, partContext, splitContext } from "./model.ts";
export { type LenetOptions, lenet } from "./models/lenet.ts";
export { type MobilenetStage, type MobilenetV2Options, mobilenetV2 } from "./models/mobilenet.ts";
export { type ResnetDepth, type ResnetOptions, resnet } from "./models/resnet.ts";
export { type VggOptions, vgg } from "./models/vgg.ts";
export {
  groupNorm,
  instanceNorm,
  layerNorm,
  type NormOptions,
  type NormParams,
  rmsNorm,
  type ScaleParams,
} from "./normalisation.ts";
export { type Parametrization, reparametrize } from "./parametrization.ts";
export { averagePool, flatten, globalAveragePool, globalMaxPool, maxPool } from "./pooling.ts";
