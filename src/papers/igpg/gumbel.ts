/** The discrete choice in the tokenizer: Jang, Gu and Poole, "Categorical reparameterization with Gumbel-softmax", ICLR 2017. */
import { oneHot } from "../../tensor/operators/indexing.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { straightThrough } from "../../tensor/transforms.ts";

/** softmax((logits + noise) / tau) over the last axis. */
export function gumbelSoftmax(logits: Tensor, noise: Tensor, tau: Tensor | number): Tensor {
  return logits.add(noise).div(tau).softmax();
}

/** The one-hot vector of the largest entry, with the derivative of the soft sample. */
export function hardSample(soft: Tensor): Tensor {
  const hard = oneHot(soft.argMax(), soft.shape.at(-1)!, { dtype: soft.dtype as "float32" });
  return straightThrough(hard, soft);
}

/** KL(softmax(logits) || uniform) over the last axis: the sum of q log(q m). */
export function uniformKl(logits: Tensor): Tensor {
  const logShares = logits.logSoftmax();
  return logShares
    .exp()
    .mul(logShares.add(Math.log(logits.shape.at(-1)!)))
    .sum(-1);
}

/** How the temperature falls in training, by name. Each takes the share of the training that is done. */
export const annealings = {
  /** max(0.1, exp(-3 t)): that of the quick preset. */
  exponential: (t: number) => Math.max(0.1, Math.exp(-3 * t)),
  /** From 1 to 1e-4, five times over, as the paper says ("cyclically"). */
  cyclic: (t: number) => 1e-4 ** ((5 * t) % 1),
  /** From 0.95 to 1e-5 by half a cosine, as in the code's configuration. */
  cosine: (t: number) => 1e-5 + ((0.95 - 1e-5) * (1 + Math.cos(Math.PI * t))) / 2,
} as const;

export type Annealing = keyof typeof annealings;
