import type { LinearParams } from "../../nn/dense.ts";
import { type Initialiser, uniform, zeros } from "../../nn/initialisers.ts";
import type { Model } from "../../nn/model.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import { psiValues } from "./psi-values.ts";
import {
  type FeatureDraws,
  type RandomFeaturesOptions,
  randomFeatures,
  type SnnkKind,
} from "./random-features.ts";

export interface SnnkLayerOptions extends Omit<RandomFeaturesOptions, "M"> {
  /** Units of the layer. */
  readonly outputs: number;
  /** The dense layer that it starts as. Default: an ordinary one, uniform within 1 / sqrt(inputs), without bias. */
  readonly from?: LinearParams | undefined;
  /** Default `uniform(1 / sqrt(inputs))`. Not with `from`. */
  readonly kernelInit?: Initialiser | undefined;
}

/** A layer whose features of the weights are trained themselves. */
export interface PsiParams {
  /** [features, outputs], or twice as many rows for waves. */
  psi: NDArray;
  frozen: FeatureDraws;
}

/** A layer whose weights are trained, through the features of them. */
export interface ThroughParams extends LinearParams {
  frozen: FeatureDraws;
}

/**
 * A layer in the place of f(x kernel + bias): Phi(x) psi, with no activation after it. Trained is psi (the paper's and its code's
 * way: from then on it is a linear layer on random features), or with `train: "w"` kernel and bias behind psi, to which any
 * parametrization of weights applies.
 *
 * ```ts
 * const layer = snnkLayer({ inputs: 64, outputs: 128, features: 32, kind: "sin", from: trained.layers[0] });
 * ```
 */
export function snnkLayer(o: SnnkLayerOptions & { readonly train?: "psi" | undefined }): Model<PsiParams>;
export function snnkLayer(o: SnnkLayerOptions & { readonly train: "w" }): Model<ThroughParams>;
export function snnkLayer(
  o: SnnkLayerOptions & { readonly train?: "psi" | "w" | undefined },
): Model<PsiParams> | Model<ThroughParams> {
  const { inputs, outputs, kind, train = "psi" } = o;
  if (!Number.isInteger(outputs) || outputs < 1)
    throw new RangeError(`snnkLayer: outputs is ${outputs}: use a whole number from 1`);
  const features = randomFeatures(o);
  const first = (key: NDArray): { weights: LinearParams; frozen: FeatureDraws } => {
    const [forDraws, forWeights] = random.split(key) as [NDArray, NDArray];
    const init = o.kernelInit ?? uniform(1 / Math.sqrt(inputs));
    const weights = o.from ?? { kernel: init(forWeights, [inputs, outputs]) };
    return { weights, frozen: features.init(forDraws) };
  };
  if (train === "w")
    return {
      init: (key) => {
        const { weights, frozen } = first(key);
        return { ...weights, frozen };
      },
      apply: ({ kernel, bias, frozen }, x) =>
        features.phi(frozen, x).matmul(features.psi(frozen, kernel, bias)),
    } satisfies Model<ThroughParams>;
  return {
    init: (key) => {
      const { weights, frozen } = first(key);
      return { psi: psiValues(kind, frozen, weights), frozen };
    },
    apply: ({ psi, frozen }, x) => features.phi(frozen, x).matmul(psi),
  } satisfies Model<PsiParams>;
}

export interface SnnkAdapterOptions {
  /** The width of what it is added to. */
  readonly size: number;
  readonly features: number;
  /** Default relu. */
  readonly kind?: SnnkKind | undefined;
  /** A smaller width within, with an up-projection behind it. Default: none, each unit has a factor instead. */
  readonly down?: number | undefined;
}

/** `up` [down, size] and `bias` [size] where it has a `down`, else `scale` [size]: 0 at first. */
export type SnnkAdapterParams = PsiParams & { scale?: NDArray; up?: NDArray; bias?: NDArray };

/**
 * An adapter behind a frozen block: x + scale * (Phi(x) psi), or with `down` x + (Phi(x) psi) up + bias. At first it returns x to the
 * bit. Trained are features * size + size numbers, or features * down + down * size + size (twice the features for waves).
 */
export function snnkAdapter(o: SnnkAdapterOptions): Model<SnnkAdapterParams> {
  const { size, features, kind = "relu", down } = o;
  const layer = snnkLayer({ inputs: size, outputs: down ?? size, features, kind });
  return {
    init: (key) => {
      const params = layer.init(key);
      return down === undefined
        ? { ...params, scale: zeros(key, [size]) }
        : { ...params, up: zeros(key, [down, size]), bias: zeros(key, [size]) };
    },
    apply: ({ psi, frozen, scale, up, bias }, x) => {
      const h = layer.apply({ psi, frozen }, x);
      return down === undefined ? x.add(h.mul(scale!)) : x.add(h.matmul(up!).add(bias!));
    },
  };
}
