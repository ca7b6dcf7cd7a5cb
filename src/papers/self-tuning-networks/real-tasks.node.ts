/** The tasks on real data, of the preset full: CIFAR-10 images and tiny Shakespeare. */
import { openDataset } from "../../data/cache.node.ts";
import type { Dataset } from "../../data/dataset.ts";
import { toFloat } from "../../data/images.ts";
import { shuffle } from "../../data/split.ts";
import { byteVocabulary, splitTokens, windows } from "../../data/text.ts";
import type { Context } from "../../experiment/context.ts";
import * as losses from "../../nn/losses.ts";
import { adam } from "../../optim/adam.ts";
import { sgd } from "../../optim/sgd.ts";
import type { Config } from "./config.ts";
import type { Hyperparameter } from "./hyperparameters.ts";
import { hyperCnn, hyperGru } from "./networks.ts";
import type { Examples } from "./self-tuning-networks.ts";
import { studyKey, type TaskResult, taskStudy } from "./studies.ts";
import { partOf, type Task } from "./tasks.ts";

const channelDropout = ["dropout 1", "dropout 2", "dropout 3"] as const;

/** Ranges, first values and kinds of the official code, for its small CNN; head dropout and noise are ours. */
export function cifarHyperparameters(scale: number): readonly Hyperparameter[] {
  const from = (name: string, high: number): Hyperparameter => ({
    name,
    range: [0, high],
    init: 0.05,
    scale,
  });
  return [
    ...channelDropout.map((name) => from(name, 0.9)),
    from("head dropout", 0.9),
    from("inputDropout", 1),
    from("inputScale", 0.3),
    from("hue", 0.5),
    from("contrast", 1),
    from("saturation", 1),
    from("brightness", 1),
    from("noise", 1),
    { name: "cutoutHoles", range: [0, 4], init: 1, scale, discrete: true },
    { name: "cutoutLength", range: [0, 25], init: 4, scale, discrete: true },
  ];
}

/** The paper's small CNN on part of CIFAR-10. */
export async function cifarStudy(context: Context, o: NonNullable<Config["cifar"]>): Promise<TaskResult> {
  const { train, test } = await openDataset(o.data);
  const key = studyKey(context, "cifar");
  const seen = examplesOf(shuffle(key, train), o.train + o.valid);
  const hyperparameters = cifarHyperparameters(o.scale);
  const network = (n: number) =>
    hyperCnn({
      channels: [3, 10, 20, 40],
      size: 32,
      classes: 10,
      hyperparameters: n,
      dropout: channelDropout,
      headDropout: "head dropout",
    });
  const task: Task = {
    ...o,
    hyperparameters,
    tuned: network(hyperparameters.length),
    plain: network(0),
    train: partOf(seen, 0, o.train),
    valid: partOf(seen, o.train, o.train + o.valid),
    test: examplesOf(test, o.test),
    loss: (prediction, y) => losses.crossEntropy(prediction, y),
    weightOptimizer: () => sgd({ learningRate: o.weightRate, momentum: 0.9 }),
  };
  return taskStudy(context, "CIFAR-10", () => task, o, [], studyKey(context, "cifar runs"));
}

/** The first `count` images with values from 0 to 1. */
function examplesOf({ features, labels }: Dataset, count: number): Examples {
  const rows = features.shape[0]!;
  if (count > rows)
    throw new RangeError(`self-tuning-networks: the data set has ${rows} images, ${count} are asked for`);
  const { x, y } = partOf({ x: features, y: labels }, 0, count);
  return { x: toFloat(x), y };
}

/** A recurrent language model on characters, whose output dropout is tuned. */
export async function textStudy(context: Context, o: NonNullable<Config["text"]>): Promise<TaskResult> {
  const all = (await openDataset("tiny-shakespeare")).slice(0, o.characters);
  const vocabulary = byteVocabulary(all);
  const { train, validation: held } = splitTokens(vocabulary.encode(all), 0.1);
  const { train: valid, validation: test } = splitTokens(held, 0.5);
  const examples = (tokens: typeof train): Examples => {
    const { features, labels } = windows(tokens, o.window);
    return { x: features, y: labels };
  };
  const network = (n: number) =>
    hyperGru({ vocabulary: vocabulary.size, size: o.size, hyperparameters: n, dropout: { output: OUTPUT } });
  const task: Task = {
    ...o,
    hyperparameters: [{ name: OUTPUT, range: [0, 0.9], init: 0.05, scale: o.scale }],
    tuned: network(1),
    plain: network(0),
    train: examples(train),
    valid: examples(valid),
    test: examples(test),
    loss: (prediction, y) => losses.crossEntropy(prediction, y),
    weightOptimizer: () => adam({ learningRate: o.weightRate }),
  };
  return taskStudy(context, "tiny Shakespeare", () => task, o, [], studyKey(context, "text runs"));
}

const OUTPUT = "output dropout";
