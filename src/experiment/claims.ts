import { formatNumber } from "./format.ts";

/**
 * What became of a claim. `exact`: an identity or a theorem that held to rounding. `reproduced`: every criterion held.
 * `partly`: some did. `not reproduced`: none did. `not attempted`: not measured at this scale.
 */
export type Verdict = "exact" | "reproduced" | "partly" | "not reproduced" | "not attempted";

export const verdicts: readonly Verdict[] = [
  "exact",
  "reproduced",
  "partly",
  "not reproduced",
  "not attempted",
];

/** A figure measured once per seed. `spread` is the sample standard deviation, null for a single seed. */
export interface Summary {
  readonly mean: number;
  readonly spread: number | null;
  readonly seeds: number;
  readonly values: readonly number[];
}

/** Our figure for a claim. `text` stands in for the number where one number does not say it (several figures, a word). */
export interface Figure extends Summary {
  readonly unit?: string;
  readonly text?: string;
}

export interface Claim {
  /** `"C1"`, unique in its experiment. */
  readonly id: string;
  readonly statement: string;
  /** The paper's figure, as it states it; null when none is known. */
  readonly paper: string | null;
  /** Ours; null when the claim was not attempted. */
  readonly ours: Figure | null;
  /** In words, what had to hold. */
  readonly criterion: string;
  /** What it was measured on: `"quick: 2000 triples, 4000 steps"`. */
  readonly scale: string;
  readonly verdict: Verdict;
  readonly note?: string;
}

/** Mean, sample standard deviation and count of a figure measured once per seed. */
export function summarise(values: number | readonly number[]): Summary {
  const list = typeof values === "number" ? [values] : [...values];
  if (list.length === 0) throw new RangeError("summarise: no values were given: pass one figure per seed");
  const mean = list.reduce((a, b) => a + b, 0) / list.length;
  const squares = list.reduce((a, b) => a + (b - mean) ** 2, 0);
  return {
    mean,
    spread: list.length > 1 ? Math.sqrt(squares / (list.length - 1)) : null,
    seeds: list.length,
    values: list,
  };
}

/** A test of a figure together with the words the report shows for it, so that the two cannot drift apart. */
export interface Criterion {
  readonly words: string;
  /** An identity: a claim whose criteria are all identities becomes `exact`. */
  readonly exact: boolean;
  holds(figure: Summary): boolean;
}

/** A criterion of one's own. It sees mean, spread and the value of every seed. */
export function criterion(words: string, holds: (figure: Summary) => boolean): Criterion {
  return { words, exact: false, holds };
}

const compare = (sign: string, test: (x: number, bound: number) => boolean) => {
  return (bound: number, of = ""): Criterion =>
    criterion(`${sign} ${formatNumber(bound)}${of === "" ? "" : ` ${of}`}`, ({ mean }) => test(mean, bound));
};

/** The mean is at most `bound`. `of` completes the words: `atMost(0.2, "times the FNN's test MSE")`. */
export const atMost = compare("≤", (x, bound) => x <= bound);
/** The mean is at least `bound`. */
export const atLeast = compare("≥", (x, bound) => x >= bound);
/** The mean is strictly below `bound`. */
export const below = compare("<", (x, bound) => x < bound);
/** The mean is strictly above `bound`. */
export const above = compare(">", (x, bound) => x > bound);

/** The mean lies in [low, high]. */
export function between(low: number, high: number, of = ""): Criterion {
  const words = `from ${formatNumber(low)} to ${formatNumber(high)}${of === "" ? "" : ` ${of}`}`;
  return criterion(words, ({ mean }) => mean >= low && mean <= high);
}

/** An identity: every value is within `tolerance` of `value`. */
export function equals(value: number, tolerance: number): Criterion {
  const words = `= ${formatNumber(value)} within ${formatNumber(tolerance)}`;
  return { words, exact: true, holds: ({ values }) => values.every((v) => Math.abs(v - value) <= tolerance) };
}

/** The criterion holds for every seed on its own, not just for the mean. */
export function everySeed(inner: Criterion): Criterion {
  return {
    words: `${inner.words}, every seed`,
    exact: inner.exact,
    holds: ({ values }) => values.every((v) => inner.holds(summarise(v))),
  };
}

/** One measurement of a claim. `values`: one figure per seed, or a summary. `label` tells several apart. */
export interface Measurement {
  readonly values: number | readonly number[] | Summary;
  readonly criterion: Criterion;
  readonly label?: string;
  readonly unit?: string;
}

type Stated = Pick<Claim, "id" | "statement" | "paper" | "scale"> & { readonly note?: string | undefined };

interface OpenClaim {
  /**
   * Judge by one or more measurements: all hold, `reproduced` (or `exact` where all are identities); some hold, `partly`;
   * none, `not reproduced`. A figure that is not finite never holds. The first measurement is the claim's figure.
   */
  judge(...measurements: readonly Measurement[]): Claim;
  /** Not measured in this run; `why` says what it would take. */
  notAttempted(why: string): Claim;
}

/** State a claim, then judge it: `claim({ id, statement, paper, scale }).judge({ values, criterion: atMost(5e-4) })`. */
export function claim({ note, ...stated }: Stated): OpenClaim {
  const notes = note === undefined ? {} : { note };
  return {
    judge: (...measurements) => {
      const first = measurements[0];
      if (first === undefined)
        throw new RangeError(`claim ${stated.id}: judge takes at least one measurement`);
      const judged = measurements.map((m) => ({ ...m, ...judgeOne(m) }));
      const held = judged.filter((m) => m.holds).length;
      const exact = measurements.every((m) => m.criterion.exact);
      return {
        ...stated,
        ours: {
          ...judged[0]!.figure,
          ...(first.unit === undefined ? {} : { unit: first.unit }),
          ...(judged.length > 1 ? { text: judged.map(describe).join("; ") } : {}),
        },
        criterion: judged
          .map((m) => (m.label === undefined ? m.criterion.words : `${m.label} ${m.criterion.words}`))
          .join("; "),
        verdict:
          held === judged.length ? (exact ? "exact" : "reproduced") : held > 0 ? "partly" : "not reproduced",
        ...notes,
      };
    },
    notAttempted: (why) => ({ ...stated, ours: null, criterion: "–", verdict: "not attempted", note: why }),
  };
}

function judgeOne(m: Measurement): { figure: Summary; holds: boolean } {
  const figure = typeof m.values === "object" && "mean" in m.values ? m.values : summarise(m.values);
  return { figure, holds: figure.values.every(Number.isFinite) && m.criterion.holds(figure) };
}

function describe(m: Measurement & { figure: Summary }): string {
  const unit = m.unit === undefined ? "" : ` ${m.unit}`;
  return `${m.label === undefined ? "" : `${m.label} `}${formatNumber(m.figure.mean)}${unit}`;
}

/** `7.6e-5 ± 8e-6`, with its unit; `text` where the figure has one. */
export function formatFigure(figure: Figure): string {
  if (figure.text !== undefined) return figure.text;
  const spread = figure.spread === null ? "" : ` ± ${formatNumber(figure.spread, 2)}`;
  return `${formatNumber(figure.mean)}${spread}${figure.unit === undefined ? "" : ` ${figure.unit}`}`;
}

/** Whether the claim was attempted and did not fully hold: what `--strict` looks for. */
export function didNotHold(c: Claim): boolean {
  return c.verdict === "partly" || c.verdict === "not reproduced";
}
