/** Models as pure functions of their weights. */
export * from "./activations.ts";
export { type DenseOptions, type DenseParams, dense, type LinearParams } from "./dense.ts";
export { isFrozen, mapTrainable, trainable, withTrainable } from "./frozen.ts";
export * from "./initialisers.ts";
export * as losses from "./losses.ts";
export { type MlpOptions, type MlpParams, mlp } from "./mlp.ts";
export { type Context, type Model, splitContext } from "./model.ts";
export { type Parametrization, reparametrize } from "./parametrization.ts";
