/** T: adapters on a frozen net, for another task. */
import type { Context } from "../../experiment/context.ts";
import { parameterCount } from "../../nn/frozen.ts";
import { crossEntropy } from "../../nn/losses.ts";
import { type MlpParams, mlp } from "../../nn/mlp.ts";
import { accuracy } from "../../train/metrics.ts";
import type { Config } from "./config.ts";
import type { TrainedNet } from "./digit-study.ts";
import { type Examples, measured, seeds, studyKey, trainByAdam } from "./fitting.ts";
import { images, otherTask } from "./images.ts";
import { adapted, nameOf, type Tuning } from "./transfer-nets.ts";

const rates = { snnk: 3e-2, bottleneck: 3e-3, head: 3e-3, full: 1e-3 };

function rateOf(tuning: Tuning): number {
  return rates[typeof tuning === "string" ? tuning : "snnk" in tuning ? "snnk" : "bottleneck"];
}

export interface TransferResult {
  /** Accuracy of the frozen net on its own task, by seed. */
  readonly source: readonly number[];
  readonly tuned: readonly (Omit<TrainedNet, "multiplyAdds"> & { readonly tuning: Tuning })[];
}

export async function transferStudy(
  context: Context,
  source: Config["images"],
  o: NonNullable<Config["transfer"]>,
): Promise<TransferResult> {
  let loaded: Record<"source" | "train" | "test" | "sourceTest", Examples> | undefined;
  const data = async () => {
    const of = (name: string, count: number, part: "train" | "test", from = 0) =>
      images(source, studyKey(context, `transfer, ${name}`), { count, part, from });
    // Of MNIST the target's images are the last ones; they overlap the source's only where the source takes all.
    const last = Math.max(0, 60_000 - o.train);
    loaded ??= {
      source: await of("source", o.source, "train"),
      sourceTest: await of("source test", o.test, "test"),
      train: otherTask(await of("train", o.train, "train", last)),
      test: otherTask(await of("test", o.test, "test")),
    };
    return loaded;
  };
  const pretrained: { params: MlpParams; accuracy: number }[] = [];
  for (const seed of seeds(o.seeds))
    pretrained.push(
      await context.stage(`transfer, net of seed ${seed}`, async () => {
        const { source: train, sourceTest } = await data();
        const sizes = [train.x.shape[1]!, o.width, o.width, 10];
        const model = mlp({ sizes, activation: "relu" });
        const params: MlpParams = await trainByAdam(context, {
          label: "transfer, source",
          model,
          data: train,
          loss: crossEntropy,
          steps: o.pretrainSteps,
          batch: o.batch,
          learningRate: 2e-3,
          key: studyKey(context, "transfer, source net", seed),
        });
        return { params, accuracy: await measured(context, model, params, sourceTest, accuracy) };
      }),
    );
  const tunings: Tuning[] = [
    { snnk: o.features },
    ...o.bottlenecks.map((bottleneck) => ({ bottleneck })),
    "head",
    "full",
  ];
  const tuned: (Omit<TrainedNet, "multiplyAdds"> & { tuning: Tuning })[] = [];
  for (const tuning of tunings)
    tuned.push(
      await context.stage(`transfer, ${nameOf(tuning)}`, async () => {
        const { train, test } = await data();
        const values: number[] = [];
        let trainables = 0;
        for (const seed of seeds(o.seeds)) {
          const model = adapted(tuning, pretrained[seed]!.params);
          const params = await trainByAdam(context, {
            label: `transfer, ${nameOf(tuning)}`,
            model,
            data: train,
            loss: crossEntropy,
            steps: o.steps,
            batch: o.batch,
            learningRate: rateOf(tuning),
            key: studyKey(context, "transfer, target", seed),
          });
          trainables = parameterCount(params);
          values.push(await measured(context, model, params, test, accuracy));
        }
        return { name: nameOf(tuning), tuning, trainables, values };
      }),
    );
  return { source: pretrained.map((p) => p.accuracy), tuned };
}
