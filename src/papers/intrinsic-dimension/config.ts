import { z } from "zod";
import { projectionKinds } from "../../nn/parametrize/subspace.ts";

const count = (what: string) => z.number().int().positive().describe(what);
const rate = (what: string) => z.number().positive().describe(what);
const dimensions = z
  .array(count("a dimension"))
  .min(2)
  .describe("dimensions d of the subspaces, ascending, all trained in one graph");
const steps = count("optimiser steps");
const batch = count("examples a step");
const projection = z.enum(projectionKinds).describe("the random projection");

const toy = z.strictObject({
  dimensions: z.array(z.number().int().min(0).describe("a dimension")).min(2).describe("dimensions d"),
  projections: z.array(projection).min(1).describe("the projections compared"),
});

const networks = z.strictObject({
  nets: z
    .array(
      z.strictObject({ depth: count("hidden layers"), width: count("units in each"), seeds: count("seeds") }),
    )
    .min(1)
    .describe("fully connected nets; the one of depth 2 and width 64 (or the first) is also compressed"),
  dimensions,
  steps,
  batch,
  small: z
    .array(z.strictObject({ depth: count("hidden layers"), width: count("units in each") }))
    .describe("small nets that are trained directly, to compare with a subspace of as many numbers"),
});

const projections = z.strictObject({ dimensions, seeds: count("seeds") });
const permuted = z.strictObject({ dimensions, steps, batch });
const labels = z.strictObject({ images: count("training images, all in one batch"), dimensions, steps });
const random = z.strictObject({
  examples: z.array(count("a number of examples")).min(2).describe("numbers of Gaussian inputs, ascending"),
  inputs: count("numbers in each"),
  dimensions,
  steps,
});

const pole = z.strictObject({
  dimensions,
  seeds: count("seeds"),
  iterations: count("iterations of the cross-entropy method"),
  population: count("policies in each"),
  elite: count("the best, which decide the next mean and spread"),
  rollouts: count("episodes a policy is tried on"),
  starts: count("fresh starts that the final policies are measured on"),
  horizon: z.number().int().multipleOf(10).describe("steps of an episode, a multiple of 10"),
});

const cartpole = z.strictObject({
  nets: z
    .array(z.strictObject({ width: count("units in both hidden layers"), dimensions }))
    .min(1)
    .describe("the networks"),
  seeds: count("seeds"),
  episodes: count("episodes at most; fewer where the mean of the last 100 returns reaches 195"),
  rate: rate("learning rate of Adam"),
});

const real = z.strictObject({
  nets: z
    .array(
      z.strictObject({
        net: z.enum(["fc", "lenet"]).describe("two hidden layers of 200 units, or LeNet"),
        dimensions,
        seeds: count("seeds"),
      }),
    )
    .min(1)
    .describe("the networks"),
  images: count("training images, the first of the set"),
  permuted: z.boolean().describe("permute the pixels, alike in all images"),
  projection,
  steps,
  batch,
  rate: rate("learning rate of the coordinates"),
  directRate: rate("learning rate of direct training"),
  decay: z.boolean().describe("let the learning rates fall to 0 along a cosine"),
  baseline: rate("the accuracy that is 100 %, for the global line"),
});

export const config = z.object({
  data: z
    .enum(["segdigits", "mnist", "cifar10", "all"])
    .describe(
      "segdigits: all studies on generated data; mnist or cifar10: that section alone, from a folder of data sets; all: everything",
    ),
  rate: rate("learning rate of Adam for the coordinates, on generated data"),
  directRate: rate("learning rate of Adam for direct training, on generated data"),
  train: count("training images of segdigits"),
  test: count("test images of segdigits"),
  toy: toy.describe("(a) ten quadratic constraints"),
  networks: networks.describe("(b) fully connected nets of different size on segdigits"),
  projections: projections
    .nullable()
    .describe("(c) sparse and Fastfood projections, on the compressed net; null leaves them out"),
  permuted: permuted
    .nullable()
    .describe("(d) a convolutional net, with raw and with permuted pixels; null leaves it out"),
  labels: labels.nullable().describe("(e) few images with true and with shuffled labels; null leaves it out"),
  random: random.nullable().describe("(e) random labels of Gaussian inputs; null leaves them out"),
  pole: pole.nullable().describe("(f) balancing a pole; null leaves it out"),
  cartpole: cartpole.nullable().describe("CartPole by deep Q-learning, for hours; null leaves it out"),
  mnist: real.describe("networks on MNIST, with data=mnist or all"),
  cifar10: real.describe("networks on CIFAR-10, with data=cifar10 or all"),
});

export type Config = z.output<typeof config>;
export type RealConfig = Config["mnist"];

const mnist: RealConfig = {
  nets: [
    { net: "fc", dimensions: [500, 650, 800, 1000], seeds: 1 },
    { net: "lenet", dimensions: [200, 275, 350, 450], seeds: 1 },
  ],
  images: 60_000,
  permuted: false,
  projection: "fastfood",
  steps: 1500,
  batch: 128,
  rate: 0.1,
  directRate: 2e-3,
  decay: true,
  baseline: 1,
};
const cifar10: RealConfig = {
  ...mnist,
  nets: [
    { net: "fc", dimensions: [1000, 3000, 5000, 7000, 9000, 12_000], seeds: 1 },
    { net: "lenet", dimensions: [500, 1000, 2000, 3000, 4000, 6000], seeds: 1 },
  ],
  images: 10_000,
  baseline: 0.5,
};

const nets = [
  { depth: 1, width: 16, seeds: 3 },
  { depth: 1, width: 64, seeds: 3 },
  { depth: 2, width: 64, seeds: 3 },
  { depth: 3, width: 64, seeds: 2 },
  { depth: 1, width: 256, seeds: 2 },
];
const small = [2, 3, 5, 8, 10, 15, 20, 25].flatMap((width) => [1, 2, 3].map((depth) => ({ depth, width })));

const quick: Config = {
  data: "segdigits",
  rate: 0.1,
  directRate: 3e-3,
  train: 4000,
  test: 1000,
  toy: { dimensions: [0, 2, 4, 6, 8, 9, 10, 11, 12], projections: [...projectionKinds] },
  networks: {
    nets,
    dimensions: [50, 75, 100, 150, 200],
    steps: 500,
    batch: 128,
    small: small.filter(({ depth }) => depth < 3),
  },
  projections: { dimensions: [100, 150], seeds: 2 },
  permuted: { dimensions: [25, 50, 75, 100, 150, 200], steps: 400, batch: 64 },
  labels: { images: 200, dimensions: [25, 50, 100, 200, 400], steps: 500 },
  random: { examples: [50, 100, 200], inputs: 16, dimensions: [25, 50, 100, 200, 400, 800], steps: 800 },
  pole: {
    dimensions: [1, 2, 3, 4, 6, 8],
    seeds: 8,
    iterations: 15,
    population: 32,
    elite: 8,
    rollouts: 4,
    starts: 100,
    horizon: 200,
  },
  cartpole: null,
  mnist,
  cifar10,
};

export const presets = {
  smoke: {
    ...quick,
    train: 500,
    test: 300,
    toy: { dimensions: [0, 5, 9, 10, 12], projections: ["dense"] },
    networks: {
      nets: [{ depth: 1, width: 16, seeds: 1 }],
      dimensions: [25, 150],
      steps: 150,
      batch: 128,
      small: [{ depth: 1, width: 5 }],
    },
    projections: null,
    permuted: null,
    labels: null,
    random: null,
    pole: {
      dimensions: [1, 4],
      seeds: 1,
      iterations: 2,
      population: 8,
      elite: 3,
      rollouts: 2,
      starts: 5,
      horizon: 50,
    },
  },
  quick,
  full: {
    ...quick,
    data: "all",
    networks: {
      ...quick.networks,
      nets: nets.map((net) => ({ ...net, seeds: 5 })),
      dimensions: [25, 50, 75, 100, 125, 150, 175, 200, 300],
      small,
    },
    projections: { dimensions: [50, 75, 100, 125, 150, 175, 200], seeds: 5 },
    cartpole: {
      nets: [
        { width: 20, dimensions: [5, 10, 15, 20, 25, 30, 40] },
        { width: 400, dimensions: [10, 20, 30, 40, 50, 75] },
      ],
      seeds: 3,
      episodes: 10_000,
      rate: 1e-4,
    },
    mnist: {
      ...mnist,
      nets: [
        {
          net: "fc",
          dimensions: [100, 200, 300, 400, 500, 525, 550, 600, 650, 700, 750, 800, 1000],
          seeds: 3,
        },
        { net: "lenet", dimensions: [50, 100, 150, 200, 225, 250, 275, 290, 300, 350, 400, 500], seeds: 3 },
      ],
      steps: 46_800,
      rate: 1e-2,
      directRate: 1e-3,
      decay: false,
    },
    cifar10: { ...cifar10, steps: 39_000, rate: 1e-2, directRate: 1e-3, decay: false },
  },
} satisfies Record<string, Config>;
