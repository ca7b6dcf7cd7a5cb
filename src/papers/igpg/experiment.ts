import type { Context } from "../../experiment/context.ts";
import { defineExperiment } from "../../experiment/define.ts";
import type { ModelArtifact } from "../../experiment/result.ts";
import type { MlpParams } from "../../nn/mlp.ts";
import { exportModel } from "../../onnx/export.ts";
import { compile } from "../../runtime/compile.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import * as tree from "../../tensor/tree.ts";
import { claimsOf } from "./claims.ts";
import { type Config, config, presets } from "./config.ts";
import { codebookUse, evaluateFamily, type FamilyResult } from "./evaluation.ts";
import { heldOutStudy, knownModels } from "./held-out.ts";
import { mnistStudy } from "./mnist.ts";
import { chartsOf } from "./plots.ts";
import type { Results, SeedResult } from "./results.ts";
import { type Family, Repetition, requestsFor, trainFamily, trainPrior, trainTokenizer } from "./studies.ts";
import { tablesOf } from "./tables.ts";
import { netOf } from "./zoo.ts";

export default defineExperiment({
  paper: {
    slug: "igpg",
    title: "Instruction-Guided Autoregressive Neural Network Parameter Generation",
    authors: ["Soro Bedionita", "Bruno Andreis", "Song Chong", "Sung Ju Hwang"],
    venue: "arXiv; ICLR 2025 workshop on weight-space learning",
    year: 2025,
    arxiv: "2504.02012",
    published: "2025-04-02",
    family: "hypernetworks",
    abstract:
      "The weights of a collection of trained nets become tokens, and a transformer that is told the task and the architecture " +
      "writes new weights token by token.",
  },
  config,
  presets,
  durations: { smoke: "5 s", quick: "3 min", full: "several hours" },
  paperValues: {
    "tokenizer.chunk": {
      paper: "not stated; the code pads models to 110,592 weights",
      why: "Chunks of 16 suit nets of 82 to 218 weights.",
    },
    "tokenizer.codeWidth": { paper: 256, why: "The chunks are 16 wide here." },
    "tokenizer.steps": { paper: 1_000_000, why: "The zoo has 2,016 chunks; 3,000 steps are 380 passes." },
    "tokenizer.learningRate": { paper: 1e-4, why: "A small net and few steps take a larger rate." },
    "tokenizer.annealing": {
      paper: "cyclic (paper), cosine (code)",
      why: "An exponential reaches low temperatures within a short training.",
    },
    "prior.width": { paper: "GPT-2 style, 27.8 million weights", why: "Sequences are 24 to 56 tokens here." },
  },
  async run(c, context) {
    const seeds: SeedResult[] = [];
    let model: ModelArtifact | undefined;
    for (let seed = 0; seed < c.seeds; seed++) {
      const { result, artifact } = await repetition(new Repetition(context, c, seed));
      seeds.push(result);
      model ??= artifact;
    }
    const mnist = c.mnist && (await mnistStudy(new Repetition(context, { ...c, seeds: 1 }, 0), c.mnist));
    const results: Results = { seeds, mnist };
    return {
      claims: claimsOf(results, scaleOf(context, c)),
      tables: tablesOf(results),
      charts: chartsOf(results),
      models: { generated: model! },
    };
  },
});

async function repetition(r: Repetition): Promise<{ result: SeedResult; artifact: ModelArtifact }> {
  const { config: c } = r;
  const families: Family[] = [];
  for (const index of c.architectures.keys()) families.push(await trainFamily(r, index));
  const zoo = families.flatMap((f) => f.models);
  const tokenizer = await trainTokenizer(r, "tokenizer", zoo);
  const prior = (name: string, o: Parameters<typeof trainPrior>[4], models = zoo) =>
    trainPrior(r, name, models, tokenizer, o);
  const autoregressive = await prior("prior", {});
  const factorised = await prior("factorised prior", { factorised: true, steps: c.factorisedSteps });
  const staged = c.staged && (await prior("staged prior", c.staged));
  const measured: FamilyResult[] = [];
  for (const [i, family] of families.entries())
    measured.push(await evaluateFamily(r, family, i, tokenizer, { autoregressive, factorised, staged }));
  const unaware =
    c.heldOut &&
    (await prior("prior without tasks", { descriptions: c.heldOut.descriptions }, knownModels(r, zoo)));
  const heldOut = unaware && (await heldOutStudy(r, autoregressive, unaware));
  const codebook = await codebookUse(
    tokenizer,
    zoo.map((m) => m.params),
  );
  const [request] = requestsFor(r, 0);
  const [params] = await autoregressive.generate(request!, {
    temperature: c.temperature,
    key: r.key("artifact"),
  });
  const artifact = await artifactOf(r, params!);
  const open = [tokenizer, autoregressive, factorised, staged, unaware];
  await Promise.all(open.map((g) => g?.dispose()));
  const losses = {
    tokenizer: tokenizer.state.history,
    autoregressive: autoregressive.state.history,
    factorised: factorised.state.history,
  };
  return { result: { families: measured, codebook, losses, heldOut }, artifact };
}

/** What the claims were measured on, in words. */
function scaleOf({ preset }: Context, c: Config): string {
  const models = c.architectures.length * c.tasks.length * c.starts * c.dataSeeds;
  const names = c.architectures.map((widths) => widths.join("-")).join(", ");
  return `${preset}: ${models} nets (${names}) for ${c.tasks.length} tasks; prior of width ${c.prior.width}`;
}

/** A generated net as a file: the first architecture, the first task. */
async function artifactOf(
  { config: c, context, ...r }: Repetition,
  params: MlpParams,
): Promise<ModelArtifact> {
  const net = netOf(c.architectures[0]!);
  const x = random.normal(random.fold(context.key, r.seed), [8, 2]);
  const run = compile((p: Traced<MlpParams>, t: Tensor) => net.apply(p, t));
  const output = await run(params as never, x);
  await run.dispose();
  return {
    onnx: exportModel(net, params, { x: ["batch", 2] }),
    weights: tree.toRecord(params) as Record<string, NDArray>,
    example: { inputs: { x }, outputs: { output } },
  };
}
