import { z } from "zod";

const count = (what: string) => z.number().int().positive().describe(what);
const rate = (what: string) => z.number().positive().describe(what);
const orNone = (what: string) => z.number().int().min(0).describe(`${what}; 0 leaves it out`);

const tuning = {
  batch: count("examples of a minibatch"),
  weightRate: rate("learning rate of the weights"),
  hyperRate: rate("learning rate of lambda (Adam)"),
  scaleRate: rate("learning rate of the perturbation's scales (Adam)"),
  entropyWeight: z.number().min(0).describe("tau, the weight of the perturbation's entropy"),
  cycles: count("cycles of two training steps and one validation step"),
  warmup: z.number().int().min(0).describe("the first of these cycles, without validation steps"),
  evalEvery: count("cycles between evaluations"),
  randomSearch: orNone("K, configurations of the random search"),
  bayes: orNone("configurations of Bayesian optimisation"),
  searchSteps: count("training steps of a configuration of the searches"),
  schedules: z
    .boolean()
    .describe("also train the ordinary network with the recorded schedule and other schedules"),
};

const ridge = z.strictObject({
  seeds: count("problems"),
  starts: z.array(z.number().describe("a lambda")).min(1).describe("where lambda starts, in every problem"),
  cycles: tuning.cycles,
  warmup: tuning.warmup,
  learningRate: rate("of Adam, for weights and lambda"),
  perturbations: count("perturbed copies of lambda in a training step"),
  scale: rate("standard deviation of the perturbation of lambda, which is not tuned"),
});

const digits = z.strictObject({
  seeds: count("seeds: data, weights and batches"),
  train: count("training images"),
  valid: count("validation images"),
  test: count("test images"),
  noise: z.number().min(0).describe("standard deviation of the pixel noise of the images"),
  start: rate("first value of every hyperparameter"),
  scale: rate("first standard deviation of the perturbation of lambda"),
  ...tuning,
  gridDropout: z
    .array(rate("a dropout rate"))
    .describe("shared dropout rates of the grid search; none leaves it out"),
  gridNoise: z.array(rate("a noise level")).describe("noise levels of the grid search"),
});

const cifar = z.strictObject({
  data: z
    .enum(["cifar10", "cifar10-subset"])
    .describe("data set that the images are taken from: `paperweight data get cifar10`"),
  train: count("training images"),
  valid: count("validation images"),
  test: count("test images"),
  scale: rate("first standard deviation of the perturbation of lambda"),
  ...tuning,
});

const text = z.strictObject({
  characters: count("characters of the text that are used"),
  window: count("characters of an example"),
  size: count("state of the recurrent unit"),
  scale: rate("first standard deviation of the perturbation of lambda"),
  ...tuning,
});

export const config = z.object({
  ridge: ridge.describe("ridge regression, where the best response is known"),
  digits: digits.describe("noisy digits: four hyperparameters of a dense network"),
  cifar: cifar
    .nullable()
    .describe("CIFAR-10 subset: 13 hyperparameters of the paper's small CNN; null leaves it out"),
  text: text
    .nullable()
    .describe("tiny Shakespeare: output dropout of a recurrent network; null leaves it out"),
});

export type Config = z.output<typeof config>;

const quickRidge = {
  seeds: 4,
  starts: [-4, 2],
  cycles: 1500,
  warmup: 100,
  learningRate: 0.01,
  perturbations: 16,
  scale: 0.5,
};

const quickDigits = {
  seeds: 3,
  train: 200,
  valid: 400,
  test: 1000,
  noise: 0.35,
  start: 0.05,
  scale: 0.5,
  batch: 64,
  weightRate: 1e-3,
  hyperRate: 1e-2,
  scaleRate: 3e-3,
  entropyWeight: 1e-3,
  cycles: 1500,
  warmup: 100,
  evalEvery: 25,
  randomSearch: 5,
  bayes: 0,
  searchSteps: 1500,
  schedules: false,
  gridDropout: [],
  gridNoise: [],
};

export const presets: Readonly<Record<"smoke" | "quick" | "full", Config>> = {
  smoke: {
    ridge: { ...quickRidge, seeds: 1, cycles: 500 },
    digits: {
      ...quickDigits,
      seeds: 1,
      train: 64,
      valid: 64,
      test: 64,
      batch: 32,
      cycles: 60,
      warmup: 10,
      evalEvery: 20,
      randomSearch: 1,
      searchSteps: 60,
    },
    cifar: null,
    text: null,
  },
  quick: { ridge: quickRidge, digits: quickDigits, cifar: null, text: null },
  full: {
    ridge: { ...quickRidge, seeds: 10 },
    digits: {
      ...quickDigits,
      seeds: 10,
      randomSearch: 30,
      bayes: 15,
      schedules: true,
      gridDropout: [0.05, 0.2, 0.4, 0.6],
      gridNoise: [0.05, 0.25, 0.5, 0.75],
    },
    cifar: {
      data: "cifar10",
      train: 8000,
      valid: 2000,
      test: 2000,
      scale: 0.5,
      batch: 128,
      weightRate: 0.01,
      hyperRate: 3e-3,
      scaleRate: 3e-3,
      entropyWeight: 1e-3,
      cycles: 6000,
      warmup: 155,
      evalEvery: 31,
      randomSearch: 30,
      bayes: 20,
      searchSteps: 12_000,
      schedules: true,
    },
    text: {
      characters: 1_115_394,
      window: 50,
      size: 200,
      scale: 1,
      batch: 40,
      weightRate: 2e-3,
      hyperRate: 1e-2,
      scaleRate: 1e-2,
      entropyWeight: 1e-3,
      cycles: 4000,
      warmup: 165,
      evalEvery: 50,
      randomSearch: 10,
      bayes: 10,
      searchSteps: 8000,
      schedules: true,
    },
  },
};
