export { exportModel, type InputSizes, type InputSpec } from "./export.ts";
export {
  type ImportedContext,
  ImportedModel,
  type ImportedParams,
  type ImportOptions,
  importModel,
  type OperatorCount,
} from "./import.ts";
export { type Inspection, inspectModel } from "./inspect.ts";
export type { Parameter, ParameterUse } from "./parameters.ts";
export type { DeclaredPort } from "./ports.ts";
export { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";
export type { ExternalRange, ReadExternal } from "./tensors.ts";
