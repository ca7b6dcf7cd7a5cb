import { z } from "zod";
import { taskNames } from "./tasks.ts";

const count = (what: string) => z.number().int().positive().describe(what);
const rate = (what: string) => z.number().positive().describe(what);
const weight = (what: string) => z.number().min(0).describe(what);
const task = z.enum(taskNames as [string, ...string[]]);

const net = z.strictObject({
  points: count("points that a net is trained on, all at each step"),
  steps: count("optimiser steps of a net"),
  learningRate: rate("learning rate of Adam for a net"),
  testPoints: count("points that nets are tested on"),
});

const tokenizer = z.strictObject({
  chunk: count("K, the weights in a chunk"),
  tokensPerChunk: count("l, the tokens that a chunk becomes"),
  codebook: z.number().int().min(2).describe("m, the entries of the codebook"),
  codeWidth: count("d_z, the size of an entry"),
  hidden: z.array(count("a width")).describe("hidden widths of encoder and decoder"),
  quantiser: z.enum(["gumbel", "nearest"]).describe("how a code is chosen"),
  annealing: z.enum(["exponential", "cyclic", "cosine"]).describe("how the Gumbel temperature falls"),
  klWeight: weight("weight of the KL divergence from uniform choice"),
  commitment: weight("gamma, weight of the commitment term"),
  codeFollowing: weight("beta, weight of the codebook term"),
  steps: count("optimiser steps"),
  batch: count("chunks a step"),
  learningRate: rate("learning rate of Adam at the beginning"),
});

const prior = z.strictObject({
  width: count("width of the transformer"),
  layers: count("its blocks"),
  heads: count("its heads"),
  steps: count("optimiser steps"),
  batch: count("sequences a step"),
  learningRate: rate("learning rate of AdamW after warm-up"),
});

export const config = z.object({
  architectures: z
    .array(z.array(count("a width")).min(2).describe("widths of a net"))
    .min(1)
    .describe("the architectures of the zoo"),
  tasks: z.array(task).min(2).describe("the tasks of the zoo"),
  starts: z.number().int().min(2).describe("first weights, shared by all tasks"),
  dataSeeds: count("training sets for each task and start"),
  net: net.describe("how the zoo's nets are trained and tested"),
  tokenizer: tokenizer.describe("the VQ-VAE"),
  prior: prior.describe("the transformer"),
  factorisedSteps: count("optimiser steps of the baseline with independent tokens"),
  staged: z
    .strictObject({
      maxTokens: count("N_max, the tokens of a window"),
      overlap: count("W, the tokens of context"),
    })
    .nullable()
    .describe("a prior that writes the last architecture in stages; null leaves it out"),
  heldOut: z
    .strictObject({
      tasks: z.array(task).min(1).describe("tasks that a second prior never sees"),
      steps: count("fine-tuning steps"),
      every: count("steps between two tests"),
      descriptions: count("descriptions of each task that it sees, five examples per class each"),
    })
    .nullable()
    .describe("starting points for unseen tasks; null leaves it out"),
  samples: count("generated models for each task and architecture"),
  temperature: z.number().min(0).describe("sampling temperature"),
  seeds: count("whole repetitions: zoo, tokenizer, priors"),
  mnist: z
    .strictObject({
      models: z.number().int().min(4).describe("nets in the zoo"),
      images: count("training images"),
      steps: count("optimiser steps of a net"),
      fineTuneSteps: count("fine-tuning steps of generated nets"),
      samples: count("generated nets"),
      tokenizerSteps: count("optimiser steps of the tokenizer"),
      priorSteps: count("optimiser steps of the prior"),
    })
    .nullable()
    .describe("a zoo of 2,464-weight convolutional nets on MNIST, which must be there; null leaves it out"),
});

export type Config = z.output<typeof config>;

const vae: Config["tokenizer"] = {
  chunk: 16,
  tokensPerChunk: 4,
  codebook: 256,
  codeWidth: 16,
  hidden: [128, 128],
  quantiser: "gumbel",
  annealing: "exponential",
  klWeight: 5e-4,
  commitment: 0,
  codeFollowing: 0,
  steps: 3000,
  batch: 256,
  learningRate: 2e-3,
};

const gpt: Config["prior"] = { width: 64, layers: 2, heads: 4, steps: 1200, batch: 24, learningRate: 3e-3 };

const quick: Config = {
  architectures: [
    [2, 16, 2],
    [2, 8, 8, 2],
    [2, 12, 12, 2],
  ],
  tasks: [...taskNames],
  starts: 2,
  dataSeeds: 3,
  net: { points: 256, steps: 250, learningRate: 0.02, testPoints: 1000 },
  tokenizer: vae,
  prior: gpt,
  factorisedSteps: 400,
  staged: { maxTokens: 32, overlap: 16 },
  heldOut: { tasks: ["xor 22", "half-plane 180"], steps: 50, every: 5, descriptions: 16 },
  samples: 3,
  temperature: 0.5,
  seeds: 1,
  mnist: null,
};

export const presets = {
  smoke: {
    ...quick,
    architectures: [[2, 8, 2]],
    tasks: ["half-plane 0", "ring 0.9", "xor 0"],
    dataSeeds: 2,
    net: { points: 64, steps: 60, learningRate: 0.05, testPoints: 100 },
    tokenizer: { ...vae, codebook: 32, hidden: [32], steps: 200, batch: 32 },
    prior: { ...gpt, width: 16, heads: 2, layers: 1, steps: 60, batch: 8 },
    factorisedSteps: 20,
    staged: { maxTokens: 8, overlap: 4 },
    heldOut: { tasks: ["xor 0"], steps: 10, every: 5, descriptions: 2 },
    samples: 2,
  },
  quick,
  full: {
    ...quick,
    architectures: [
      ...quick.architectures,
      [2, 24, 2],
      [2, 32, 2],
      [2, 10, 10, 2],
      [2, 16, 16, 2],
      [2, 8, 8, 8, 2],
      [2, 12, 12, 12, 2],
    ],
    dataSeeds: 10,
    tokenizer: { ...vae, codebook: 1024, hidden: [256, 256], steps: 20_000 },
    prior: { ...gpt, width: 256, layers: 6, heads: 8, steps: 10_000, learningRate: 1e-3 },
    factorisedSteps: 4000,
    samples: 10,
    seeds: 3,
    mnist: {
      models: 64,
      images: 20_000,
      steps: 1500,
      fineTuneSteps: 200,
      samples: 20,
      tokenizerSteps: 10_000,
      priorSteps: 4000,
    },
  },
} satisfies Record<string, Config>;
