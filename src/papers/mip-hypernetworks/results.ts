import type { ActivationSpread } from "./activation-spread.ts";
import type { InitialScale } from "./initial-scale.ts";
import type { Rotated, RotatedRun } from "./rotated.ts";
import type { BayesRun, TaskRun } from "./tasks.ts";

/** Everything that a run measured; null for studies that its configuration leaves out. */
export interface Results {
  readonly initial: readonly InitialScale[];
  /** At initialisation, for the standard form and MIP. */
  readonly activations: readonly ActivationSpread[];
  readonly rotated: Rotated;
  readonly sine: readonly TaskRun[] | null;
  readonly registration: readonly TaskRun[] | null;
  readonly bayes: readonly BayesRun[] | null;
}

/** The runs of a form, one for each seed. */
export function ofForm<R extends { readonly form: string }>(runs: readonly R[], form: string): R[] {
  return runs.filter((r) => r.form === form);
}

export function finals(runs: readonly { readonly finalLoss: number }[]): number[] {
  return runs.map((r) => r.finalLoss);
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** `a` over the mean of `b`, one for each of `a`: their mean is the ratio of the means. */
export function overMean(a: readonly number[], b: readonly number[]): number[] {
  const mean = meanOf(b);
  return a.map((v) => v / mean);
}

export function meanAccuracy(run: RotatedRun): number {
  return meanOf(run.accuracy);
}
