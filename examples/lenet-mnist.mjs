// LeNet-5 on MNIST: 60,000 digits, five epochs. `npx paperweight data get mnist`, then `node examples/lenet-mnist.mjs`.
import { random } from "paperweight";
import { split, toFloat } from "paperweight/data";
import { openDataset } from "paperweight/data/node";
import * as nn from "paperweight/nn";
import * as optim from "paperweight/optim";
import { evaluator, fit, metrics } from "paperweight/train";

const asDigits = ({ features, labels }) => ({
  x: toFloat(features, { mean: [0.1307], std: [0.3081] }),
  y: labels,
});
const mnist = await openDataset("mnist");
const [train, validation] = split(random.key(1), mnist.train, [55_000, 5_000]);

const model = nn.lenet({ activation: "relu" });
const batch = 64;
const epochs = 5;
const steps = epochs * Math.floor(55_000 / batch);

const started = performance.now();
const seconds = () => `${((performance.now() - started) / 1000).toFixed(0)} s`;
const { params } = await fit({
  model,
  data: asDigits(train),
  loss: nn.losses.crossEntropy,
  optimizer: optim.adam({ learningRate: optim.cosine({ value: 2e-3, steps }) }),
  epochs,
  batch,
  evaluate: evaluator(model, { data: asDigits(validation), metrics: { accuracy: metrics.accuracy } }),
  onEvaluate: ({ step, loss, metrics }) =>
    console.log(
      `step ${step}: loss ${loss.toFixed(4)}, validation accuracy ${metrics.accuracy}, ${seconds()}`,
    ),
});

const test = await evaluator(model, { data: asDigits(mnist.test), metrics: { accuracy: metrics.accuracy } })(
  params,
);
console.log(`test accuracy ${(100 * test.accuracy).toFixed(2)} % after ${seconds()}`);
