import { Draws } from "../../data/generators/draws.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import { concat } from "../../tensor/operators/movement.ts";
import * as random from "../../tensor/random.ts";
import { showShape } from "../../tensor/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import { projectionRows } from "./projection.ts";
import { type FourierSpectrum, sampleWaves, type Waves } from "./spectrum.ts";

/** The activation that the features stand for. `relu` is the arc-cosine kernel, not max(w.x, 0). */
export type SnnkKind = "relu" | "cos" | "sin" | "exp" | "gaussian" | { readonly spectrum: FourierSpectrum };

/** What is drawn once and never trained. Waves have the last three: [features] each. */
export interface FeatureDraws {
  /** [features, inputs]. */
  projection: NDArray;
  frequencies?: NDArray;
  phases?: NDArray;
  amplitudes?: NDArray;
}

export interface RandomFeaturesOptions {
  /** d, the length of inputs and of the rows w. */
  readonly inputs: number;
  /** m, the random rows. */
  readonly features: number;
  readonly kind: SnnkKind;
  /** Rows that are orthogonal in blocks of d. Default false. */
  readonly orthogonal?: boolean | undefined;
  /** M of the softmax-kernel features: any value from 0 is unbiased. Not for relu. Default 0. */
  readonly M?: number | undefined;
  /** Scale every input to this norm before the features. Default: inputs stay as they are. */
  readonly normalize?: number | undefined;
}

export interface RandomFeatures {
  readonly inputs: number;
  /** The length of Phi(x) and of Psi(w): `features` for relu and exp, twice as many for waves. */
  readonly outputs: number;
  /** `projection` takes the place of the rows that would be drawn. */
  init(key: NDArray, projection?: NDArray): FeatureDraws;
  /** Phi: x [..., inputs] to [..., outputs]. */
  phi(draws: Traced<FeatureDraws>, x: Tensor): Tensor;
  /** Psi: a dense kernel [inputs, units] and bias [units] to [outputs, units], so that Phi(x) Psi stands for f(x kernel + bias). */
  psi(draws: Traced<FeatureDraws>, kernel: Tensor, bias?: Tensor): Tensor;
}

/**
 * Separate features of the input and of the weights, whose product is an unbiased estimate of f(w.x + b) (universal random features;
 * for relu, of the arc-cosine kernel of w and x). For waves
 *
 *     Phi(x) = e^{|x|^2/2} [cos Gx, sin Gx] / sqrt(m),   Psi(w, b) = e^{t g.w - t^2 |w|^2 / 2} [cos tb, -sin tb] / sqrt(m)
 *
 * with the phase of the wave added to tb. The variance grows like e^{|x|^2 + t^2 |w|^2} / m: see `varianceBound`.
 *
 * ```ts
 * const f = randomFeatures({ inputs: 16, features: 256, kind: "cos" });
 * const draws = f.init(random.key(0));
 * const estimate = f.phi(draws, x).matmul(f.psi(draws, kernel, bias)); // in a traced function
 * ```
 */
export function randomFeatures(o: RandomFeaturesOptions): RandomFeatures {
  const { inputs, features, kind, M = 0, normalize } = o;
  for (const [name, value] of Object.entries({ inputs, features }))
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`randomFeatures: ${name} is ${value}: use a whole number from 1`);
  if (!(M >= 0)) throw new RangeError(`randomFeatures: M is ${M}: use a number from 0`);
  if (M > 0 && kind === "relu")
    throw new RangeError("randomFeatures: M belongs to the softmax kernel, relu has none: leave it out");
  if (normalize !== undefined && !(normalize > 0))
    throw new RangeError(`randomFeatures: normalize is ${normalize}: use a positive norm`);
  checkKind(kind);
  const single = kind === "relu" || kind === "exp";
  const wave = waveMaps(inputs, features, M);
  const maps = kind === "relu" ? reluMaps(features) : kind === "exp" ? wave.exp : wave.waves;
  return {
    inputs,
    outputs: single ? features : 2 * features,
    init(key, projection) {
      const [forRows, forWaves] = random.split(key) as [NDArray, NDArray];
      const rows = projection ?? projectionRows(forRows, features, inputs, o);
      return single ? { projection: rows } : { projection: rows, ...wavesOf(kind, forWaves, features) };
    },
    phi(draws, x) {
      if (x.shape.at(-1) !== inputs)
        throw new RangeError(
          `randomFeatures: the input ${showShape(x.shape)} does not end in ${inputs}, the inputs of the features`,
        );
      return maps.phi(draws, normalize === undefined ? x : scaledTo(x, normalize));
    },
    psi(draws, kernel, bias) {
      if (kernel.rank !== 2 || kernel.shape[0] !== inputs)
        throw new RangeError(
          `randomFeatures: the kernel is ${showShape(kernel.shape)}, it should be [${inputs}, units]`,
        );
      return maps.psi(draws, kernel, bias);
    },
  };
}

function checkKind(kind: SnnkKind): void {
  if (
    typeof kind === "object" ? "spectrum" in kind : ["relu", "cos", "sin", "exp", "gaussian"].includes(kind)
  )
    return;
  throw new RangeError(
    `randomFeatures: there are no features for ${JSON.stringify(kind)}: use relu, cos, sin, exp, gaussian, or { spectrum: tabulatedSpectrum(f) }`,
  );
}

interface Maps {
  phi(draws: Traced<FeatureDraws>, x: Tensor): Tensor;
  psi(draws: Traced<FeatureDraws>, kernel: Tensor, bias: Tensor | undefined): Tensor;
}

function reluMaps(features: number): Maps {
  const scale = 1 / Math.sqrt(features);
  return {
    phi: ({ projection }, x) => x.matmul(projection.transpose()).relu().mul(scale),
    psi: ({ projection }, kernel, bias) => {
      if (bias !== undefined)
        throw new RangeError(
          "randomFeatures: the kernel of relu has no bias: append 1 to the input and the bias to the kernel",
        );
      return projection.matmul(kernel).relu().mul(scale);
    },
  };
}

/** Lambda_g(z, c) = (1 + 4M)^{d/4} exp(-M |g|^2 + sqrt(1 + 4M) c g.z - c^2 |z|^2 / 2), for c real, and for c = i as two real numbers. */
function waveMaps(inputs: number, features: number, M: number): { readonly exp: Maps; readonly waves: Maps } {
  const stretch = Math.sqrt(1 + 4 * M);
  const scale = (1 + 4 * M) ** (inputs / 4) / Math.sqrt(features);
  /** scale e^{-M |g|^2}, as a column [features, 1]. */
  const weights = (g: Tensor): Tensor | number =>
    M === 0 ? scale : g.square().sum([1], { keepDims: true }).mul(-M).exp().mul(scale);
  const row = (w: Tensor | number) => (typeof w === "number" ? w : w.reshape([features]));
  const half = (x: Tensor, axis: number) => x.square().sum([axis], { keepDims: true }).mul(0.5);
  const exponential = (g: Tensor, kernel: Tensor, t: Tensor | undefined): Tensor => {
    const dot = g.matmul(kernel).mul(stretch);
    const exponent =
      t === undefined ? dot.sub(half(kernel, 0)) : dot.mul(t).sub(half(kernel, 0).mul(t.square()));
    return exponent.exp().mul(weights(g));
  };
  const column = (t: Tensor | undefined) => t!.reshape([features, 1]);
  return {
    exp: {
      phi: ({ projection: g }, x) =>
        x
          .matmul(g.transpose())
          .mul(stretch)
          .sub(half(x, x.rank - 1))
          .exp()
          .mul(row(weights(g))),
      psi: ({ projection: g }, kernel, bias) => {
        const psi = exponential(g, kernel, undefined);
        return bias === undefined ? psi : psi.mul(bias.exp());
      },
    },
    waves: {
      phi: ({ projection: g }, x) => {
        const angle = x.matmul(g.transpose()).mul(stretch);
        const growth = half(x, x.rank - 1).exp();
        const each = (wave: Tensor) => wave.mul(growth).mul(row(weights(g)));
        return concat([each(angle.cos()), each(angle.sin())], -1);
      },
      psi: ({ projection: g, frequencies, phases, amplitudes }, kernel, bias) => {
        const t = column(frequencies);
        const size = exponential(g, kernel, t).mul(column(amplitudes));
        const angle = bias === undefined ? column(phases) : t.mul(bias).add(column(phases));
        return concat([size.mul(angle.cos()), size.mul(angle.sin()).neg()], 0);
      },
    },
  };
}

function wavesOf(kind: SnnkKind, key: NDArray, features: number): Omit<FeatureDraws, "projection"> {
  const { frequencies, phases, amplitudes } = sampled(kind, key, features);
  return {
    frequencies: new NDArray(frequencies, [features]),
    phases: new NDArray(phases, [features]),
    amplitudes: new NDArray(amplitudes, [features]),
  };
}

function sampled(kind: SnnkKind, key: NDArray, count: number): Waves {
  if (typeof kind === "object") return sampleWaves(kind.spectrum, new Draws(key), count);
  const list = (value: number) => new Float32Array(count).fill(value);
  const frequencies = kind === "gaussian" ? (random.normal(key, [count]).data as Float32Array) : list(1);
  return { frequencies, phases: list(kind === "sin" ? -Math.PI / 2 : 0), amplitudes: list(1) };
}

function scaledTo(x: Tensor, norm: number): Tensor {
  return x
    .div(
      x
        .square()
        .sum([x.rank - 1], { keepDims: true })
        .sqrt()
        .maximum(1e-12),
    )
    .mul(norm);
}

/**
 * An upper bound of the variance of one estimate of cos, sin or exp with M = 0: (e^{|x|^2 + t^2 |w|^2} - f^2) / m with f = 0.
 * Frequency t, default 1.
 */
export function varianceBound(o: {
  readonly inputNorm: number;
  readonly weightNorm: number;
  readonly features: number;
  readonly frequency?: number;
}): number {
  return Math.exp(o.inputNorm ** 2 + ((o.frequency ?? 1) * o.weightNorm) ** 2) / o.features;
}

/** What the relu features estimate: |x||w| (sin a + (pi - a) cos a) / (2 pi), a the angle between them (arc-cosine kernel, degree 1). */
export function arcCosineKernel(x: ArrayLike<number>, w: ArrayLike<number>): number {
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Array.from(a).reduce((sum, v, i) => sum + v * b[i]!, 0);
  const norms = Math.sqrt(dot(x, x) * dot(w, w));
  if (norms === 0) return 0;
  const cosine = Math.min(1, Math.max(-1, dot(x, w) / norms));
  const angle = Math.acos(cosine);
  return (norms / (2 * Math.PI)) * (Math.sin(angle) + (Math.PI - angle) * cosine);
}
