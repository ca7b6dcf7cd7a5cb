/** Weights as one vector, cut into chunks, and back: the paper's section on vectorisation. */
import { suggestion } from "../../experiment/nearest.ts";
import { isFrozen, trainable } from "../../nn/frozen.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import { type Shape, sameShape, showShape } from "../../tensor/shape.ts";
import * as tree from "../../tensor/tree.ts";

/** The trained arrays of a tree, in its order. Values under the name `frozen` (running statistics) are no part of it. */
export interface Layout {
  readonly arrays: readonly { readonly path: string; readonly shape: Shape; readonly size: number }[];
  /** D, the numbers in all of them. */
  readonly size: number;
}

/** The layout of a tree of weights: its values do not matter. Throws where a leaf is no float array, or there is none. */
export function layoutOf(like: unknown): Layout {
  const arrays = Object.entries(trainable(like) as Record<string, unknown>).map(([path, leaf]) => {
    if (!(leaf instanceof NDArray) || (leaf.dtype !== "float32" && leaf.dtype !== "float64"))
      throw new TypeError(`igpg: the weights at "${path}" are no float array: give a tree of NDArrays`);
    return { path, shape: leaf.shape, size: leaf.size };
  });
  const size = arrays.reduce((sum, a) => sum + a.size, 0);
  if (size === 0) throw new RangeError("igpg: the model has no weights: give a tree of NDArrays");
  return { arrays, size };
}

/** Two layouts with the same name have the same arrays. */
export function layoutName({ arrays }: Layout): string {
  return arrays.map((a) => `${a.path}${showShape(a.shape)}`).join(" ");
}

/** All weights in a row, float32: each array row-major. Throws where names, shapes or values are not as they should be. */
export function vectorise(params: unknown, layout: Layout = layoutOf(params)): Float32Array {
  const found = trainable(params) as Record<string, unknown>;
  const names = layout.arrays.map((a) => a.path);
  const unknown = Object.keys(found).find((path) => !names.includes(path));
  if (unknown !== undefined)
    throw new RangeError(`igpg: the architecture has no weights "${unknown}": ${suggestion(unknown, names)}`);
  const out = new Float32Array(layout.size);
  let at = 0;
  for (const { path, shape, size } of layout.arrays) {
    const array = found[path];
    if (!(array instanceof NDArray) || !sameShape(array.shape, shape)) {
      const is = array instanceof NDArray ? `have the shape ${showShape(array.shape)}` : "are missing";
      throw new RangeError(
        `igpg: the weights "${path}" ${is}, the architecture has ${showShape(shape)}: give weights of one architecture`,
      );
    }
    for (let i = 0; i < size; i++) {
      const value = Number(array.data[i]);
      if (!Number.isFinite(value))
        throw new RangeError(
          `igpg: the weights "${path}" hold ${value} at ${i}: leave out models that diverged`,
        );
      out[at++] = value;
    }
  }
  return out;
}

/** A tree like `like` with the weights of a vector; frozen leaves are those of `like`. */
export function devectorise<P>(values: Float32Array, like: P): P {
  const layout = layoutOf(like);
  if (values.length !== layout.size)
    throw new RangeError(
      `igpg: ${values.length} weights for an architecture of ${layout.size}: give as many`,
    );
  let at = 0;
  return tree.mapWithPath((leaf, path) => {
    if (isFrozen(path)) return leaf;
    const { shape, size, dtype } = leaf as NDArray;
    const part = values.slice(at, at + size);
    at += size;
    const array = new NDArray(part, shape);
    return dtype === "float64" ? array.cast(dtype) : array;
  }, like) as P;
}

export interface Chunks {
  /** [n, chunk], zero beyond the end. */
  readonly chunks: NDArray;
  /** [n, chunk]: 1 where there is a weight, 0 on the padding. */
  readonly mask: NDArray;
}

/** A vector in ceil(D / chunk) pieces. */
export function toChunks(values: Float32Array, chunk: number): Chunks {
  const n = Math.ceil(values.length / chunk);
  const data = new Float32Array(n * chunk);
  data.set(values);
  const shape = [n, chunk];
  const mask = new Float32Array(n * chunk).fill(1, 0, values.length);
  return { chunks: new NDArray(data, shape), mask: new NDArray(mask, shape) };
}

/** The first `size` numbers of chunks put together again. */
export function fromChunks({ data }: NDArray, size: number): Float32Array {
  return Float32Array.from(data.subarray(0, size) as Float32Array);
}
