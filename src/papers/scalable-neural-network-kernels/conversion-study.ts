/** A trained layer replaced by its features, without any training after that. */
import type { Context } from "../../experiment/context.ts";
import { mse } from "../../nn/losses.ts";
import { type MlpParams, mlp } from "../../nn/mlp.ts";
import type { Model } from "../../nn/model.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Traced } from "../../tensor/tree.ts";
import { r2 } from "../../train/metrics.ts";
import { predictor } from "../../train/predict.ts";
import { bundle } from "./bundle.ts";
import type { Config } from "./config.ts";
import { measured, seeds, studyKey, trainByAdam } from "./fitting.ts";
import { varianceBound } from "./random-features.ts";

const [INPUTS, HIDDEN] = [8, 16];
const net = mlp({ sizes: [INPUTS, HIDDEN, 1], activation: "sin" });

export interface ConversionPoint {
  readonly features: number;
  /** R2 between the net and its conversion, by seed. */
  readonly values: readonly number[];
  /** Predicted variance of one estimate, at most, for |x| = |w| = 1. */
  readonly bound: number;
}

/** Training with every unit's |w| <= 1, as the features need it. */
const small: Model<MlpParams> = {
  init: (key) => unitBound(net.init(key)),
  apply: (p, x) => net.apply(bounded(p), x),
};

function bounded(p: Traced<MlpParams>): Traced<MlpParams> {
  const [first, last] = p.layers;
  const norm = first!.kernel.square().sum([0], { keepDims: true }).add(1e-12).sqrt().maximum(1);
  return { layers: [{ ...first!, kernel: first!.kernel.div(norm) }, last!] };
}

function unitBound(p: MlpParams): MlpParams {
  const [first, last] = p.layers;
  const kernel = first!.kernel.copy();
  const data = kernel.data as Float32Array;
  for (let u = 0; u < HIDDEN; u++) {
    let squares = 0;
    for (let i = 0; i < INPUTS; i++) squares += data[i * HIDDEN + u]! ** 2;
    const norm = Math.max(1, Math.sqrt(squares));
    for (let i = 0; i < INPUTS; i++) data[i * HIDDEN + u]! /= norm;
  }
  return { layers: [{ kernel, bias: first!.bias }, last!] };
}

function onSphere(key: NDArray, rows: number): NDArray {
  const x = random.normal(key, [rows, INPUTS]);
  const data = x.data as Float32Array;
  for (let i = 0; i < rows; i++) {
    const row = data.subarray(i * INPUTS, (i + 1) * INPUTS);
    const norm = Math.hypot(...row);
    for (let j = 0; j < INPUTS; j++) row[j]! /= norm;
  }
  return x;
}

async function outputs(params: MlpParams, x: NDArray): Promise<NDArray> {
  const predict = predictor(net);
  const y = await predict(params, x);
  await predict.dispose();
  return y;
}

export async function conversionStudy(
  context: Context,
  o: NonNullable<Config["conversion"]>,
): Promise<ConversionPoint[]> {
  const trained: MlpParams[] = [];
  for (const seed of seeds(o.seeds))
    trained.push(
      await context.stage(`conversion, net of seed ${seed}`, async () => {
        const [forTarget, forX, forNet] = random.split(studyKey(context, "conversion", seed), 3) as [
          NDArray,
          NDArray,
          NDArray,
        ];
        const x = onSphere(forX, 1000);
        const target = unitBound(net.init(forTarget));
        const params = await trainByAdam(context, {
          label: "conversion, net",
          model: small,
          data: { x, y: await outputs(target, x) },
          loss: mse,
          steps: o.steps,
          batch: 128,
          learningRate: 3e-3,
          key: forNet,
        });
        return unitBound(params);
      }),
    );
  const points: ConversionPoint[] = [];
  for (const features of o.features)
    points.push(
      await context.stage(`conversion, ${features} features`, async () => {
        const values: number[] = [];
        for (const [seed, params] of trained.entries()) {
          const key = studyKey(context, `conversion, ${features} features`, seed);
          const x = onSphere(studyKey(context, "conversion, test", seed), 1000);
          const converted = bundle({ layers: params.layers, features: [features], kinds: ["sin"] });
          const y = await outputs(params, x);
          values.push(await measured(context, converted, converted.init(key), { x, y }, r2));
        }
        return { features, values, bound: varianceBound({ inputNorm: 1, weightNorm: 1, features }) };
      }),
    );
  return points;
}
