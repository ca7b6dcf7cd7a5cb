import type { Context } from "../../experiment/context.ts";
import { defineExperiment } from "../../experiment/define.ts";
import type { ModelArtifact } from "../../experiment/result.ts";
import type { Model } from "../../nn/model.ts";
import { exportModel } from "../../onnx/export.ts";
import { compile } from "../../runtime/compile.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import * as tree from "../../tensor/tree.ts";
import { claimsOf } from "./claims.ts";
import { type Config, config, presets } from "./config.ts";
import { chartsOf } from "./plots.ts";
import type { Results } from "./results.ts";
import { cartPoleStudy, onDigits, poleStudy, realStudy, toyStudy } from "./studies.ts";
import { tablesOf } from "./tables.ts";
import { studyKey } from "./tasks.ts";

export default defineExperiment({
  paper: {
    slug: "intrinsic-dimension",
    title: "Measuring the Intrinsic Dimension of Objective Landscapes",
    authors: ["Chunyuan Li", "Heerad Farkhoor", "Rosanne Liu", "Jason Yosinski"],
    venue: "ICLR",
    year: 2018,
    arxiv: "1804.08838",
    published: "2018-04-24",
    family: "parametrizations",
    abstract:
      "Networks are trained only inside random subspaces of their weights; the smallest dimension that solves a task measures how " +
      "hard it is, and a seed with that many numbers is a compressed network.",
  },
  config,
  presets,
  durations: { smoke: "5 s", quick: "2 min; with data=mnist 4 min", full: "days" },
  paperValues: {
    rate: {
      paper: 1e-3,
      why: "500 steps instead of tens of thousands: a step of Adam moves a coordinate by its learning rate.",
    },
    "mnist.steps": {
      paper: "100 epochs",
      why: "1500 steps (3 epochs) take minutes; full takes the paper's.",
    },
    "mnist.rate": { paper: 1e-3, why: "fewer steps; it falls to 0 along a cosine." },
  },
  async run(c, context) {
    const generated = wants(c, "segdigits") ? await generatedStudies(c, context) : null;
    const mnist = wants(c, "mnist") ? await realStudy(context, "mnist", c.mnist) : none;
    const cifar10 = wants(c, "cifar10") ? await realStudy(context, "cifar10", c.cifar10) : none;
    const compressed = [
      ...(generated === null ? [] : [generated.compressed]),
      ...mnist.compressed,
      ...cifar10.compressed,
    ];
    for (const { name, file } of compressed)
      await context.save(`${name.replaceAll(/\W+/g, "-")}.subspace.safetensors`, file);
    const results: Results = {
      ...(generated?.results ?? nothing),
      mnist: mnist.curves,
      cifar10: cifar10.curves,
      compressed,
    };
    return {
      claims: claimsOf(results, (study) => scaleOf(context.preset, c, study)),
      tables: tablesOf(results),
      charts: chartsOf(results),
      models: generated === null ? {} : { digits: await artifact(generated, context) },
    };
  },
});

type Generated = Omit<Results, "mnist" | "cifar10" | "compressed">;

const none = { curves: [], compressed: [] };
const nothing: Generated = {
  toy: null,
  networks: [],
  small: [],
  projections: [],
  permuted: [],
  labels: [],
  random: [],
  pole: null,
  cartpole: [],
};

function wants({ data }: Config, which: Exclude<Config["data"], "all">): boolean {
  return data === which || data === "all";
}

async function generatedStudies(c: Config, context: Context) {
  const study = onDigits(context, c);
  const toy = await toyStudy(context, c.toy);
  const { curves, compressed, model } = await study.networks();
  const results: Generated = {
    toy,
    networks: curves,
    small: await study.small(),
    projections: c.projections ? await study.projections(c.projections) : [],
    permuted: c.permuted ? await study.permuted(c.permuted) : [],
    labels: c.labels ? await study.labels(c.labels) : [],
    random: c.random ? await study.random(c.random) : [],
    pole: c.pole && (await poleStudy(context, c.pole)),
    cartpole: c.cartpole ? await cartPoleStudy(context, c.cartpole) : [],
  };
  return { results, compressed, model };
}

/** What a claim was measured on, in words. */
function scaleOf(preset: string, c: Config, study: string): string {
  if (study === "toy") return "1000 weights, 10 constraints, double precision";
  const o = c[study as "networks"] as Partial<Config["networks"]> | null;
  if (o === null) return preset;
  if (study === "cartpole")
    return `${preset}: up to ${c.cartpole!.episodes} episodes, Adam ${c.cartpole!.rate}`;
  if (study === "pole")
    return `${preset}: ${c.pole!.seeds} seeds, ${c.pole!.iterations} iterations of the cross-entropy method`;
  if (study === "mnist" || study === "cifar10") {
    const { steps, batch, rate, projection } = c[study];
    return `${steps} steps of ${batch} examples, ${projection}, Adam ${rate}${c[study].decay ? " falling to 0" : ""}`;
  }
  const steps = o.steps ?? c.networks.steps;
  return `${preset}: segdigits, ${steps} steps of Adam ${c.rate}`;
}

/** The compressed net as a file, with a few evaluations to check it by. */
async function artifact(
  { model, compressed }: { model: Model<unknown>; compressed: { params: Record<string, NDArray> } },
  context: Context,
): Promise<ModelArtifact> {
  const x = random.normal(studyKey(context, "example"), [8, 144]);
  const params = tree.fromRecord(model.init(random.key(0)), compressed.params) as unknown;
  const apply = (p: unknown, input: Tensor) => model.apply(p as never, input);
  const run = compile(apply, { device: context.device });
  const logits = await run(params as never, x);
  await run.dispose();
  return {
    onnx: exportModel({ apply }, params, { x: ["batch", 144] }),
    weights: compressed.params,
    example: { inputs: { x }, outputs: { output: logits } },
  };
}
