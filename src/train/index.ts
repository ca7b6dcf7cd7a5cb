/** Training: `fit`, prediction and metrics, checkpoints. */
export type { BatchSource, Sampling } from "./batches.ts";
export { type CheckpointStore, memoryCheckpoint } from "./checkpoint.ts";
export {
  type Examples,
  type Finetuned,
  type FinetuneLoss,
  type FinetuneOptions,
  finetune,
} from "./finetune.ts";
export { DivergenceError } from "./finite.ts";
export { fit } from "./fit.ts";
export type { Best, EarlyStop, HistoryEntry } from "./journal.ts";
export type { Logger, LogRecord, LogValues, Outcome } from "./logger.ts";
export * as metrics from "./metrics.ts";
export { type MlflowOptions, mlflow } from "./mlflow.ts";
export type { FitOptions, FitResult, LossFit, ModelFit, StepEvent } from "./options.ts";
export {
  type Evaluate,
  evaluator,
  type HeldOut,
  type PredictOptions,
  type Predictor,
  predictor,
} from "./predict.ts";
export type { Loss, LossTerm } from "./terms.ts";
