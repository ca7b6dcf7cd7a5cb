/** Experiments: a paper's claims as code. Everything here runs in Node and in the browser. */
export * from "./charts.ts";
export * from "./claims.ts";
export { type Config, type Option, optionsOf, parseConfig, presetOf, resolveConfig } from "./config.ts";
export {
  type Context,
  type ContextOptions,
  createContext,
  type DeviceName,
  deviceNames,
  type Progress,
  type ProgressUpdate,
  type RunObserver,
  type Stage,
  type StageStore,
} from "./context.ts";
export {
  defineExperiment,
  type Experiment,
  type ExperimentSpec,
  type Paper,
  type PaperValue,
  type PresetName,
  presetNames,
} from "./define.ts";
export { UsageError } from "./errors.ts";
export { formatCell, formatDuration, formatNumber } from "./format.ts";
export {
  defineMethod,
  type Method,
  type MethodContext,
  type MethodPlan,
  type MethodResult,
} from "./method.ts";
export type { Metrics } from "./metrics.ts";
export type { Column, ExperimentResult, ModelArtifact, StoredResult, Table } from "./result.ts";
export { memoryStore, type RunStore } from "./store.ts";
export { chartToSvg } from "./svg.ts";
