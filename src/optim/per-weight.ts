/** Optimizers that treat each weight by itself: what they remember for a weight, and how they step. */
import { NDArray } from "../tensor/ndarray.ts";
import type { Tensor } from "../tensor/tensor.ts";
import * as tree from "../tensor/tree.ts";
import type { Optimizer, State, TracedState } from "./optimizer.ts";

type Values<Name extends string> = Readonly<Record<Name, Tensor>>;

export interface Rule<Slot extends string, Coefficient extends string> {
  /** Arrays like the weight, 0 at first. */
  readonly slots: readonly Slot[];
  /** Scalars that all weights share, formed once a step in float64. `step` is 0 at the first. */
  coefficients(step: Tensor): Values<Coefficient>;
  /** The coefficients have the dtype of the weight here. */
  update(
    gradient: Tensor,
    slots: Values<Slot>,
    coefficients: Values<Coefficient>,
    weight: Tensor,
  ): { readonly update: Tensor; readonly slots: Values<Slot> };
}

/** The state is `{ step, ...slots }`: an int64 scalar, and a tree like the weights for each slot. */
export function perWeight<S extends string, C extends string>(rule: Rule<S, C>): Optimizer {
  return {
    init: (params) => {
      const slots = rule.slots.map((slot) => [slot, tree.map(zerosLike, params) as NDArray | State] as const);
      return { step: NDArray.scalar(0, "int64"), ...Object.fromEntries(slots) };
    },
    update: (gradients, state, params) => {
      const before: Readonly<Record<string, unknown>> = state;
      const step = before.step as Tensor;
      const coefficients = rule.coefficients(step.cast("float64"));
      const slots = rule.slots.map((slot) => tree.toRecord(before[slot]) as Record<string, Tensor>);
      const weights = tree.toRecord(params) as Record<string, Tensor>;
      const after = rule.slots.map((): Record<string, Tensor> => ({}));
      const updates = tree.mapWithPath((gradient, path) => {
        const weight = weights[path]!;
        const own = Object.fromEntries(rule.slots.map((slot, i) => [slot, slots[i]![path]!])) as Values<S>;
        const made = rule.update(gradient as Tensor, own, castAll(coefficients, weight), weight);
        rule.slots.forEach((slot, i) => {
          after[i]![path] = made.slots[slot];
        });
        return made.update;
      }, gradients);
      const next = rule.slots.map(
        (slot, i) => [slot, tree.fromRecord(params, after[i]!) as TracedState] as const,
      );
      return {
        updates: updates as unknown as typeof params,
        state: { step: step.add(1), ...Object.fromEntries(next) },
      };
    },
  };
}

function zerosLike(leaf: unknown): NDArray {
  const { shape, dtype } = leaf as NDArray;
  return NDArray.zeros(shape, dtype);
}

function castAll<C extends string>(coefficients: Values<C>, like: Tensor): Values<C> {
  const cast = Object.entries<Tensor>(coefficients).map(([name, value]) => [name, value.cast(like.dtype)]);
  return Object.fromEntries(cast) as Values<C>;
}
