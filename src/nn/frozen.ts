/**
 * Values that training leaves alone. A tree of weights holds them under the name `frozen`, at any depth: initial weights,
 * masks, random projections, keys. The name goes with them into checkpoints and files.
 */

import { type Shape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import * as tree from "../tensor/tree.ts";

/** Does this path lead through the name `frozen`? `isFrozen("frozen/mask/layers/0/kernel")` */
export function isFrozen(path: string): boolean {
  return path.split("/").includes("frozen");
}

/** The leaves that are trained, by path: `Object.keys(trainable(params))` names them. */
export function trainable<T>(params: T): Record<string, tree.LeafOf<T>> {
  return Object.fromEntries(Object.entries(tree.toRecord(params)).filter(([path]) => !isFrozen(path)));
}

/**
 * The same tree with a function applied to what is trained in it. Frozen leaves stay.
 *
 * ```ts
 * mapTrainable((w) => w.mul(0.5), weights);
 * ```
 */
export function mapTrainable<T>(f: (weight: Tensor, path: string) => Tensor, weights: T): T {
  return tree.mapWithPath(
    (leaf, path) => (isFrozen(path) ? leaf : f(leaf as Tensor, path)),
    weights,
  ) as unknown as T;
}

/** The same tree with other leaves at these paths: `withTrainable(params, trainable(params))` is `params`. */
export function withTrainable<T>(params: unknown, leaves: Readonly<Record<string, unknown>>): T {
  return tree.mapWithPath((leaf, path) => (Object.hasOwn(leaves, path) ? leaves[path] : leaf), params) as T;
}

/** How many numbers are trained. `nn.parameterCount(model.init(random.key(0)))` */
export function parameterCount(params: unknown): number {
  const arrays = Object.values(trainable(params)) as { readonly shape: Shape }[];
  return arrays.reduce((count, { shape }) => count + sizeOf(shape), 0);
}
