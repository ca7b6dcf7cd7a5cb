import { allocate, NDArray } from "../../tensor/ndarray.ts";
import { gather } from "../../tensor/operators/indexing.ts";
import { sameShape, showShape } from "../../tensor/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { checkSizes } from "../checks.ts";
import { mapTrainable, trainable, withTrainable } from "../frozen.ts";
import type { Parametrization } from "../parametrization.ts";
import { clusterCentres, nearestOf } from "./clusters.ts";
import { atPath, chosen, listed, type Only } from "./only.ts";

export type SharedOptions =
  /** So many different values in each weight array: at first the centres of its clusters. `only`: default all with two axes or more. */
  | { readonly clusters: number; readonly only?: Only | undefined }
  /** By the path of a weight: which of its places have one value (whole numbers from 0, of the weight's shape). */
  | { readonly groups: Readonly<Record<string, NDArray>> };

export interface Shared<P> {
  /** The tree of the weights; where an array is shared, its different values [k] stand in its place. */
  readonly weights: P;
  /** Which of these values each place has: int32, of the weight's shape. */
  readonly frozen: { readonly index: Readonly<Record<string, NDArray>> };
}

/**
 * Few different values in a weight array, each used in many places: values[index]. A value is trained by the sum of the gradients of its
 * places. Exactly the first weights where an array has no more different values than clusters, or groups are of equal weights; else
 * each place starts at the mean of its group. Clusters: Han, Mao and Dally, ICLR 2016; groups: Chen et al., ICML 2015.
 *
 * ```ts
 * const sixteen = nn.reparametrize(model, nn.parametrize.shared({ clusters: 16 }));
 * ```
 */
export function shared<P>(options: SharedOptions): Parametrization<Shared<P>, P> {
  if ("clusters" in options) checkSizes("shared", { clusters: options.clusters });
  return {
    init(_key, params) {
      const index = "clusters" in options ? clustered(params, options) : given(params, options.groups);
      const weights = trainable(params) as Record<string, NDArray>;
      const values = Object.entries(index).map(([path, at]) => [path, means(weights[path]!, at)] as const);
      return { weights: withTrainable<P>(params, Object.fromEntries(values)), frozen: { index } };
    },
    weights: ({ weights, frozen }) => {
      const index = frozen.index as Readonly<Record<string, Tensor>>;
      return mapTrainable((w, path) => (Object.hasOwn(index, path) ? gather(w, index[path]!) : w), weights);
    },
  };
}

function clustered(params: unknown, { clusters, only }: { clusters: number; only?: Only | undefined }) {
  const index = Object.entries(chosen<NDArray>("shared", params, only)).map(([path, w]) => {
    const values = Float64Array.from(w.data, Number);
    const centres = clusterCentres(values, clusters);
    return [
      path,
      new NDArray(
        Int32Array.from(values, (v) => nearestOf(centres, v)),
        w.shape,
      ),
    ] as const;
  });
  return Object.fromEntries(index);
}

function given(params: unknown, groups: Readonly<Record<string, NDArray>>): Record<string, NDArray> {
  const weights = chosen<NDArray>("shared", params, "**", 0);
  const index = Object.entries(weights).flatMap(([path, w]) => {
    const group = atPath(groups, path);
    if (group === undefined) return [];
    if (!sameShape(group.shape, w.shape))
      throw new RangeError(
        `shared: the groups of "${path}" are ${showShape(group.shape)}, the weight ${showShape(w.shape)}: give one number for each place`,
      );
    const bad = Array.from(group.data, Number).find((g) => !Number.isInteger(g) || g < 0);
    if (bad !== undefined)
      throw new RangeError(`shared: a group of "${path}" is ${bad}: use whole numbers from 0`);
    return [[path, group.cast("int32")] as const];
  });
  if (index.length < Object.keys(groups).length)
    throw new RangeError(
      `shared: groups are given for ${listed(Object.keys(groups))}, the weights are ${listed(Object.keys(weights))}`,
    );
  return Object.fromEntries(index);
}

/** The mean weight of each group, exactly the weight where all are equal; 0 where a group has none. */
function means(w: NDArray, index: NDArray): NDArray {
  const count = 1 + Math.max(...new Set(Array.from(index.data as Iterable<number | bigint>, Number)));
  const [sums, counts] = [new Float64Array(count), new Float64Array(count)];
  const first = new Float64Array(count);
  w.data.forEach((v: number | bigint, i: number) => {
    const g = Number(index.data[i]);
    if (counts[g]!++ === 0) first[g] = Number(v);
    sums[g]! += Number(v) - first[g]!;
  });
  const values = allocate(w.dtype, count);
  sums.forEach((sum, g) => {
    values[g] = first[g]! + sum / Math.max(counts[g]!, 1);
  });
  return new NDArray(values, [count], w.dtype);
}
