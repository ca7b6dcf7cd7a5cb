import type { NDArray } from "../tensor/ndarray.ts";
import { gather } from "../tensor/operators/indexing.ts";
import { checkSizes } from "./checks.ts";
import { type FloatType, type Initialiser, normal } from "./initialisers.ts";
import type { Model } from "./model.ts";

/** `table` [count, size]. */
export interface EmbeddingParams {
  table: NDArray;
}

export interface EmbeddingOptions {
  /** How many things there are to embed. */
  readonly count: number;
  readonly size: number;
  /** Default `normal(1)`. */
  readonly tableInit?: Initialiser | undefined;
  /** Default float32. */
  readonly dtype?: FloatType | undefined;
}

/** A row of the table for each number from 0 up to `count`: int64 [...] to [..., size]. */
export function embedding({
  count,
  size,
  tableInit = normal(1),
  dtype,
}: EmbeddingOptions): Model<EmbeddingParams> {
  checkSizes("embedding", { count, size });
  return {
    init: (key) => ({ table: tableInit(key, [count, size], dtype) }),
    apply: ({ table }, x) => gather(table, x),
  };
}

/** A weight by itself, as a part of a model: `run.token()` is the weight. */
export function parameter(init: (key: NDArray) => NDArray): Model<NDArray, void> {
  return { init, apply: (weight) => weight };
}
