import { z } from "zod";

const count = (what: string) => z.number().int().positive().describe(what);
const counts = (what: string) => z.array(count("a number")).min(1).describe(what);
const ridge = (what: string) => z.number().min(0).describe(what);
const rate = (what: string) => z.number().positive().describe(what);

const kernels = z.strictObject({
  dimension: count("d, the length of x and w"),
  radius: rate("norm of every x and w"),
  points: count("points x, and as many w"),
  features: counts("m, the random rows, ascending"),
  repeats: count("independent draws of the rows"),
});

const digits = z.strictObject({
  train: count("training images"),
  test: count("test images"),
  features: counts("m, the features of a layer, ascending"),
  ridge: ridge("ridge of the closed form, one feature layer"),
  ridgeTwo: ridge("ridge of the closed form, two feature layers"),
  seeds: count("seeds"),
  adam: z
    .strictObject({
      steps: count("optimiser steps of the MLP and of all other nets trained here"),
      batch: count("images a step"),
      learningRate: rate("learning rate of Adam"),
      features: count("m of the features whose matrix is trained by Adam instead"),
      rank: count("rank of the low-rank MLP"),
    })
    .nullable()
    .describe("nets trained by Adam to compare with; null leaves them out"),
});

const friedman = z.strictObject({
  train: count("training rows"),
  test: count("test rows"),
  features: counts("m, the features of a layer, ascending"),
  ridge: ridge("ridge of the closed form"),
  seeds: count("seeds"),
  steps: count("optimiser steps of the MLP"),
});

const transfer = z.strictObject({
  source: count("images of the source task"),
  train: count("images of the target task"),
  test: count("test images of the target task"),
  width: count("width of the two hidden layers"),
  pretrainSteps: count("optimiser steps on the source"),
  steps: count("optimiser steps on the target"),
  batch: count("images a step"),
  seeds: count("seeds"),
  features: count("m of the SNNK adapter"),
  bottlenecks: counts("widths r of the ordinary adapters; 32 is the one compared with"),
});

const conversion = z.strictObject({
  features: counts("m, the features that stand for the hidden layer, ascending"),
  steps: count("optimiser steps of the net that is converted"),
  seeds: count("seeds"),
});

const tables = z.strictObject({
  names: z
    .array(z.string().describe("a name"))
    .min(1)
    .describe("regression tables of the data registry (uci/...)"),
  splits: count("random splits into 90 % training and 10 % test rows"),
  features: count("m, the features of a layer"),
  ridges: z
    .array(ridge("a ridge"))
    .min(1)
    .describe("ridges, of which a fifth of the training rows chooses one"),
  steps: count("optimiser steps of the MLP"),
});

const characters = z.strictObject({
  width: count("width of the transformer"),
  depth: count("blocks"),
  heads: count("heads of attention"),
  length: count("characters in a window"),
  batch: count("windows a step"),
  pretrainSteps: count("optimiser steps on English literature"),
  steps: count("optimiser steps on the plays of Shakespeare"),
  features: count("m of the SNNK adapter"),
  bottlenecks: counts("widths r of the ordinary adapters"),
  testWindows: count("windows that are tested"),
});

const poisson = z.strictObject({
  points: count("collocation points"),
  features: count("m, the features of a layer"),
  width: count("width of the hidden layers"),
  steps: count("optimiser steps"),
  seeds: count("seeds"),
});

export const config = z.object({
  images: z
    .enum(["segdigits", "mnist"])
    .describe("images of tasks C and T: generated digits, or MNIST from the folder of data sets"),
  kernels: kernels.describe("K: the error of estimates of a kernel over the number of features"),
  digits: digits.describe("C: digits by the closed form"),
  friedman: friedman.nullable().describe("F: regression by the closed form; null leaves it out"),
  transfer: transfer.nullable().describe("T: adapters on a frozen net; null leaves it out"),
  conversion: conversion.nullable().describe("a trained layer replaced without training; null leaves it out"),
  tables: tables.nullable().describe("UCI regression by the closed form; null leaves it out"),
  characters: characters.nullable().describe("a character transformer with adapters; null leaves it out"),
  poisson: poisson.nullable().describe("a physics-informed 1-D Poisson problem; null leaves it out"),
});

export type Config = z.output<typeof config>;

const quick = {
  images: "segdigits",
  kernels: { dimension: 16, radius: 0.8, points: 40, features: [16, 64, 256, 1024, 4096], repeats: 20 },
  digits: {
    train: 4000,
    test: 1000,
    features: [16, 32, 64, 128, 256, 512],
    ridge: 1e-4,
    ridgeTwo: 1e-6,
    seeds: 3,
    adam: { steps: 500, batch: 128, learningRate: 3e-3, features: 256, rank: 8 },
  },
  friedman: { train: 1000, test: 2000, features: [64, 256, 1024], ridge: 1e-3, seeds: 3, steps: 1000 },
  transfer: {
    source: 3000,
    train: 1000,
    test: 1000,
    width: 128,
    pretrainSteps: 500,
    steps: 600,
    batch: 64,
    seeds: 3,
    features: 8,
    bottlenecks: [2, 8, 32, 64],
  },
  conversion: { features: [64, 1024, 16_384], steps: 2000, seeds: 3 },
  tables: null,
  characters: null,
  poisson: null,
} satisfies Config;

export const presets = {
  smoke: {
    ...quick,
    kernels: { ...quick.kernels, features: [16, 64, 256], repeats: 5 },
    digits: { ...quick.digits, train: 500, test: 300, features: [64], seeds: 1, adam: null },
    friedman: null,
    transfer: null,
    conversion: null,
  },
  quick,
  full: {
    ...quick,
    images: "mnist",
    kernels: { ...quick.kernels, repeats: 100 },
    digits: {
      ...quick.digits,
      train: 60_000,
      test: 10_000,
      features: [16, 32, 64, 128, 256, 512, 1024, 2048],
      adam: { ...quick.digits.adam, steps: 5000 },
    },
    friedman: { ...quick.friedman, seeds: 10 },
    transfer: {
      ...quick.transfer,
      source: 60_000,
      train: 10_000,
      test: 10_000,
      pretrainSteps: 5000,
      steps: 3000,
    },
    conversion: { ...quick.conversion, seeds: 10 },
    tables: {
      names: [
        "boston-housing",
        "concrete",
        "energy-heating",
        "kin8nm",
        "power-plant",
        "wine-quality-red",
        "yacht",
        "airfoil",
      ],
      splits: 10,
      features: 512,
      ridges: [1e-5, 1e-4, 1e-3, 1e-2],
      steps: 3000,
    },
    characters: {
      width: 128,
      depth: 4,
      heads: 4,
      length: 128,
      batch: 32,
      pretrainSteps: 5000,
      steps: 2000,
      features: 8,
      bottlenecks: [2, 8, 32, 64],
      testWindows: 400,
    },
    poisson: { points: 128, features: 32, width: 32, steps: 5000, seeds: 3 },
  },
} satisfies Record<string, Config>;
