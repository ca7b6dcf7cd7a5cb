/** T2 to T4: sine curves, registration of signals, and a Bayesian hypernetwork. */
import type { Context } from "../../experiment/context.ts";
import { heNormal } from "../../nn/initialisers.ts";
import { crossEntropy, mse } from "../../nn/losses.ts";
import { type MlpParams, mlp } from "../../nn/mlp.ts";
import type { Model } from "../../nn/model.ts";
import { compile } from "../../runtime/compile.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import { concat } from "../../tensor/operators/movement.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import * as tree from "../../tensor/tree.ts";
import type { Config } from "./config.ts";
import { type DigitData, type Digits, turnedBatches } from "./digits.ts";
import { gaussianToUnit } from "./encoding.ts";
import { ablation, hyperOf } from "./forms.ts";
import { keyOf, seedsOf } from "./keys.ts";
import type { Hypernetwork } from "./mip-hypernetworks.ts";
import { classifier, type Omega } from "./rotated.ts";
import { pairBatches, registrationLoss, SIGNAL, signalPairs, sineBatches } from "./signals.ts";
import { type Curve, optimizers, type Training, trainStage } from "./training.ts";

export interface TaskRun extends Curve {
  readonly form: string;
  readonly seed: number;
}

type Task<B> = Pick<Training<Omega, B>, "batches"> & {
  loss(hyper: Hypernetwork, omega: tree.Traced<Omega>, batch: tree.Traced<B>): Tensor;
};

/** Standard and MIP on a task, over seeds. */
async function compared<B, T>(
  context: Context,
  config: Config,
  name: string,
  o: {
    readonly steps: number;
    readonly seeds: number;
    readonly inputs: number;
    readonly model: Model<MlpParams>;
  },
  make: () => Promise<Task<B>> | Task<B>,
  measure: (hyper: Hypernetwork, omega: Omega, seed: number) => Promise<T>,
): Promise<(TaskRun & { readonly measured: T })[]> {
  const runs: (TaskRun & { readonly measured: T })[] = [];
  for (const form of [ablation.standard, ablation.mip]) {
    for (const seed of seedsOf(o.seeds)) {
      const hyper = hyperOf(form, config.hidden, o.inputs);
      const [forModel, forHyper] = random.split(keyOf(context, `${name} weights`, seed)) as [
        NDArray,
        NDArray,
      ];
      const training = async () => {
        const { batches, loss } = await make();
        return {
          params: hyper.init(forHyper, o.model.init(forModel)),
          batches,
          loss: (omega: tree.Traced<Omega>, batch: tree.Traced<B>) => loss(hyper, omega, batch),
          optimizer: optimizers.adam(config.learningRate),
          steps: o.steps,
          key: keyOf(context, `${name} steps`, seed),
        };
      };
      const stage = `${name}, ${form.name}, seed ${seed}`;
      const run = await trainStage(context, stage, training, (omega) => measure(hyper, omega, seed));
      runs.push({ form: form.name, seed, ...run });
    }
  }
  return runs;
}

/** T2. */
export function sineStudy(
  context: Context,
  config: Config,
  o: NonNullable<Config["sine"]>,
): Promise<TaskRun[]> {
  const model = mlp({ sizes: [1, ...o.primary, 1], activation: "relu", kernelInit: heNormal });
  return compared(
    context,
    config,
    "T2",
    { ...o, inputs: 1, model },
    () => ({
      batches: sineBatches(config.gammas, config.rows),
      loss: (hyper, omega, { gamma, x, y }) =>
        mse(model.apply(hyper.apply<MlpParams>(omega, { gamma }), x), y),
    }),
    async () => null,
  );
}

/** T3. */
export function registrationStudy(
  context: Context,
  config: Config,
  o: NonNullable<Config["registration"]>,
): Promise<TaskRun[]> {
  const model = mlp({ sizes: [2 * SIGNAL, ...o.primary, SIGNAL], activation: "relu", kernelInit: heNormal });
  return compared(
    context,
    config,
    "T3",
    { ...o, inputs: 1, model },
    () => ({
      batches: pairBatches(signalPairs(keyOf(context, "T3 pairs"), o.pairs), config.gammas, config.rows),
      loss: (hyper, omega, { gamma, fixed, moving }) => {
        const weights = hyper.apply<MlpParams>(omega, { gamma });
        return registrationLoss(gamma, fixed, moving, model.apply(weights, concat([fixed, moving], -1)));
      },
    }),
    async () => null,
  );
}

export interface BayesRun extends TaskRun {
  readonly inputs: number;
  /** Test accuracy of a network drawn at random, the mean of 16, and of the mean of their probabilities. */
  readonly single: number;
  readonly ensemble: number;
}

/** The weight of |theta|^2 in the loss of T4. */
const DECAY = 1e-4;
const DRAWS = 16;

/** T4, for each number of inputs. */
export async function bayesStudy(
  context: Context,
  config: Config,
  o: NonNullable<Config["bayes"]>,
  data: () => Promise<DigitData>,
): Promise<BayesRun[]> {
  const model = classifier(config, o.primary);
  const all: BayesRun[] = [];
  for (const k of o.inputs) {
    const runs = await compared(
      context,
      config,
      `T4, k = ${k}`,
      { ...o, inputs: k, model },
      async () => ({
        batches: gaussianBatches((await data()).train, config, k),
        loss: (hyper, omega, { z, x, y }) => {
          const weights = hyper.apply<MlpParams>(omega, { gamma: gaussianToUnit(z) });
          const squares = (tree.leaves(weights) as Tensor[]).map((w) => w.square().sum());
          const decay = squares.reduce((a, b) => a.add(b)).mul(DECAY / config.gammas);
          return crossEntropy(model.apply(weights, x), y).add(decay);
        },
      }),
      async (hyper, omega, seed) =>
        ensembleAccuracy(hyper, model, omega, (await data()).test, keyOf(context, "T4 draws", seed), k),
    );
    all.push(...runs.map(({ measured, ...run }) => ({ ...run, ...measured, inputs: k })));
  }
  return all;
}

/** Images as they are, and z normal [G, k]. */
function gaussianBatches(digits: Digits, { gammas, rows }: Config, k: number) {
  const upright = turnedBatches(digits, { gammas: new Array<number>(gammas).fill(0), rows });
  return (step: number, key: NDArray) => {
    const { x, y } = upright(step, key);
    return { z: random.normal(random.fold(key, 1), [gammas, k]), x, y };
  };
}

async function ensembleAccuracy(
  hyper: Hypernetwork,
  model: Model<MlpParams>,
  omega: Omega,
  { images, labels }: Digits,
  key: NDArray,
  k: number,
): Promise<{ single: number; ensemble: number }> {
  const vote = compile(
    (w: tree.Traced<Omega>, z: Tensor, x: Tensor) => {
      const logits = model.apply(hyper.apply<MlpParams>(w, { gamma: gaussianToUnit(z) }), x);
      return { each: logits.argMax(-1), together: logits.softmax().mean(0).argMax(-1) };
    },
    { threads: 1 },
  );
  const n = labels.size;
  const { each, together } = await vote(
    omega,
    random.normal(key, [DRAWS, k]),
    images.reshape([n, images.size / n]),
  );
  await vote.dispose();
  const share = ({ data, size }: NDArray) =>
    Array.from({ length: size }, (_, i) => i).filter((i) => data[i] === labels.data[i % n]).length / size;
  return { single: share(each), ensemble: share(together) };
}
