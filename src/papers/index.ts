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
    slug: "intrinsic-dimension",
    title: "Measuring the Intrinsic Dimension of Objective Landscapes",
    year: 2018,
    family: "parametrizations",
    load: async () => (await import("./intrinsic-dimension/experiment.ts")).default,
    method: async () => (await import("./intrinsic-dimension/apply.ts")).default,
  },
  {
    slug: "self-tuning-networks",
    title:
      "Self-Tuning Networks: Bilevel Optimization of Hyperparameters using Structured Best-Response Functions",
    year: 2019,
    family: "hypernetworks",
    load: async () => (await import("./self-tuning-networks/experiment.ts")).default,
  },
  {
    slug: "deeponet",
    title:
      "DeepONet: Learning nonlinear operators for identifying differential equations based on the universal approximation theorem of operators",
    year: 2021,
    family: "neural operators",
    load: async () => (await import("./deeponet/experiment.ts")).default,
  },
  {
    slug: "mip-hypernetworks",
    title: "Magnitude Invariant Parametrizations Improve Hypernetwork Learning",
    year: 2024,
    family: "hypernetworks",
    load: async () => (await import("./mip-hypernetworks/experiment.ts")).default,
  },
  {
    slug: "scalable-neural-network-kernels",
    title: "Scalable Neural Network Kernels",
    year: 2024,
    family: "parametrizations",
    alias: "snnk",
    load: async () => (await import("./scalable-neural-network-kernels/experiment.ts")).default,
    method: async () => (await import("./scalable-neural-network-kernels/apply.ts")).default,
  },
  {
    slug: "igpg",
    title: "Instruction-Guided Autoregressive Neural Network Parameter Generation",
    year: 2025,
    family: "hypernetworks",
    load: async () => (await import("./igpg/experiment.ts")).default,
  },
];
