import { z } from "zod";

const count = (what: string) => z.number().int().positive().describe(what);
const widths = (what: string) => z.array(count("a width")).describe(what);
const rate = (what: string) => z.number().positive().describe(what);
const common = {
  steps: count("optimiser steps"),
  seeds: count("seeds"),
  primary: widths("hidden widths of the network whose weights are predicted"),
};

/** Changes of the standard form and, for activations and encodings, of MIP. */
export const variantNames = ["layer-norm", "batch-norm", "weight-norm", "tanh", "gelu", "z-1-z"] as const;
export type VariantName = (typeof variantNames)[number];

export const config = z.object({
  images: z
    .enum(["segdigits", "mnist"])
    .describe(
      "digits of the tasks T1 and T4: generated ones (12 x 12), or MNIST (paperweight data get mnist)",
    ),
  train: count("training images; of MNIST the first ones"),
  test: count("test images; of MNIST the first ones"),
  hidden: widths("hidden widths of the hypernetwork"),
  gammas: count("values of gamma in a step"),
  rows: count("examples for each gamma in a step"),
  learningRate: rate("learning rate of Adam"),
  rotated: z
    .strictObject({
      ...common,
      lowRate: rate("a second learning rate of Adam")
        .nullable()
        .describe("a second rate of Adam; null leaves it out"),
      sgdRate: rate("learning rate of SGD")
        .nullable()
        .describe("rate of SGD with Nesterov momentum 0.9; null leaves it out"),
      bounds: z.boolean().describe("also train one network for each gamma, and one that ignores gamma"),
      variants: z
        .array(z.enum(variantNames).describe("a change"))
        .describe("changes of normalisation, activation and encoding to train too"),
      variantSeeds: count("seeds of these"),
      sizes: z
        .array(widths("hidden widths"))
        .describe("other hidden widths of the hypernetwork to train standard and MIP with"),
      grid: z
        .array(rate("a rate"))
        .describe("learning rates to try in every form with Adam and SGD on seed 0; empty leaves it out"),
    })
    .describe("T1: digits turned by pi gamma"),
  sine: z.strictObject(common).nullable().describe("T2: a family of sine curves; null leaves it out"),
  registration: z
    .strictObject({ ...common, pairs: count("pairs of signals to train on") })
    .nullable()
    .describe("T3: registration of signals, gamma the weight of its regulariser; null leaves it out"),
  bayes: z
    .strictObject({ ...common, inputs: z.array(count("k")).min(1).describe("numbers k of inputs") })
    .nullable()
    .describe("T4: a Bayesian hypernetwork of digits, gamma random; null leaves it out"),
});

export type Config = z.output<typeof config>;

const shared = { hidden: [16, 64, 128], gammas: 4, rows: 32, learningRate: 1e-3 };

export const presets = {
  smoke: {
    ...shared,
    images: "segdigits",
    train: 300,
    test: 100,
    rotated: {
      steps: 40,
      seeds: 1,
      primary: [16, 16],
      lowRate: null,
      sgdRate: null,
      bounds: false,
      variants: [],
      variantSeeds: 1,
      sizes: [],
      grid: [],
    },
    sine: null,
    registration: null,
    bayes: null,
  },
  quick: {
    ...shared,
    images: "segdigits",
    train: 3000,
    test: 1000,
    rotated: {
      steps: 300,
      seeds: 3,
      primary: [32, 32, 32, 32],
      lowRate: 3e-4,
      sgdRate: 1e-2,
      bounds: true,
      variants: ["layer-norm", "batch-norm", "weight-norm", "tanh", "gelu", "z-1-z"],
      variantSeeds: 1,
      sizes: [],
      grid: [],
    },
    sine: { steps: 600, seeds: 2, primary: [32, 32] },
    registration: { steps: 500, seeds: 1, primary: [32, 32], pairs: 2000 },
    bayes: { steps: 500, seeds: 1, primary: [32], inputs: [8] },
  },
  full: {
    ...shared,
    images: "mnist",
    train: 60_000,
    test: 10_000,
    rotated: {
      steps: 3000,
      seeds: 3,
      primary: [32, 32, 32, 32],
      lowRate: 3e-4,
      sgdRate: 1e-2,
      bounds: true,
      variants: ["layer-norm", "batch-norm", "weight-norm", "tanh", "gelu", "z-1-z"],
      variantSeeds: 3,
      sizes: [[16], [128], [128, 128, 128]],
      grid: [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1],
    },
    sine: { steps: 3000, seeds: 3, primary: [32, 32] },
    registration: { steps: 3000, seeds: 3, primary: [32, 32], pairs: 20_000 },
    bayes: { steps: 3000, seeds: 3, primary: [32], inputs: [1, 2, 4, 8] },
  },
} satisfies Record<string, Config>;
