import { type Claim, type Verdict, verdicts } from "../experiment/claims.ts";

/** A sign for each verdict, so that colour is never the only difference. */
export const verdictMarks: Readonly<Record<Verdict, string>> = {
  exact: "✓",
  reproduced: "✓",
  partly: "◐",
  "not reproduced": "✗",
  "not attempted": "–",
};

/** `2 reproduced, 1 not attempted`: how often each verdict was given. */
export function tally(claims: readonly Claim[]): string {
  const counts = verdicts
    .map((v) => [v, claims.filter((c) => c.verdict === v).length] as const)
    .filter(([, n]) => n > 0);
  return counts.length === 0 ? "no claims" : counts.map(([v, n]) => `${n} ${v}`).join(", ");
}

/** `one seed`, `3 seeds`. */
export function seedCount(n: number): string {
  return n === 1 ? "one seed" : `${n} seeds`;
}
