import { z } from "zod";

const count = (what: string) => z.number().int().positive().describe(what);
const steps = count("optimiser steps");
const batch = z
  .number()
  .int()
  .positive()
  .nullable()
  .describe("triples a step, drawn with replacement; null is all of them");
const network = {
  width: count("width of all hidden layers"),
  latent: count("p, the features that branch and trunk meet in"),
};

const antiderivative = z.strictObject({
  train: count("training triples, one for each function"),
  test: count("test triples"),
  sensors: count("m, the sensors"),
  ...network,
  steps,
  batch,
  seeds: count("seeds for the unstacked DeepONet and the FNN"),
  fnnWidths: z
    .array(count("a width"))
    .min(1)
    .describe("widths of the FNN baseline; the first is the one compared with"),
  fnnDepths: z
    .array(count("a depth"))
    .min(1)
    .describe("depths (weight layers) of the FNN baseline; the first is the one compared with"),
  fnnRates: z
    .array(z.number().positive())
    .min(1)
    .describe("learning rates of the FNN baseline; the first is the one compared with"),
  resnet: z.boolean().describe("also train the ResNet baseline: width 128, two residual blocks"),
  variants: z
    .strictObject({ latent: count("p of the variants"), steps, batch, seeds: count("seeds of the variants") })
    .nullable()
    .describe("stacked and unstacked nets with and without bias at a smaller p; null leaves them out"),
});

const nonlinear = z.strictObject({
  train: count("training triples"),
  test: count("test triples"),
  sensors: count("m, the sensors"),
  ...network,
  steps,
  batch,
});

const sweepNetwork = { ...network, test: count("test triples"), steps, batch };

const sizes = z.strictObject({
  ...sweepNetwork,
  sensors: count("m, the sensors"),
  train: z.array(count("a number of triples")).min(2).describe("numbers of training triples, ascending"),
});

const sensors = z.strictObject({
  ...sweepNetwork,
  train: count("training triples"),
  sensors: z
    .array(z.number().int().min(2).describe("a number of sensors"))
    .min(2)
    .describe("numbers of sensors, ascending"),
});

const horizon = z.strictObject({
  ...sweepNetwork,
  train: count("training triples"),
  sensorsPerUnit: count("sensors for each unit of time"),
  horizons: z
    .array(z.number().positive().describe("a horizon"))
    .min(2)
    .describe("prediction horizons T, ascending"),
});

const diffusion = z.strictObject({
  ...network,
  data: z
    .array(z.strictObject({ functions: count("n_u"), queries: count("P") }))
    .min(1)
    .describe("the training sets: numbers of functions u and of points for each"),
  testFunctions: count("test functions"),
  testQueries: count("points for each test function"),
  steps,
  batch,
  fnnDepth: count("depth of the FNN baseline, trained on the last set"),
});

export const config = z.object({
  learningRate: z.number().positive().describe("learning rate of Adam"),
  lengthScale: z
    .number()
    .positive()
    .describe("length scale l of the Gaussian random field that u comes from"),
  antiderivative: antiderivative.describe("C1, C2: the antiderivative"),
  nonlinear: nonlinear.nullable().describe("C3: s' = -s^2 + u; null leaves it out"),
  sizes: sizes
    .nullable()
    .describe("C5: the pendulum, over the number of training triples; null leaves it out"),
  sensors: sensors.nullable().describe("C6: the pendulum, over the number of sensors; null leaves it out"),
  horizon: horizon.nullable().describe("C4: the pendulum, over the prediction horizon; null leaves it out"),
  diffusion: diffusion.nullable().describe("C7: the diffusion-reaction equation; null leaves it out"),
  theorySamples: z
    .number()
    .int()
    .min(0)
    .describe("samples for the Monte Carlo check of the sensor theory; 0 leaves it out"),
  alignedData: z
    .string()
    .nullable()
    .describe(
      "folder with antiderivative_aligned_{train,test}_plain.npz, to train on that public data set too; null leaves it out",
    ),
});

export type Config = z.output<typeof config>;

const quickSweep = { width: 40, latent: 40, test: 4000, batch: 512 };

export const presets = {
  smoke: {
    learningRate: 1e-3,
    lengthScale: 0.2,
    antiderivative: {
      train: 300,
      test: 1000,
      sensors: 20,
      width: 20,
      latent: 20,
      steps: 400,
      batch: 256,
      seeds: 1,
      fnnWidths: [20],
      fnnDepths: [3],
      fnnRates: [1e-3],
      resnet: false,
      variants: null,
    },
    nonlinear: null,
    sizes: null,
    sensors: null,
    horizon: null,
    diffusion: {
      width: 20,
      latent: 20,
      data: [{ functions: 5, queries: 20 }],
      testFunctions: 5,
      testQueries: 20,
      steps: 100,
      batch: null,
      fnnDepth: 4,
    },
    theorySamples: 0,
    alignedData: null,
  },
  quick: {
    learningRate: 1e-3,
    lengthScale: 0.2,
    antiderivative: {
      train: 2000,
      test: 10_000,
      sensors: 50,
      width: 40,
      latent: 40,
      steps: 4000,
      batch: 512,
      seeds: 3,
      fnnWidths: [40, 100],
      fnnDepths: [3],
      fnnRates: [1e-3],
      resnet: false,
      variants: { latent: 20, steps: 2500, batch: 256, seeds: 3 },
    },
    nonlinear: { train: 2000, test: 10_000, sensors: 50, width: 40, latent: 40, steps: 4000, batch: 512 },
    sizes: { ...quickSweep, sensors: 50, steps: 3000, train: [125, 250, 500, 1000, 2000, 4000] },
    sensors: { ...quickSweep, train: 4000, steps: 2500, sensors: [2, 3, 4, 6, 10, 20] },
    horizon: { ...quickSweep, train: 2000, steps: 3000, sensorsPerUnit: 50, horizons: [1, 2, 3] },
    diffusion: {
      width: 64,
      latent: 64,
      data: [
        { functions: 20, queries: 100 },
        { functions: 50, queries: 20 },
        { functions: 50, queries: 100 },
        { functions: 150, queries: 100 },
      ],
      testFunctions: 100,
      testQueries: 100,
      steps: 2000,
      batch: 512,
      fnnDepth: 4,
    },
    theorySamples: 20_000,
    alignedData: null,
  },
  full: {
    learningRate: 1e-3,
    lengthScale: 0.2,
    antiderivative: {
      train: 10_000,
      test: 100_000,
      sensors: 100,
      width: 40,
      latent: 40,
      steps: 50_000,
      batch: null,
      seeds: 5,
      fnnWidths: [40, 10, 160, 640],
      fnnDepths: [3, 2, 4],
      fnnRates: [1e-3, 1e-4],
      resnet: true,
      variants: { latent: 40, steps: 50_000, batch: null, seeds: 5 },
    },
    nonlinear: {
      train: 10_000,
      test: 100_000,
      sensors: 100,
      width: 40,
      latent: 40,
      steps: 100_000,
      batch: null,
    },
    sizes: {
      width: 200,
      latent: 200,
      test: 100_000,
      sensors: 100,
      steps: 100_000,
      batch: 2048,
      train: [1000, 3000, 10_000, 30_000, 100_000],
    },
    sensors: {
      width: 40,
      latent: 40,
      test: 100_000,
      train: 10_000,
      steps: 100_000,
      batch: 2048,
      sensors: [2, 3, 4, 6, 10, 20, 50, 100],
    },
    horizon: {
      width: 40,
      latent: 40,
      test: 100_000,
      train: 10_000,
      steps: 100_000,
      batch: 2048,
      sensorsPerUnit: 100,
      horizons: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    },
    diffusion: {
      width: 100,
      latent: 100,
      data: [
        { functions: 50, queries: 100 },
        { functions: 50, queries: 1000 },
        { functions: 100, queries: 100 },
        { functions: 100, queries: 1000 },
        { functions: 200, queries: 1000 },
        { functions: 1000, queries: 1000 },
      ],
      testFunctions: 1000,
      testQueries: 1000,
      steps: 500_000,
      batch: 2048,
      fnnDepth: 4,
    },
    theorySamples: 100_000,
    alignedData: null,
  },
} satisfies Record<string, Config>;
