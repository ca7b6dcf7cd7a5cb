// A transformer reads Tiny Shakespeare letter by letter. `npx paperweight data get tiny-shakespeare`, then
// `node examples/char-transformer.mjs`. Stop it at any time: the same command goes on, and ends with the same weights.
import { NDArray, random } from "paperweight";
import { byteVocabulary, randomWindows, splitTokens, windows } from "paperweight/data";
import { openDataset } from "paperweight/data/node";
import * as nn from "paperweight/nn";
import * as optim from "paperweight/optim";
import { fit, predictor } from "paperweight/train";
import { fileCheckpoint, metricsFile } from "paperweight/train/node";

const text = await openDataset("tiny-shakespeare");
const letters = byteVocabulary(text);
const { train, validation } = splitTokens(letters.encode(text), 0.1);

const length = 64;
const batch = 16;
const steps = 1200;
const model = nn.transformer({ vocabulary: letters.size, width: 128, depth: 4, heads: 4, hidden: 352 });
const asBatch = ({ features, labels }) => ({ x: features, y: labels });

/** Nats a letter, on the whole validation text. */
const heldOut = asBatch(windows(validation, length));
const lossOf = predictor(
  { apply: (p, { x, y }) => nn.losses.crossEntropy(model.apply(p, x), y, { reduction: "none" }) },
  { batch: 64 },
);
const evaluate = async (params) => {
  const losses = (await lossOf(params, heldOut)).data;
  return { nats: losses.reduce((sum, loss) => sum + loss, 0) / losses.length };
};

const started = performance.now();
const seconds = () => `${((performance.now() - started) / 1000).toFixed(0)} s`;
const { params } = await fit({
  model,
  data: (_, key) => asBatch(randomWindows(key, train, length, batch)),
  loss: (logits, next) => nn.losses.crossEntropy(logits, next),
  optimizer: optim.chain(
    optim.clipByGlobalNorm(1),
    optim.adamw({
      learningRate: optim.warmUp({
        steps: 100,
        schedule: optim.cosine({ value: 2e-3, end: 1e-4, steps: steps - 100 }),
      }),
      beta2: 0.99,
      weightDecay: 0.1,
    }),
  ),
  steps,
  evaluate,
  evalEvery: 200,
  checkpoint: fileCheckpoint("runs/char-transformer/checkpoint.safetensors"),
  log: [metricsFile("runs/char-transformer/metrics.jsonl")],
  onEvaluate: ({ step, loss, metrics }) =>
    console.log(
      `step ${step}: loss ${loss.toFixed(3)}, validation ${metrics.nats.toFixed(3)} nats, ${seconds()}`,
    ),
});

/** The text goes on by itself: each letter is drawn by its probability, after the last `length` before it. */
const predict = predictor(model);
const written = Array.from(letters.encode("ROMEO:\n".padStart(length, "\n")).data);
for (let i = 0; i < 300; i++) {
  const before = new NDArray(BigInt64Array.from(written.slice(-length)), [1, length]);
  const logits = (await predict(params, before)).data.subarray((length - 1) * letters.size);
  const noise = random.gumbel(random.fold(random.key(5), i), [letters.size]).data;
  const scores = logits.map((logit, letter) => logit / 0.8 + noise[letter]);
  written.push(BigInt(scores.indexOf(Math.max(...scores))));
}
console.log(letters.decode(new NDArray(BigInt64Array.from(written), [written.length])).trim());
