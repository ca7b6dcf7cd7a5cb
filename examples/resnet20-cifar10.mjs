// ResNet-20 on a fifth of CIFAR-10: 10,000 photographs, 2,000 to test. It needs the files of the data set "cifar10-subset" in the
// folder that PAPERWEIGHT_DATA names. Stop it at any time: the same command goes on, and ends with the same weights.
import { random } from "paperweight";
import { randomCrop, randomFlip, split, takeRows, toFloat } from "paperweight/data";
import { openDataset } from "paperweight/data/node";
import * as nn from "paperweight/nn";
import * as optim from "paperweight/optim";
import { evaluator, fit, metrics } from "paperweight/train";
import { fileCheckpoint, metricsFile } from "paperweight/train/node";

const asPhotos = ({ features, labels }) => ({
  x: toFloat(features, { mean: [0.491, 0.482, 0.447], std: [0.247, 0.243, 0.262] }),
  y: labels,
});
const cifar = await openDataset("cifar10-subset");
const [forTraining, forValidation] = split(random.key(1), cifar.train, [9_500, 500]);
const train = asPhotos(forTraining);

const model = nn.resnet({ depth: 20 });
const batch = 64;
const steps = 1500;

/** Any of the photographs, shifted and mirrored at random. */
const batchOf = (_, key) => {
  const [forRows, forCrop, forFlip] = random.split(key, 3);
  const rows = random.integers(forRows, [batch], 0, 9_500).data;
  return { x: randomFlip(forFlip, randomCrop(forCrop, takeRows(train.x, rows))), y: takeRows(train.y, rows) };
};
const accuracyOn = (photos) =>
  evaluator(model, { data: photos, metrics: { accuracy: metrics.accuracy }, batch: 250 });

const started = performance.now();
const seconds = () => `${((performance.now() - started) / 1000).toFixed(0)} s`;
const { params } = await fit({
  model,
  data: batchOf,
  loss: (logits, labels) => nn.losses.crossEntropy(logits, labels),
  optimizer: optim.adamw({
    learningRate: optim.warmUp({ steps: 100, schedule: optim.cosine({ value: 4e-3, steps: steps - 100 }) }),
    weightDecay: 0.05,
  }),
  steps,
  evaluate: accuracyOn(asPhotos(forValidation)),
  evalEvery: 100,
  checkpoint: fileCheckpoint("runs/resnet20-cifar10/checkpoint.safetensors"),
  log: [metricsFile("runs/resnet20-cifar10/metrics.jsonl")],
  onEvaluate: ({ step, loss, metrics }) =>
    console.log(
      `step ${step}: loss ${loss.toFixed(3)}, validation accuracy ${metrics.accuracy}, ${seconds()}`,
    ),
});

const test = await accuracyOn(asPhotos(cifar.test))(params);
console.log(`test accuracy ${(100 * test.accuracy).toFixed(1)} % after ${seconds()}`);
