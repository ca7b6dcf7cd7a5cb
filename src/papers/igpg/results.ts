import { type FamilyResult, meanOf } from "./evaluation.ts";
import type { HeldOutResult } from "./held-out.ts";
import type { MnistResult } from "./mnist.ts";

type History = readonly (readonly [step: number, loss: number])[];

/** One repetition of the experiment. */
export interface SeedResult {
  readonly families: readonly FamilyResult[];
  readonly codebook: { readonly used: number; readonly perplexity: number; readonly codebook: number };
  readonly losses: {
    readonly tokenizer: History;
    readonly autoregressive: History;
    readonly factorised: History;
  };
  readonly heldOut: HeldOutResult | null;
}

/** Everything that a run measured. */
export interface Results {
  readonly seeds: readonly SeedResult[];
  readonly mnist: MnistResult | null;
}

export function familyName({ widths }: { readonly widths: readonly number[] }): string {
  return widths.join("-");
}

/** The last recorded loss. */
export function finalLoss(history: History): number {
  return history.at(-1)![1];
}

/** Pearson's correlation of zoo and generated accuracies over all (task, architecture) of a repetition. */
export function correlation({ families }: SeedResult): number {
  const pairs = families.flatMap((f) => f.tasks);
  const [mx, my] = [meanOf(pairs.map((p) => p.zoo)), meanOf(pairs.map((p) => p.generated))];
  const sum = (f: (p: (typeof pairs)[number]) => number) => pairs.reduce((s, p) => s + f(p), 0);
  const covariance = sum((p) => (p.zoo - mx) * (p.generated - my));
  return covariance / Math.sqrt(sum((p) => (p.zoo - mx) ** 2) * sum((p) => (p.generated - my) ** 2));
}
