import type { Context } from "../nn/model.ts";
import type { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import * as tree from "../tensor/tree.ts";
import { type BatchSource, dataset } from "./batches.ts";
import { loggers } from "./logger.ts";
import { Loop } from "./loop.ts";
import type { FitOptions, FitResult, LossFit, ModelFit } from "./options.ts";
import type { Plan } from "./plan.ts";

/**
 * Train weights: batches, one compiled step of loss, gradients and update, evaluation, early stop, checkpoints.
 *
 * ```ts
 * const { params, history } = await fit({
 *   model: nn.mlp({ sizes: [784, 128, 10], activation: "relu" }),
 *   data: { x: images, y: labels },
 *   loss: nn.losses.crossEntropy,
 *   optimizer: optim.adam({ learningRate: 1e-3 }),
 *   epochs: 5,
 * });
 * ```
 * or with a loss of one's own, on any tree of weights and of data:
 *
 * ```ts
 * const { params } = await fit({
 *   params: model.init(key),
 *   data: { branch, trunk, y },
 *   loss: (p, batch) => nn.losses.mse(model.apply(p, batch), batch.y),
 *   optimizer,
 *   steps: 50_000,
 * });
 * ```
 *
 * Values under the name `frozen` in the weights are not trained. With the same key the result is the same to the bit, also when
 * the training was stopped or killed anywhere and resumed from its checkpoint. A loss, weight or gradient that is not finite ends it with a
 * `DivergenceError`; the last good checkpoint stays.
 */
export async function fit<P, X, Y>(options: ModelFit<P, X, Y>): Promise<FitResult<P>>;
export async function fit<P, B>(options: LossFit<P, B>): Promise<FitResult<P>>;
export async function fit<P>(options: AnyFit<P>): Promise<FitResult<P>> {
  return Loop.run(planOf(options));
}

type Named = { readonly x: unknown; readonly y: unknown };
type AnyFit<P> = LossFit<P, unknown> | ModelFit<P, unknown, unknown>;

/** Every option decided. */
function planOf<P>(options: AnyFit<P>): Plan<P> {
  const key = options.key ?? random.key(0);
  const [forWeights, forOrder, forSteps] = random.split(key, 3) as [NDArray, NDArray, NDArray];
  const { params, loss } = subjectOf(options, forWeights);
  const batches = batchesOf(options as FitOptions<P, unknown>, forOrder);
  const accumulate = count("accumulate", options.accumulate ?? 1);
  const perEpoch = batches.perEpoch && batches.perEpoch / accumulate;
  const total = totalOf(options, perEpoch);
  const evalEvery = count("evalEvery", options.evalEvery ?? wholeSteps(perEpoch ?? 100));
  const average = averageOf(options);
  const { monitor = null, goal = "min", keepBest = null, earlyStop = null } = options;
  if (earlyStop !== null) count("earlyStop.patience", earlyStop.patience);
  if (keepBest === "eval" && options.evaluate === undefined)
    throw new RangeError('fit: keepBest is "eval", and there is no evaluate: give one, or use "train"');
  return {
    ...options,
    params,
    loss,
    accumulate,
    ...average,
    batchOf: batches.at,
    keyOf: (batch) => random.fold(forSteps, batch),
    total,
    evalEvery,
    logger: loggers((options.log ?? []).filter((l) => l !== undefined)),
    ...checkpointingOf(options, evalEvery),
    settings: {
      ...batches.settings,
      key: Array.from(key.data, Number),
      evalEvery,
      evaluate: options.evaluate !== undefined,
      monitor,
      goal,
      keepBest,
      earlyStop: earlyStop && { patience: earlyStop.patience, minDelta: earlyStop.minDelta ?? 0 },
      ...(accumulate === 1 ? {} : { accumulate }),
      ...(average.ema === undefined ? {} : average),
    },
  };
}

function averageOf<P>({ ema, evaluated = "current" }: AnyFit<P>): Pick<Plan<P>, "ema" | "evaluated"> {
  if (ema !== undefined && !(ema > 0 && ema < 1))
    throw new RangeError(`fit: ema is ${ema}: use a decay between 0 and 1, such as 0.999`);
  if (evaluated === "ema" && ema === undefined)
    throw new RangeError(
      'fit: evaluated is "ema", and there is no average of the weights: give ema, such as 0.999',
    );
  return { ema, evaluated };
}

/** By default the clock limits how often, unless a number of steps is asked for. */
function checkpointingOf<P>(
  { checkpointEvery, checkpointSeconds = checkpointEvery === undefined ? 10 : 0 }: AnyFit<P>,
  evalEvery: number,
): Pick<Plan<P>, "checkpointEvery" | "checkpointSeconds"> {
  if (!(checkpointSeconds >= 0))
    throw new RangeError(`fit: checkpointSeconds is ${checkpointSeconds}: use a number from 0`);
  return { checkpointEvery: count("checkpointEvery", checkpointEvery ?? evalEvery), checkpointSeconds };
}

/** What is trained, and its loss as a function of weights, batch and context. */
function subjectOf<P>(options: AnyFit<P>, key: NDArray): Pick<Plan<P>, "params" | "loss"> {
  if (options.model === undefined) return { params: options.params, loss: options.loss as Plan<P>["loss"] };
  const { model, loss } = options;
  return {
    params: options.params ?? model.init(key),
    loss: (params, batch, context: Context) => {
      const { x, y } = batch as Named;
      return loss(model.apply(params as tree.Traced<P>, x as Tensor, context), y as Tensor);
    },
  };
}

interface Batches {
  readonly at: (batch: number, key: NDArray) => unknown;
  /** Batches in an epoch. */
  readonly perEpoch?: number;
  readonly settings: Readonly<Record<string, unknown>>;
}

function batchesOf<P>(options: FitOptions<P, unknown>, key: NDArray): Batches {
  const { data, batch = 64, sampling = "shuffle" } = options;
  if (typeof data === "function") {
    if (options.batch !== undefined || options.sampling !== undefined)
      throw new RangeError(
        "fit: data is a function, which makes the batches itself: leave out batch and sampling",
      );
    return { at: data as BatchSource<unknown>, settings: { data: "a function" } };
  }
  const { at, stepsPerEpoch } = dataset(data, batch, sampling, key);
  const shapes = Object.entries(tree.toRecord(data) as unknown as Record<string, NDArray>);
  return {
    at,
    perEpoch: stepsPerEpoch,
    settings: {
      data: Object.fromEntries(shapes.map(([path, { dtype, shape }]) => [path, `${dtype}[${shape}]`])),
      batch,
      sampling,
    },
  };
}

type Duration = { readonly steps?: number | undefined; readonly epochs?: number | undefined };

function totalOf({ steps, epochs }: Duration, stepsPerEpoch: number | undefined): number {
  if ((steps === undefined) === (epochs === undefined))
    throw new RangeError("fit: give either steps or epochs, to say how long to train");
  if (steps !== undefined) return count("steps", steps);
  if (stepsPerEpoch === undefined)
    throw new RangeError("fit: data is a function and has no epochs: say how long by steps");
  return wholeSteps(count("epochs", epochs!) * stepsPerEpoch);
}

/** The last batches, too few for a step, are left out. */
function wholeSteps(steps: number): number {
  return Math.max(1, Math.floor(steps));
}

function count(option: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new RangeError(`fit: ${option} is ${value}: use a whole number from 1`);
}
