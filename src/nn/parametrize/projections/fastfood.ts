import { allocate, NDArray } from "../../../tensor/ndarray.ts";
import { gather } from "../../../tensor/operators/indexing.ts";
import { concat } from "../../../tensor/operators/movement.ts";
import * as random from "../../../tensor/random.ts";
import { showShape } from "../../../tensor/shape.ts";
import { Tensor } from "../../../tensor/tensor.ts";
import { customGradient } from "../../../tensor/transforms.ts";
import { bytesOf, type Projection, type ProjectionSize } from "./projection.ts";

/** B [dimension], Pi and its inverse [L], and G [L] with the factor of the whole map in it. */
export type FastfoodTables = {
  readonly signs: NDArray;
  readonly order: NDArray;
  readonly inverse: NDArray;
  readonly gauss: NDArray;
};

/**
 * P v = the first D of H (G * (H (B * [v; 0]))[Pi]), divided by sqrt(L sum(G^2)) sqrt(D / L), with L the next power of two and H the
 * Walsh-Hadamard matrix. Memory: of the order of the weights, whatever the dimension. Le, Sarlos and Smola, ICML 2013, without the
 * diagonal S, as in the official code of Li et al., ICLR 2018.
 */
export const fastfood: Projection<FastfoodTables> = {
  draw(key, size) {
    const L = powerOfTwo(size.weights);
    const [forSigns, forOrder, forGauss] = random.split(key, 3) as [NDArray, NDArray, NDArray];
    // All L, so that the first do not depend on how many are used.
    const signs = random.bernoulli(forSigns, 0.5, [L]).data as Uint8Array;
    return fastfoodTables(
      {
        signs: Array.from(signs.subarray(0, size.dimension), (s) => (s === 1 ? -1 : 1)),
        order: permutation(forOrder, L),
        gauss: random.normal(forGauss, [L], "float64").data as Float64Array,
      },
      size,
    );
  },

  apply(tables, z, { weights }) {
    const L = tables.gauss.size;
    const [rows, d] = z.shape as [number, number];
    // H [x; 0; ...; 0] repeats the transform of the first block that holds x.
    const block = Math.min(L, powerOfTwo(d));
    const x = z.mul(tables.signs);
    const zeros = Tensor.zeros([rows, block - d], z.dtype);
    const mixed = walshHadamard(block === d ? x : concat([x, zeros], 1));
    const spread = walshHadamard(shuffled(mixed, tables.order, tables.inverse).mul(tables.gauss));
    return spread.slice(undefined, [0, weights]);
  },

  bytes: ({ weights, dimension, dtype }) => {
    const L = powerOfTwo(weights);
    return L * (4 + 4 + bytesOf(dtype)) + dimension * bytesOf(dtype);
  },
};

/** The tables of given signs B, permutation Pi and normal numbers G. */
export function fastfoodTables(
  o: {
    readonly signs: ArrayLike<number>;
    readonly order: Int32Array;
    readonly gauss: ArrayLike<number>;
  },
  { weights, dimension, dtype }: ProjectionSize,
): FastfoodTables {
  const L = o.order.length;
  const block = Math.min(L, powerOfTwo(dimension));
  let squares = 0;
  for (let i = 0; i < L; i++) squares += o.gauss[i]! ** 2;
  const factor = 1 / (Math.sqrt(L * squares) * Math.sqrt(weights / L));
  const [signs, gauss] = [allocate(dtype, dimension), allocate(dtype, L)];
  const [order, inverse] = [new Int32Array(L), new Int32Array(L)];
  for (let j = 0; j < dimension; j++) signs[j] = o.signs[j]!;
  for (let i = 0; i < L; i++) {
    gauss[i] = o.gauss[i]! * factor;
    order[i] = o.order[i]! % block;
    inverse[o.order[i]!] = i;
  }
  return {
    signs: new NDArray(signs, [dimension], dtype),
    order: new NDArray(order, [L]),
    inverse: new NDArray(inverse, [L]),
    gauss: new NDArray(gauss, [L], dtype),
  };
}

/** Factors of the transform are at most 2^6: there a small matrix product is as fast as the additions that it stands for. */
const BITS = 6;

/**
 * The Walsh-Hadamard transform of the last axis, whose size is a power of two, without a factor: applied twice it multiplies by the
 * size. H of a b numbers is H_a X H_b of these as a matrix [a, b]: matrix products with small matrices.
 */
export function walshHadamard(x: Tensor): Tensor {
  const size = x.shape.at(-1)!;
  const bits = 31 - Math.clz32(size);
  if (size !== 2 ** bits)
    throw new RangeError(
      `walshHadamard: the last axis of ${showShape(x.shape)} is no power of two: pad it with zeros`,
    );
  const parts = Math.ceil(bits / BITS);
  let [y, before, left] = [x, x.size / size, bits];
  for (let part = parts; part > 0; part--) {
    const own = Math.ceil(left / part);
    left -= own;
    const [n, after] = [2 ** own, 2 ** left];
    const H = Tensor.constant(hadamard(n, x.dtype === "float64" ? "float64" : "float32"));
    y = after === 1 ? y.reshape([before, n]).matmul(H) : H.matmul(y.reshape([before, n, after]));
    before *= n;
  }
  return y.reshape(x.shape);
}

function hadamard(n: number, dtype: "float32" | "float64"): NDArray {
  const data = allocate(dtype, n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) data[i * n + j] = isOdd(i & j) ? -1 : 1;
  return new NDArray(data, [n, n], dtype);
}

function isOdd(bits: number): boolean {
  let odd = false;
  for (let b = bits; b !== 0; b &= b - 1) odd = !odd;
  return odd;
}

/** x[:, order], where the block x stands for all its repetitions: its gradient gathers by the inverse instead of scattering. */
function shuffled(x: Tensor, order: Tensor, inverse: Tensor): Tensor {
  const [rows, block] = x.shape as [number, number];
  return customGradient(
    (t: Tensor) => gather(t, order, 1),
    (dy) => [
      gather(dy, inverse, 1)
        .reshape([rows, order.size / block, block])
        .sum(1),
    ],
  )(x);
}

/** 0 ... n - 1 in random order (Fisher and Yates). */
function permutation(key: NDArray, n: number): Int32Array {
  const draws = random.uniform(key, [n], { dtype: "float64" }).data as Float64Array;
  const order = Int32Array.from(draws.keys());
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(draws[i]! * (i + 1));
    const swap = order[i]!;
    order[i] = order[j]!;
    order[j] = swap;
  }
  return order;
}

/** The next power of two. */
export function powerOfTwo(n: number): number {
  return n <= 1 ? 1 : 2 ** (32 - Math.clz32(n - 1));
}
