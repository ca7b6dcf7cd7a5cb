import { NDArray } from "../tensor/ndarray.ts";
import { showShape, sizeOf } from "../tensor/shape.ts";

/** Examples and what is to be said of them: both arrays have one entry of their first axis for each example. */
export interface Dataset {
  /** [n, ...]: uint8 for images from files (see `toFloat`), float32 for tables and generated data. */
  readonly features: NDArray;
  /** int64 [n] class indices; float32 [n, 1] for regression. */
  readonly labels: NDArray;
  /** Names of the classes, by index. */
  readonly classes?: readonly string[];
}

/** The bytes of a file, with the name that errors give it. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The number of examples. Throws where features and labels differ in it. */
export function countOf({ features, labels }: Dataset): number {
  const [n, m] = [features.shape[0], labels.shape[0]];
  if (n === undefined || n !== m) {
    throw new RangeError(
      `data set: features ${showShape(features.shape)} and labels ${showShape(labels.shape)} differ in their first axis: give one label for each example`,
    );
  }
  return n;
}

/**
 * The rows of `array` with these indices, in their order: [indices.length, ...]. With `out`, written there (same
 * dtype and shape) and nothing is allocated. Throws a RangeError for an index outside the array.
 */
export function takeRows(array: NDArray, indices: ArrayLike<number | bigint>, out?: NDArray): NDArray {
  const [rows, ...rest] = array.shape;
  if (rows === undefined)
    throw new RangeError("takeRows: a scalar has no rows: give an array of one axis or more");
  const shape = [indices.length, ...rest];
  const target = out ?? NDArray.zeros(shape, array.dtype);
  checkBuffer("takeRows", target, shape, array.dtype);
  const size = sizeOf(rest);
  for (let i = 0; i < indices.length; i++) {
    const row = Number(indices[i]);
    if (!Number.isInteger(row) || row < 0 || row >= rows) {
      throw new RangeError(`takeRows: there is no row ${row} in ${rows}: use 0 to ${rows - 1}`);
    }
    copyRow(array, row, target, i, size);
  }
  return target;
}

/** The examples with these indices. */
export function take(dataset: Dataset, indices: ArrayLike<number | bigint>): Dataset {
  countOf(dataset);
  return {
    ...dataset,
    features: takeRows(dataset.features, indices),
    labels: takeRows(dataset.labels, indices),
  };
}

/** How often each class occurs in int64 labels. */
export function classCounts(labels: NDArray, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels.data) counts[Number(label)]!++;
  return counts;
}

/** Class indices from raw bytes as int64 [n]. Throws where one is not below `classes`, naming the record. */
export function classLabels(raw: ArrayLike<number | bigint>, classes: number, what: string): NDArray {
  const labels = new BigInt64Array(raw.length);
  for (let i = 0; i < raw.length; i++) {
    const label = Number(raw[i]);
    if (!(label >= 0 && label < classes)) {
      throw new RangeError(
        `${what}: record ${i} has the label ${label}, 0 to ${classes - 1} is expected: the file is damaged or another one`,
      );
    }
    labels[i] = BigInt(label);
  }
  return new NDArray(labels, [raw.length], "int64");
}

/** Throws where a buffer to write into has another shape or dtype. */
export function checkBuffer(
  operation: string,
  out: NDArray,
  shape: readonly number[],
  dtype: NDArray["dtype"],
): void {
  if (out.dtype === dtype && showShape(out.shape) === showShape(shape)) return;
  throw new RangeError(
    `${operation}: out is ${out.dtype}${showShape(out.shape)}, it should be ${dtype}${showShape(shape)}`,
  );
}

function copyRow(from: NDArray, row: number, to: NDArray, at: number, size: number): void {
  const source = from.data.subarray(row * size, (row + 1) * size);
  (to.data as { set(values: typeof source, offset: number): void }).set(source, at * size);
}
