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
import { firstNotFinite, type NotFinite } from "./finite.ts";

export type Arrays = Readonly<Record<string, NDArray>>;
type Tensors = Readonly<Record<string, Tensor>>;

export type BatchLoss = (params: unknown, batch: unknown, context: Context) => Tensor;

interface Carry {
  readonly weights: Arrays;
  readonly state: State;
}

/** What changes in training, and the one graph that changes it: loss, gradients and update. */
export class Trainer<P> {
  /** What is trained, by path. */
  weights: Arrays;
  state: State;
  /** The leaves that are not, by path. A model may record new values of them, as batchNorm does. */
  fixed: Arrays;
  /** The paths of those that the model records; known once a step is traced. */
  private recorded: readonly string[] = [];
  private readonly run;
  /** The memory of the weights that the last step started from. It is intact until the next step. */
  private before: readonly TypedArray[] = [];

  constructor(
    private readonly params: P,
    private readonly loss: BatchLoss,
    optimizer: Optimizer,
    private readonly options: RunOptions,
  ) {
    const all = tree.toRecord(params) as Readonly<Record<string, unknown>>;
    const trained = trainable(params) as Readonly<Record<string, unknown>>;
    this.weights = copies(checkedWeights(trained));
    const rest = Object.entries(all).filter(([path, leaf]) => !(path in trained) && leaf instanceof NDArray);
    this.fixed = Object.fromEntries(rest) as Arrays;
    this.state = optimizer.init(this.weights);
    this.run = compile(
      (carry: { weights: Tensors; state: TracedState }, fixed: Tensors, batch: unknown, key: Tensor) => {
        const next: Record<string, Tensor> = {};
        const [loss, gradients] = this.valueAndGradients(carry.weights, fixed, batch, key, next);
        this.recorded = Object.keys(next);
        const { updates, state } = optimizer.update<Tensors>(gradients, carry.state, carry.weights);
        return { loss, weights: applyUpdates(carry.weights, updates), state, fixed: next };
      },
      { ...options, donate: [0] },
    ) as unknown as {
      (
        carry: Carry,
        fixed: Arrays,
        batch: unknown,
        key: NDArray,
      ): Promise<Carry & { loss: NDArray; fixed: Arrays }>;
      graph(carry: Carry, fixed: Arrays, batch: unknown, key: NDArray): ReturnType<Compiled["graph"]>;
      dispose(): Promise<void>;
    };
  }

  /** Make a step and return the loss before it. */
  async step(batch: unknown, key: NDArray): Promise<number> {
    this.before = Object.values(this.weights).map((w) => w.data);
    const out = await this.run({ weights: this.weights, state: this.state }, this.fixed, batch, key);
    this.weights = out.weights;
    this.state = out.state;
    this.fixed = { ...this.fixed, ...out.fixed };
    return out.loss.item();
  }

  /** The graph of a step for batches like this one. */
  graph(batch: unknown, key: NDArray) {
    return this.run.graph({ weights: this.weights, state: this.state }, this.fixed, batch, key);
  }

  /** What a step changes: the weights, and what the model records. */
  get changing(): Arrays {
    return { ...this.weights, ...Object.fromEntries(this.recorded.map((p) => [p, this.fixed[p]!])) };
  }

  /** The leaves that stay as they are. */
  get constant(): Arrays {
    return Object.fromEntries(Object.entries(this.fixed).filter(([p]) => !this.recorded.includes(p)));
  }

  /** All weights. What is trained lasts until the next step: copy what is to be kept. */
  current(changing: Arrays = this.changing): P {
    return withTrainable<P>(this.params, changing);
  }

  /** Why the step just made went wrong: the first place that is not finite. */
  async diagnose(batch: unknown, key: NDArray): Promise<string> {
    const inBatch = firstNotFinite(batch);
    if (inBatch !== undefined) return `the batch ${describe(inBatch)}`;
    const started = Object.entries(this.weights).map(([path, { shape, dtype }], i) => {
      return [path, new NDArray(this.before[i]!.slice(), shape, dtype)] as const;
    });
    const weights: Arrays = Object.fromEntries(started);
    const inWeights = firstNotFinite(weights);
    if (inWeights !== undefined) return `the weight ${describe(inWeights)} since an earlier update`;
    const gradientsOf = compile(
      (w: Tensors, fixed: Tensors, b: unknown, k: Tensor) => this.valueAndGradients(w, fixed, b, k)[1],
      this.options,
    ) as unknown as { (...args: unknown[]): Promise<Arrays>; dispose(): Promise<void> };
    const inGradients = firstNotFinite(await gradientsOf(weights, this.fixed, batch, key));
    await gradientsOf.dispose();
    if (inGradients !== undefined) return `the gradient of ${describe(inGradients)}`;
    const after = firstNotFinite(this.weights);
    return after === undefined ? "all gradients are finite" : `the update of ${describe(after)}`;
  }

  async dispose(): Promise<void> {
    await this.run.dispose();
  }

  private valueAndGradients(
    weights: Tensors,
    fixed: Tensors,
    batch: unknown,
    key: Tensor,
    next: Record<string, Tensor> = {},
  ) {
    const paths = new Map(Object.entries(fixed).map(([path, leaf]) => [leaf, path]));
    const record = (leaf: Tensor, value: Tensor) => {
      const path = paths.get(leaf);
      if (path === undefined) throw new RangeError(notFrozen(leaf));
      next[path] = value;
    };
    const loss = (w: Tensors) =>
      this.loss(withTrainable(this.params, { ...fixed, ...w }), batch, { training: true, key, record });
    return valueAndGrad(loss)(weights);
  }
}

type Compiled = ReturnType<typeof compile>;

export function copies(arrays: Arrays): Arrays {
  return Object.fromEntries(Object.entries(arrays).map(([path, w]) => [path, w.copy()]));
}

function checkedWeights(weights: Readonly<Record<string, unknown>>): Arrays {
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
  return weights as Arrays;
}

function notFrozen(leaf: Tensor): string {
  return `fit: the model records a new value of ${leaf}, which is no frozen leaf of its weights: record those only`;
}

function describe({ path, value }: NotFinite): string {
  return `"${path}" is the first that is not finite (${value})`;
}
