/** -u'' = f on [0, 1] with u = 0 at both ends, solved by nets that are trained on the equation, and by the closed form. */
import type { Context } from "../../experiment/context.ts";
import { parameterCount } from "../../nn/frozen.ts";
import { mlp } from "../../nn/mlp.ts";
import type { Model } from "../../nn/model.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { jvp } from "../../tensor/transforms.ts";
import type { Traced } from "../../tensor/tree.ts";
import { featureTower, type TowerParams } from "./bundle.ts";
import { solveBundled } from "./closed-form.ts";
import type { Config } from "./config.ts";
import { seeds, studyKey, trainByAdam } from "./fitting.ts";
import { type PsiParams, snnkLayer } from "./layers.ts";

export interface PoissonResult {
  readonly name: string;
  readonly trainables: number;
  /** |u - exact| / |exact| on 1,000 points, by seed. */
  readonly errors: readonly number[];
}

const exact = (x: number): number => Math.sin(2 * Math.PI * x);
const source = (x: number): number => 4 * Math.PI ** 2 * exact(x);

/** u = x (1 - x) N(4 x - 2): 0 at both ends. */
function solution<P>(model: Pick<Model<P>, "apply">, params: Traced<P>, x: Tensor): Tensor {
  return model.apply(params, x.mul(4).sub(2)).mul(x.mul(x.neg().add(1)));
}

/** -u'' for every point and output. */
function minusLaplacian<P>(model: Pick<Model<P>, "apply">, params: Traced<P>, x: Tensor): Tensor {
  const along = (f: (x: Tensor) => Tensor) => (at: Tensor) =>
    jvp(f, [at], [Tensor.ones(at.shape, at.dtype)])[1];
  return along(along((at) => solution(model, params, at)))(x).neg();
}

function grid(points: number): NDArray {
  return new NDArray(
    Float32Array.from({ length: points }, (_, i) => (i + 0.5) / points),
    [points, 1],
  );
}

const valuesOn = (x: NDArray, f: (x: number) => number): NDArray =>
  new NDArray(
    Float32Array.from(x.data as Float32Array, (v) => f(v)),
    x.shape,
  );

interface StackParams {
  layers: PsiParams[];
}

/** Two SNNK layers for sine, then a linear one on the features of the second. */
function snnkStack({ features, width }: { features: number; width: number }): Model<StackParams> {
  const layers = [
    snnkLayer({ inputs: 1, outputs: width, features, kind: "sin", kernelInit: near(1) }),
    snnkLayer({ inputs: width, outputs: 1, features, kind: "sin", normalize: 1 }),
  ];
  return {
    init: (key) => {
      const keys = random.split(key, layers.length);
      return { layers: layers.map((l, i) => l.init(keys[i]!)) };
    },
    apply: (p, x) => layers.reduce((h, l, i) => l.apply(p.layers[i]!, h), x),
  };
}

const near = (limit: number) => (key: NDArray, shape: readonly number[]) =>
  random.uniform(key, [...shape], { low: -limit, high: limit });

export async function poissonStudy(
  context: Context,
  o: NonNullable<Config["poisson"]>,
): Promise<PoissonResult[]> {
  const nets = [
    {
      name: `MLP 1-${o.width}-${o.width}-1`,
      model: mlp({ sizes: [1, o.width, o.width, 1], activation: "tanh" }),
    },
    { name: `two SNNK layers, m = ${o.features}`, model: snnkStack(o) },
  ] as { name: string; model: Model<unknown> }[];
  const results: PoissonResult[] = [];
  for (const { name, model } of nets)
    results.push(
      await context.stage(`Poisson, ${name}`, async () => {
        const errors: number[] = [];
        let trainables = 0;
        for (const seed of seeds(o.seeds)) {
          const x = grid(o.points);
          const residual: Model<unknown> = {
            ...model,
            apply: (p, at) => minusLaplacian(model, p, at),
          };
          const params = await trainByAdam(context, {
            label: `Poisson, ${name}`,
            model: residual,
            data: { x, y: valuesOn(x, source) },
            loss: (a, b) => a.sub(b).square().mean(),
            steps: o.steps,
            batch: o.points,
            learningRate: 1e-3,
            key: studyKey(context, `Poisson, ${name}`, seed),
          });
          trainables = parameterCount(params);
          errors.push(await errorOf(model, params));
        }
        return { name, trainables, errors };
      }),
    );
  results.push(await closedForm(context, o));
  return results;
}

/** The equation is linear in the last matrix, so it has a closed form too: least squares on -(x (1 - x) Phi)'' W = f. */
function closedForm(context: Context, o: NonNullable<Config["poisson"]>): Promise<PoissonResult> {
  return context.stage("Poisson, closed form", async () => {
    const tower = featureTower({ inputs: 1, stages: [{ features: o.features, kind: "sin" }] });
    const model: Model<TowerParams & { weights: NDArray }> = {
      init: (key) => ({ ...tower.init(key), weights: NDArray.zeros([tower.outputs, 1]) }),
      apply: (p, x) => tower.apply(p, x).matmul(p.weights),
    };
    const errors: number[] = [];
    for (const seed of seeds(o.seeds)) {
      const params = tower.init(studyKey(context, "Poisson, closed form", seed));
      const x = grid(o.points);
      const features = compile((p: Traced<TowerParams>, at: Tensor) => minusLaplacian(tower, p, at));
      const z = await features(params, x);
      await features.dispose();
      const { weights } = solveBundled(z, valuesOn(x, source), 1e-6);
      errors.push(await errorOf(model, { ...params, weights: weights.cast("float32") }));
    }
    return { name: `features, closed form, m = ${o.features}`, trainables: tower.outputs, errors };
  });
}

async function errorOf<P>(model: Model<P>, params: P): Promise<number> {
  const x = grid(1000);
  const run = compile((p: Traced<P>, at: Tensor) => solution(model, p, at));
  const u = await run(params as never, x);
  await run.dispose();
  let [error, norm] = [0, 0];
  x.data.forEach((at, i) => {
    error += (Number(u.data[i]) - exact(Number(at))) ** 2;
    norm += exact(Number(at)) ** 2;
  });
  return Math.sqrt(error / norm);
}
