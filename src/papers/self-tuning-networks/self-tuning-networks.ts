/**
 * Self-tuning networks (MacKay, Vicol, Lorraine, Duvenaud, Grosse, ICLR 2019): hyperparameters of regularisation tuned by gradient within
 * one training run, through layers that respond to them.
 */
import type { Model } from "../../nn/model.ts";
import { adam } from "../../optim/adam.ts";
import type { Optimizer } from "../../optim/optimizer.ts";
import type { RunOptions } from "../../runtime/session.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { dataset } from "../../train/batches.ts";
import type { TunedInput } from "./best-response.ts";
import { checkDisjoint } from "./disjoint.ts";
import type { Hyperparameter } from "./hyperparameters.ts";
import { SelfTuner, type TunerOptions } from "./tuner.ts";

export * from "./augment.ts";
export * from "./best-response.ts";
export * from "./hyper-layers.ts";
export {
  constrained,
  entropy,
  type Hyperparameter,
  inverseSoftplus,
  softplus,
  unconstrained,
} from "./hyperparameters.ts";
export * from "./networks.ts";
export { type CycleStats, type ScheduleRow, SelfTuner, type TunerOptions } from "./tuner.ts";

/** Examples: one row of `x` and of `y` for each. */
export interface Examples {
  readonly x: NDArray;
  readonly y: NDArray;
}

/** Traced examples. */
export interface ExampleBatch {
  readonly x: Tensor;
  readonly y: Tensor;
}

export interface SelfTuningOptions<P> extends RunOptions {
  /** What is tuned: the model finds the values of row b in `values[name]`, by which it regularises itself in training. */
  readonly hyperparameters: readonly Hyperparameter[];
  readonly train: Examples;
  /** What the hyperparameters are tuned on. It may share no row with `train`. */
  readonly valid: Examples;
  /** A scalar: the mean over the rows. `nn.losses.crossEntropy` */
  readonly loss: (prediction: Tensor, y: Tensor) => Tensor;
  /** First weights. Default `model.init(key)`. */
  readonly params?: P | undefined;
  /** Rows of a batch. Default 64. */
  readonly batch?: number | undefined;
  /** Default Adam, 1e-3. */
  readonly weightOptimizer?: Optimizer | undefined;
  /** Default Adam, 3e-3, the paper's. */
  readonly hyperOptimizer?: Optimizer | undefined;
  /** Default Adam, 3e-3. Null: the scales of the perturbation are not tuned. */
  readonly scaleOptimizer?: Optimizer | null | undefined;
  /** tau. Default 1e-3, as on the command line of the official README: larger ones inflate the scales, smaller ones let them go to 0. */
  readonly entropyWeight?: number | undefined;
  /** Steps of a cycle: default 2 on the weights and 1 on the hyperparameters. */
  readonly trainSteps?: number | undefined;
  readonly validSteps?: number | undefined;
  /** First cycles that train weights only. Default 0. */
  readonly warmup?: number | undefined;
  /** For first weights, batches and perturbations. Default `random.key(0)`. */
  readonly key?: NDArray | undefined;
}

/**
 * Train a model and tune its hyperparameters in one run. The model takes `{ x, lambda, values }` and is made of `hyperDense`, `hyperConv` and
 * the like (`hyperMlp`), or is any model in `respond`.
 *
 * ```ts
 * const tuner = selfTuning(model, { hyperparameters, train, valid, loss: nn.losses.crossEntropy, warmup: 100 });
 * await tuner.run(1500);
 * tuner.values(); // { dropout: 0.43, noise: 0.51 }
 * const params = await tuner.freeze(); // of the same model with ordinary layers
 * ```
 * Throws one line where a hyperparameter does not start within its range, and where training and validation rows are shared.
 */
export function selfTuning<P>(
  model: Model<P, TunedInput>,
  o: SelfTuningOptions<P>,
): SelfTuner<P, ExampleBatch> {
  checkDisjoint(o.train, o.valid);
  const [forWeights, forBatches, forSteps] = random.split(o.key ?? random.key(0), 3) as NDArray[];
  const [trainKey, validKey] = random.split(forBatches!) as [NDArray, NDArray];
  const batch = o.batch ?? 64;
  const [train, valid] = [
    dataset(o.train, batch, "shuffle", trainKey),
    dataset(o.valid, batch, "shuffle", validKey),
  ];
  const loss: TunerOptions<P, ExampleBatch>["trainLoss"] = (params, { x, y }, told, context) =>
    o.loss(model.apply(params, { x, ...told }, context), y);
  return new SelfTuner<P, ExampleBatch>({
    params: o.params ?? model.init(forWeights!),
    hyperparameters: o.hyperparameters,
    trainLoss: loss,
    validLoss: loss,
    train: (step) => train.at(step),
    valid: (step) => valid.at(step),
    rows: [Math.min(batch, train.rows), Math.min(batch, valid.rows)],
    weightOptimizer: o.weightOptimizer ?? adam({ learningRate: 1e-3 }),
    hyperOptimizer: o.hyperOptimizer ?? adam({ learningRate: 3e-3 }),
    scaleOptimizer: o.scaleOptimizer === undefined ? adam({ learningRate: 3e-3 }) : o.scaleOptimizer,
    entropyWeight: o.entropyWeight ?? 1e-3,
    trainSteps: o.trainSteps ?? 2,
    validSteps: o.validSteps ?? 1,
    warmup: o.warmup ?? 0,
    key: forSteps!,
    device: o.device,
    threads: o.threads,
  });
}
