/** A character transformer, trained on English literature, and adapters that turn it to the plays of Shakespeare. */
import { byteVocabulary, randomWindows, splitTokens } from "../../data/text.ts";
import type { Context } from "../../experiment/context.ts";
import { attention } from "../../nn/attention.ts";
import { type DenseParams, dense, type LinearParams } from "../../nn/dense.ts";
import { embedding } from "../../nn/embedding.ts";
import { parameterCount } from "../../nn/frozen.ts";
import { normal } from "../../nn/initialisers.ts";
import { crossEntropy } from "../../nn/losses.ts";
import type { Model } from "../../nn/model.ts";
import { transformer } from "../../nn/models/transformer.ts";
import { rmsNorm } from "../../nn/normalisation.ts";
import { swiglu } from "../../nn/swiglu.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import { predictor } from "../../train/predict.ts";
import type { Config } from "./config.ts";
import { type Examples, studyKey, trainByAdam } from "./fitting.ts";
import { adapterOf, nameOf, type Tuning } from "./transfer-nets.ts";

type Sizes = Pick<NonNullable<Config["characters"]>, "width" | "depth" | "heads">;
type Backbone = ReturnType<ReturnType<typeof readerOf>["init"]>;

export interface CharacterResult {
  /** Bits per character on the plays before any tuning. */
  readonly before: number;
  readonly tuned: readonly { readonly name: string; readonly trainables: number; readonly bits: number }[];
}

/** Learning rates of Adam. */
const rates = { pretraining: 1e-3, snnk: 1e-2, bottleneck: 3e-3, head: 3e-3, full: 3e-4 };

function readerOf(vocabulary: number, { width, depth, heads }: Sizes) {
  return transformer({ vocabulary, width, depth, heads, hidden: hiddenOf(width) });
}

const hiddenOf = (width: number): number => Math.ceil((8 * width) / 3 / 32) * 32;

export interface TunedReader {
  frozen?: { backbone: Backbone };
  backbone?: Backbone;
  adapters: unknown[];
  head: LinearParams;
}

/** The transformer with an adapter behind the feed-forward part of each block, before the sum, and its head trained. */
export function tunedReader(
  tuning: Tuning,
  backbone: Backbone,
  sizes: Sizes,
  vocabulary: number,
): Model<TunedReader> {
  const { width, depth, heads } = sizes;
  const norm = rmsNorm({ size: width });
  const common = { size: width, bias: false, kernelInit: normal(0.02) };
  const look = attention({ ...common, heads, causal: true, rotary: {} });
  const feed = swiglu({ ...common, hidden: hiddenOf(width) });
  const table = embedding({ count: vocabulary, size: width });
  const head = dense({ inputs: width, outputs: vocabulary, bias: false });
  const adapters = Array.from({ length: depth }, () => adapterOf(tuning, width));
  return {
    init: (key) => {
      const keys = random.split(key, depth) as NDArray[];
      return {
        ...(tuning === "full" ? { backbone } : { frozen: { backbone } }),
        adapters: adapters.flatMap((a, i) => (a === undefined ? [] : [a.init(keys[i]!)])),
        head: (backbone as unknown as { head: DenseParams }).head,
      };
    },
    apply: (p: Traced<TunedReader>, tokens: Tensor) => {
      const w = (p.frozen?.backbone ?? p.backbone)!;
      const features = w.blocks.reduce(
        (x, block, i) => {
          const h = x.add(look.apply(block.attention, norm.apply(block.attentionNorm, x)));
          const fed = feed.apply(block.feed, norm.apply(block.feedNorm, h));
          return h.add(adapters[i]?.apply(p.adapters[i] as never, fed) ?? fed);
        },
        table.apply(w.embedding, tokens),
      );
      return head.apply(p.head as never, norm.apply(w.norm, features));
    },
  };
}

export interface Texts {
  readonly source: NDArray;
  readonly target: NDArray;
  readonly vocabulary: number;
}

async function texts(): Promise<Texts> {
  const { openDataset } = await import("../../data/cache.node.ts");
  const [source, target] = [await openDataset("gutenberg"), await openDataset("tiny-shakespeare")];
  const vocabulary = byteVocabulary(source + target);
  return {
    source: vocabulary.encode(source),
    target: vocabulary.encode(target),
    vocabulary: vocabulary.size,
  };
}

export async function characterStudy(
  context: Context,
  o: NonNullable<Config["characters"]>,
  load: () => Promise<Texts> = texts,
): Promise<CharacterResult> {
  let loaded: Texts | undefined;
  const data = async () => {
    loaded ??= await load();
    return loaded;
  };
  const pretrained = await context.stage("characters, pretraining", async () => {
    const { source, vocabulary } = await data();
    const model = readerOf(vocabulary, o);
    return trainByAdam(context, {
      label: "characters, pretraining",
      model,
      data: windowsOf(studyKey(context, "characters, source"), source, o),
      loss: crossEntropy,
      steps: o.pretrainSteps,
      batch: o.batch,
      learningRate: rates.pretraining,
      key: studyKey(context, "characters, net"),
    });
  });
  const held = async () => {
    const { target } = await data();
    const { train, validation } = splitTokens(target, 0.1);
    return {
      train: windowsOf(studyKey(context, "characters, target"), train, o),
      test: windowsOf(studyKey(context, "characters, test"), validation, o, o.testWindows),
    };
  };
  const before = await context.stage("characters, before", async () => {
    const { vocabulary } = await data();
    const model = tunedReader("head", pretrained, o, vocabulary);
    return bitsOf(context, model, model.init(random.key(0)), (await held()).test);
  });
  const tunings: Tuning[] = [
    { snnk: o.features },
    ...o.bottlenecks.map((bottleneck) => ({ bottleneck })),
    "head",
    "full",
  ];
  const tuned: CharacterResult["tuned"][number][] = [];
  for (const tuning of tunings)
    tuned.push(
      await context.stage(`characters, ${nameOf(tuning)}`, async () => {
        const { vocabulary } = await data();
        const { train, test } = await held();
        const model = tunedReader(tuning, pretrained, o, vocabulary);
        const kind = typeof tuning === "string" ? tuning : "snnk" in tuning ? "snnk" : "bottleneck";
        const params = await trainByAdam(context, {
          label: `characters, ${nameOf(tuning)}`,
          model,
          data: train,
          loss: crossEntropy,
          steps: o.steps,
          batch: o.batch,
          learningRate: rates[kind],
          key: studyKey(context, "characters, tuning"),
        });
        return {
          name: nameOf(tuning),
          trainables: parameterCount(params),
          bits: await bitsOf(context, model, params, test),
        };
      }),
    );
  return { before, tuned };
}

function windowsOf(
  key: NDArray,
  tokens: NDArray,
  o: { readonly length: number },
  count = Math.floor((4 * tokens.size) / o.length),
): Examples {
  const { features, labels } = randomWindows(key, tokens, o.length, count);
  return { x: features, y: labels };
}

/** Mean cross-entropy in bits for each character. */
async function bitsOf(
  context: Context,
  model: Model<TunedReader>,
  params: TunedReader,
  { x, y }: Examples,
): Promise<number> {
  const losses: Model<TunedReader, { x: Tensor; y: Tensor }> = {
    init: () => params,
    apply: (p, batch) =>
      crossEntropy(model.apply(p, batch.x), batch.y, { reduction: "none" })
        .reshape([batch.x.shape[0]!, -1])
        .mean([1]),
  };
  const predict = predictor(losses, { batch: 32, device: context.device });
  const out = await predict(params, { x, y });
  await predict.dispose();
  return Array.from(out.data, Number).reduce((a, b) => a + b, 0) / out.size / Math.LN2;
}
