import { isFloat } from "../tensor/dtype.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as tree from "../tensor/tree.ts";

/** A training that cannot go on: its loss, or a weight, is NaN or infinite. */
export class DivergenceError extends Error {
  override readonly name = "DivergenceError";
  constructor(
    message: string,
    readonly step: number,
    readonly loss: number,
  ) {
    super(message);
  }
}

export interface NotFinite {
  readonly path: string;
  readonly value: number;
}

/** The first place in a tree of arrays that holds NaN or an infinity. */
export function firstNotFinite(arrays: unknown): NotFinite | undefined {
  for (const [path, leaf] of Object.entries(tree.toRecord(arrays))) {
    const array: unknown = leaf;
    if (!(array instanceof NDArray) || !isFloat(array.dtype) || array.dtype === "float16") continue;
    const value = (array.data as Float64Array).find((v) => !Number.isFinite(v));
    if (value !== undefined) return { path, value };
  }
  return undefined;
}
