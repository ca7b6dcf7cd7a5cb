import { NDArray } from "../../tensor/ndarray.ts";
import { sameShape, showShape } from "../../tensor/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import * as tree from "../../tensor/tree.ts";
import { mapTrainable, trainable } from "../frozen.ts";
import type { Parametrization } from "../parametrization.ts";
import { atPath, chosen, listed, type Only } from "./only.ts";

/** Masks by the path of their weight. */
export type Masks = Readonly<Record<string, NDArray>>;

export interface MagnitudeOptions {
  /** The share of weights that becomes 0: from 0 up to, not including, 1. */
  readonly sparsity: number;
  /** `leaf`: this share of each weight array; `tree`: of all together, so that some lose more than others. Default "leaf". */
  readonly per?: "leaf" | "tree" | undefined;
  /** Default: all weights with two axes or more. */
  readonly only?: Only | undefined;
}

export type PruneOptions =
  | MagnitudeOptions
  /** A tree of masks (0 and 1, or any factors) for some of the weights, or a record of them by path. The others stay whole. */
  | { readonly masks: unknown };

export interface Pruned<P> {
  readonly weights: P;
  readonly frozen: { readonly masks: Masks };
}

/**
 * mask * w, the masks given or those of the largest weights at first. Masked weights get no gradient and stay in the state as they
 * are. Where no mask is 0, the weights are exactly the model's. Magnitude pruning: Han et al., NeurIPS 2015.
 *
 * ```ts
 * const sparse = nn.reparametrize(model, nn.parametrize.prune({ sparsity: 0.9, per: "tree" }));
 * ```
 * Throws where sparsity is not from 0 to 1, a pattern or mask matches no weight, or a mask has another shape.
 */
export function prune<P>(options: PruneOptions): Parametrization<Pruned<P>, P> {
  if ("sparsity" in options) checkSparsity(options.sparsity);
  return {
    init: (_key, params) => ({
      weights: params,
      frozen: {
        masks: "masks" in options ? given(options.masks, params) : magnitudeMasks(params, options),
      },
    }),
    weights: ({ weights, frozen }) => {
      const masks = frozen.masks as Readonly<Record<string, Tensor>>;
      return mapTrainable((w, path) => (Object.hasOwn(masks, path) ? w.mul(masks[path]!) : w), weights);
    },
  };
}

/**
 * Masks that keep the weights of largest magnitude; exactly round(sparsity n) of n are 0.
 *
 * ```ts
 * const masks = nn.parametrize.magnitudeMasks(trained, { sparsity: 0.8 }); // for other first weights: prune({ masks })
 * ```
 */
export function magnitudeMasks(params: unknown, options: MagnitudeOptions): Masks {
  const { sparsity, per = "leaf", only } = options;
  checkSparsity(sparsity);
  const weights = Object.entries(chosen<NDArray>("prune", params, only));
  const together = per === "tree" ? [weights] : weights.map((w) => [w]);
  return Object.fromEntries(
    together.flatMap((group) => {
      const largest = keepLargest(
        group.map(([, w]) => w),
        sparsity,
      );
      return group.map(([path], i) => [path, largest[i]!] as const);
    }),
  );
}

function keepLargest(weights: readonly NDArray[], sparsity: number): NDArray[] {
  const sizes = Float64Array.from(
    weights.flatMap((w) => Array.from(w.data as Iterable<number | bigint>, Number)),
    Math.abs,
  );
  const count = Math.round(sparsity * sizes.length);
  const threshold = count === 0 ? -1 : sizes.slice().sort()[count - 1]!;
  let ties = count - sizes.reduce((below, v) => (v < threshold ? below + 1 : below), 0);
  return weights.map((w) => {
    const mask = NDArray.full(w.shape, 1, w.dtype);
    w.data.forEach((v: number | bigint, i: number) => {
      const size = Math.abs(Number(v));
      if (size < threshold || (size === threshold && ties-- > 0)) mask.data[i] = 0;
    });
    return mask;
  });
}

function given(masks: unknown, params: unknown): Masks {
  const weights = trainable(params) as Record<string, NDArray>;
  const record = tree.toRecord(masks) as Record<string, NDArray>;
  const found = Object.entries(weights).flatMap(([path, w]) => {
    const mask = atPath(record, path);
    if (mask === undefined) return [];
    if (!sameShape(mask.shape, w.shape))
      throw new RangeError(
        `prune: the mask at "${path}" is ${showShape(mask.shape)}, the weight ${showShape(w.shape)}: give one of the same shape`,
      );
    return [[path, mask.cast(w.dtype)] as const];
  });
  const used = new Set(found.map(([path]) => path));
  const stray = Object.keys(record).find(
    (p) => !used.has(p) && ![...used].some((path) => path.endsWith(`/${p}`)),
  );
  if (stray !== undefined || found.length === 0)
    throw new RangeError(
      `prune: there is no weight "${stray ?? ""}" for a mask: there are ${listed(Object.keys(weights))}`,
    );
  return Object.fromEntries(found);
}

function checkSparsity(sparsity: number): void {
  if (!(sparsity >= 0 && sparsity < 1))
    throw new RangeError(`prune: sparsity is ${sparsity}: use 0 up to, not including, 1`);
}
