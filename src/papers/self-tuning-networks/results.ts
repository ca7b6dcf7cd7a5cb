import type { RidgeResult, TaskResult } from "./studies.ts";
import type { Outcome } from "./tasks.ts";

/** Everything that a run measured; null for what its configuration leaves out. */
export interface Results {
  readonly ridge: RidgeResult;
  /** By seed. */
  readonly digits: readonly TaskResult[];
  /** Between the logits of the tuned network and of its frozen weights, seed 0. */
  readonly frozenDifference: number;
  readonly cifar: TaskResult | null;
  readonly text: TaskResult | null;
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** The outcome with the lowest validation loss, undefined where there is none. */
export function bestOf<T extends Outcome>(outcomes: readonly T[]): T | undefined {
  return outcomes.reduce<T | undefined>(
    (a, b) => (a === undefined || b.bestValid < a.bestValid ? b : a),
    undefined,
  );
}

export interface MethodRow {
  readonly method: string;
  /** Passes over a minibatch; with responding layers a pass counts twice. */
  readonly units: number;
  readonly bestValid: number;
  readonly testAtBest: number;
  readonly finalValid: number;
}

/** The methods on one task, with what all their configurations cost together. */
export function methodRows(r: TaskResult): MethodRow[] {
  const row = (method: string, o: Outcome, units: number): MethodRow => {
    const { bestValid, testAtBest, finalValid } = o;
    return { method, units, bestValid, testAtBest, finalValid };
  };
  const cost = (o: Outcome) => o.curve.at(-1)![0];
  const search = (method: string, outcomes: readonly Outcome[]) => {
    const best = bestOf(outcomes);
    const units = outcomes.reduce((sum, o) => sum + cost(o), 0);
    return best === undefined ? [] : [row(`${method}, best of ${outcomes.length}`, best, units)];
  };
  return [
    row("STN", r.stn, cost(r.stn)),
    row("STN, lambda frozen", r.frozen, cost(r.frozen)),
    row("ordinary network, first values", r.fixed, cost(r.fixed)),
    ...search("random search", r.random),
    ...search("grid search", r.grid),
    ...search("Bayesian optimisation", r.bayes),
    ...r.schedules.map((s) => row(s.name, s, cost(s))),
  ];
}
