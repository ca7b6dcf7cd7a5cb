/**
 * What making a batch costs beside a step of training: CIFAR-10 pictures for ResNet-20, gathered, and gathered, shifted and mirrored.
 *
 *     npm run build && node bench/data.mjs
 */

import { randomCrop, randomFlip, takeRows } from "../dist/data/index.js";
import { random } from "../dist/index.js";
import * as nn from "../dist/nn/index.js";
import * as optim from "../dist/optim/index.js";
import { fit } from "../dist/train/index.js";
import { median } from "./statistics.mjs";

const [rows, batch, steps] = [10_000, 64, 15];
const x = random.normal(random.key(0), [rows, 3, 32, 32]);
const y = random.integers(random.key(1), [rows], 0, 10);

const plain = (key) => {
  const chosen = random.integers(key, [batch], 0, rows).data;
  return { x: takeRows(x, chosen), y: takeRows(y, chosen) };
};
const augmented = (key) => {
  const [forRows, forCrop, forFlip] = random.split(key, 3);
  const chosen = plain(forRows);
  return { ...chosen, x: randomFlip(forFlip, randomCrop(forCrop, chosen.x)) };
};

/** Median milliseconds of calls, the first ones left out. */
async function timed(call, count) {
  const times = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await call(i);
    times.push(performance.now() - start);
  }
  return median(times.slice(5));
}

const stepTimes = [];
let before = performance.now();
const fixed = plain(random.key(2));
await fit({
  model: nn.resnet({ depth: 20 }),
  data: () => fixed,
  loss: (logits, labels) => nn.losses.crossEntropy(logits, labels),
  optimizer: optim.sgd({ learningRate: 0.01, momentum: 0.9 }),
  steps,
  onStep: () => {
    stepTimes.push(performance.now() - before);
    before = performance.now();
  },
});
const step = median(stepTimes.slice(5));
console.log(`a step of ResNet-20, batch ${batch}: ${step.toFixed(1)} ms`);
for (const [name, make] of Object.entries({ gathered: plain, "gathered, shifted and mirrored": augmented })) {
  const took = await timed((i) => make(random.key(100 + i)), 60);
  console.log(`a batch ${name}: ${took.toFixed(2)} ms, ${((100 * took) / step).toFixed(1)} % of the step`);
}
