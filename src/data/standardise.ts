import { NDArray } from "../tensor/ndarray.ts";
import { showShape } from "../tensor/shape.ts";

/** Mean and standard deviation of each column. */
export interface ColumnStatistics {
  readonly mean: Float64Array;
  /** With the number of rows as divisor; 1 for a column that is constant. */
  readonly std: Float64Array;
}

/** The statistics of a float array [rows, columns]: take them from the training part alone. */
export function columnStatistics(array: NDArray): ColumnStatistics {
  const [rows, columns] = rowsAndColumns(array);
  const mean = new Float64Array(columns);
  const std = new Float64Array(columns);
  for (let i = 0; i < array.data.length; i++) mean[i % columns]! += (array.data[i] as number) / rows;
  for (let i = 0; i < array.data.length; i++)
    std[i % columns]! += ((array.data[i] as number) - mean[i % columns]!) ** 2 / rows;
  return {
    mean,
    std: std.map((v, c) => (Math.sqrt(v) > 1e-12 * Math.max(1, Math.abs(mean[c]!)) ? Math.sqrt(v) : 1)),
  };
}

/** (x - mean) / std, column by column. */
export function standardise(array: NDArray, { mean, std }: ColumnStatistics): NDArray {
  return mapColumns(array, mean.length, (x, c) => (x - mean[c]!) / std[c]!);
}

/** x * std + mean: undoes `standardise`. */
export function unstandardise(array: NDArray, { mean, std }: ColumnStatistics): NDArray {
  return mapColumns(array, mean.length, (x, c) => x * std[c]! + mean[c]!);
}

function mapColumns(array: NDArray, expected: number, f: (x: number, column: number) => number): NDArray {
  const [, columns] = rowsAndColumns(array);
  if (columns !== expected) {
    throw new RangeError(
      `standardise: ${columns} columns and statistics of ${expected}: take those of the same table`,
    );
  }
  const out = NDArray.zeros(array.shape, array.dtype);
  for (let i = 0; i < out.data.length; i++) out.data[i] = f(array.data[i] as number, i % columns);
  return out;
}

function rowsAndColumns(array: NDArray): readonly [number, number] {
  const [rows, columns] = array.shape;
  if (array.shape.length !== 2 || (array.dtype !== "float32" && array.dtype !== "float64")) {
    throw new TypeError(
      `standardise: ${array.dtype}${showShape(array.shape)} is no float array [rows, columns]: reshape or cast it`,
    );
  }
  return [rows!, columns!];
}
