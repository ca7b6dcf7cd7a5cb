import { type Compiled, compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import { where } from "../../tensor/operators/elementwise.ts";
import { topK as largest } from "../../tensor/operators/indexing.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import type { Memory, PriorParams, WeightPrior } from "./prior.ts";
import { windowsOf } from "./windows.ts";

export interface SamplingOptions {
  /** Of the choice between tokens: 0 takes the likeliest, 1 the prior's own distribution. Default 0.5. */
  readonly temperature?: number | undefined;
  /** Choose among so many of the likeliest. Default: all. */
  readonly topK?: number | undefined;
  /** Default `random.key(0)`. The same key gives the same weights. */
  readonly key?: NDArray | undefined;
}

interface StepInput {
  readonly previous: Tensor;
  readonly condition: Tensor;
  readonly place: Tensor;
  readonly chunk: Tensor;
  readonly temperature: Tensor;
  readonly key: Tensor;
}

type Step = Compiled<[Traced<PriorParams>, Memory, StepInput], { token: Tensor; memory: Memory }>;

/** Draws token sequences from a prior, place by place: one compiled step that keeps keys and values of the places before. */
export class Sampler {
  private readonly steps = new Map<number, Step>();

  constructor(
    private readonly prior: WeightPrior,
    private readonly tokensPerChunk: number,
    private readonly overlap: number | null,
  ) {}

  /** `length` tokens for each row of `condition` [batch, size], in as many windows as they take. */
  async sample(
    params: PriorParams,
    condition: NDArray,
    length: number,
    { temperature = 0.5, topK, key = random.key(0) }: SamplingOptions = {},
  ): Promise<Int32Array[]> {
    if (!(temperature >= 0)) throw new RangeError(`igpg: temperature is ${temperature}: use a number from 0`);
    const { maxTokens, codebook } = this.prior.sizes;
    const step = this.stepFor(topK === undefined ? codebook : checkedTopK(topK, codebook));
    const batch = condition.shape[0]!;
    const tokens = Array.from({ length: batch }, () => new Int32Array(length));
    const time = Math.min(length, maxTokens);
    for (const { start, end, known } of windowsOf(length, maxTokens, this.overlap)) {
      let memory = this.emptyMemory(batch, time);
      for (let at = start; at < end; at++) {
        const previous = BigInt64Array.from(tokens, (t) => BigInt(at === start ? 0 : t[at - 1]!));
        const out = await step(params as never, memory as never, {
          previous: new NDArray(previous, [batch]),
          condition,
          place: NDArray.scalar(at - start, "int64"),
          chunk: NDArray.scalar(Math.floor(at / this.tokensPerChunk), "int64"),
          temperature: NDArray.scalar(temperature),
          key: random.fold(key, at),
        });
        memory = out.memory as Memory<NDArray>;
        if (at >= start + known)
          tokens.forEach((t, i) => {
            t[at] = Number(out.token.data[i]);
          });
      }
    }
    return tokens;
  }

  async dispose(): Promise<void> {
    await Promise.all([...this.steps.values()].map((s) => s.dispose()));
    this.steps.clear();
  }

  private emptyMemory(batch: number, time: number): Memory<NDArray> {
    const { layers, shape } = this.prior.memoryShape(batch, time);
    return Array.from({ length: layers }, () => ({ key: NDArray.zeros(shape), value: NDArray.zeros(shape) }));
  }

  /** argmax(logits + temperature Gumbel): a sample of softmax(logits / temperature), and the likeliest token at 0. */
  private stepFor(topK: number): Step {
    const known = this.steps.get(topK);
    if (known !== undefined) return known;
    const made: Step = compile(
      (params: Traced<PriorParams>, memory: Memory, input: StepInput) => {
        const { logits, memory: next } = this.prior.step(params, memory, input);
        const noisy = logits.add(random.gumbel(input.key, logits.shape).mul(input.temperature));
        const least = largest(logits, topK).values.slice(undefined, [topK - 1]);
        return { token: where(logits.greaterEqual(least), noisy, HIDDEN).argMax(), memory: next };
      },
      { donate: [1], threads: 1 },
    );
    this.steps.set(topK, made);
    return made;
  }
}

/** As a logit: never chosen. */
const HIDDEN = -1e30;

function checkedTopK(topK: number, codebook: number): number {
  if (Number.isInteger(topK) && topK >= 1 && topK <= codebook) return topK;
  throw new RangeError(`igpg: topK is ${topK}: use a whole number from 1 to ${codebook}`);
}
