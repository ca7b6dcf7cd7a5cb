import { allocate, NDArray } from "../../../tensor/ndarray.ts";
import * as random from "../../../tensor/random.ts";
import { bytesOf, type Projection } from "./projection.ts";

/** Directions as rows: [dimension, weights]. */
export type DenseTables = { readonly directions: NDArray };

/**
 * Independent normal directions, each divided by its norm over all weights jointly. Memory and time: dimension x weights.
 * Li et al., ICLR 2018, section 2.
 */
export const dense: Projection<DenseTables> = {
  draw(key, { weights, dimension, dtype }) {
    const data = allocate(dtype, dimension * weights) as Float64Array;
    for (let j = 0; j < dimension; j++) {
      const direction = random.normal(random.fold(key, j), [weights], "float64").data as Float64Array;
      const norm = Math.sqrt(direction.reduce((sum, x) => sum + x * x, 0));
      for (let i = 0, at = j * weights; i < weights; i++) data[at++] = direction[i]! / norm;
    }
    return { directions: new NDArray(data, [dimension, weights], dtype) };
  },
  apply: ({ directions }, z) => z.matmul(directions),
  bytes: ({ weights, dimension, dtype }) => dimension * weights * bytesOf(dtype),
};
