import { isFrozen } from "../nn/frozen.ts";
import * as losses from "../nn/losses.ts";
import type { Model } from "../nn/model.ts";
import { beforeActivation } from "../onnx/head.ts";
import type { ImportedModel, ImportedParams } from "../onnx/import.ts";
import { adam } from "../optim/adam.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { cosine } from "../optim/schedules.ts";
import type { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import * as tree from "../tensor/tree.ts";
import { fit } from "./fit.ts";
import { type Tunable, type TunerInput, withNewHead, withOwnHead } from "./head.ts";
import type { HistoryEntry } from "./journal.ts";
import { accuracy, type Metric, mse } from "./metrics.ts";
import type { FitOptions, FitResult } from "./options.ts";
import { evaluator } from "./predict.ts";

/** Losses by name. Where the model ends in the activation that goes with its loss, the loss is taken before it, from the logits. */
export const finetuneLosses = {
  crossEntropy: { of: losses.crossEntropy, activations: ["Softmax", "LogSoftmax"] },
  binaryCrossEntropy: { of: losses.binaryCrossEntropy, activations: ["Sigmoid"] },
  mse: { of: losses.mse, activations: [] },
  mae: { of: losses.mae, activations: [] },
  huber: { of: losses.huber, activations: [] },
} as const satisfies Record<
  string,
  { of: (y: Tensor, target: Tensor) => Tensor; activations: readonly string[] }
>;

export type FinetuneLoss = keyof typeof finetuneLosses;

/** Inputs (one array, or all of the model's by name) and what is to come out, a row for each example. */
export interface Examples {
  readonly x: NDArray | Readonly<Record<string, NDArray>>;
  readonly y: NDArray;
}

export interface FinetuneOptions
  extends Pick<
    FitOptions<never, never>,
    "batch" | "key" | "checkpoint" | "earlyStop" | "signal" | "onStep" | "device" | "threads"
  > {
  readonly model: ImportedModel;
  readonly data: Examples;
  /** Held-out examples: measured before the training and after every epoch; the best epoch's weights are the result. */
  readonly validation?: Examples | undefined;
  /**
   * Patterns of the names of weights to train; the others stay. Default `"**"`: all that are weights and that a gradient reaches.
   * Running statistics and constants of formulas are trained only where their exact name is given.
   */
  readonly trainable?: string | readonly string[] | undefined;
  /** A new last layer, for so many classes or values, in the place of the model's. Its weights are `head/kernel` and `head/bias`. */
  readonly head?: number | undefined;
  /** A name, or a function of output and target. Default: crossEntropy for int64 targets, else mse. */
  readonly loss?: FinetuneLoss | ((output: Tensor, target: Tensor) => Tensor) | undefined;
  /** Or a function of how many steps there will be. Default: Adam, its learning rate falling from 1e-4 to 0 along a cosine. */
  readonly optimizer?: Optimizer | ((steps: number) => Optimizer) | undefined;
  /** Default 5. */
  readonly epochs?: number | undefined;
  /** Default: accuracy for int64 targets, else mse. The first decides which epoch is the best. */
  readonly metrics?: Readonly<Record<string, Metric>> | undefined;
  /** Whether the first metric is to rise or to fall. Default: accuracy rises, others fall. */
  readonly goal?: "min" | "max" | undefined;
  readonly onEpoch?: ((entry: HistoryEntry) => void) | undefined;
}

export interface Finetuned extends Pick<FitResult<never>, "history" | "steps" | "stopped" | "best"> {
  readonly params: ImportedParams;
  /** The names of the weights that were trained. */
  readonly trained: readonly string[];
  /** The metrics of the validation examples before the first step. With a new head: those of its random weights. */
  readonly before: Readonly<Record<string, number>>;
  /** Metrics of other examples, with the tuned weights (the default) or those that the training began with. */
  evaluate(data: Examples, weights?: "tuned" | "first"): Promise<Readonly<Record<string, number>>>;
  /** The tuned model as an ONNX file. Without a new head, all but the trained weights is as it was in the file. */
  toFile(): Uint8Array;
}

/**
 * Train an imported model further on other data.
 *
 * ```ts
 * const model = importModel(bytes);
 * const tuned = await finetune({ model, data: { x, y }, head: 2, epochs: 5 });
 * const file = tuned.toFile();
 * ```
 *
 * Throws one line where a pattern matches no weight, a chosen weight cannot be trained (with the operator that is in the way), or the
 * graph cannot be followed. All else is as in `fit`.
 */
export async function finetune(options: FinetuneOptions): Promise<Finetuned> {
  const { model, data, validation, epochs = 5, batch = 64, optimizer = standard } = options;
  const [forHead, forFit] = random.split(options.key ?? random.key(0), 2) as [NDArray, NDArray];
  const tunable = options.head === undefined ? withOwnHead(model) : withNewHead(model, options.head);
  const trained = chosenWeights(tunable, options.trainable ?? "**");
  const params = divided(tunable.init(forHead), trained);
  const loss = lossOf(options);
  const tuner: Model<Divided, TunerInput> = {
    init: () => params,
    apply: (p, x, context) => beforeActivation(tunable.apply(joined(p), x, context), loss.activations),
  };
  const metrics = options.metrics ?? (data.y.dtype === "int64" ? { accuracy } : { mse });
  const { device, threads } = options;
  const steps = epochs * Math.max(1, Math.floor((data.y.shape[0] ?? 0) / batch));
  const evaluatorOf = (examples: Examples) =>
    evaluator(tuner, { data: examples as Fitted, metrics, device, threads, batch });
  const measure = async (examples: Examples, p: Divided) => {
    const evaluate = evaluatorOf(examples);
    try {
      return await evaluate(p);
    } finally {
      await evaluate.dispose();
    }
  };
  const before = validation === undefined ? {} : await measure(validation, params);
  const evaluate = validation && evaluatorOf(validation);
  try {
    const result = await fit<Divided, TunerInput, NDArray>({
      ...pick(options, ["checkpoint", "earlyStop", "signal", "onStep"]),
      model: tuner,
      data: data as Fitted,
      loss: loss.of,
      optimizer: typeof optimizer === "function" ? optimizer(steps) : optimizer,
      epochs,
      batch,
      device,
      threads,
      key: forFit,
      ...(evaluate === undefined ? {} : { evaluate, keepBest: "eval" as const }),
      goal:
        options.goal ?? (Object.keys(metrics)[0] === "accuracy" && evaluate !== undefined ? "max" : "min"),
      onEvaluate: options.onEpoch,
    });
    const tuned = joined(result.params);
    return {
      ...pick(result, ["history", "steps", "stopped", "best"]),
      params: tuned,
      trained,
      before,
      evaluate: (examples, which = "tuned") => measure(examples, which === "tuned" ? result.params : params),
      toFile: () => tunable.toFile(tuned),
    };
  } finally {
    await evaluate?.dispose();
  }
}

function standard(steps: number): Optimizer {
  return adam({ learningRate: cosine({ value: 1e-4, steps }) });
}

type Fitted = { readonly x: NDArray; readonly y: NDArray };

/** What is trained and what is not, as `fit` tells them apart. */
interface Divided {
  readonly weights: ImportedParams;
  readonly frozen: ImportedParams;
}

function divided(params: ImportedParams, trained: readonly string[]): Divided {
  const chosen = new Set(trained);
  const part = (of: boolean) =>
    Object.fromEntries(Object.entries(params).filter(([name]) => chosen.has(name) === of));
  return { weights: part(true), frozen: part(false) };
}

function joined<T>({
  weights,
  frozen,
}: {
  weights: Record<string, T>;
  frozen: Record<string, T>;
}): Record<string, T> {
  return { ...frozen, ...weights };
}

/** The names that the patterns choose. */
export function chosenWeights(
  { weights, names, untrainable }: Tunable,
  patterns: string | readonly string[],
): string[] {
  const chosen = new Set<string>();
  for (const pattern of typeof patterns === "string" ? [patterns] : patterns) {
    const found = names.includes(pattern) ? [pattern] : weights.filter((name) => tree.matches(name, pattern));
    if (found.length === 0)
      throw new RangeError(
        `finetune: no weight matches ${JSON.stringify(pattern)}: there is ${some(weights)}; paperweight inspect shows all`,
      );
    const open = found.filter((name) => !untrainable.has(name));
    const [stuck] = found;
    if (open.length === 0 || (pattern !== "**" && open.length < found.length)) {
      const first = found.find((name) => untrainable.has(name)) ?? stuck!;
      throw new Error(
        `finetune: the weight ${JSON.stringify(first)} cannot be trained: ${untrainable.get(first)}: leave it out of trainable`,
      );
    }
    for (const name of open) chosen.add(name);
  }
  const odd = [...chosen].find(isFrozen);
  if (odd !== undefined)
    throw new RangeError(
      `finetune: the weight ${JSON.stringify(odd)} has "frozen" as a part of its name, which fit does not train: rename it in the file`,
    );
  return names.filter((name) => chosen.has(name));
}

function some(names: readonly string[]): string {
  if (names.length === 0) return "none";
  return names.slice(0, 4).join(", ") + (names.length > 4 ? ` and ${names.length - 4} more` : "");
}

function lossOf({ loss, data }: FinetuneOptions): {
  of: (y: Tensor, target: Tensor) => Tensor;
  activations: readonly string[];
} {
  if (typeof loss === "function") return { of: loss, activations: [] };
  return finetuneLosses[loss ?? (data.y.dtype === "int64" ? "crossEntropy" : "mse")];
}

/** The values under these names that are there. */
function pick<T extends object, K extends keyof T>(from: T, names: readonly K[]): Pick<T, K> {
  return Object.fromEntries(names.filter((n) => from[n] !== undefined).map((n) => [n, from[n]])) as Pick<
    T,
    K
  >;
}
