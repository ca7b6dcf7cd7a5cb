/** Models as pure functions of their weights. */
export * from "./activations.ts";
export { type AttentionInput, type AttentionOptions, attend, attention } from "./attention.ts";
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
export { type EmbeddingOptions, type EmbeddingParams, embedding, parameter } from "./embedding.ts";
export { isFrozen, mapTrainable, parameterCount, trainable, withTrainable } from "./frozen.ts";
export { type GruOptions, type GruParams, gru, gruCell } from "./gru.ts";
export * from "./initialisers.ts";
export * as losses from "./losses.ts";
export { type Aggregation, aggregate, alongEdges, type Graph, messagePassing } from "./messages.ts";
export { type Mixture, type MixtureOptions, type MixtureParams, mixture } from "./mixture.ts";
export { type MlpOptions, type MlpParams, mlp } from "./mlp.ts";
export { type Context, type Model, partContext, splitContext } from "./model.ts";
export { type FnoOptions, fno } from "./models/fno.ts";
export { type GnnOptions, gnn } from "./models/gnn.ts";
export { type LenetOptions, lenet } from "./models/lenet.ts";
export { type MobilenetStage, type MobilenetV2Options, mobilenetV2 } from "./models/mobilenet.ts";
export { type ResnetDepth, type ResnetOptions, resnet } from "./models/resnet.ts";
export { type TransformerOptions, transformer } from "./models/transformer.ts";
export { type UnetFeatures, type UnetInput, type UnetOptions, unet } from "./models/unet.ts";
export { type VggOptions, vgg } from "./models/vgg.ts";
export { type VitOptions, vit } from "./models/vit.ts";
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
export * as parametrize from "./parametrize/index.ts";
export { averagePool, flatten, globalAveragePool, globalMaxPool, maxPool } from "./pooling.ts";
export { type RotaryOptions, rotary } from "./rotary.ts";
export type { Selects } from "./select.ts";
export { type SpectralOptions, type SpectralParams, spectralConv } from "./spectral.ts";
export { spectralNorm } from "./spectral-norm.ts";
export { type SwigluOptions, swiglu } from "./swiglu.ts";
export { weightNorm } from "./weight-norm.ts";
