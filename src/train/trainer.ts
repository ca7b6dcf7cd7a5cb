import { trainable, withTrainable } from "../nn/frozen.ts";
import type { Context } from "../nn/model.ts";
import { applyUpdates, type Optimizer, type State, type TracedState } from "../optim/optimizer.ts";
import { compile } from "../runtime/compile.ts";
import type { RunOptions } from "../runtime/session.ts";
import { isFloat, type TypedArray } from "../tensor/dtype.ts";
import { NDArray } from "../tensor/ndarray.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { valueAndGrad } from "../tensor/transforms.ts";
import * as tree from "../tensor/tree.ts";
import { type Arrays, copies, mapArrays } from "./arrays.ts";
import { averageOf } from "./average.ts";
import { firstNotFinite, type NotFinite } from "./finite.ts";
import { type Loss, sumOfTerms } from "./terms.ts";

type Tensors = Readonly<Record<string, Tensor>>;

export type BatchLoss = (params: unknown, batch: unknown, context: Context) => Loss;

/** The loss of a batch, and its parts. */
export interface BatchValue {
  readonly loss: number;
  readonly parts: Readonly<Record<string, number>>;
}

/** What a step is. */
export interface StepForm {
  /** Batches in a step. */
  readonly accumulate: number;
  /** The decay of the average of the weights; undefined: none is kept. */
  readonly ema: number | undefined;
}

/** What changes in training, and the graphs that change it: loss, gradients and update; or loss and sums of gradients. */
export class Trainer<P> {
  /** What is trained, by path. */
  weights: Arrays;
  state: State;
  /** The leaves that are not, by path. A model may record new values of them, as batchNorm does. */
  fixed: Arrays;
  /** The sums of the gradients of a step under way; none where a step is one batch. */
  sums: Arrays = {};
  /** The averages of the weights and of what the model records; none where they are not kept. */
  private average: Arrays = {};
  private averageFixed: Arrays = {};
  /** The paths of the leaves that the model records; known once a step is traced. */
  private recorded: readonly string[] = [];
  private readonly run;
  private readonly gatherInto;
  /** The memory of the weights that the last step started from. It is intact until the next step. */
  private before: readonly TypedArray[] = [];

  constructor(
    private readonly params: P,
    private readonly loss: BatchLoss,
    optimizer: Optimizer,
    private readonly form: StepForm,
    private readonly options: RunOptions,
  ) {
    const all = tree.toRecord(params) as Readonly<Record<string, unknown>>;
    const trained = trainable(params) as Readonly<Record<string, unknown>>;
    checkWeights(trained);
    this.weights = copies(trained as Arrays);
    const rest = Object.entries(all).filter(([path, leaf]) => !(path in trained) && leaf instanceof NDArray);
    this.fixed = Object.fromEntries(rest) as Arrays;
    this.state = optimizer.init(this.weights);
    if (form.accumulate > 1) this.sums = mapArrays((w) => NDArray.zeros(w.shape, w.dtype), this.weights);
    if (form.ema !== undefined) {
      this.average = copies(this.weights);
      this.averageFixed = this.fixed;
    }
    this.run = this.compileStep(optimizer);
    this.gatherInto = this.compileGather();
  }

  /** Make a step with this batch, and with those that were gathered. Returns the loss of the batch before it. */
  async step(batch: unknown, key: NDArray, step: number): Promise<BatchValue> {
    this.keepBefore();
    const out = await this.run(...this.inputs(batch, key, step));
    this.weights = out.weights;
    this.state = out.state;
    this.fixed = { ...this.fixed, ...out.fixed };
    this.average = out.average;
    this.averageFixed = { ...this.averageFixed, ...out.averageFixed };
    for (const sum of Object.values(this.sums)) (sum.data as Float32Array).fill(0);
    return batchValue(out);
  }

  /** Add the gradients of this batch to the sums. The weights stay. */
  async gather(batch: unknown, key: NDArray, step: number): Promise<BatchValue> {
    this.keepBefore();
    const out = await this.gatherInto(this.sums, this.weights, this.fixed, batch, key, scalar(step));
    this.sums = out.sums;
    this.fixed = { ...this.fixed, ...out.fixed };
    return batchValue(out);
  }

  /** The graph of a step for batches like this one. */
  graph(batch: unknown, key: NDArray) {
    return this.run.graph(...this.inputs(batch, key, 0));
  }

  /** What a step changes: the weights, and what the model records. */
  get changing(): Arrays {
    return { ...this.weights, ...this.recordedOf(this.fixed) };
  }

  /** The averages of what a step changes. */
  get averaged(): Arrays {
    return { ...this.average, ...this.recordedOf(this.averageFixed) };
  }

  /** The leaves that stay as they are. */
  get constant(): Arrays {
    return Object.fromEntries(Object.entries(this.fixed).filter(([p]) => !this.recorded.includes(p)));
  }

  /** All weights. What is trained lasts until the next step: copy what is to be kept. */
  current(changing: Arrays = this.changing): P {
    return withTrainable<P>(this.params, changing);
  }

  /** All that a training goes on from, by group and path. */
  snapshot(): Readonly<Record<"params" | "state" | "ema" | "sum", Arrays>> {
    return {
      params: { ...this.fixed, ...this.weights },
      state: tree.toRecord(this.state as unknown) as Arrays,
      ema: this.form.ema === undefined ? {} : this.averaged,
      sum: this.sums,
    };
  }

  /** Go on from a snapshot of an equal training, once a step is traced. The sums may be missing, where they are 0. */
  restore(from: ReturnType<Trainer<P>["snapshot"]>): void {
    this.weights = mapArrays((_, path) => from.params[path]!, this.weights);
    this.fixed = mapArrays((_, path) => from.params[path]!, this.fixed);
    this.state = tree.fromRecord(this.state as unknown, from.state) as unknown as State;
    this.sums = mapArrays((zeros, path) => from.sum[path] ?? zeros, this.sums);
    this.average = mapArrays((_, path) => from.ema[path]!, this.average);
    this.averageFixed = mapArrays((_, path) => from.ema[path] ?? this.fixed[path]!, this.averageFixed);
  }

  /** Why the step just made went wrong: the first place that is not finite. */
  async diagnose(batch: unknown, key: NDArray, step: number): Promise<string> {
    const inBatch = firstNotFinite(batch);
    if (inBatch !== undefined) return `the batch ${describe(inBatch)}`;
    const started = Object.entries(this.weights).map(([path, { shape, dtype }], i) => {
      return [path, new NDArray(this.before[i]!.slice(), shape, dtype)] as const;
    });
    const weights: Arrays = Object.fromEntries(started);
    const inWeights = firstNotFinite(weights);
    if (inWeights !== undefined) return `the weight ${describe(inWeights)} since an earlier update`;
    const gradientsOf = compile(
      (w: Tensors, fixed: Tensors, b: unknown, k: Tensor, s: Tensor) =>
        this.differentiate(w, fixed, b, k, s).gradients,
      this.options,
    ) as unknown as { (...args: unknown[]): Promise<Arrays>; dispose(): Promise<void> };
    const inGradients = firstNotFinite(await gradientsOf(weights, this.fixed, batch, key, scalar(step)));
    await gradientsOf.dispose();
    if (inGradients !== undefined) return `the gradient of ${describe(inGradients)}`;
    const after = firstNotFinite(this.weights);
    return after === undefined ? "all gradients are finite" : `the update of ${describe(after)}`;
  }

  async dispose(): Promise<void> {
    await Promise.all([this.run.dispose(), this.gatherInto.dispose()]);
  }

  private compileStep(optimizer: Optimizer) {
    const { accumulate, ema } = this.form;
    const mean = (gradients: Tensors, sums: Tensors): Tensors =>
      accumulate === 1 ? gradients : tree.map((g, s) => g.add(s).div(accumulate), gradients, sums);
    const averaged = (average: Tensors, values: Tensors, step: Tensor) =>
      ema === undefined ? {} : averageOf(average, values, ema, step);
    type Carry<A, S> = { readonly weights: A; readonly state: S; readonly average: A };
    const step = (
      carry: Carry<Tensors, TracedState>,
      fixed: Tensors,
      batch: unknown,
      key: Tensor,
      count: Tensor,
      sums: Tensors,
      averageFixed: Tensors,
    ) => {
      const next: Record<string, Tensor> = {};
      const { gradients, ...value } = this.differentiate(carry.weights, fixed, batch, key, count, next);
      this.recorded = Object.keys(next);
      const made = optimizer.update(mean(gradients, sums), carry.state, carry.weights);
      const weights = applyUpdates(carry.weights, made.updates);
      return {
        ...value,
        weights,
        state: made.state,
        fixed: next,
        average: averaged(carry.average, weights, count),
        averageFixed: averaged(averageFixed, next, count),
      };
    };
    type Out = Carry<Arrays, State> & CompiledValue & { fixed: Arrays; averageFixed: Arrays };
    return compile(step, { ...this.options, donate: [0] }) as unknown as Runs<
      ReturnType<Trainer<P>["inputs"]>,
      Out
    >;
  }

  private compileGather() {
    const gather = (
      sums: Tensors,
      weights: Tensors,
      fixed: Tensors,
      batch: unknown,
      key: Tensor,
      step: Tensor,
    ) => {
      const next: Record<string, Tensor> = {};
      const { gradients, ...value } = this.differentiate(weights, fixed, batch, key, step, next);
      return { ...value, sums: tree.map((s, g) => s.add(g), sums, gradients) as Tensors, fixed: next };
    };
    return compile(gather, { ...this.options, donate: [0] }) as unknown as Runs<
      [Arrays, Arrays, Arrays, unknown, NDArray, NDArray],
      CompiledValue & { sums: Arrays; fixed: Arrays }
    >;
  }

  private inputs(batch: unknown, key: NDArray, step: number) {
    const carry = { weights: this.weights, state: this.state, average: this.average };
    return [carry, this.fixed, batch, key, scalar(step), this.sums, this.averageFixed] as const;
  }

  private keepBefore(): void {
    this.before = Object.values(this.weights).map((w) => w.data);
  }

  private recordedOf(arrays: Arrays): Arrays {
    return Object.fromEntries(this.recorded.filter((p) => p in arrays).map((p) => [p, arrays[p]!]));
  }

  private differentiate(
    weights: Tensors,
    fixed: Tensors,
    batch: unknown,
    key: Tensor,
    step: Tensor,
    next: Record<string, Tensor> = {},
  ) {
    const paths = new Map(Object.entries(fixed).map(([path, leaf]) => [leaf, path]));
    const record = (leaf: Tensor, value: Tensor) => {
      const path = paths.get(leaf);
      if (path === undefined) throw new RangeError(notFrozen(leaf));
      next[path] = value;
    };
    let parts: Tensors = {};
    const [loss, gradients] = valueAndGrad((w: Tensors) => {
      const all = withTrainable(this.params, { ...fixed, ...w });
      const made = sumOfTerms(this.loss(all, batch, { training: true, key, record }), step);
      parts = made.parts;
      return made.loss;
    })(weights);
    return { loss, parts, gradients };
  }
}

interface CompiledValue {
  readonly loss: NDArray;
  readonly parts: Arrays;
}

interface Runs<A extends readonly unknown[], R> {
  (...args: A): Promise<R>;
  graph(...args: A): ReturnType<ReturnType<typeof compile>["graph"]>;
  dispose(): Promise<void>;
}

function scalar(step: number): NDArray {
  return NDArray.scalar(step, "float64");
}

function batchValue({ loss, parts }: CompiledValue): BatchValue {
  const values = Object.entries(parts).map(([name, part]) => [name, part.item()]);
  return { loss: loss.item(), parts: Object.fromEntries(values) };
}

function notFrozen(leaf: Tensor): string {
  return `fit: the model records a new value of ${leaf}, which is no frozen leaf of its weights: record those only`;
}

function describe({ path, value }: NotFinite): string {
  return `"${path}" is the first that is not finite (${value})`;
}

function checkWeights(weights: Readonly<Record<string, unknown>>): void {
  if (Object.keys(weights).length === 0)
    throw new RangeError(
      "fit: params has nothing to train: every leaf is under the name frozen, or there is none",
    );
  for (const [path, w] of Object.entries(weights)) {
    if (w instanceof NDArray && isFloat(w.dtype)) continue;
    const what = w instanceof NDArray ? w.dtype : typeof w;
    throw new TypeError(
      `fit: the weight "${path}" is ${what}: only float arrays can be trained; put others under the name frozen`,
    );
  }
}
