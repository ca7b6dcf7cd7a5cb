/** Noisy seven-segment digits with few training examples: four hyperparameters of a small dense network. */
import { segdigits } from "../../data/generators/segdigits.ts";
import * as losses from "../../nn/losses.ts";
import { adam } from "../../optim/adam.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import type { Config } from "./config.ts";
import type { Hyperparameter } from "./hyperparameters.ts";
import { hyperMlp } from "./networks.ts";
import { partOf, type Task } from "./tasks.ts";

const dropout = ["input dropout", "hidden dropout 1", "hidden dropout 2"] as const;

export const digitHyperparameters = (start: number, scale: number): readonly Hyperparameter[] => [
  ...dropout.map((name) => ({ name, range: [0, 0.9] as const, init: start, scale })),
  { name: "noise", range: [0, 1], init: start, scale },
];

const SIZES = [144, 64, 64, 10];

export function digitsTask(key: NDArray, o: Config["digits"]): Task {
  const { features, labels } = segdigits(key, o.train + o.valid + o.test, { noise: o.noise });
  const all = { x: features, y: labels };
  const hyperparameters = digitHyperparameters(o.start, o.scale);
  const network = (n: number) => hyperMlp({ sizes: SIZES, hyperparameters: n, noise: "noise", dropout });
  return {
    ...o,
    hyperparameters,
    tuned: network(hyperparameters.length),
    plain: network(0),
    train: partOf(all, 0, o.train),
    valid: partOf(all, o.train, o.train + o.valid),
    test: partOf(all, o.train + o.valid, o.train + o.valid + o.test),
    loss: (prediction, y) => losses.crossEntropy(prediction, y),
    weightOptimizer: () => adam({ learningRate: o.weightRate }),
  };
}
