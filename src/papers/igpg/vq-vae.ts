import { checkSizes } from "../../nn/checks.ts";
import { type DenseParams, dense } from "../../nn/dense.ts";
import { normal } from "../../nn/initialisers.ts";
import { type MlpParams, mlp } from "../../nn/mlp.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import { gather } from "../../tensor/operators/indexing.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { stopGradient, straightThrough } from "../../tensor/transforms.ts";
import type { Traced } from "../../tensor/tree.ts";
import { gumbelSoftmax, hardSample, uniformKl } from "./gumbel.ts";

export interface VqVaeSizes {
  /** K, the weights in a chunk. */
  readonly chunk: number;
  /** l, the tokens that a chunk becomes. */
  readonly tokensPerChunk: number;
  /** m, the entries of the codebook. */
  readonly codebook: number;
  /** d_z, the size of an entry. */
  readonly codeWidth: number;
  /** Widths of the hidden layers of encoder and decoder. */
  readonly hidden: readonly number[];
  /**
   * How a code is chosen: `gumbel` samples by learned logits (the paper), `nearest` takes the nearest entry (van den Oord et al.,
   * 2017; also in the official code).
   */
  readonly quantiser: "gumbel" | "nearest";
}

export interface VqVaeParams {
  encoder: MlpParams;
  /** Absent with the quantiser `nearest`. */
  logits?: DenseParams;
  /** [m, d_z] */
  codes: NDArray;
  decoder: MlpParams;
}

/** Weights of the terms beside the reconstruction. */
export interface VqVaeTerms {
  /** Of the KL divergence from uniform choice (Gumbel only). */
  readonly klWeight: number;
  /** gamma, of |z - sg[z_q]|^2: the encoder commits to its code. */
  readonly commitment: number;
  /** beta, of |sg[z] - z_q|^2: the code follows the encoder. */
  readonly codeFollowing: number;
}

/** Chunks of weights [rows, K] to l discrete tokens each and back. All of it acts on single chunks. */
export function vqVae(sizes: VqVaeSizes) {
  const { chunk, tokensPerChunk, codebook, codeWidth, hidden, quantiser } = sizes;
  checkSizes("igpg", { chunk, tokensPerChunk, codeWidth });
  if (!Number.isInteger(codebook) || codebook < 2)
    throw new RangeError(`igpg: codebook is ${codebook}: use a whole number from 2`);
  const latent = tokensPerChunk * codeWidth;
  const encoder = mlp({ sizes: [chunk, ...hidden, latent], activation: "gelu" });
  const toLogits = dense({ inputs: codeWidth, outputs: codebook });
  const decoder = mlp({ sizes: [latent, ...hidden, chunk], activation: "gelu" });

  const latents = (params: Traced<VqVaeParams>, chunks: Tensor) =>
    encoder.apply(params.encoder, chunks).reshape([chunks.shape[0]!, tokensPerChunk, codeWidth]);

  /** The larger, the likelier: logits, or minus half the squared distance to each code less what all codes share. */
  const scores = (params: Traced<VqVaeParams>, z: Tensor) =>
    params.logits === undefined
      ? z.matmul(params.codes.swapAxes()).sub(params.codes.square().sum(1).mul(0.5))
      : toLogits.apply(params.logits, z);

  const fromCodes = (params: Traced<VqVaeParams>, codes: Tensor) =>
    decoder.apply(params.decoder, codes.reshape([codes.shape[0]!, latent]));

  return {
    sizes,
    init(key: NDArray): VqVaeParams {
      const [forEncoder, forLogits, forCodes, forDecoder] = random.split(key, 4) as NDArray[];
      return {
        encoder: encoder.init(forEncoder!),
        ...(quantiser === "gumbel" ? { logits: toLogits.init(forLogits!) } : {}),
        codes: normal(1)(forCodes!, [codebook, codeWidth]),
        decoder: decoder.init(forDecoder!),
      };
    },

    /** Scores of every code, [rows, l, m]. */
    scores: (params: Traced<VqVaeParams>, chunks: Tensor): Tensor => scores(params, latents(params, chunks)),

    /** Tokens without noise, int64 [rows, l]. */
    encode: (params: Traced<VqVaeParams>, chunks: Tensor): Tensor =>
      scores(params, latents(params, chunks)).argMax(),

    /** int64 [rows, l] to chunks [rows, K]. */
    decode: (params: Traced<VqVaeParams>, tokens: Tensor): Tensor =>
      fromCodes(params, gather(params.codes, tokens)),

    /**
     * The training loss: squared error on real weights, and the terms. `noise` [rows, l, m] is standard Gumbel. Padding is hidden
     * from the encoder too, so that nothing depends on it.
     */
    loss(
      params: Traced<VqVaeParams>,
      batch: { readonly chunks: Tensor; readonly mask: Tensor; readonly tau: Tensor },
      noise: Tensor,
      terms: VqVaeTerms,
    ): Tensor {
      const target = batch.chunks.mul(batch.mask);
      const z = latents(params, target);
      const logits = scores(params, z);
      const chosen =
        params.logits === undefined
          ? gather(params.codes, logits.argMax())
          : hardSample(gumbelSoftmax(logits, noise, batch.tau)).matmul(params.codes);
      const passed = params.logits === undefined ? straightThrough(chosen, z) : chosen;
      const error = fromCodes(params, passed).mul(batch.mask).sub(target);
      const reconstruction = error.square().sum().div(batch.mask.sum());
      const extra = [
        params.logits && terms.klWeight > 0 ? uniformKl(logits).mean().mul(terms.klWeight) : undefined,
        terms.commitment > 0 ? z.sub(stopGradient(chosen)).square().mean().mul(terms.commitment) : undefined,
        terms.codeFollowing > 0
          ? stopGradient(z).sub(chosen).square().mean().mul(terms.codeFollowing)
          : undefined,
      ];
      return extra.reduce<Tensor>((sum, term) => (term === undefined ? sum : sum.add(term)), reconstruction);
    },
  };
}
