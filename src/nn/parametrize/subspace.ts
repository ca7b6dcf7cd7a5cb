import { NDArray } from "../../tensor/ndarray.ts";
import { split } from "../../tensor/operators/movement.ts";
import { sizeOf } from "../../tensor/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type * as tree from "../../tensor/tree.ts";
import { withTrainable } from "../frozen.ts";
import type { FloatType } from "../initialisers.ts";
import type { Parametrization } from "../parametrization.ts";
import { chosen, type Leaf, type Only } from "./only.ts";
import { dense } from "./projections/dense.ts";
import { fastfood } from "./projections/fastfood.ts";
import type { Projection, ProjectionSize } from "./projections/projection.ts";
import { sparse } from "./projections/sparse.ts";

export const projectionKinds = ["dense", "sparse", "fastfood"] as const;
export type ProjectionKind = (typeof projectionKinds)[number];

export interface SubspaceOptions {
  /** d: how many numbers are trained, from 1 to the number of weights. */
  readonly dimension: number;
  /**
   * `dense`: memory d x weights, for small models. `sparse`: d sqrt(weights). `fastfood`: of the order of the weights for any d; it
   * takes up to 2^24 weights. Default "fastfood".
   */
  readonly projection?: ProjectionKind | undefined;
  /** Of a sparse projection: the share of weights that a coordinate moves. Default 1 / sqrt(weights). */
  readonly density?: number | undefined;
  /** Patterns of the paths of the weights that the subspace moves; the others stay at their first values. Default all. */
  readonly only?: Only | undefined;
}

/** The coordinates [d], and what they are coordinates in: the first weights, the key of the projection and its arrays. */
export interface Subspace<P> {
  readonly z: NDArray;
  readonly frozen: {
    readonly theta0: P;
    readonly key: NDArray;
    readonly projection: Readonly<Record<string, NDArray>>;
  };
}

export interface RandomSubspace<P> extends Parametrization<Subspace<P>, P> {
  /** As `weights`, for several points of one subspace: `z.z` is [points, d]. */
  weightsOfEach(z: tree.Traced<Subspace<P>>): tree.Traced<P>[];
}

/** More bytes than this a projection must not take. */
const LIMIT = 2 ** 30;

/**
 * The weights theta0 + P z in a random subspace: only the d coordinates z, 0 at first, are trained. P is one random map for all weights
 * jointly, with columns of unit norm; it depends on the key alone, and its first k columns not on d.
 * Li, Farkhoor, Liu and Yosinski, "Measuring the intrinsic dimension of objective landscapes", ICLR 2018.
 *
 * ```ts
 * const small = nn.reparametrize(model, nn.parametrize.randomSubspace({ dimension: 750 }));
 * const z = small.init(random.key(0));
 * ```
 * Running statistics (leaves under `frozen`) are not moved. Throws where d is not from 1 to the number of weights, a pattern
 * matches nothing, a weight is no float or of another dtype than the others, or the arrays of the projection would be too large.
 */
export function randomSubspace<P>(options: SubspaceOptions): RandomSubspace<P> {
  const projection = projectionOf(options);
  const place = (params: unknown) => {
    const leaves = chosen("randomSubspace", params, options.only, 0);
    return { leaves, size: checkedSize(leaves, options.dimension) };
  };
  const weightsOfEach = ({ z, frozen }: tree.Traced<Subspace<P>>): tree.Traced<P>[] => {
    const { theta0, projection: tables } = frozen as { theta0: unknown; projection: Record<string, Tensor> };
    const { leaves, size } = place(theta0);
    const points = projection.apply(tables, z as Tensor, size);
    const ends = Object.values(leaves).map((leaf) => sizeOf(leaf.shape));
    return rowsOf(points).map((row) => {
      const parts = split(row, ends);
      const weights = Object.entries(leaves).map(([path, leaf], i) => [
        path,
        (leaf as Tensor).add(parts[i]!.reshape(leaf.shape)),
      ]);
      return withTrainable<tree.Traced<P>>(theta0, Object.fromEntries(weights));
    });
  };
  return {
    init(key, params) {
      const { size } = place(params);
      checkMemory(projection.bytes(size), options, size);
      return {
        z: NDArray.zeros([size.dimension], size.dtype),
        frozen: { theta0: params, key, projection: projection.draw(key, size) },
      };
    },
    weights: (z) => weightsOfEach({ ...z, z: (z.z as Tensor).unsqueeze(0) } as typeof z)[0]!,
    weightsOfEach,
  };
}

function projectionOf({ projection = "fastfood", density }: SubspaceOptions): Projection {
  if (density !== undefined && (projection !== "sparse" || !(density > 0 && density <= 1)))
    throw new RangeError(
      `randomSubspace: density is ${density} with the projection "${projection}": it is for "sparse", above 0 and up to 1`,
    );
  if (projection === "dense") return dense as unknown as Projection;
  if (projection === "fastfood") return fastfood as unknown as Projection;
  if (projection === "sparse") return sparse(density) as unknown as Projection;
  throw new RangeError(
    `randomSubspace: there is no projection "${String(projection)}": use ${projectionKinds.join(", ")}`,
  );
}

function checkedSize(leaves: Readonly<Record<string, Leaf>>, dimension: number): ProjectionSize {
  const entries = Object.entries(leaves);
  const first = entries[0]![1];
  const odd = entries.find(([, leaf]) => leaf.dtype !== first.dtype);
  if (odd !== undefined)
    throw new TypeError(
      `randomSubspace: the weight "${odd[0]}" is ${odd[1].dtype}, the first ${first.dtype}: take weights of one dtype by only`,
    );
  const weights = entries.reduce((sum, [, leaf]) => sum + sizeOf(leaf.shape), 0);
  if (!Number.isInteger(dimension) || dimension < 1 || dimension > weights)
    throw new RangeError(
      `randomSubspace: dimension is ${dimension}: use a whole number from 1 to ${weights}, the number of weights`,
    );
  return { weights, dimension, dtype: first.dtype as FloatType };
}

function checkMemory(
  bytes: number,
  { projection = "fastfood" }: SubspaceOptions,
  size: ProjectionSize,
): void {
  const { weights, dimension } = size;
  if (projection === "fastfood" && weights > 2 ** 24)
    throw new RangeError(
      `randomSubspace: fastfood takes up to ${2 ** 24} weights, these are ${weights}: use "sparse"`,
    );
  if (bytes <= LIMIT) return;
  const others = projection === "dense" ? '"fastfood" or "sparse"' : '"fastfood" or a lower dimension';
  throw new RangeError(
    `randomSubspace: a ${projection} projection from ${dimension} coordinates to ${weights} weights takes ${(bytes / 2 ** 30).toFixed(1)} GiB: use ${others}`,
  );
}

/** [n, m] as n tensors [m]. */
function rowsOf(x: Tensor): Tensor[] {
  return split(x, x.shape[0]!).map((row) => row.reshape([x.shape[1]!]));
}
