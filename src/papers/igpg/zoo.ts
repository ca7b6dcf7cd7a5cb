/** Many small nets of one architecture, trained and tested side by side: every array has a leading axis of models. */
import { heNormal } from "../../nn/initialisers.ts";
import * as losses from "../../nn/losses.ts";
import { type MlpParams, mlp } from "../../nn/mlp.ts";
import { adam } from "../../optim/adam.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import * as tree from "../../tensor/tree.ts";
import { fit } from "../../train/fit.ts";
import type { TaskSample } from "./conditions.ts";
import type { Training } from "./training.ts";

/** The nets of the experiment: ReLU, He normal, biases zero. */
export function netOf(widths: readonly number[]) {
  return mlp({ sizes: widths, activation: "relu", kernelInit: heNormal });
}

/** Trees of one model each as one tree: kernels [models, in, out], biases [models, 1, out]. */
export function stackModels(models: readonly MlpParams[]): MlpParams {
  return tree.mapWithPath((leaf, path) => {
    const { shape, size } = leaf as NDArray;
    const out = new Float32Array(models.length * size);
    models.forEach((m, i) => {
      out.set(tree.toRecord(m)[path]!.data as Float32Array, i * size);
    });
    return new NDArray(out, [models.length, ...(shape.length === 1 ? [1] : []), ...shape]);
  }, models[0]!) as MlpParams;
}

/** The models of a stacked tree, each shaped like `like`. */
export function unstackModels(stacked: MlpParams, like: MlpParams): MlpParams[] {
  const count = stacked.layers[0]!.kernel.shape[0]!;
  const arrays = tree.toRecord(stacked);
  return Array.from(
    { length: count },
    (_, i) =>
      tree.mapWithPath((leaf, path) => {
        const { shape, size } = leaf as NDArray;
        return new NDArray((arrays[path]!.data as Float32Array).slice(i * size, (i + 1) * size), shape);
      }, like) as MlpParams,
  );
}

/** Data sets of equal size under each other: x [models, points, 2], y [models, points]. */
export function stackData(sets: readonly TaskSample[]): { x: NDArray; y: NDArray } {
  const [points, inputs] = sets[0]!.x.shape as [number, number];
  const x = new Float32Array(sets.length * points * inputs);
  const y = new BigInt64Array(sets.length * points);
  sets.forEach((s, i) => {
    x.set(s.x.data as Float32Array, i * points * inputs);
    y.set(s.y.data as BigInt64Array, i * points);
  });
  return {
    x: new NDArray(x, [sets.length, points, inputs]),
    y: new NDArray(y, [sets.length, points]),
  };
}

export interface TrainManyOptions extends Training {
  readonly widths: readonly number[];
  readonly steps: number;
  readonly learningRate: number;
  /** Measured before the first step and every so many steps. */
  readonly test?: { readonly data: readonly TaskSample[]; readonly every: number };
}

/** Train every model on its own data: full batch, Adam, cross-entropy. With `test`, the accuracy of each model on the way. */
export async function trainMany(
  models: readonly MlpParams[],
  data: readonly TaskSample[],
  o: TrainManyOptions,
): Promise<{ models: MlpParams[]; curve: { step: number; accuracy: number[] }[] }> {
  const net = netOf(o.widths);
  const curve: { step: number; accuracy: number[] }[] = [];
  const tester = o.test && accuracies(o.widths, o.test.data);
  const start = stackModels(models);
  if (tester) curve.push({ step: 0, accuracy: await tester(start) });
  let step = 0;
  const result = await fit({
    params: start,
    data: stackData(data),
    batch: data.length,
    // The sum over models of their mean losses: each is trained as if alone.
    loss: (p, { x, y }) => losses.crossEntropy(net.apply(p, x), y).mul(models.length),
    optimizer: adam({ learningRate: o.learningRate }),
    steps: o.steps,
    evalEvery: o.test?.every ?? o.steps,
    ...(tester && {
      evaluate: async (p: MlpParams) => {
        step += o.test!.every;
        curve.push({ step: Math.min(step, o.steps), accuracy: await tester(p) });
        return {};
      },
    }),
    threads: o.threads ?? 1,
    device: o.device,
    signal: o.signal,
  });
  await tester?.dispose();
  if (result.stopped === "aborted") throw o.signal!.reason;
  return { models: unstackModels(result.params, models[0]!), curve };
}

/** The accuracy of each model of a stacked tree on its own data. */
function accuracies(widths: readonly number[], data: readonly TaskSample[]) {
  const net = netOf(widths);
  const { x, y } = stackData(data);
  const run = compile(
    (p: Traced<MlpParams>, points: Tensor, labels: Tensor) =>
      net.apply(p, points).argMax().equal(labels).cast("float32").mean(1),
    { threads: 1 },
  );
  const call = async (stacked: MlpParams) =>
    Array.from((await run(stacked as never, x, y)).data as Float32Array);
  return Object.assign(call, { dispose: () => run.dispose() });
}

/** The accuracy of each model on its own data. */
export async function testMany(
  widths: readonly number[],
  models: readonly MlpParams[],
  data: readonly TaskSample[],
): Promise<number[]> {
  const run = accuracies(widths, data);
  try {
    return await run(stackModels(models));
  } finally {
    await run.dispose();
  }
}
