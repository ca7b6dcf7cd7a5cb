/** T1, the main study: digits turned by pi gamma. */
import type { Context } from "../../experiment/context.ts";
import { heNormal } from "../../nn/initialisers.ts";
import { crossEntropy } from "../../nn/losses.ts";
import { type MlpParams, mlp } from "../../nn/mlp.ts";
import type { Model } from "../../nn/model.ts";
import type { Parametrization } from "../../nn/parametrization.ts";
import { kernels, type Selects } from "../../nn/select.ts";
import { weightNorm } from "../../nn/weight-norm.ts";
import { compile } from "../../runtime/compile.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import { type Bounds, boundsStudy } from "./bounds.ts";
import type { Config } from "./config.ts";
import { type DigitData, turnedBatches } from "./digits.ts";
import { ablation, type Form, hyperOf, variants } from "./forms.ts";
import { keyOf, seedsOf } from "./keys.ts";
import { accuracies, scalesOf } from "./measures.ts";
import type { HyperParams } from "./mip-hypernetworks.ts";
import type { ScaleRow } from "./scale-report.ts";
import { type Curve, type OptimizerName, optimizers, trainStage } from "./training.ts";

export type Omega = HyperParams<MlpParams>;

export interface Study {
  readonly context: Context;
  readonly config: Config;
  readonly data: () => Promise<DigitData>;
  readonly model: Model<MlpParams>;
}

/** A form, trained. */
export interface RotatedRun extends Curve {
  readonly form: string;
  readonly optimizer: OptimizerName;
  readonly rate: number;
  readonly hidden: readonly number[];
  readonly seed: number;
  /** Test accuracy at each gamma of `EVALUATED`. */
  readonly accuracy: readonly number[];
  /** Norms at initialisation and after training; empty outside the main comparison. */
  readonly before: readonly ScaleRow[];
  readonly after: readonly ScaleRow[];
  /** The weights, of MIP's first seed only. */
  readonly omega: Omega | null;
}

export interface Rotated {
  readonly main: readonly RotatedRun[];
  readonly lowRate: readonly RotatedRun[];
  readonly sgd: readonly RotatedRun[];
  readonly variants: readonly RotatedRun[];
  readonly sizes: readonly RotatedRun[];
  readonly grid: readonly RotatedRun[];
  readonly bounds: Bounds | null;
}

/** A network of digits: what is predicted. */
export function classifier(config: Config, primary: readonly number[]): Model<MlpParams> {
  const pixels = config.images === "mnist" ? 784 : 144;
  return mlp({ sizes: [pixels, ...primary, 10], activation: "relu", kernelInit: heNormal });
}

export async function rotatedStudy(study: Study): Promise<Rotated> {
  const { config } = study;
  const o = config.rotated;
  const all = Object.values(ablation);
  const both = [ablation.standard, ablation.mip];
  const settings = {
    optimizer: "adam",
    rate: config.learningRate,
    seeds: o.seeds,
    hidden: config.hidden,
  } as const;
  const main = await runs(study, "main", all, settings);
  const lowRate =
    o.lowRate === null ? [] : await runs(study, "low rate", both, { ...settings, rate: o.lowRate });
  const sgd =
    o.sgdRate === null
      ? []
      : await runs(study, "SGD", both, { ...settings, optimizer: "sgd", rate: o.sgdRate });
  const changed = o.variants.flatMap((name) => variants[name]);
  const varied = await runs(study, "variants", changed, { ...settings, seeds: o.variantSeeds });
  const [sizes, grid]: [RotatedRun[], RotatedRun[]] = [[], []];
  for (const hidden of o.sizes)
    sizes.push(...(await runs(study, `hidden ${hidden.join("-")}`, both, { ...settings, seeds: 1, hidden })));
  for (const optimizer of ["adam", "sgd"] as const)
    for (const rate of o.grid)
      grid.push(
        ...(await runs(study, `grid ${optimizer} ${rate}`, all, { ...settings, optimizer, rate, seeds: 1 })),
      );
  return {
    main,
    lowRate,
    sgd,
    variants: varied,
    sizes,
    grid,
    bounds: o.bounds ? await boundsStudy(study) : null,
  };
}

interface Settings {
  readonly optimizer: OptimizerName;
  readonly rate: number;
  readonly seeds: number;
  readonly hidden: readonly number[];
}

async function runs(study: Study, part: string, forms: readonly Form[], o: Settings): Promise<RotatedRun[]> {
  const results: RotatedRun[] = [];
  for (const form of forms)
    for (const seed of seedsOf(o.seeds)) results.push(await runOf(study, part, form, o, seed));
  return results;
}

/** Seeds see the same batches and gammas, and layers of one size start with the same draws, in every form. */
async function runOf(study: Study, part: string, form: Form, o: Settings, seed: number): Promise<RotatedRun> {
  const { context, config, model } = study;
  const hyper = hyperOf(form, o.hidden, 1);
  const [forModel, forHyper] = random.split(keyOf(context, "T1 weights", seed)) as [NDArray, NDArray];
  const normalised = form.weightNorm === true ? lengths : plain;
  const logits = (omega: Traced<Omega>, gamma: Tensor, x: Tensor) =>
    model.apply(hyper.apply<MlpParams>(omega, { gamma }), x);
  const isMain = part === "main";
  const { measured, ...curve } = await trainStage(
    context,
    `T1 ${part}, ${form.name}, seed ${seed}`,
    async () => {
      const { train } = await study.data();
      return {
        params: normalised.init(forHyper, hyper.init(forHyper, model.init(forModel))),
        batches: turnedBatches(train, { gammas: config.gammas, rows: config.rows }),
        loss: (params: Traced<unknown>, { gamma, x, y }) =>
          crossEntropy(logits(normalised.weights(params as never), gamma, x), y),
        optimizer: optimizers[o.optimizer](o.rate),
        steps: config.rotated.steps,
        key: keyOf(context, "T1 steps", seed),
      };
    },
    async (params, first) => {
      const { train, test } = await study.data();
      const scales = async (z: unknown) =>
        isMain ? scalesOf(hyper, model, await omegaOf(normalised, z), train) : [];
      const omega = await omegaOf(normalised, params);
      return {
        accuracy: await accuracies(logits, omega, test),
        before: await scales(first),
        after: await scales(params),
        omega: isMain && form === ablation.mip && seed === 0 ? omega : null,
      };
    },
  );
  return {
    form: form.name,
    optimizer: o.optimizer,
    rate: o.rate,
    hidden: o.hidden,
    seed,
    ...curve,
    ...measured,
  };
}

const plain: Parametrization<unknown, Omega> = {
  init: (_key, omega) => omega,
  weights: (z) => z as Traced<Omega>,
};

/** The kernels of the hypernetwork itself; theta_0 starts as 0, which has no direction. */
const isOwn: Selects = (path, shape) => kernels(path, shape) && !path.startsWith("residual/");
const lengths = weightNorm<Omega>(isOwn) as Parametrization<unknown, Omega>;

async function omegaOf(normalised: Parametrization<unknown, Omega>, z: unknown): Promise<Omega> {
  if (normalised === plain) return z as Omega;
  const weights = compile((values: unknown) => normalised.weights(values as never), { threads: 1 });
  const omega = (await weights(z as never)) as unknown as Omega;
  await weights.dispose();
  return omega;
}
