import { Tensor } from "../tensor/tensor.ts";
import * as tree from "../tensor/tree.ts";
import { numbered, type Optimizer, type TracedState } from "./optimizer.ts";

export interface Group {
  /** Patterns of paths, as `tree.matches` reads them. */
  readonly match: string | readonly string[];
  /** "frozen": these weights stay as they are, and nothing is remembered for them. */
  readonly optimizer: Optimizer | "frozen";
}

/**
 * Different optimizers for different weights. A weight belongs to the first group that has a pattern for its path; that there
 * is none, or a group without weights, is an error.
 *
 * ```ts
 * optim.groups([
 *   { match: "encoder/**", optimizer: "frozen" },
 *   { match: ["**" + "/bias", "norm/**"], optimizer: optim.adam({ learningRate: 1e-3 }) },
 *   { match: "**", optimizer: optim.adamw({ learningRate: 1e-3, weightDecay: 0.05 }) },
 * ]);
 * ```
 */
export function groups(list: readonly Group[]): Optimizer {
  const patterns = list.map((g) => (typeof g.match === "string" ? [g.match] : g.match));
  const placeOf = (path: string): number => {
    const at = patterns.findIndex((p) => p.some((pattern) => tree.matches(path, pattern)));
    if (at >= 0) return at;
    throw new RangeError(
      `optim.groups: no group matches "${path}": add one for it, or { match: "**", ... } at the end`,
    );
  };
  /** The leaves of each group, by path. */
  const divide = <L>(weights: unknown): Record<string, L>[] => {
    const parts = list.map((): Record<string, L> => ({}));
    for (const [path, leaf] of Object.entries(tree.toRecord(weights)))
      parts[placeOf(path)]![path] = leaf as L;
    return parts;
  };

  return {
    init: (params) => {
      const parts = divide(params);
      const empty = parts.findIndex((part) => Object.keys(part).length === 0);
      if (empty >= 0) throw new RangeError(emptyGroup(patterns[empty]!, empty));
      return numbered(list.map((g, i) => (g.optimizer === "frozen" ? {} : g.optimizer.init(parts[i]))));
    },
    update: <P>(gradients: P, state: TracedState, params: P) => {
      const weights = divide<Tensor>(params);
      const updates: Record<string, Tensor> = {};
      const next = divide<Tensor>(gradients).map((own, i) => {
        const { optimizer } = list[i]!;
        if (optimizer === "frozen") {
          for (const [path, w] of Object.entries(weights[i]!)) updates[path] = Tensor.zeros(w.shape, w.dtype);
          return {};
        }
        const made = optimizer.update(own, state[i] as TracedState, weights[i]!);
        Object.assign(updates, made.updates);
        return made.state;
      });
      return { updates: tree.fromRecord(params, updates) as unknown as P, state: numbered(next) };
    },
  };
}

function emptyGroup(patterns: readonly string[], at: number): string {
  return `optim.groups: no weight is left for group ${at} (${patterns.join(", ")}): an earlier group has them, or the pattern is wrong`;
}
