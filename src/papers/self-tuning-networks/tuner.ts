/**
 * The alternating optimisation of the paper's algorithm 1, for any training and validation loss: steps on the weights phi with perturbed
 * hyperparameters, and steps on the hyperparameters and the scales of the perturbation through the best response.
 */
import { trainable, withTrainable } from "../../nn/frozen.ts";
import type { Context } from "../../nn/model.ts";
import { applyUpdates, type Optimizer, type State, type TracedState } from "../../optim/optimizer.ts";
import { compile } from "../../runtime/compile.ts";
import type { RunOptions } from "../../runtime/session.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { stopGradient, valueAndGrad } from "../../tensor/transforms.ts";
import type { Concrete, Traced } from "../../tensor/tree.ts";
import * as tree from "../../tensor/tree.ts";
import type { BatchSource } from "../../train/batches.ts";
import { freezeAt, type Told } from "./best-response.ts";
import {
  checkHyperparameters,
  constrained,
  entropy,
  type Hyperparameter,
  inverseSoftplus,
  perturbation,
  scaleOf,
  softplus,
  unconstrained,
  valuesOf,
} from "./hyperparameters.ts";

export interface TunerOptions<P, B> extends RunOptions {
  /** First weights phi: those of hyper-layers, or of `bestResponse`. */
  readonly params: P;
  readonly hyperparameters: readonly Hyperparameter[];
  /** f(lambda + eps, phi), a scalar: the mean over the examples of the batch, row b with the hyperparameters told for it. */
  readonly trainLoss: (params: Traced<P>, batch: B, told: Told, context: Context) => Tensor;
  /** F(lambda + eps, phi). Its derivative reaches lambda through `told.lambda` alone: the values in `told` have none. */
  readonly validLoss: (params: Traced<P>, batch: B, told: Told, context: Context) => Tensor;
  readonly train: BatchSource<Concrete<B>>;
  readonly valid: BatchSource<Concrete<B>>;
  /** Perturbations in a training step, and in a validation step: the rows of its batch. */
  readonly rows: readonly [train: number, valid: number];
  readonly weightOptimizer: Optimizer;
  readonly hyperOptimizer: Optimizer;
  /** Null: the scales stay as they are, and validation steps see the mean lambda, as in the official code. */
  readonly scaleOptimizer: Optimizer | null;
  /** tau, the weight of the perturbation's entropy in a validation step. */
  readonly entropyWeight: number;
  /** Steps of a cycle. */
  readonly trainSteps: number;
  readonly validSteps: number;
  /** First cycles without validation steps. */
  readonly warmup: number;
  readonly key: NDArray;
}

/** The hyperparameters after a cycle. */
export interface ScheduleRow {
  readonly cycle: number;
  /** Values r(lambda), by name. */
  readonly values: Readonly<Record<string, number>>;
  /** Standard deviations of the perturbation of lambda, by name. */
  readonly scales: Readonly<Record<string, number>>;
}

export interface CycleStats {
  readonly cycle: number;
  /** Mean training loss of its steps, and mean validation loss (NaN in the warm-up). Both with perturbations. */
  readonly trainLoss: number;
  readonly validLoss: number;
}

type Arrays = Readonly<Record<string, NDArray>>;
type Tensors = Readonly<Record<string, Tensor>>;

/** What a validation step trains: `lambda` [n], and `raw` [n], the inverse softplus of the scales. */
type HyperValues = Readonly<Record<"lambda" | "raw", Tensor>>;

export class SelfTuner<P, B> {
  /** Cycles made. */
  cycle = 0;
  /** The hyperparameters at the start and after every cycle. */
  readonly schedule: ScheduleRow[] = [];
  private weights: { readonly values: Arrays; readonly state: State };
  private hyper: { readonly values: Record<"lambda" | "raw", NDArray>; readonly states: State };
  private readonly fixed: Arrays;
  private readonly keys: { readonly train: NDArray; readonly valid: NDArray };
  private readonly trainStep;
  private readonly validStep;
  private readonly validLossAt;

  constructor(private readonly o: TunerOptions<P, B>) {
    checkHyperparameters(o.hyperparameters);
    const values = tree.map((w) => (w as NDArray).copy(), trainable(o.params)) as unknown as Arrays;
    const all = tree.toRecord(o.params) as Arrays;
    this.fixed = Object.fromEntries(Object.entries(all).filter(([path]) => !(path in values)));
    this.weights = { values, state: o.weightOptimizer.init(values) };
    const dtype = Object.values(values)[0]?.dtype ?? "float32";
    const lambda = o.hyperparameters.map((h) => unconstrained(h, h.init));
    const raw = o.hyperparameters.map((h) => inverseSoftplus(scaleOf(h)));
    const first = { lambda: NDArray.from(lambda, dtype), raw: NDArray.from(raw, dtype) };
    const scaleState = o.scaleOptimizer?.init({ raw: first.raw }) ?? {};
    this.hyper = {
      values: first,
      states: { lambda: o.hyperOptimizer.init({ lambda: first.lambda }), raw: scaleState },
    };
    const [train, valid] = random.split(o.key) as [NDArray, NDArray];
    this.keys = { train, valid };
    const { device, threads = 1 } = o;
    const options = { device, threads, donate: [0] };
    this.trainStep = compile(this.traceTrainStep.bind(this), options);
    this.validStep = compile(this.traceValidStep.bind(this), options);
    this.validLossAt = compile(this.traceEvaluation.bind(this), { device, threads });
    this.record();
  }

  /** One cycle: training steps, then, after the warm-up, validation steps. */
  async step(): Promise<CycleStats> {
    const { o } = this;
    const losses: [number[], number[]] = [[], []];
    for (let i = 0; i < o.trainSteps; i++) {
      const step = this.cycle * o.trainSteps + i;
      const key = random.fold(this.keys.train, step);
      const batch = await o.train(step, key);
      const out = await this.trainStep(this.weights, this.fixed, this.hyper.values, batch as never, key);
      this.weights = { values: out.values, state: out.state as unknown as State };
      losses[0].push(out.loss.item());
    }
    for (let i = 0; i < o.validSteps && this.cycle >= o.warmup; i++) {
      const step = this.cycle * o.validSteps + i;
      const key = random.fold(this.keys.valid, step);
      const batch = await o.valid(step, key);
      const out = await this.validStep(this.hyper, this.weights.values, this.fixed, batch as never, key);
      this.hyper = { values: out.values, states: out.states as unknown as State };
      losses[1].push(out.loss.item());
    }
    this.cycle++;
    this.record();
    const mean = (list: number[]) => list.reduce((a, b) => a + b, 0) / list.length;
    return { cycle: this.cycle, trainLoss: this.finite(mean(losses[0])), validLoss: mean(losses[1]) };
  }

  /** Make cycles until there are `cycles`; `onCycle` is awaited after each. Throws the reason of `signal` where it is aborted. */
  async run(
    cycles: number,
    { signal, onCycle }: { signal?: AbortSignal; onCycle?(stats: CycleStats): unknown } = {},
  ): Promise<void> {
    while (this.cycle < cycles) {
      signal?.throwIfAborted();
      const stats = await this.step();
      await onCycle?.(stats);
    }
  }

  /** The validation loss on this batch at the mean lambda, without dropout or augmentation. */
  async evaluate(batch: Concrete<B>): Promise<number> {
    const { lambda } = this.hyper.values;
    return (await this.validLossAt(this.weights.values, this.fixed, lambda, batch as never)).item();
  }

  /** Mean lambda [n]. Not a copy: it lasts until the next step. */
  get lambda(): NDArray {
    return this.hyper.values.lambda;
  }

  /** phi. Not a copy: it lasts until the next step. */
  get params(): P {
    return withTrainable<P>(this.o.params, this.weights.values);
  }

  /** The hyperparameters r(lambda) by name. */
  values(): Record<string, number> {
    return this.byName(this.hyper.values.lambda, (l, h) => constrained(h, l));
  }

  /** Standard deviations of the perturbation of lambda, by name. */
  scales(): Record<string, number> {
    return this.byName(this.hyper.values.raw, softplus);
  }

  /** Ordinary weights at the mean lambda: those of the same model with ordinary layers. */
  async freeze(): Promise<unknown> {
    return freezeAt(
      tree.map((w) => (w as NDArray).copy(), this.params),
      this.lambda.copy(),
    );
  }

  async dispose(): Promise<void> {
    await Promise.all([this.trainStep.dispose(), this.validStep.dispose(), this.validLossAt.dispose()]);
  }

  private traceTrainStep(
    weights: { values: Tensors; state: TracedState },
    fixed: Tensors,
    hyper: HyperValues,
    batch: B,
    key: Tensor,
  ) {
    const { o } = this;
    const [forNoise, forModel] = random.split(key) as [Tensor, Tensor];
    const lambda = this.perturbed(hyper, forNoise, o.rows[0]);
    const loss = (values: Tensors) =>
      o.trainLoss(this.assemble(values, fixed), batch, this.told(lambda), { training: true, key: forModel });
    const [value, gradients] = valueAndGrad(loss)(weights.values);
    const { updates, state } = o.weightOptimizer.update<Tensors>(gradients, weights.state, weights.values);
    return { loss: value, values: applyUpdates(weights.values, updates), state };
  }

  private traceValidStep(
    hyper: { values: HyperValues; states: TracedState },
    weights: Tensors,
    fixed: Tensors,
    batch: B,
    key: Tensor,
  ) {
    const { o } = this;
    const before: HyperValues = hyper.values;
    const objective = (h: Partial<HyperValues> & { lambda: Tensor }) => {
      const raw = h.raw ?? before.raw;
      const lambda =
        h.raw === undefined
          ? h.lambda.unsqueeze(0)
          : this.perturbed({ lambda: h.lambda, raw }, key, o.rows[1]);
      const loss = o.validLoss(this.assemble(weights, fixed), batch, this.told(lambda), { training: false });
      return loss.sub(entropy(raw.softplus()).mul(o.entropyWeight));
    };
    const trained = o.scaleOptimizer === null ? { lambda: before.lambda } : before;
    const [value, gradients] = valueAndGrad(objective)(trained as HyperValues);
    const g = gradients as unknown as HyperValues;
    const states = hyper.states as { lambda: TracedState; raw: TracedState };
    const forLambda = o.hyperOptimizer.update({ lambda: g.lambda }, states.lambda, { lambda: before.lambda });
    const forRaw = o.scaleOptimizer?.update({ raw: g.raw }, states.raw, { raw: before.raw });
    return {
      loss: value.add(entropy(before.raw.softplus()).mul(o.entropyWeight)),
      values: {
        lambda: before.lambda.add(forLambda.updates.lambda),
        raw: forRaw === undefined ? before.raw : before.raw.add(forRaw.updates.raw),
      },
      states: { lambda: forLambda.state, raw: forRaw?.state ?? {} },
    };
  }

  private traceEvaluation(weights: Tensors, fixed: Tensors, lambda: Tensor, batch: B): Tensor {
    const told = this.told(lambda.unsqueeze(0));
    return this.o.validLoss(this.assemble(weights, fixed), batch, told, { training: false });
  }

  /** lambda + eps, [rows, n]. */
  private perturbed({ lambda, raw }: HyperValues, key: Tensor, rows: number): Tensor {
    const [own, common] = random.split(key) as [Tensor, Tensor];
    const dtype = lambda.dtype as "float32";
    const draw = (r: number, n: number, shared: boolean) =>
      random.normal(shared ? common : own, [r, n], dtype);
    return lambda.add(perturbation(this.o.hyperparameters, draw, rows).mul(raw.softplus()));
  }

  private told(lambda: Tensor): Told {
    return { lambda, values: valuesOf(this.o.hyperparameters, stopGradient(lambda)) };
  }

  private assemble(weights: Tensors, fixed: Tensors): Traced<P> {
    return withTrainable<Traced<P>>(this.o.params, { ...fixed, ...weights });
  }

  private byName(array: NDArray, f: (value: number, h: Hyperparameter) => number): Record<string, number> {
    const entries = this.o.hyperparameters.map((h, i) => [h.name, f(Number(array.data[i]), h)] as const);
    return Object.fromEntries(entries);
  }

  private record(): void {
    this.schedule.push({ cycle: this.cycle, values: this.values(), scales: this.scales() });
  }

  private finite(loss: number): number {
    if (Number.isFinite(loss)) return loss;
    throw new RangeError(
      `selfTuning: at cycle ${this.cycle} the training loss is ${loss}: try a smaller learning rate or optim.clipByGlobalNorm, and look for bad values in the data`,
    );
  }
}
