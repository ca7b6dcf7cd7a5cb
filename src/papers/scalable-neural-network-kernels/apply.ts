/** `paperweight apply snnk model.onnx`: dense layers replaced by random features, fitted to what the model gave. */
import { z } from "zod";
import {
  defineMethod,
  type MethodContext,
  type MethodPlan,
  type MethodResult,
} from "../../experiment/method.ts";
import { definedNames } from "../../onnx/graph.ts";
import type { ImportedModel } from "../../onnx/import.ts";
import { FreshNames } from "../../onnx/node-editor.ts";
import { modelOpsets } from "../../onnx/normalise.ts";
import type { ModelProto } from "../../onnx/schema.ts";
import { spliceNodes } from "../../onnx/splice.ts";
import { decodeMessage, encodeMessage } from "../../onnx/wire.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Examples } from "../../train/finetune.ts";
import { accuracy } from "../../train/metrics.ts";
import { type Chain, denseChains, type FoundChains } from "./dense-chains.ts";
import { comparison, examplesOf, rowsOf, valuesOf } from "./file-values.ts";
import { type FittedChain, fitChain } from "./fit-chain.ts";
import { chainKinds, costOf, towerNodes } from "./tower-nodes.ts";

const options = z.object({
  features: z
    .number()
    .int()
    .positive()
    .default(64)
    .describe("random rows that stand for each replaced layer: fewer are smaller and less accurate"),
  kind: z
    .enum(["auto", ...chainKinds])
    .default("auto")
    .describe("relu features, waves (cosines and sines), or whichever fits held-out rows better"),
  stages: z
    .enum(["auto", "one", "each"])
    .default("auto")
    .describe(
      "of layers in a row: one stage of features for all, one for each, or what fits held-out rows better",
    ),
  from: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe("dense layers with an activation that stay, from the first on: the last ones are bundled"),
});

type Options = z.infer<typeof options>;

export default defineMethod({
  slug: "scalable-neural-network-kernels",
  summary:
    "Replace dense layers and their activations by random features, bundled into one matrix that is solved for in closed form",
  options,
  data: "optional",
  plan,
  run,
});

/** The file as a message, all of its weights inside. */
function protoOf(model: ImportedModel): ModelProto {
  return decodeMessage("ModelProto", model.withWeights(undefined, { selfContained: true }));
}

function chainsOf(proto: ModelProto, o: Options): FoundChains {
  const found = denseChains(proto.graph!, o.from);
  const opset = modelOpsets(proto).get("") ?? 1;
  if (found.chains.length > 0 && opset >= 7) return found;
  if (found.chains.length > 0)
    throw new Error(
      `snnk: the file has opset ${opset}, whose operators broadcast in an old way: convert it to opset 7 or later`,
    );
  const [first] = found.refused;
  throw new Error(
    `snnk: there is no dense layer with an activation to replace: ${first === undefined ? "the graph has no Gemm or MatMul with constant weights" : `${first[0]}: ${first[1]}`}`,
  );
}

function plan(model: ImportedModel, o: Options): MethodPlan {
  const { chains, refused } = chainsOf(protoOf(model), o);
  const touched = chains.flatMap(({ layers }) =>
    layers.map((layer, i) => {
      const what =
        layer.activation === undefined
          ? "bundled into the matrix of the features before it"
          : i < layers.length - 1
            ? "becomes random features, bundled with what follows"
            : "becomes random features and a matrix";
      const form = `dense ${layer.inputs} -> ${layer.units}${layer.activation ? `, ${layer.activation}` : ""}`;
      return { path: layer.kernel, what: `${form}: ${what}` };
    }),
  );
  const replaced = new Set(chains.flatMap((c) => c.layers.flatMap((l) => l.nodes.flatMap((n) => n.input))));
  const untouched = model.parameters
    .filter((p) => !replaced.has(p.name))
    .map((p) => ({ path: p.name, why: refused.get(p.name) ?? otherwise(p.uses[0]?.operator) }));
  return { touched, untouched };
}

function otherwise(operator: string | undefined): string {
  return operator === undefined
    ? "nothing uses it"
    : `${operator}: only dense layers with an activation are replaced`;
}

async function run(model: ImportedModel, o: Options, context: MethodContext): Promise<MethodResult> {
  const original = protoOf(model);
  const { chains } = chainsOf(original, o);
  const train = context.train ?? { x: examplesOf(model, random.fold(context.key, 1)), y: undefined };
  const made = context.train === undefined && context.validation === undefined;
  const held =
    context.validation ??
    (made ? { x: examplesOf(model, random.fold(context.key, 2)), y: undefined } : train);
  const names = new FreshNames(allNames(original));
  const progress = context.progress.start({ label: "features", total: chains.length });
  const totals = { before: cost(), after: cost() };
  const kinds = new Set<string>();
  let current = original;
  for (const [i, chain] of chains.entries()) {
    const key = random.fold(context.key, 16 + i);
    const fitted = await fittedTo(model, { original, current, chain, x: train.x, key }, o, context);
    const { tower, params, weights } = fitted;
    const { nodes, values } = towerNodes(tower, params, weights, { ...chain, names });
    current = spliceNodes(current, {
      remove: new Set(chain.layers.flatMap((l) => l.nodes)),
      insert: nodes,
      values,
    });
    count(totals, chain, costOf(tower, weights.shape[1]!));
    kinds.add(`${tower.kind} in ${tower.depth} stage${tower.depth > 1 ? "s" : ""}`);
    progress.update({ step: i + 1 });
  }
  progress.done();
  const bytes = encodeMessage("ModelProto", current);
  const [before] = await valuesOf(model, original, [model.output], held.x, context);
  const [after] = await valuesOf(model, current, [model.output], held.x, context);
  const measured = comparison(before!, after!);
  const where = held === train ? "training" : "held-out";
  return {
    model: bytes,
    figures: [
      { name: "replaced layers", value: chains.reduce((n, c) => n + c.layers.length, 0) },
      { name: "features", value: [...kinds].join(", ") },
      ...beforeAndAfter("trainables of these", totals, "trainables"),
      { name: "frozen random numbers", value: totals.after.frozen },
      ...beforeAndAfter("multiply-adds of these, one row", totals, "multiplyAdds"),
      { name: "bytes of the file, before", value: model.bytes.length },
      { name: "bytes of the file, after", value: bytes.length },
      { name: `${where} examples`, value: before!.shape[0] ?? 1 },
      { name: `${where} R2 to the original's output`, value: measured.r2 },
      ...(measured.agreement === undefined
        ? []
        : [{ name: `${where} agreement of the largest output`, value: measured.agreement }]),
      ...accuracies(where, held.y, before!, after!),
    ],
    check: { what: `the original's ${where} outputs`, largestDifference: measured.largestDifference },
  };
}

/** Features for one chain, fitted to what the original gave there, from what the model so far gives before it. */
async function fittedTo(
  model: ImportedModel,
  at: {
    readonly original: ModelProto;
    readonly current: ModelProto;
    readonly chain: Chain;
    readonly x: Examples["x"];
    readonly key: NDArray;
  },
  o: Options,
  context: MethodContext,
): Promise<FittedChain> {
  const { layers, input, output } = at.chain;
  const [x] = await valuesOf(model, at.current, [input], at.x, context);
  const [y] = await valuesOf(model, at.original, [output], at.x, context);
  const fitted = await fitChain({
    x: rowsOf(x!, layers[0]!.inputs, input),
    y: rowsOf(y!, layers.at(-1)!.units, output),
    features: o.features,
    depths: depthsOf(at.chain, o.stages),
    kinds: o.kind === "auto" ? chainKinds : [o.kind],
    key: at.key,
    signal: context.signal,
  });
  context.log(
    `${layers[0]!.kernel}: ${fitted.tower.kind}, ridge ${fitted.ridge.toExponential(0)}, R2 ${fitted.heldOutR2.toFixed(4)} on a fifth of the rows`,
  );
  return fitted;
}

function depthsOf({ layers }: Chain, stages: Options["stages"]): number[] {
  const each = layers.filter((l) => l.activation !== undefined).length;
  if (stages === "auto") return each === 1 ? [1] : [1, each];
  return [stages === "one" ? 1 : each];
}

type Cost = { trainables: number; frozen: number; multiplyAdds: number };
const cost = (): Cost => ({ trainables: 0, frozen: 0, multiplyAdds: 0 });

function count(totals: { before: Cost; after: Cost }, chain: Chain, after: Cost): void {
  for (const { inputs, units, bias } of chain.layers) {
    totals.before.trainables += (inputs + (bias ? 1 : 0)) * units;
    totals.before.multiplyAdds += inputs * units;
  }
  for (const key of ["trainables", "frozen", "multiplyAdds"] as const) totals.after[key] += after[key];
}

function beforeAndAfter(name: string, totals: { before: Cost; after: Cost }, key: keyof Cost) {
  return [
    { name: `${name}, before`, value: totals.before[key] },
    { name: `${name}, after`, value: totals.after[key] },
  ];
}

/** Where the data have classes for the model's outputs. */
function accuracies(where: string, labels: NDArray | undefined, before: NDArray, after: NDArray) {
  const rows = before.shape[0];
  if (labels?.dtype !== "int64" || before.rank !== 2 || before.shape[1]! < 2 || labels.size !== rows)
    return [];
  return [
    { name: `${where} accuracy, before`, value: accuracy(before, labels) },
    { name: `${where} accuracy, after`, value: accuracy(after, labels) },
  ];
}

/** Every name of the file, so that new ones differ. */
function allNames(proto: ModelProto): Set<string> {
  const graph = proto.graph!;
  return new Set([
    ...definedNames(graph),
    ...graph.node.flatMap((n) => [n.name ?? "", ...n.input]),
    ...graph.output.map((v) => v.name ?? ""),
  ]);
}
