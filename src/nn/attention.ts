import { where } from "../tensor/operators/elementwise.ts";
import { showShape } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { checkSizes, checkSplits } from "./checks.ts";
import { combine } from "./combine.ts";
import { dense } from "./dense.ts";
import type { FloatType, Initialiser } from "./initialisers.ts";
import { type RotaryOptions, rotary } from "./rotary.ts";

export interface AttentionOptions {
  /** Of the vectors in and out. */
  readonly size: number;
  readonly heads: number;
  /** Heads of keys and values, each shared by heads / keyHeads heads of queries. Default `heads`. Ainslie et al., EMNLP 2023. */
  readonly keyHeads?: number | undefined;
  /** Of the vectors that are attended to, where they are others. Default `size`. */
  readonly memorySize?: number | undefined;
  /** Each place sees itself and those before. Default false. */
  readonly causal?: boolean | undefined;
  /** Rotary positions. Default none. */
  readonly rotary?: RotaryOptions | undefined;
  /** In all four maps, in none, or in the last one only. Default true. */
  readonly bias?: boolean | "output" | undefined;
  /** Default `glorotUniform`. */
  readonly kernelInit?: Initialiser | undefined;
  /** Of the last map. Default `kernelInit`. */
  readonly outputInit?: Initialiser | undefined;
  /** Default float32. */
  readonly dtype?: FloatType | undefined;
}

/** What attends to what: x [batch, time, size] to itself, or to a memory [batch, places, memorySize]. */
export interface AttentionInput {
  readonly x: Tensor;
  readonly memory?: Tensor | undefined;
  /** bool, broadcasts to [batch, heads, time, places]: what may be seen. A place that sees nothing gets the mean of all. */
  readonly mask?: Tensor | undefined;
}

/**
 * Multi-head attention: softmax(q k^T / sqrt(head size)) v by heads. Vaswani et al., NeurIPS 2017. Weights are `query`, `key`,
 * `value` and `output`, each a kernel [in, out] and a bias.
 *
 * ```ts
 * const self = nn.attention({ size: 64, heads: 4, causal: true });
 * const cross = nn.attention({ size: 64, heads: 4, memorySize: 32 });
 * cross.apply(params, { x, memory });
 * ```
 */
export function attention(options: AttentionOptions) {
  const { size, heads, keyHeads = heads, memorySize = size, causal = false } = options;
  checkSizes("attention", { size, heads, keyHeads, memorySize });
  checkSplits("attention", "size", size, heads, "heads");
  checkSplits("attention", "heads", heads, keyHeads, "keyHeads");
  const { bias = true, kernelInit, outputInit = kernelInit, dtype } = options;
  const map = (inputs: number, outputs: number) =>
    dense({ inputs, outputs, bias: bias === true, kernelInit, dtype });
  const narrow = (size / heads) * keyHeads;
  const parts = {
    query: map(size, size),
    key: map(memorySize, narrow),
    value: map(memorySize, narrow),
    output: dense({ inputs: size, outputs: size, bias: bias !== false, kernelInit: outputInit, dtype }),
  };
  return combine(parts, (run, input: Tensor | AttentionInput) => {
    const { x, memory, mask } = input instanceof Tensor ? ({ x: input } as AttentionInput) : input;
    if (causal && memory !== undefined)
      throw new RangeError("attention: it is causal and given a memory: leave out one of the two");
    const from = memory ?? x;
    const turned = (t: Tensor) => (options.rotary === undefined ? t : rotary(t, options.rotary));
    const query = turned(byHeads(run.query(x), heads));
    const key = turned(byHeads(run.key(from), keyHeads));
    const seen = causal ? earlier(x.shape[1]!, mask) : mask;
    const found = attend(query, key, byHeads(run.value(from), keyHeads), seen);
    return run.output(found.transpose([0, 2, 1, 3]).reshape(x.shape));
  });
}

/**
 * softmax(q k^T / sqrt(size)) v: queries [batch, heads, time, size], keys and values [batch, keyHeads, places, size], to the shape
 * of the queries. `mask` is true for what may be seen.
 */
export function attend(query: Tensor, key: Tensor, value: Tensor, mask?: Tensor): Tensor {
  const [batch, heads, time, size] = query.shape as [number, number, number, number];
  const [keyHeads, places] = [key.shape[1]!, key.shape[2]!];
  // Heads that share keys are stacked along the time.
  const rows = (heads / keyHeads) * time;
  const stacked = query.mul(1 / Math.sqrt(size)).reshape([batch, keyHeads, rows, size]);
  const scores = stacked.matmul(key.swapAxes()).reshape([batch, heads, time, places]);
  const masked = mask === undefined ? scores : where(mask, scores, HIDDEN);
  const shares = masked.softmax(-1).reshape([batch, keyHeads, rows, places]);
  return shares.matmul(value).reshape(query.shape);
}

/** As a score: its exponential is 0 beside any other. */
const HIDDEN = -1e30;

function byHeads(x: Tensor, heads: number): Tensor {
  if (x.rank !== 3)
    throw new RangeError(`attention: the input has shape ${showShape(x.shape)}: give [batch, time, size]`);
  const [batch, time, size] = x.shape as [number, number, number];
  return x.reshape([batch, time, heads, size / heads]).transpose([0, 2, 1, 3]);
}

function earlier(time: number, mask: Tensor | undefined): Tensor {
  const places = Tensor.ones([time], "float32").cumsum(0);
  const causal = places.reshape([time, 1]).greaterEqual(places.reshape([1, time]));
  return mask === undefined ? causal : mask.and(causal);
}
