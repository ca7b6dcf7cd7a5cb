/** C: digits by random features and the closed form, against nets trained by Adam. */
import type { Context } from "../../experiment/context.ts";
import { parameterCount } from "../../nn/frozen.ts";
import { crossEntropy, mse } from "../../nn/losses.ts";
import { mlp } from "../../nn/mlp.ts";
import type { Model } from "../../nn/model.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import { accuracy } from "../../train/metrics.ts";
import { lowRankMlp } from "./baselines.ts";
import { featureTower, type TowerParams } from "./bundle.ts";
import type { Config } from "./config.ts";
import {
  centredOneHot,
  type Examples,
  measured,
  type Solved,
  seeds,
  solvedTower,
  studyKey,
  trainByAdam,
} from "./fitting.ts";
import { images } from "./images.ts";

export interface TowerPoint {
  /** Feature layers. */
  readonly layers: number;
  readonly features: number;
  /** By seed. */
  readonly solved: readonly Solved[];
}

export interface TrainedNet {
  readonly name: string;
  readonly trainables: number;
  readonly multiplyAdds: number;
  /** By seed. */
  readonly values: readonly number[];
}

export interface DigitResult {
  readonly towers: readonly TowerPoint[];
  readonly nets: readonly TrainedNet[];
}

const CLASSES = 10;
const HIDDEN = 64;

export async function digitStudy(
  context: Context,
  source: Config["images"],
  o: Config["digits"],
): Promise<DigitResult> {
  let loaded: { train: Examples; test: Examples } | undefined;
  const data = async () => {
    loaded ??= {
      train: await images(source, studyKey(context, "digits, train"), { count: o.train, part: "train" }),
      test: await images(source, studyKey(context, "digits, test"), { count: o.test, part: "test" }),
    };
    return loaded;
  };
  const towers: TowerPoint[] = [];
  for (const layers of [1, 2])
    for (const features of o.features)
      towers.push(
        await context.stage(`digits, ${layers} layers of ${features} features`, async () => {
          const { train, test } = await data();
          const targets = centredOneHot(train.y, CLASSES);
          const progress = context.progress.start({ label: `digits, m = ${features}`, total: o.seeds });
          const solved: Solved[] = [];
          for (const seed of seeds(o.seeds)) {
            solved.push(
              await solvedTower(context, {
                features: new Array<number>(layers).fill(features),
                train,
                targets,
                test,
                ridge: layers === 1 ? o.ridge : o.ridgeTwo,
                metric: accuracy,
                key: studyKey(context, `digits, ${layers} towers of ${features}`, seed),
              }),
            );
            progress.update({ step: seed + 1 });
          }
          progress.done();
          return { layers, features, solved };
        }),
      );
  return { towers, nets: o.adam === null ? [] : await trainedNets(context, o, o.adam, data) };
}

async function trainedNets(
  context: Context,
  o: Config["digits"],
  adam: NonNullable<Config["digits"]["adam"]>,
  data: () => Promise<{ train: Examples; test: Examples }>,
): Promise<TrainedNet[]> {
  const nets: TrainedNet[] = [];
  for (const kind of ["mlp", "low rank", "features"] as const)
    nets.push(
      await context.stage(`digits, ${kind} by Adam`, async () => {
        const { train, test } = await data();
        const inputs = train.x.shape[1]!;
        const { model, name, multiplyAdds } = netOf(kind, inputs, adam);
        const values: number[] = [];
        let trainables = 0;
        for (const seed of seeds(o.seeds)) {
          const squared = kind === "features";
          const params = await trainByAdam(context, {
            ...adam,
            label: `digits, ${name}`,
            model,
            data: squared ? { x: train.x, y: centredOneHot(train.y, CLASSES) } : train,
            loss: squared ? mse : crossEntropy,
            key: studyKey(context, `digits, ${kind}`, seed),
          });
          trainables = parameterCount(params);
          values.push(await measured(context, model, params, test, accuracy));
        }
        return { name, trainables, multiplyAdds, values };
      }),
    );
  return nets;
}

function netOf(
  kind: "mlp" | "low rank" | "features",
  inputs: number,
  { features, rank }: NonNullable<Config["digits"]["adam"]>,
): { model: Model<unknown>; name: string; multiplyAdds: number } {
  if (kind === "mlp")
    return {
      name: `MLP ${inputs}-${HIDDEN}-${CLASSES}`,
      model: mlp({ sizes: [inputs, HIDDEN, CLASSES], activation: "relu" }) as Model<unknown>,
      multiplyAdds: HIDDEN * (inputs + CLASSES),
    };
  if (kind === "low rank")
    return {
      name: `MLP ${inputs}-${HIDDEN}-${CLASSES}, first kernel of rank ${rank}`,
      model: lowRankMlp({ inputs, hidden: HIDDEN, outputs: CLASSES, rank }) as Model<unknown>,
      multiplyAdds: rank * (inputs + HIDDEN) + HIDDEN * CLASSES,
    };
  return {
    name: `${features} features, matrix by Adam`,
    model: linearOnFeatures(inputs, features) as Model<unknown>,
    multiplyAdds: features * (inputs + 1 + CLASSES),
  };
}

/** What the closed form solves, to be trained instead. */
function linearOnFeatures(inputs: number, features: number): Model<TowerParams & { weights: NDArray }> {
  const tower = featureTower({ inputs, stages: [{ features, kind: "relu", appendOne: true }] });
  return {
    init: (key) => ({ ...tower.init(key), weights: NDArray.zeros([features, CLASSES]) }),
    apply: (p, x) => tower.apply(p, x).matmul(p.weights),
  };
}
