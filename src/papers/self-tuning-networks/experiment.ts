import type { Context } from "../../experiment/context.ts";
import { defineExperiment } from "../../experiment/define.ts";
import type { ModelArtifact } from "../../experiment/result.ts";
import { exportModel } from "../../onnx/export.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import { Tensor } from "../../tensor/tensor.ts";
import * as tree from "../../tensor/tree.ts";
import { claimsOf } from "./claims.ts";
import { type Config, config, presets } from "./config.ts";
import { digitsTask } from "./digits.ts";
import { unconstrained } from "./hyperparameters.ts";
import { chartsOf } from "./plots.ts";
import type { Results } from "./results.ts";
import { digitsStudy, ridgeStudy, studyKey, type TaskResult } from "./studies.ts";
import { tablesOf } from "./tables.ts";
import { partOf } from "./tasks.ts";

export default defineExperiment({
  paper: {
    slug: "self-tuning-networks",
    title:
      "Self-Tuning Networks: Bilevel Optimization of Hyperparameters using Structured Best-Response Functions",
    authors: ["Matthew MacKay", "Paul Vicol", "Jon Lorraine", "David Duvenaud", "Roger Grosse"],
    venue: "ICLR",
    year: 2019,
    arxiv: "1903.03088",
    published: "2019-03-07",
    family: "hypernetworks",
    abstract:
      "Layers that learn how their best weights change with the hyperparameters let one training run tune dropout, augmentation and " +
      "other regularisation by the gradient of the validation loss, and find schedules for them.",
  },
  config,
  presets,
  durations: { smoke: "5 s", quick: "2.5 min", full: "a day" },
  paperValues: {
    "digits.batch": { paper: 128, why: "quick: 200 training images." },
    "digits.weightRate": {
      paper: "SGD 0.01 with momentum 0.9",
      why: "Adam at 1e-3 trains this small network in 3,000 steps; cifar, in full, follows the paper.",
    },
    "digits.hyperRate": { paper: 3e-3, why: "1,500 cycles are few: a larger rate lets lambda get there." },
    "digits.warmup": {
      paper: "5 epochs",
      why: "100 cycles are 66 epochs of 200 images, and 7 % of the run.",
    },
  },
  async run(c, context) {
    const ridge = await ridgeStudy(context, c.ridge);
    const digits = await digitsStudy(context, c.digits);
    const model = await artifact(digits[0]!, c, context);
    const results: Results = {
      ridge,
      digits,
      frozenDifference: model.difference,
      cifar: c.cifar && (await (await realTasks()).cifarStudy(context, c.cifar)),
      text: c.text && (await (await realTasks()).textStudy(context, c.text)),
    };
    return {
      claims: claimsOf(results, {
        ridge: `${context.preset}: ${c.ridge.seeds} problems, ${c.ridge.cycles} cycles`,
        digits: `${context.preset}: ${c.digits.train} images, ${c.digits.cycles} cycles, ${c.digits.seeds} seeds`,
      }),
      tables: tablesOf(results),
      charts: chartsOf(results),
      models: { digits: model.artifact },
    };
  },
});

const realTasks = () => import("./real-tasks.node.ts");

/** The frozen network of seed 0 as a file, and how far it is from the tuned network at the mean lambda. */
async function artifact(
  { stn }: TaskResult,
  c: Config,
  context: Context,
): Promise<{ artifact: ModelArtifact; difference: number }> {
  const task = digitsTask(studyKey(context, "digits"), c.digits);
  const { x } = partOf(task.test, 0, 16);
  const apply = (p: unknown, input: Tensor) =>
    task.plain.apply(p, { x: input, lambda: Tensor.zeros([1, 1]), values: {} });
  const run = compile(
    (plain: unknown, tuned: unknown, input: Tensor, lambda: Tensor) => {
      const output = apply(plain, input);
      const other = task.tuned.apply(tuned, { x: input, lambda, values: {} });
      return { output, difference: output.sub(other).abs().max() };
    },
    { device: context.device, threads: 1 },
  );
  const lambda = NDArray.from(
    [task.hyperparameters.map((h) => unconstrained(h, stn.values[h.name]!))],
    "float32",
  );
  const { output, difference } = await run(stn.frozen as never, stn.params as never, x, lambda);
  await run.dispose();
  return {
    difference: difference.item(),
    artifact: {
      onnx: exportModel({ apply }, stn.frozen, { x: ["batch", x.shape[1]!] }),
      weights: tree.toRecord(stn.frozen) as Record<string, NDArray>,
      example: { inputs: { x }, outputs: { output } },
    },
  };
}
