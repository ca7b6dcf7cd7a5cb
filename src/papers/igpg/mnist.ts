/** The paper's tiny zoo at a small scale: convolutional nets of 2,464 weights on MNIST. */
import { takeRows } from "../../data/dataset.ts";
import { toFloat } from "../../data/images.ts";
import { combine } from "../../nn/combine.ts";
import { conv } from "../../nn/convolution.ts";
import { dense } from "../../nn/dense.ts";
import { heNormal } from "../../nn/initialisers.ts";
import * as losses from "../../nn/losses.ts";
import { flatten, maxPool } from "../../nn/pooling.ts";
import { adam } from "../../optim/adam.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { fit } from "../../train/fit.ts";
import * as metrics from "../../train/metrics.ts";
import { predictor } from "../../train/predict.ts";
import { PER_CLASS, type TaskSample } from "./conditions.ts";
import type { Config } from "./config.ts";
import { copyMeasure } from "./memorisation.ts";
import { type Repetition, trainPrior, trainTokenizer } from "./studies.ts";

export interface MnistResult {
  /** Accuracies. */
  readonly zoo: readonly number[];
  readonly reconstruction: readonly number[];
  readonly samples: readonly number[];
  readonly tuned: readonly number[];
  readonly random: readonly number[];
  readonly randomTuned: readonly number[];
  /** d1 / d0. */
  readonly copies: number;
}

/** 8, 6 and 4 channels, two dense layers: 2,464 weights, as in the model zoos of Schürholt et al., NeurIPS 2022. */
export function smallConvNet() {
  const parts = {
    conv1: conv({ inputs: 1, outputs: 8, kernel: 5, kernelInit: heNormal }),
    conv2: conv({ inputs: 8, outputs: 6, kernel: 5, kernelInit: heNormal }),
    conv3: conv({ inputs: 6, outputs: 4, kernel: 2, kernelInit: heNormal }),
    dense1: dense({ inputs: 36, outputs: 20, kernelInit: heNormal }),
    dense2: dense({ inputs: 20, outputs: 10, kernelInit: heNormal }),
  };
  const [pool, flat] = [maxPool(2), flatten()];
  return combine(parts, (run, x: Tensor) => {
    const once = pool.apply({}, run.conv1(x)).relu();
    const twice = pool.apply({}, run.conv2(once)).relu();
    return run.dense2(run.dense1(flat.apply({}, run.conv3(twice).relu())).relu());
  });
}

type Weights = ReturnType<ReturnType<typeof smallConvNet>["init"]>;

const INSTRUCTION = "cnn cnn=8-6-4 dense=36-20-10 mnist parameters=2464";
const BATCH = 64;
const WINDOW = { maxTokens: 128, overlap: 64 };

/** Zoo, tokenizer, prior, samples, fine-tuning. The nets have two first weights and training images of their own each. */
export async function mnistStudy(r: Repetition, o: NonNullable<Config["mnist"]>): Promise<MnistResult> {
  const net = smallConvNet();
  const { train, test } = await readMnist(o.images);
  const predict = predictor<Weights, Tensor>(net, { batch: 1000 });
  const accuracyOf = async (list: readonly Weights[]) => {
    const out: number[] = [];
    for (const p of list) out.push(metrics.accuracy(await predict(p, test.x), test.y));
    return out;
  };
  const tune = async (params: Weights, steps: number, key: NDArray) => {
    const result = await fit({
      model: net,
      params,
      data: train,
      loss: losses.crossEntropy,
      optimizer: adam({ learningRate: 2e-3 }),
      batch: BATCH,
      sampling: "replacement",
      steps,
      evalEvery: steps,
      key,
      threads: 1,
      signal: r.context.signal,
    });
    if (result.stopped === "aborted") throw r.context.signal.reason;
    return result.params;
  };
  const firstWeights = (i: number) => net.init(r.key("mnist start", i % 2));
  const zoo = await r.stage("MNIST zoo", async () => {
    const progress = r.context.progress.start({ label: "MNIST zoo", total: o.models });
    const models: Weights[] = [];
    for (let i = 0; i < o.models; i++) {
      models.push(await tune(firstWeights(i), o.steps, r.key("mnist net", i)));
      progress.update({ step: i + 1 });
    }
    progress.done();
    return models;
  });
  const sample = firstImages(train);
  const records = zoo.map((params) => ({ params, instruction: INSTRUCTION, sample }));
  const tokenizer = await trainTokenizer(r, "MNIST tokenizer", records, { steps: o.tokenizerSteps });
  const generator = await trainPrior(r, "MNIST prior", records, tokenizer, {
    ...WINDOW,
    steps: o.priorSteps,
  });
  const result = await r.stage("MNIST evaluation", async (): Promise<MnistResult> => {
    const rebuilt = await tokenizer.decodeAll(await tokenizer.encodeAll(zoo), zoo[0]!);
    const request = { instruction: INSTRUCTION, sample, like: zoo[0]! };
    const samples = await generator.generate(request, {
      count: o.samples,
      temperature: r.config.temperature,
      key: r.key("mnist sampling"),
    });
    const scratch = samples.map((_, i) => net.init(r.key("mnist scratch", i)));
    const tuneAll = async (list: readonly Weights[]) => {
      const out: Weights[] = [];
      for (const [i, p] of list.entries())
        out.push(await tune(p, o.fineTuneSteps, random.fold(r.key("mnist tuning"), i)));
      return out;
    };
    return {
      zoo: await accuracyOf(zoo),
      reconstruction: await accuracyOf(rebuilt),
      samples: await accuracyOf(samples),
      tuned: await accuracyOf(await tuneAll(samples)),
      random: await accuracyOf(scratch),
      randomTuned: await accuracyOf(await tuneAll(scratch)),
      copies: copyMeasure(
        samples,
        rebuilt.map((params, i) => ({ params, start: i % 2 })),
      ).ratio,
    };
  });
  await Promise.all([predict.dispose(), tokenizer.dispose(), generator.dispose()]);
  return result;
}

async function readMnist(images: number): Promise<{ train: TaskSample; test: TaskSample }> {
  const { openDataset } = await import("../../data/cache.node.ts");
  const { train, test } = await openDataset("mnist");
  const rows = [...new Array(images).keys()];
  return {
    train: { x: toFloat(takeRows(train.features, rows)), y: takeRows(train.labels, rows) },
    test: { x: toFloat(test.features), y: test.labels },
  };
}

/** The first images of each class. */
function firstImages({ x, y }: TaskSample): TaskSample {
  const labels = Array.from(y.data, Number);
  const rows = [...new Array(10).keys()].flatMap((c) =>
    labels.flatMap((label, row) => (label === c ? [row] : [])).slice(0, PER_CLASS),
  );
  return { x: takeRows(x, rows), y: takeRows(y, rows) };
}
