import type { Optimizer } from "../optim/optimizer.ts";
import type { RunOptions } from "../runtime/session.ts";
import type { NDArray } from "../tensor/ndarray.ts";
import type { CheckpointStore, Settings } from "./checkpoint.ts";
import type { MonitorOptions } from "./journal.ts";
import type { Logger } from "./logger.ts";
import type { FitOptions } from "./options.ts";
import type { BatchLoss, StepForm } from "./trainer.ts";

/** A training with every option decided. */
export interface Plan<P>
  extends RunOptions,
    MonitorOptions,
    StepForm,
    Pick<FitOptions<P, never>, "evaluate" | "signal" | "onStep" | "onEvaluate" | "onCheckpoint"> {
  readonly params: P;
  readonly loss: BatchLoss;
  readonly optimizer: Optimizer;
  /** Batches are counted from 0 over all steps. */
  readonly batchOf: (batch: number, key: NDArray) => unknown;
  readonly keyOf: (batch: number) => NDArray;
  /** Steps in all. */
  readonly total: number;
  readonly evaluated: "current" | "ema";
  readonly evalEvery: number;
  readonly logger: Required<Logger>;
  readonly checkpoint?: CheckpointStore | undefined;
  readonly checkpointEvery: number;
  readonly checkpointSeconds: number;
  /** What a checkpoint must agree in. The number of steps is not part of it: a training may be prolonged. */
  readonly settings: Settings;
}
