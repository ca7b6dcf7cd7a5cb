import type { DType } from "../../../tensor/dtype.ts";
import type { NDArray } from "../../../tensor/ndarray.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { Traced } from "../../../tensor/tree.ts";
import type { FloatType } from "../../initialisers.ts";

/** What a projection is drawn for: from `dimension` coordinates to `weights` weights. */
export interface ProjectionSize {
  readonly weights: number;
  readonly dimension: number;
  readonly dtype: FloatType;
}

/**
 * A random linear map from few coordinates to many weights. Its columns have unit norm (Fastfood: in expectation), and the first k of
 * them do not depend on how many follow: a small subspace lies in a larger one of the same key.
 */
export interface Projection<Tables extends object = Readonly<Record<string, NDArray>>> {
  /** The arrays that hold it, drawn from a key. */
  draw(key: NDArray, size: ProjectionSize): Tables;
  /** z [rows, dimension] to [rows, weights]. */
  apply(tables: Traced<Tables>, z: Tensor, size: ProjectionSize): Tensor;
  /** The bytes of its arrays, known before they are drawn. */
  bytes(size: ProjectionSize): number;
}

/** Bytes of a number. */
export function bytesOf(dtype: DType): number {
  return dtype === "float64" ? 8 : 4;
}
