import type { Context, Model } from "../nn/model.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { RunOptions } from "../runtime/session.ts";
import type { NDArray } from "../tensor/ndarray.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Concrete, Traced } from "../tensor/tree.ts";
import type { BatchSource, Sampling } from "./batches.ts";
import type { CheckpointStore } from "./checkpoint.ts";
import type { Best, EarlyStop, HistoryEntry } from "./journal.ts";
import type { Logger } from "./logger.ts";
import type { Evaluate } from "./predict.ts";
import type { Loss } from "./terms.ts";

export interface StepEvent {
  /** Steps made so far, and in all. */
  readonly step: number;
  readonly total: number;
  /** The loss before the step. */
  readonly loss: number;
  /** Of the loss, where it has any. */
  readonly parts?: Readonly<Record<string, number>>;
  /** Of the latest evaluation; empty before the first. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** What both forms of `fit` take. */
export interface FitOptions<P, B> extends RunOptions {
  /** A tree of arrays with one row for each example, or a function that makes the batch of a step. */
  readonly data: B | BatchSource<B>;
  readonly optimizer: Optimizer;
  /** How long: `steps`, or `epochs`, passes over the data. */
  readonly steps?: number | undefined;
  readonly epochs?: number | undefined;
  /** Rows in a batch. Default 64; at least as many as there are rows means all of them, without copying. */
  readonly batch?: number | undefined;
  /** Default "shuffle": every row once an epoch. */
  readonly sampling?: Sampling | undefined;
  /**
   * Batches whose mean gradient makes one step. Default 1. For a loss that is a mean over rows, a step is that of one batch as large as
   * all of them, up to rounding, in the memory of one. Running statistics move with every batch, a `BatchSource` counts batches.
   */
  readonly accumulate?: number | undefined;
  /** Decay of an exponential moving average of the weights, such as 0.999: the result has it as `ema`. */
  readonly ema?: number | undefined;
  /** For first weights, the order of the data and randomness in the model. Default `random.key(0)`. */
  readonly key?: NDArray | undefined;

  /** Metrics of the current weights: see `evaluator`. */
  readonly evaluate?: Evaluate<P> | undefined;
  /** Which weights `evaluate` is given and `keepBest` keeps: the current ones (default), or their average `ema`. */
  readonly evaluated?: "current" | "ema" | undefined;
  /** Steps between two entries of the history, each with an evaluation. Default: an epoch; for a function as data, 100 steps. */
  readonly evalEvery?: number | undefined;
  /** The metric that `earlyStop` and `keepBest: "eval"` go by. Default: the first; without `evaluate`, the training loss. */
  readonly monitor?: string | undefined;
  /** Whether the monitored metric is to fall or to rise. Default "min". */
  readonly goal?: "min" | "max" | undefined;
  /** End the training when the monitored metric no longer improves. */
  readonly earlyStop?: EarlyStop | undefined;
  /**
   * Return the weights of the best entry of the history, by its training loss or by the monitored metric, not the last ones. Of equal
   * ones the first is the best. They are in every checkpoint.
   */
  readonly keepBest?: "train" | "eval" | undefined;

  /** Where to keep the checkpoint. If there is one, the training goes on from it. */
  readonly checkpoint?: CheckpointStore | undefined;
  /** Steps between two checkpoints. Default `evalEvery`. There is always one at the end. */
  readonly checkpointEvery?: number | undefined;
  /** Seconds that must pass between two of them. Default 10, and 0 where `checkpointEvery` is given. */
  readonly checkpointSeconds?: number | undefined;
  /** Where to write every entry of the history: see `metricsFile`, `tensorboard` and `mlflow`. */
  readonly log?: readonly (Logger | undefined)[] | undefined;
  /** Ends the training after the current batch, with a checkpoint. */
  readonly signal?: AbortSignal | undefined;

  readonly onStep?: ((event: StepEvent) => void) | undefined;
  readonly onEvaluate?: ((entry: HistoryEntry) => void) | undefined;
  readonly onCheckpoint?: ((event: { readonly step: number }) => void) | undefined;
}

/** A loss of its own: any function of weights and batch. See `Loss` for losses of several parts. */
export interface LossFit<P, B> extends FitOptions<P, B> {
  readonly model?: undefined;
  /** The first weights. They are copied. */
  readonly params: P;
  readonly loss: (params: Traced<P>, batch: Traced<B>, context: Context) => Loss;
}

/** A model, and a loss between its output for `x` and `y`. */
export interface ModelFit<P, X, Y> extends FitOptions<P, { readonly x: Concrete<X>; readonly y: Y }> {
  readonly model: Model<P, X>;
  /** The first weights. They are copied. Default: those of `model.init`. */
  readonly params?: P | undefined;
  readonly loss: (output: Tensor, target: Traced<Y>) => Loss;
}

export interface FitResult<P> {
  /** The last weights, or the best ones with `keepBest`. */
  readonly params: P;
  readonly history: readonly HistoryEntry[];
  /** Steps made, those before a resume included. */
  readonly steps: number;
  /** Why it ended: all steps made, the metric no longer improved, or the signal. */
  readonly stopped: "done" | "early" | "aborted";
  /** Where the best weights are from, with `keepBest`. */
  readonly best?: Best;
  /** The average of the weights after the last step, with `ema`. */
  readonly ema?: P;
}
