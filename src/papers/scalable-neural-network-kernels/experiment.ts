import type { Context } from "../../experiment/context.ts";
import { defineExperiment } from "../../experiment/define.ts";
import type { ModelArtifact } from "../../experiment/result.ts";
import { mlp } from "../../nn/mlp.ts";
import { exportModel } from "../../onnx/export.ts";
import { compile } from "../../runtime/compile.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import * as tree from "../../tensor/tree.ts";
import { type BundledParams, bundle } from "./bundle.ts";
import { characterStudy } from "./character-study.ts";
import { claimsOf } from "./claims.ts";
import { type Config, config, presets } from "./config.ts";
import { conversionStudy } from "./conversion-study.ts";
import { digitStudy } from "./digit-study.ts";
import { studyKey } from "./fitting.ts";
import { kernelStudy } from "./kernel-study.ts";
import { chartsOf } from "./plots.ts";
import { poissonStudy } from "./poisson-study.ts";
import { friedmanStudy, tableStudy } from "./regression-study.ts";
import type { Results } from "./results.ts";
import { tablesOf } from "./tables.ts";
import { transferStudy } from "./transfer-study.ts";

export default defineExperiment({
  paper: {
    slug: "scalable-neural-network-kernels",
    title: "Scalable Neural Network Kernels",
    authors: [
      "Arijit Sehanobish",
      "Krzysztof Choromanski",
      "Yunfan Zhao",
      "Avinava Dubey",
      "Valerii Likhosherstov",
    ],
    venue: "ICLR 2024",
    year: 2024,
    arxiv: "2310.13225",
    published: "2023-10-20",
    family: "parametrizations",
    abstract:
      "A layer with its activation becomes a product of separate random features of its input and of its weights, so that layers " +
      "shrink, collapse into one matrix, and that matrix has a closed-form optimum.",
  },
  config,
  presets,
  durations: { smoke: "3 s", quick: "30 s", full: "several hours" },
  async run(c, context) {
    const results: Results = {
      kernels: await kernelStudy(context, c.kernels),
      digits: await digitStudy(context, c.images, c.digits),
      friedman: c.friedman && (await friedmanStudy(context, c.friedman)),
      transfer: c.transfer && (await transferStudy(context, c.images, c.transfer)),
      conversion: c.conversion && (await conversionStudy(context, c.conversion)),
      tables: c.tables && (await tableStudy(context, c.tables)),
      characters: c.characters && (await characterStudy(context, c.characters)),
      poisson: c.poisson && (await poissonStudy(context, c.poisson)),
    };
    return {
      claims: claimsOf(results, (study) => scaleOf(context.preset, c, study)),
      tables: tablesOf(results),
      charts: chartsOf(results),
      models: { bundled: await artifact(context) },
    };
  },
});

/** What a claim was measured on, in words. */
function scaleOf(preset: string, c: Config, study: string): string {
  const { images, digits: d, friedman: f, transfer: t, kernels: k, conversion: v } = c;
  if (study === "kernels")
    return `${preset}: ${k.points} x ${k.points} pairs in ${k.dimension} dimensions, ${k.repeats} draws`;
  if (study === "digits") return `${preset}: ${images}, ${d.train} training and ${d.test} test images`;
  if (study === "friedman" && f) return `${preset}: ${f.train} training and ${f.test} test rows`;
  if (study === "transfer" && t)
    return `${preset}: ${images}, ${t.train} training images, ${t.steps} steps of ${t.batch}`;
  if (study === "conversion" && v) return `${preset}: 8-16-1, sine`;
  return preset;
}

/** A bundled net as a file: an MLP's layers as one feature tower and one matrix. */
function artifact(context: Context): Promise<ModelArtifact> {
  return context.stage("example", async () => {
    const [forNet, forRows, forX] = random.split(studyKey(context, "example"), 3) as [
      NDArray,
      NDArray,
      NDArray,
    ];
    const { layers } = mlp({ sizes: [8, 16, 16, 4], activation: "sin" }).init(forNet);
    const model = bundle({ layers, features: [32, 32], kinds: ["sin", "sin"] });
    const params = model.init(forRows);
    const x = random.uniform(forX, [6, 8], { low: -0.3, high: 0.3 });
    const run = compile((p: tree.Traced<BundledParams>, a: Tensor) => model.apply(p, a), {
      device: context.device,
    });
    const output = await run(params as never, x);
    await run.dispose();
    return {
      onnx: exportModel(model, params, { x: ["batch", 8] }),
      weights: tree.toRecord(params) as Record<string, NDArray>,
      example: { inputs: { x }, outputs: { output } },
    };
  });
}
