import * as losses from "../../nn/losses.ts";
import { adamw } from "../../optim/adam.ts";
import { cosine, warmUp } from "../../optim/schedules.ts";
import { compile } from "../../runtime/compile.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import { fit } from "../../train/fit.ts";
import {
  type Condition,
  type Conditioner,
  conditioner,
  conditionerFor,
  describeOften,
  type Encoders,
  stackRows,
} from "./conditions.ts";
import { type PriorParams, type PriorSizes, type Window, weightPrior } from "./prior.ts";
import { Sampler, type SamplingOptions } from "./sampler.ts";
import { type TokenizerState, WeightTokenizer } from "./tokenizer.ts";
import { rowPicker, type Training, trainingOptions } from "./training.ts";
import { layoutName, layoutOf } from "./vectorise.ts";
import { windowRows } from "./windows.ts";

/** A trained model of a zoo: its weights, and what it is. */
export interface ModelRecord<P = unknown> extends Condition {
  readonly params: P;
}

export interface PriorOptions extends Training, Encoders {
  /** Default 64. */
  readonly width?: number | undefined;
  /** Default 2. */
  readonly layers?: number | undefined;
  /** Default 4. */
  readonly heads?: number | undefined;
  /** N_max, the tokens generated in one go. Default: those of the longest model. */
  readonly maxTokens?: number | undefined;
  /** W, the tokens that a further window sees of the one before. Without it, longer models are an error. */
  readonly overlap?: number | undefined;
  /** Sequences a step, drawn uniformly over models. Default 24. */
  readonly batch?: number | undefined;
  /** Of AdamW (weight decay 0.01), after 30 steps of warm-up; it falls to 0 by a cosine. Default 3e-3. */
  readonly learningRate?: number | undefined;
  /**
   * In how many ways the task of each model is described, each by five examples of every class of its sample that the others do not
   * have. Default 1, as in the paper; more make generation less dependent on the very examples.
   */
  readonly descriptions?: number | undefined;
  /** Tokens independent of each other: the baseline. Default false. */
  readonly factorised?: boolean | undefined;
}

/** All that a generator is beside its encoders: JSON and arrays. */
export interface GeneratorState {
  readonly tokenizer: TokenizerState;
  readonly prior: PriorSizes;
  readonly overlap: number | null;
  /** Of the zoo's tasks; null where it has no samples. */
  readonly classes: number | null;
  readonly params: PriorParams;
  /** The mean loss between records, in nats per token. */
  readonly history: readonly (readonly [step: number, loss: number])[];
}

/** What to generate: weights for the architecture of `like`, a tree whose values do not matter. */
export interface Request<P> extends Condition {
  readonly like: P;
}

const WARM_UP = 30;

/** A distribution over the weights of trained models, given instruction, task and architecture. */
export class WeightGenerator {
  readonly tokenizer: WeightTokenizer;
  private readonly conditions: Conditioner;
  private readonly sampler: Sampler;
  private readonly score;

  constructor(
    readonly state: GeneratorState,
    encoders: Encoders = {},
  ) {
    this.tokenizer = new WeightTokenizer(state.tokenizer);
    this.conditions = conditioner(state.classes ?? undefined, state.prior.condition, encoders);
    const prior = weightPrior(state.prior);
    this.sampler = new Sampler(prior, state.tokenizer.sizes.tokensPerChunk, state.overlap);
    this.score = compile(
      (p: Traced<PriorParams>, w: Window & { fresh: Tensor }) =>
        tokenLosses(prior.logits(p, w), w).mul(w.fresh).sum(1),
      { threads: 1 },
    );
  }

  /** Train the prior on the tokens of a zoo. */
  static async fit(
    zoo: readonly ModelRecord[],
    tokenizer: WeightTokenizer,
    options: PriorOptions = {},
  ): Promise<WeightGenerator> {
    if (zoo.length === 0) throw new RangeError("igpg: the zoo is empty: give trained models");
    const conditions = conditionerFor(zoo, options);
    const encoded = await tokenizer.encodeAll(zoo.map((m) => m.params));
    const sequences = zoo.flatMap((m, i) =>
      describedBy(m, conditions, options.descriptions ?? 1).map((condition) => ({
        tokens: encoded[i]!,
        condition,
      })),
    );
    const longest = Math.max(...encoded.map((t) => t.length));
    const { codebook, tokensPerChunk } = tokenizer.state.sizes;
    const { width = 64, layers = 2, heads = 4, maxTokens = longest, factorised = false } = options;
    const sizes: PriorSizes = {
      codebook,
      condition: conditions.size,
      maxTokens,
      maxChunks: longest / tokensPerChunk,
      width,
      layers,
      heads,
      factorised,
    };
    const overlap = options.overlap ?? null;
    const { params, history } = await train(
      sizes,
      windowRows(sequences, { maxTokens, overlap, tokensPerChunk }),
      options,
    );
    const classes = conditions.classes ?? null;
    const state = { tokenizer: tokenizer.state, prior: sizes, overlap, classes, params, history };
    return new WeightGenerator(state, options);
  }

  /** Weights for a request: one tree, or `count` of them. */
  async generate<P>(
    request: Request<P>,
    { count = 1, ...options }: SamplingOptions & { readonly count?: number | undefined } = {},
  ): Promise<P[]> {
    return await this.generateEach(new Array<Request<P>>(count).fill(request), options);
  }

  /** Weights for several requests of one architecture, drawn together. */
  async generateEach<P>(requests: readonly Request<P>[], options: SamplingOptions = {}): Promise<P[]> {
    const tokens = await this.sampleTokens(requests, options);
    return tokens.length === 0 ? [] : await this.tokenizer.decodeAll(tokens, requests[0]!.like);
  }

  /** As `generateEach`, before decoding. */
  async sampleTokens(
    requests: readonly Request<unknown>[],
    options: SamplingOptions = {},
  ): Promise<Int32Array[]> {
    if (requests.length === 0) return [];
    const layout = layoutOf(requests[0]!.like);
    const other = requests.find((r) => layoutName(layoutOf(r.like)) !== layoutName(layout));
    if (other !== undefined)
      throw new RangeError(
        "igpg: the requests are for different architectures: generate for one after the other",
      );
    const length = this.tokenizer.lengthOf(layout.size);
    const { maxChunks } = this.state.prior;
    const { tokensPerChunk } = this.state.tokenizer.sizes;
    if (length > maxChunks * tokensPerChunk)
      throw new RangeError(
        `igpg: the architecture takes ${length} tokens, the zoo's longest ${maxChunks * tokensPerChunk}: add models as large to the zoo`,
      );
    const rows = requests.map((r) => this.conditions.vector(r));
    return await this.sampler.sample(this.state.params, stackRows(rows), length, options);
  }

  /** log p(tokens | condition) of models under the prior, in nats: sums over their tokens. */
  async logLikelihoods(models: readonly ModelRecord[]): Promise<number[]> {
    const encoded = await this.tokenizer.encodeAll(models.map((m) => m.params));
    const sequences = models.map((m, i) => ({ tokens: encoded[i]!, condition: this.conditions.vector(m) }));
    const { prior, overlap, tokenizer } = this.state;
    const { rows, rowsOf } = windowRows(sequences, {
      maxTokens: prior.maxTokens,
      overlap,
      tokensPerChunk: tokenizer.sizes.tokensPerChunk,
    });
    const { mask: _, ...inputs } = rows;
    const lost = await this.score(this.state.params as never, inputs);
    return rowsOf.map((own) => -own.reduce((sum, row) => sum + Number(lost.data[row]), 0));
  }

  /** The vector [e_A, e_D] of a condition. */
  conditionVector(condition: Condition): Float32Array {
    return this.conditions.vector(condition);
  }

  async dispose(): Promise<void> {
    await Promise.all([this.tokenizer.dispose(), this.sampler.dispose(), this.score.dispose()]);
  }
}

/** The vectors of a model's condition, one for each description of its task. */
function describedBy(model: ModelRecord, { classes, vector }: Conditioner, count: number): Float32Array[] {
  if (!Number.isInteger(count) || count < 1)
    throw new RangeError(`igpg: descriptions is ${count}: use a whole number from 1`);
  if (count === 1) return [vector(model)];
  if (model.sample === undefined || classes === undefined)
    throw new RangeError(`igpg: descriptions is ${count}, and the zoo has no task samples: leave it out`);
  return describeOften(model.sample, classes, count).map((sample) => vector({ ...model, sample }));
}

/** -log p of every token, [batch, time]. */
export function tokenLosses(logits: Tensor, { tokens }: Pick<Window, "tokens">): Tensor {
  return losses.crossEntropy(logits, tokens, { reduction: "none" });
}

/** Mean cross-entropy over real tokens. */
export function priorLoss(
  logits: Tensor,
  window: { readonly tokens: Tensor; readonly mask: Tensor },
): Tensor {
  return tokenLosses(logits, window).mul(window.mask).sum().div(window.mask.sum());
}

async function train(
  sizes: PriorSizes,
  { rows, rowsOf }: ReturnType<typeof windowRows>,
  options: PriorOptions,
): Promise<{ params: PriorParams; history: (readonly [number, number])[] }> {
  const prior = weightPrior(sizes);
  const { batch = 24, learningRate = 3e-3 } = options;
  const { steps, key, ...how } = trainingOptions(options, 1200);
  const [forWeights, forSteps] = random.split(key) as [NDArray, NDArray];
  const pick = rowPicker({ ...rows }, batch);
  // Uniform over models, then over the windows of the model.
  const choose = (u: number) => {
    const at = u * rowsOf.length;
    const own = rowsOf[Math.floor(at)]!;
    return own[Math.floor((at % 1) * own.length)]!;
  };
  const schedule = cosine({ value: learningRate, steps: Math.max(1, steps - WARM_UP) });
  const result = await fit({
    ...how,
    params: prior.init(forWeights),
    data: (_, stepKey) => pick(stepKey, choose),
    loss: (p, b) => priorLoss(prior.logits(p as Traced<PriorParams>, b), b),
    optimizer: adamw({ learningRate: warmUp({ steps: WARM_UP, schedule }), weightDecay: 0.01 }),
    steps,
    key: forSteps,
  });
  if (result.stopped === "aborted") throw options.signal!.reason;
  const history = result.history.map(({ step, loss }) => [step, loss] as const);
  return { params: result.params, history };
}
