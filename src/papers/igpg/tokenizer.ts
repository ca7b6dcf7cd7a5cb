import { adam } from "../../optim/adam.ts";
import { cosine } from "../../optim/schedules.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import { gather } from "../../tensor/operators/indexing.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import { fit } from "../../train/fit.ts";
import { type Annealing, annealings } from "./gumbel.ts";
import { rowPicker, type Training, trainingOptions } from "./training.ts";
import { devectorise, fromChunks, layoutOf, toChunks, vectorise } from "./vectorise.ts";
import { type VqVaeParams, type VqVaeSizes, type VqVaeTerms, vqVae } from "./vq-vae.ts";

export interface TokenizerOptions extends Partial<VqVaeSizes>, Partial<VqVaeTerms>, Training {
  /** Chunks a step, drawn with replacement. Default 256. */
  readonly batch?: number | undefined;
  /** Of Adam; it falls to 0 by a cosine. Default 2e-3. */
  readonly learningRate?: number | undefined;
  /** How the temperature of the choice falls. Default "exponential". */
  readonly annealing?: Annealing | undefined;
}

/** All that a tokenizer is: JSON and arrays. */
export interface TokenizerState {
  readonly sizes: VqVaeSizes;
  /** The standard deviation of all weights of the zoo, by which weights are divided. */
  readonly scale: number;
  readonly params: VqVaeParams;
  /** The mean loss between records. */
  readonly history: readonly (readonly [step: number, loss: number])[];
}

export interface ReconstructionError {
  /** |w - w^| / |w| over all weights. */
  readonly relative: number;
  /** The same of each array, by path. */
  readonly arrays: Readonly<Record<string, number>>;
}

/** Gumbel noise is drawn once for so many tokens; each step takes rows of it at random. Drawing it anew costs several times a step. */
const NOISE_ROWS = 2048;

const defaults: VqVaeSizes & VqVaeTerms = {
  chunk: 16,
  tokensPerChunk: 4,
  codebook: 256,
  codeWidth: 16,
  hidden: [128, 128],
  quantiser: "gumbel",
  klWeight: 5e-4,
  commitment: 0,
  codeFollowing: 0,
};

/**
 * Trained weights as sequences of discrete tokens and back: weights divided by one scale, cut into chunks, each chunk l entries of a
 * codebook.
 */
export class WeightTokenizer {
  private readonly encodeChunks;
  private readonly decodeTokens;

  constructor(readonly state: TokenizerState) {
    const net = vqVae(state.sizes);
    this.encodeChunks = compile((p: Traced<VqVaeParams>, chunks: Tensor) => net.encode(p, chunks), SERIAL);
    this.decodeTokens = compile((p: Traced<VqVaeParams>, tokens: Tensor) => net.decode(p, tokens), SERIAL);
  }

  /** Train a tokenizer on the weights of a zoo: trees of weights, of any architectures. */
  static async fit(zoo: readonly unknown[], options: TokenizerOptions = {}): Promise<WeightTokenizer> {
    if (zoo.length === 0) throw new RangeError("igpg: the zoo is empty: give trained models");
    const o = { ...defaults, ...options };
    const { chunk, tokensPerChunk, codebook, codeWidth, hidden, quantiser } = o;
    const sizes: VqVaeSizes = { chunk, tokensPerChunk, codebook, codeWidth, hidden, quantiser };
    const net = vqVae(sizes);
    const vectors = zoo.map((params) => vectorise(params));
    const scale = deviation(vectors);
    const data = stackChunks(vectors, chunk, scale);
    const { batch = 256, learningRate = 2e-3, annealing = "exponential" } = options;
    const { steps, key, ...how } = trainingOptions(options, 3000);
    const [forWeights, forNoise, forSteps] = random.split(key, 3) as [NDArray, NDArray, NDArray];
    const frozen = { noise: await drawNoise(forNoise, codebook) };
    const pick = rowPicker(data, batch);
    const rows = batch * tokensPerChunk;
    const result = await fit({
      ...how,
      params: { vae: net.init(forWeights), frozen },
      data: (step, stepKey) => ({
        ...pick(stepKey),
        tau: NDArray.scalar(annealings[annealing](step / steps)),
      }),
      loss: (p, b, { key: stepKey }) => {
        const at = random.integers(stepKey!, [rows], 0, NOISE_ROWS);
        const noise = gather(p.frozen.noise, at).reshape([batch, tokensPerChunk, codebook]);
        return net.loss(p.vae, b, noise, o);
      },
      optimizer: adam({ learningRate: cosine({ value: learningRate, steps }) }),
      steps,
      key: forSteps,
    });
    if (result.stopped === "aborted") throw options.signal!.reason;
    const history = result.history.map(({ step, loss }) => [step, loss] as const);
    return new WeightTokenizer({ sizes, scale, params: result.params.vae, history });
  }

  /** How many tokens a model of so many weights becomes: ceil(D / K) l. */
  lengthOf(weights: number): number {
    const { chunk, tokensPerChunk } = this.state.sizes;
    return Math.ceil(weights / chunk) * tokensPerChunk;
  }

  /** The tokens of a model, chunk after chunk. With `like`, names and shapes must be those of `like`. */
  async encode(params: unknown, like: unknown = params): Promise<Int32Array> {
    return (await this.encodeAll([params], like))[0]!;
  }

  /** The tokens of several models. */
  async encodeAll(zoo: readonly unknown[], like?: unknown): Promise<Int32Array[]> {
    const { chunk } = this.state.sizes;
    const vectors = zoo.map((p) => vectorise(p, layoutOf(like ?? p)));
    const { chunks } = stackChunks(vectors, chunk, this.state.scale);
    const tokens = await this.encodeChunks(this.state.params as never, chunks);
    let at = 0;
    return vectors.map((v) => {
      const count = this.lengthOf(v.length);
      at += count;
      return Int32Array.from(tokens.data.subarray(at - count, at) as BigInt64Array, Number);
    });
  }

  /** The weights that tokens stand for, as a tree like `like`. */
  async decode<P>(tokens: Int32Array, like: P): Promise<P> {
    return (await this.decodeAll([tokens], like))[0]!;
  }

  /** As `decode`, for several models of one architecture. */
  async decodeAll<P>(all: readonly Int32Array[], like: P): Promise<P[]> {
    if (all.length === 0) return [];
    const layout = layoutOf(like);
    const length = this.lengthOf(layout.size);
    const { tokensPerChunk, codebook } = this.state.sizes;
    const data = new BigInt64Array(all.length * length);
    all.forEach((tokens, i) => {
      if (tokens.length !== length)
        throw new RangeError(`igpg: ${tokens.length} tokens, the architecture takes ${length}: give as many`);
      const bad = tokens.find((t) => !(t >= 0 && t < codebook));
      if (bad !== undefined)
        throw new RangeError(`igpg: there is no token ${bad}: the codebook has 0 to ${codebook - 1}`);
      data.set(Array.from(tokens, BigInt), i * length);
    });
    const rows = data.length / tokensPerChunk;
    const ids = new NDArray(data, [rows, tokensPerChunk], "int64");
    const chunks = await this.decodeTokens(this.state.params as never, ids);
    const per = chunks.size / all.length;
    return all.map((_, i) => {
      const own = NDArray.from(chunks.data.subarray(i * per, (i + 1) * per) as Float32Array);
      return devectorise(
        fromChunks(own, layout.size).map((w) => w * this.state.scale),
        like,
      );
    });
  }

  /** What is left of a model's weights after encoding and decoding. */
  async reconstruct<P>(params: P): Promise<P> {
    return await this.decode(await this.encode(params), params);
  }

  async reconstructionError(params: unknown): Promise<ReconstructionError> {
    return relativeErrors(params, await this.reconstruct(params));
  }

  /** Free the sessions. */
  async dispose(): Promise<void> {
    await Promise.all([this.encodeChunks.dispose(), this.decodeTokens.dispose()]);
  }
}

const SERIAL = { threads: 1 };

/** How far one tree of weights is from another, relative to the first. */
export function relativeErrors(params: unknown, other: unknown): ReconstructionError {
  const layout = layoutOf(params);
  const [should, is] = [vectorise(params, layout), vectorise(other, layout)];
  const error = (from: number, to: number) => {
    let [off, norm] = [0, 0];
    for (let i = from; i < to; i++) {
      off += (is[i]! - should[i]!) ** 2;
      norm += should[i]! ** 2;
    }
    return Math.sqrt(off / Math.max(norm, Number.MIN_VALUE));
  };
  let at = 0;
  const arrays = layout.arrays.map(({ path, size }) => {
    at += size;
    return [path, error(at - size, at)] as const;
  });
  return { relative: error(0, layout.size), arrays: Object.fromEntries(arrays) };
}

/** The standard deviation of all weights of all models. */
function deviation(vectors: readonly Float32Array[]): number {
  const count = vectors.reduce((n, v) => n + v.length, 0);
  const total = (f: (w: number) => number) =>
    vectors.reduce((sum, v) => sum + v.reduce<number>((a, w) => a + f(w), 0), 0);
  const mean = total((w) => w) / count;
  const std = Math.sqrt(total((w) => (w - mean) ** 2) / count);
  if (std > 0) return std;
  throw new RangeError("igpg: all weights of the zoo are equal: give trained models");
}

/** The chunks of all models under each other, divided by the scale. */
function stackChunks(vectors: readonly Float32Array[], chunk: number, scale: number) {
  const parts = vectors.map((v) =>
    toChunks(
      v.map((w) => w / scale),
      chunk,
    ),
  );
  const rows = parts.reduce((n, p) => n + p.chunks.shape[0]!, 0);
  const [chunks, mask] = [NDArray.zeros([rows, chunk]), NDArray.zeros([rows, chunk])];
  let at = 0;
  for (const part of parts) {
    (chunks.data as Float32Array).set(part.chunks.data as Float32Array, at);
    (mask.data as Float32Array).set(part.mask.data as Float32Array, at);
    at += part.chunks.size;
  }
  return { chunks, mask };
}

async function drawNoise(key: NDArray, codebook: number): Promise<NDArray> {
  const draw = compile((k: Tensor) => random.gumbel(k, [NOISE_ROWS, codebook]), SERIAL);
  const noise = await draw(key);
  await draw.dispose();
  return noise;
}
