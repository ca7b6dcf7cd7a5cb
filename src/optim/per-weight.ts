/** Optimizers that treat each number of each weight by itself: what they remember for it, and how they step. */
import type { DType } from "../tensor/dtype.ts";
import { NDArray } from "../tensor/ndarray.ts";
import { concat, split } from "../tensor/operators/movement.ts";
import { sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import * as tree from "../tensor/tree.ts";
import type { Optimizer, State, TracedState } from "./optimizer.ts";

type Values<Name extends string> = Readonly<Record<Name, Tensor>>;

export interface Rule<Slot extends string, Coefficient extends string> {
  /** Arrays like the weight, 0 at first. */
  readonly slots: readonly Slot[];
  /** Scalars that all weights share, formed once a step in float64. `step` is 0 at the first. */
  coefficients(step: Tensor): Values<Coefficient>;
  /** Elementwise. The coefficients have the dtype of the weight here. */
  update(
    gradient: Tensor,
    slots: Values<Slot>,
    coefficients: Values<Coefficient>,
    weight: Tensor,
  ): { readonly update: Tensor; readonly slots: Values<Slot> };
}

/** Weights of up to so many numbers are updated together, as one vector: an operator on few numbers costs as much as its call. */
const SMALL = 16_384;

/** Weights that are updated by the same operators. */
interface Batch {
  /** Of its slots in the state: a weight's own path, or that of the vector. */
  readonly name: string;
  readonly paths: readonly string[];
}

interface Sized {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/**
 * The state is `{ step, ...slots }`: an int64 scalar, and for each slot a record by weight, where all small weights of a dtype
 * make one vector.
 */
export function perWeight<S extends string, C extends string>(rule: Rule<S, C>): Optimizer {
  const batchesOf = (weights: Readonly<Record<string, Sized>>) =>
    rule.slots.length === 0 ? Object.keys(weights).map(alone) : batches(weights);
  return {
    init: (params) => {
      const weights = tree.toRecord(params) as Record<string, NDArray>;
      const zeros = (): State =>
        Object.fromEntries(batchesOf(weights).map((b) => [b.name, zerosLike(b, weights)]));
      return {
        step: NDArray.scalar(0, "int64"),
        ...Object.fromEntries(rule.slots.map((slot) => [slot, zeros()])),
      };
    },
    update: (gradients, state, params) => {
      const before = state as Readonly<Record<S, Readonly<Record<string, Tensor>>>> & { step: Tensor };
      const weights = tree.toRecord(params) as Record<string, Tensor>;
      const slopes = tree.toRecord(gradients) as Record<string, Tensor>;
      const coefficients = rule.coefficients(before.step.cast("float64"));
      const updates: Record<string, Tensor> = {};
      const after = new Map(rule.slots.map((slot) => [slot, {} as Record<string, Tensor>]));
      for (const batch of batchesOf(weights)) {
        const weight = joined(batch, weights);
        const own = Object.fromEntries(rule.slots.map((s) => [s, before[s][batch.name]!])) as Values<S>;
        const made = rule.update(joined(batch, slopes), own, castAll(coefficients, weight), weight);
        for (const [slot, values] of after) values[batch.name] = made.slots[slot];
        Object.assign(updates, parted(batch, made.update, weights));
      }
      return {
        updates: tree.fromRecord(params, updates) as unknown as typeof params,
        state: { step: before.step.add(1), ...Object.fromEntries(after) } as TracedState,
      };
    },
  };
}

const alone = (path: string): Batch => ({ name: path, paths: [path] });

function batches(weights: Readonly<Record<string, Sized>>): Batch[] {
  const small = new Map<DType, string[]>();
  const own: Batch[] = [];
  for (const [path, { shape, dtype }] of Object.entries(weights)) {
    if (sizeOf(shape) > SMALL) own.push(alone(path));
    else small.set(dtype, [...(small.get(dtype) ?? []), path]);
  }
  const together = [...small].map(([dtype, paths]) =>
    paths.length === 1 ? alone(paths[0]!) : { name: `small:${dtype}`, paths },
  );
  return [...own, ...together];
}

function zerosLike({ paths }: Batch, weights: Readonly<Record<string, NDArray>>): NDArray {
  const { shape, dtype } = weights[paths[0]!]!;
  const total = paths.reduce((n, path) => n + weights[path]!.size, 0);
  return NDArray.zeros(paths.length === 1 ? shape : [total], dtype);
}

function joined({ paths }: Batch, values: Readonly<Record<string, Tensor>>): Tensor {
  return paths.length === 1 ? values[paths[0]!]! : concat(paths.map((path) => values[path]!.flatten()));
}

function parted(
  { paths }: Batch,
  vector: Tensor,
  like: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> {
  if (paths.length === 1) return { [paths[0]!]: vector };
  const parts = split(
    vector,
    paths.map((path) => like[path]!.size),
  );
  return Object.fromEntries(paths.map((path, i) => [path, parts[i]!.reshape(like[path]!.shape)]));
}

function castAll<C extends string>(coefficients: Values<C>, like: Tensor): Values<C> {
  const cast = Object.entries<Tensor>(coefficients).map(([name, value]) => [name, value.cast(like.dtype)]);
  return Object.fromEntries(cast) as Values<C>;
}
