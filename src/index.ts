export type { Device } from "./runtime/backend.ts";
export { type Compiled, type CompileOptions, compile } from "./runtime/compile.ts";
export { loadModel } from "./runtime/load-model.ts";
export type { DType, TypedArray } from "./tensor/dtype.ts";
export * as linalg from "./tensor/linear-algebra/index.ts";
export { NDArray, type Nested } from "./tensor/ndarray.ts";
export * from "./tensor/operators/index.ts";
export * as random from "./tensor/random.ts";
export { Tensor, type TensorLike } from "./tensor/tensor.ts";
export {
  customGradient,
  type Gradient,
  grad,
  hessianVector,
  jacobian,
  jvp,
  stopGradient,
  straightThrough,
  valueAndGrad,
  vjp,
} from "./tensor/transforms.ts";
export * as tree from "./tensor/tree.ts";
