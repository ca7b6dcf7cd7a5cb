import type { Context } from "../../experiment/context.ts";
import { defineExperiment } from "../../experiment/define.ts";
import type { ModelArtifact } from "../../experiment/result.ts";
import { exportModel } from "../../onnx/export.ts";
import { compile } from "../../runtime/compile.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import * as tree from "../../tensor/tree.ts";
import { alignedStudy } from "./aligned.ts";
import { claimsOf } from "./claims.ts";
import { type Config, config, presets } from "./config.ts";
import { plotCurves } from "./curves.ts";
import { chartsOf } from "./plots.ts";
import type { Results } from "./results.ts";
import {
  type AntiderivativeResult,
  antiderivativeStudy,
  diffusionStudy,
  horizonStudy,
  nonlinearStudy,
  sensorsStudy,
  sizesStudy,
  studyKey,
} from "./studies.ts";
import { tablesOf } from "./tables.ts";
import { theoryRows } from "./theory.ts";

const THEORY_SENSORS = [2, 3, 4, 6, 10, 11, 20, 21, 41, 81, 161];

export default defineExperiment({
  paper: {
    slug: "deeponet",
    title:
      "DeepONet: Learning nonlinear operators for identifying differential equations based on the universal approximation theorem of operators",
    authors: ["Lu Lu", "Pengzhan Jin", "Guofei Pang", "Zhongqiang Zhang", "George Em Karniadakis"],
    venue: "Nature Machine Intelligence 3, 218-229",
    year: 2021,
    arxiv: "1910.03193",
    published: "2019-10-08",
    family: "neural operators",
    abstract:
      "A net of two parts, one reading an input function at fixed sensors and one reading a query, learns operators such as " +
      "the solution of a differential equation, and generalises better than a net that reads both at once.",
  },
  config,
  presets,
  durations: { smoke: "10 s", quick: "3 min", full: "several days" },
  paperValues: {
    "antiderivative.train": {
      paper: 10_000,
      why: "quick: 2000 triples show the claims in minutes; full takes the paper's.",
    },
    "antiderivative.steps": {
      paper: 50_000,
      why: "quick: 4000 steps of 512 triples; full takes the paper's.",
    },
    "antiderivative.batch": {
      paper: "all triples",
      why: "quick: batches of 512 drawn with replacement cost a quarter and reach the same error.",
    },
    "antiderivative.sensors": { paper: 100, why: "quick: 50 sensors see these functions to 1e-3." },
  },
  async run(c, context) {
    const aligned = c.alignedData === null ? null : await alignedStudy(context, c, c.alignedData);
    const antiderivative = await antiderivativeStudy(context, c);
    const results: Results = {
      antiderivative,
      nonlinear: c.nonlinear && (await nonlinearStudy(context, c, c.nonlinear)),
      sizes: c.sizes && (await sizesStudy(context, c, c.sizes)),
      sensors: c.sensors && (await sensorsStudy(context, c, c.sensors)),
      horizon: c.horizon && (await horizonStudy(context, c, c.horizon)),
      diffusion: c.diffusion && (await diffusionStudy(context, c, c.diffusion)),
      theory: await theoryStudy(context, c),
      curves: await curveStudy(context, antiderivative),
      aligned,
    };
    return {
      claims: claimsOf(results, (study) => scaleOf(context.preset, c, study)),
      tables: tablesOf(results),
      charts: chartsOf(results),
      models: { antiderivative: await artifact(antiderivative, context) },
    };
  },
});

function theoryStudy(context: Context, c: Config) {
  return context.stage("sensor theory", () =>
    theoryRows({
      sensors: c.theorySamples === 0 ? THEORY_SENSORS : THEORY_SENSORS.slice(0, -2),
      lengthScale: c.lengthScale,
      samples: c.theorySamples,
      key: studyKey(context, "theory"),
    }),
  );
}

function curveStudy(context: Context, { net, params, problem }: AntiderivativeResult) {
  return context.stage("curves", () =>
    plotCurves(net, params, problem, studyKey(context, "curves"), context.device),
  );
}

/** What a claim was measured on, in words. */
function scaleOf(preset: string, c: Config, study: string): string {
  const o =
    study === "variants" ? { ...c.antiderivative, ...c.antiderivative.variants } : c[study as "nonlinear"];
  if (study === "theory") return "closed form";
  if (!o) return preset;
  const train = "train" in o ? `${[o.train].flat().join(", ")} triples, ` : "";
  return `${preset}: ${train}${o.steps} steps of ${o.batch ?? "all"}`;
}

/** The net of seed 0 as a file, with a few evaluations to check it by. */
async function artifact({ net, params }: AntiderivativeResult, context: Context): Promise<ModelArtifact> {
  const [forU, forY] = random.split(studyKey(context, "example"));
  const u = random.normal(forU!, [8, net.sensors]);
  const y = random.uniform(forY!, [8, net.queryDim]);
  const apply = (p: unknown, a: Tensor, b: Tensor) => net.apply(p as never, a, b);
  const run = compile(apply, { device: context.device });
  const output = await run(params as never, u, y);
  await run.dispose();
  return {
    onnx: exportModel({ apply }, params, { u: ["batch", net.sensors], y: ["batch", net.queryDim] }),
    weights: tree.toRecord(params) as Record<string, NDArray>,
    example: { inputs: { u, y }, outputs: { output } },
  };
}
