import type { Experiment } from "../experiment/define.ts";
import type { Method } from "../experiment/method.ts";

/** What is known about a paper without loading its code: `list` shows it at once. */
export interface PaperEntry {
  readonly slug: string;
  readonly title: string;
  readonly year: number;
  readonly family: string;
  /** A shorter name for `paperweight apply`. */
  readonly alias?: string;
  /** The experiment, with everything else. */
  load(): Promise<Experiment>;
  /** Its method for `paperweight apply`, where it has one for models of the user's own. */
  readonly method?: () => Promise<Method>;
}

/** Every paper, in the order of its publication. */
export const papers: readonly PaperEntry[] = [
  {
    slug: "deeponet",
    title:
      "DeepONet: Learning nonlinear operators for identifying differential equations based on the universal approximation theorem of operators",
    year: 2021,
    family: "neural operators",
    load: async () => (await import("./deeponet/experiment.ts")).default,
  },
];
