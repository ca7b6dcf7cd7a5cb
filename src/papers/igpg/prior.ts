import { attend } from "../../nn/attention.ts";
import { checkSizes, checkSplits } from "../../nn/checks.ts";
import { combine, type ParamsOf } from "../../nn/combine.ts";
import { dense } from "../../nn/dense.ts";
import { embedding, parameter } from "../../nn/embedding.ts";
import { lecunNormal, normal } from "../../nn/initialisers.ts";
import { mlp } from "../../nn/mlp.ts";
import { layerNorm } from "../../nn/normalisation.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import { where } from "../../tensor/operators/elementwise.ts";
import { gather } from "../../tensor/operators/indexing.ts";
import { concat } from "../../tensor/operators/movement.ts";
import { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";

export interface PriorSizes {
  /** m, the tokens there are. */
  readonly codebook: number;
  /** Of the vectors [e_A, e_D]. */
  readonly condition: number;
  /** N_max, the tokens of a window. */
  readonly maxTokens: number;
  /** Of the longest model. */
  readonly maxChunks: number;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** Tokens are independent of each other given condition and position: the baseline. */
  readonly factorised: boolean;
}

/** Tokens of a window with what is known of it. */
export interface Window {
  /** int64 [batch, time]: s_1 ... s_T. */
  readonly tokens: Tensor;
  /** int64 [batch, time]: the chunk of the model that each token belongs to. */
  readonly chunks: Tensor;
  /** [batch, condition] */
  readonly condition: Tensor;
}

/** Keys and values of the places before, for each layer [batch, heads, places, size]. */
export type Memory<T = Tensor> = readonly { readonly key: T; readonly value: T }[];

export type PriorParams = ParamsOf<ReturnType<typeof partsOf>>;

/**
 * A decoder like GPT-2 over the tokens of weights: pre-norm, learned positions within the window and of the chunk, causal. Place t
 * gets the token before it (place 0 the condition), and the condition added everywhere; it gives the logits of s_(t+1).
 */
export function weightPrior(sizes: PriorSizes) {
  const { maxTokens, maxChunks, width, layers, heads, factorised } = sizes;
  checkSizes("igpg", { maxTokens, maxChunks, width, layers, heads });
  checkSplits("igpg", "width", width, heads, "heads");
  const parts = partsOf(sizes);
  const model = combine(parts, () => {
    throw new Error("igpg: the prior is run by logits and step");
  });
  const byHeads = (x: Tensor) =>
    x.reshape([x.shape[0]!, x.shape[1]!, heads, width / heads]).transpose([0, 2, 1, 3]);

  /** Through all blocks. `remember` says for a layer what its queries see: keys, values and a mask. */
  function run(
    params: Traced<PriorParams>,
    x: Tensor,
    remember: (layer: number, key: Tensor, value: Tensor) => { key: Tensor; value: Tensor; mask: Tensor },
  ): Tensor {
    const last = parts.blocks.reduce((h, block, i) => {
      const own = params.blocks[i]!;
      const normed = block.attentionNorm.apply(own.attentionNorm, h);
      const map = (name: "query" | "key" | "value") => byHeads(block[name].apply(own[name], normed));
      const { key, value, mask } = remember(i, map("key"), map("value"));
      const found = attend(map("query"), key, value, mask).transpose([0, 2, 1, 3]).reshape(h.shape);
      const attended = h.add(block.output.apply(own.output, found));
      return attended.add(block.feed.apply(own.feed, block.feedNorm.apply(own.feedNorm, attended)));
    }, x);
    return parts.head.apply(params.head, parts.norm.apply(params.norm, last));
  }

  return {
    sizes,
    init: (key: NDArray): PriorParams => model.init(key),

    /** Logits [batch, time, m] of every token of a window, each given those before it and the condition. */
    logits(params: Traced<PriorParams>, { tokens, chunks, condition }: Window): Tensor {
      const [batch, time] = tokens.shape as [number, number];
      const c = parts.condition.apply(params.condition, condition).unsqueeze(1);
      const before =
        factorised || time === 1
          ? c
          : concat([c, gather(params.tokens.table, tokens.slice(undefined, [0, -1]))], 1);
      const positions = params.positions.slice([0, time]).unsqueeze(0);
      const x = before.add(positions).add(gather(params.chunks, chunks)).add(c);
      const places = Tensor.arange(time, "float32");
      const mask = places.reshape([time, 1]).greaterEqual(places.reshape([1, time]));
      return run(params, x.expand([batch, time, width]), (_, key, value) => ({ key, value, mask }));
    },

    /** The memory before the first place, for windows of `time` tokens: shapes. */
    memoryShape: (batch: number, time: number) => ({ layers, shape: [batch, heads, time, width / heads] }),

    /**
     * One place of a window: logits [batch, m] of the next token from the token before it, int64 [batch], and the memory with this
     * place in it. `place` and `chunk` are int64 scalars.
     */
    step(
      params: Traced<PriorParams>,
      memory: Memory,
      input: { previous: Tensor; condition: Tensor; place: Tensor; chunk: Tensor },
    ): { logits: Tensor; memory: Memory } {
      const { previous, condition, place, chunk } = input;
      const time = memory[0]!.key.shape[2]!;
      const c = parts.condition.apply(params.condition, condition);
      const before = factorised ? c : where(place.equal(0), c, gather(params.tokens.table, previous));
      const x = before.add(gather(params.positions, place)).add(gather(params.chunks, chunk)).add(c);
      const places = Tensor.arange(time);
      const here = places.equal(place).reshape([1, 1, time, 1]);
      const mask = places.lessEqual(place).reshape([1, 1, 1, time]);
      const put = (old: Tensor, now: Tensor) => where(here, now, old);
      const next: { key: Tensor; value: Tensor }[] = [];
      const logits = run(params, x.unsqueeze(1), (layer, key, value) => {
        const kept = { key: put(memory[layer]!.key, key), value: put(memory[layer]!.value, value) };
        next.push(kept);
        return { ...kept, mask };
      });
      return { logits: logits.squeeze(1), memory: next };
    },
  };
}

export type WeightPrior = ReturnType<typeof weightPrior>;

function partsOf({ codebook, condition, maxTokens, maxChunks, width, layers }: PriorSizes) {
  const kernelInit = normal(0.02);
  const norm = () => layerNorm({ size: width });
  const map = (inputs: number, outputs: number) => dense({ inputs, outputs, kernelInit });
  const block = () => ({
    attentionNorm: norm(),
    query: map(width, width),
    key: map(width, width),
    value: map(width, width),
    output: map(width, width),
    feedNorm: norm(),
    feed: mlp({ sizes: [width, 4 * width, width], activation: "gelu", kernelInit }),
  });
  return {
    condition: dense({ inputs: condition, outputs: width, kernelInit: lecunNormal }),
    tokens: embedding({ count: codebook, size: width, tableInit: kernelInit }),
    positions: parameter((key) => kernelInit(key, [maxTokens, width])),
    chunks: parameter((key) => kernelInit(key, [maxChunks, width])),
    blocks: Array.from({ length: layers }, block),
    norm: norm(),
    head: map(width, codebook),
  };
}
