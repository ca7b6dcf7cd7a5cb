import type { Context } from "../../experiment/context.ts";
import { defineExperiment } from "../../experiment/define.ts";
import type { ModelArtifact } from "../../experiment/result.ts";
import type { MlpParams } from "../../nn/mlp.ts";
import type { Model } from "../../nn/model.ts";
import { exportModel } from "../../onnx/export.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import * as tree from "../../tensor/tree.ts";
import { activationSpreads } from "./activation-spread.ts";
import { claimsOf } from "./claims.ts";
import { type Config, config, presets } from "./config.ts";
import { digitsOf } from "./digits.ts";
import { ablation, hyperOf } from "./forms.ts";
import { initialScales } from "./initial-scale.ts";
import { keyOf, lazily } from "./keys.ts";
import { chartsOf } from "./plots.ts";
import type { Results } from "./results.ts";
import { classifier, type Omega, rotatedStudy } from "./rotated.ts";
import { tablesOf } from "./tables.ts";
import { bayesStudy, registrationStudy, sineStudy } from "./tasks.ts";

export default defineExperiment({
  paper: {
    slug: "mip-hypernetworks",
    title: "Magnitude Invariant Parametrizations Improve Hypernetwork Learning",
    authors: ["Jose Javier Gonzalez Ortiz", "John Guttag", "Adrian V. Dalca"],
    venue: "ICLR",
    year: 2024,
    arxiv: "2304.07645",
    published: "2023-04-15",
    family: "hypernetworks",
    abstract:
      "Weights that a hypernetwork predicts grow in proportion to its input, which destabilises training; an input code of " +
      "constant norm and a residual output remove that at no cost.",
  },
  config,
  presets,
  durations: { smoke: "5 s", quick: "3 min", full: "a day" },
  paperValues: {
    images: {
      paper: "MNIST, OASIS, OxfordFlowers-102",
      why: "quick makes its digits; full takes MNIST. The others are not at hand: T1 and T3 stand in for them.",
    },
    "rotated.steps": {
      paper: "not known to us",
      why: "The paper's tables could not be read; 300 steps separate the forms.",
    },
  },
  async run(c, context) {
    const data = lazily(() => digitsOf(c, [keyOf(context, "digits", 1), keyOf(context, "digits", 2)]));
    const model = classifier(c, c.rotated.primary);
    const study = { context, config: c, data, model };
    const results: Results = {
      initial: await initialScales(context, c, model),
      activations: await activationSpreads(study),
      rotated: await rotatedStudy(study),
      sine: c.sine && (await sineStudy(context, c, c.sine)),
      registration: c.registration && (await registrationStudy(context, c, c.registration)),
      bayes: c.bayes && (await bayesStudy(context, c, c.bayes, data)),
    };
    const { omega } = results.rotated.main.find((r) => r.omega !== null)!;
    return {
      claims: claimsOf(results, (part) => scaleOf(context.preset, c, part), c.rotated.steps),
      tables: tablesOf(results),
      charts: chartsOf(results),
      models: await artifacts(context, c, model, omega!),
    };
  },
});

/** What a claim was measured on, in words. */
function scaleOf(preset: string, c: Config, part: "T1" | "T2" | "T3" | "T4" | "theory"): string {
  if (part === "theory") return `${preset}: ${c.rotated.seeds} initialisations`;
  const o = { T1: c.rotated, T2: c.sine, T3: c.registration, T4: c.bayes }[part];
  const digits = part === "T1" || part === "T4" ? `${c.images}, ` : "";
  return o === null ? preset : `${preset}: ${digits}${o.steps} steps of ${c.gammas} x ${c.rows}`;
}

/** MIP as a file of gamma and images, and what it predicts at one gamma as a file of images alone. */
async function artifacts(
  context: Context,
  c: Config,
  model: Model<MlpParams>,
  omega: Omega,
): Promise<Record<string, ModelArtifact>> {
  const hyper = hyperOf(ablation.mip, c.hidden, 1);
  const pixels = omega.residual.layers[0]!.kernel.shape[0]!;
  const [x, gamma] = [random.uniform(keyOf(context, "example"), [8, pixels]), NDArray.from([0.25])];
  const conditioned = (w: tree.Traced<Omega>, g: Tensor, images: Tensor) =>
    hyper.conditioned(model).apply(w, { gamma: { gamma: g }, x: images });
  const run = compile(conditioned, { threads: 1 });
  const predict = compile((w: tree.Traced<Omega>) => hyper.at<MlpParams>({ gamma: 0.25 }).weights(w), {
    threads: 1,
  });
  const weights = (await predict(omega)) as unknown as MlpParams;
  const plain = compile((w: tree.Traced<MlpParams>, images: Tensor) => model.apply(w, images), {
    threads: 1,
  });
  const outputs = { both: await run(omega, gamma, x), alone: await plain(weights, x) };
  await Promise.all([run.dispose(), predict.dispose(), plain.dispose()]);
  return {
    mip: {
      onnx: exportModel({ apply: conditioned }, omega, { gamma: [1], x: ["batch", pixels] }),
      weights: tree.toRecord(omega) as Record<string, NDArray>,
      example: { inputs: { gamma, x }, outputs: { output: outputs.both } },
    },
    "mip-at-a-quarter": {
      onnx: exportModel(model, weights, { x: ["batch", pixels] }),
      weights: tree.toRecord(weights) as Record<string, NDArray>,
      example: { inputs: { x }, outputs: { output: outputs.alone } },
    },
  };
}
