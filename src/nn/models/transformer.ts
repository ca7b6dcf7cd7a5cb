import type { NDArray } from "../../tensor/ndarray.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import { attention } from "../attention.ts";
import { checkSizes } from "../checks.ts";
import { combine } from "../combine.ts";
import { dense } from "../dense.ts";
import { embedding } from "../embedding.ts";
import { type FloatType, type Initialiser, normal } from "../initialisers.ts";
import type { Context } from "../model.ts";
import { rmsNorm } from "../normalisation.ts";
import { swiglu } from "../swiglu.ts";

export interface TransformerOptions {
  /** How many tokens there are. */
  readonly vocabulary: number;
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  /** Heads of keys and values. Default `heads`. */
  readonly keyHeads?: number | undefined;
  /** Width within SwiGLU. Default: 8/3 of the width, rounded up to a multiple of 256. */
  readonly hidden?: number | undefined;
  /** Of the rotary positions. Default 10,000. */
  readonly theta?: number | undefined;
  /** Of RMSNorm. Default 1e-5. */
  readonly epsilon?: number | undefined;
  /** The last layer has the weights of the embedding. Default false. */
  readonly tied?: boolean | undefined;
  /** Default `normal(0.02)`. */
  readonly kernelInit?: Initialiser | undefined;
  /** Default float32. */
  readonly dtype?: FloatType | undefined;
}

/**
 * A decoder of the LLaMA family: tokens int64 [batch, time] to logits [batch, time, vocabulary] of the next one. Each place sees those
 * before it. Touvron et al., 2023: RMSNorm before each part, rotary positions, SwiGLU, no biases.
 *
 * ```ts
 * nn.transformer({ vocabulary: 65, width: 128, depth: 4, heads: 4, hidden: 352 });
 * ```
 */
export function transformer(options: TransformerOptions) {
  const { vocabulary, width, depth, heads, keyHeads, theta, epsilon, dtype } = options;
  const {
    hidden = Math.ceil((8 * width) / 3 / 256) * 256,
    tied = false,
    kernelInit = normal(0.02),
  } = options;
  checkSizes("transformer", { vocabulary, width, depth, heads, hidden });
  const norm = () => rmsNorm({ size: width, epsilon, dtype });
  const block = () => {
    const common = { size: width, bias: false, kernelInit, dtype };
    const parts = {
      attentionNorm: norm(),
      attention: attention({ ...common, heads, keyHeads, causal: true, rotary: { theta } }),
      feedNorm: norm(),
      feed: swiglu({ ...common, hidden }),
    };
    return combine(parts, (run, x: Tensor) => {
      const h = x.add(run.attention(run.attentionNorm(x)));
      return h.add(run.feed(run.feedNorm(h)));
    });
  };
  const parts = {
    embedding: embedding({ count: vocabulary, size: width, tableInit: kernelInit, dtype }),
    blocks: Array.from({ length: depth }, block),
    norm: norm(),
    head: tied ? undefined : dense({ inputs: width, outputs: vocabulary, bias: false, kernelInit, dtype }),
  };
  const body = combine(parts, (run, tokens: Tensor) => {
    const features = run.norm(run.blocks.reduce((h, f) => f(h), run.embedding(tokens)));
    return run.head?.(features) ?? features;
  });
  if (!tied) return body;
  type Weights = ReturnType<typeof body.init>;
  return {
    init: (key: NDArray) => body.init(key),
    apply: (params: Traced<Weights>, tokens: Tensor, context?: Context) =>
      body.apply(params, tokens, context).matmul(params.embedding.table.swapAxes()),
  };
}
