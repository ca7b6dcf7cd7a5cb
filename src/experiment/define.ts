import type { z } from "zod";
import type { Context } from "./context.ts";
import type { ExperimentResult } from "./result.ts";

export interface Paper {
  /** The name on the command line and the folder under `papers/`. */
  readonly slug: string;
  readonly title: string;
  readonly authors: readonly string[];
  readonly venue: string;
  readonly year: number;
  /** The arXiv number, `"1910.03193"`; null where there is none. */
  readonly arxiv: string | null;
  /** First publication, `"2019-10-08"`. */
  readonly published: string;
  /** `"neural operators"`, `"pruning"`: what `list --family` filters by. */
  readonly family: string;
  /** One sentence of our own. */
  readonly abstract: string;
}

export const presetNames = ["smoke", "quick", "full"] as const;
export type PresetName = (typeof presetNames)[number];

/** The paper's value of a configuration key where `full` (or every preset) differs from it, and why. */
export interface PaperValue {
  readonly paper: string | number | boolean | readonly (string | number)[];
  readonly why: string;
}

export interface ExperimentSpec<S extends z.ZodObject> {
  readonly paper: Paper;
  /** Every hyperparameter, each with `.describe()`. Unknown keys are errors; nested objects are `z.strictObject`. */
  readonly config: S;
  /** Complete configurations. `smoke` takes seconds (the tests run it), `quick` minutes, `full` is the paper's size. */
  readonly presets: Readonly<Record<PresetName, z.input<S>>>;
  /** What each preset costs on a laptop, in words: `"2 min"`. */
  readonly durations: Readonly<Record<PresetName, string>>;
  /** By configuration key (dotted for nested ones). */
  readonly paperValues?: Readonly<Record<string, PaperValue>>;
  run(config: z.output<S>, context: Context): Promise<ExperimentResult>;
}

/** An experiment of whatever configuration: what the command line, the report and the conformance suite take. */
export type Experiment<S extends z.ZodObject = z.ZodObject> = ExperimentSpec<S>;

/** Define a paper's experiment. Its schema becomes strict: unknown keys are errors. */
export function defineExperiment<S extends z.ZodObject>(spec: ExperimentSpec<S>): Experiment<S> {
  return Object.freeze({ ...spec, config: spec.config.strict() as unknown as S });
}
