import { hostArithmetic } from "../../../tensor/arithmetic.ts";
import { allocate, NDArray } from "../../../tensor/ndarray.ts";
import { scatterElements } from "../../../tensor/operators/indexing.ts";
import * as random from "../../../tensor/random.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import { bytesOf, type Projection } from "./projection.ts";

/** Of every direction the weights that it moves, and by how much: both [dimension, longest]; shorter ones end in zeros. */
export type SparseTables = { readonly places: NDArray; readonly values: NDArray };

/**
 * Very sparse directions: each weight is moved with probability `density` (default 1 / sqrt(weights)), by equal amounts of either
 * sign, such that the direction has unit norm. Memory and time: dimension x weights x density. Li, Hastie and Church, KDD 2006.
 */
export function sparse(density?: number): Projection<SparseTables> {
  const share = (weights: number) => density ?? 1 / Math.sqrt(weights);
  return {
    draw(key, { weights, dimension, dtype }) {
      const directions = Array.from({ length: dimension }, (_, j) =>
        direction(random.fold(key, j), weights, share(weights)),
      );
      const longest = Math.max(...directions.map((d) => d.length));
      const places = new Int32Array(dimension * longest);
      const values = allocate(dtype, dimension * longest) as Float64Array;
      for (const [j, signed] of directions.entries()) {
        const size = 1 / Math.sqrt(signed.length);
        signed.forEach((place, i) => {
          places[j * longest + i] = place < 0 ? ~place : place;
          values[j * longest + i] = place < 0 ? -size : size;
        });
      }
      const shape = [dimension, longest];
      return { places: new NDArray(places, shape), values: new NDArray(values, shape, dtype) };
    },
    apply({ places, values }, z, { weights }) {
      const rows = z.shape[0]!;
      const moves = z.unsqueeze(-1).mul(values).reshape([rows, values.size]);
      const at = places.reshape([1, values.size]).expand([rows, values.size]);
      return scatterElements(Tensor.zeros([rows, weights], z.dtype), at, moves, {
        axis: 1,
        reduction: "add",
      });
    },
    bytes: ({ weights, dimension, dtype }) => {
      const expected = weights * share(weights);
      return dimension * (expected + 4 * Math.sqrt(expected)) * (4 + bytesOf(dtype));
    },
  };
}

/** Ascending places; ~place where the weight moves backwards. An empty direction is drawn again. */
function direction(key: NDArray, weights: number, density: number): Int32Array {
  for (let attempt = 0; ; attempt++) {
    const [forGaps, forSigns] = random.split(random.fold(key, attempt));
    const places = moved(forGaps!, weights, density);
    const back = random.bernoulli(forSigns!, 0.5, [places.length]).data as Uint8Array;
    if (places.length > 0) return Int32Array.from(places, (place, i) => (back[i] === 1 ? ~place : place));
  }
}

/** Each of 0 ... n - 1 with this probability: the gaps between them have a geometric law. */
function moved(key: NDArray, n: number, density: number): number[] {
  if (density >= 1) return Array.from({ length: n }, (_, i) => i);
  const rate = -random.logarithm(hostArithmetic, 1 - density);
  const block = Math.ceil(n * density + 6 * Math.sqrt(n * density)) + 8;
  const places: number[] = [];
  for (let place = -1, b = 0; ; b++) {
    const gaps = random.exponential(random.fold(key, b), [block], "float64").data as Float64Array;
    for (const gap of gaps) {
      place += 1 + Math.floor(gap / rate);
      if (place >= n) return places;
      places.push(place);
    }
  }
}
