/**
 * Metrics of whole data sets, on the host in float64. `prediction` and `target` are arrays of one shape, unless said otherwise.
 *
 * ```ts
 * const error = metrics.relativeL2(await predict(params, x), y);
 * ```
 */
import type { NDArray } from "../tensor/ndarray.ts";
import { sameShape, showShape } from "../tensor/shape.ts";

export type Metric = (prediction: NDArray, target: NDArray) => number;

type Values = ArrayLike<number>;

/** Mean squared error over all elements. */
export const mse: Metric = (prediction, target) => {
  const [p, t] = pair("mse", prediction, target);
  let sum = 0;
  for (let i = 0; i < p.length; i++) sum += (p[i]! - t[i]!) ** 2;
  return sum / p.length;
};

/** Root of the mean squared error. */
export const rmse: Metric = (prediction, target) => Math.sqrt(mse(prediction, target));

/** Mean absolute error over all elements. */
export const mae: Metric = (prediction, target) => {
  const [p, t] = pair("mae", prediction, target);
  let sum = 0;
  for (let i = 0; i < p.length; i++) sum += Math.abs(p[i]! - t[i]!);
  return sum / p.length;
};

/** |prediction - target| / |target| for every row (the first axis), Euclidean norms, and the mean of these. */
export const relativeL2: Metric = (prediction, target) => {
  const [p, t] = pair("relativeL2", prediction, target);
  const rows = target.shape[0] ?? 1;
  const size = p.length / rows;
  let total = 0;
  for (let row = 0; row < rows; row++) {
    let [error, norm] = [0, 0];
    for (let i = row * size; i < (row + 1) * size; i++) {
      error += (p[i]! - t[i]!) ** 2;
      norm += t[i]! ** 2;
    }
    total += Math.sqrt(error / norm);
  }
  return total / rows;
};

/** 1 - squared error / variance of the target, for every column (all axes but the first), and the mean of these. */
export const r2: Metric = (prediction, target) => {
  const [p, t] = pair("r2", prediction, target);
  const rows = target.shape[0] ?? 1;
  const columns = p.length / rows;
  let total = 0;
  for (let j = 0; j < columns; j++) {
    let [mean, error, spread] = [0, 0, 0];
    for (let i = j; i < t.length; i += columns) mean += t[i]! / rows;
    for (let i = j; i < t.length; i += columns) {
      error += (p[i]! - t[i]!) ** 2;
      spread += (t[i]! - mean) ** 2;
    }
    total += 1 - error / spread;
  }
  return total / columns;
};

/**
 * The share of rows of `prediction` [..., classes] (logits or probabilities) whose largest entry, the first where several are,
 * is that of the target: classes, int64 [...], or probabilities [..., classes].
 */
export const accuracy: Metric = (prediction, target) => {
  const classes = prediction.shape.at(-1) ?? 1;
  const labels = sameShape(target.shape, prediction.shape)
    ? largest(valuesOf(target), classes)
    : valuesOf(target);
  const guesses = largest(valuesOf(prediction), classes);
  if (
    classes < 2 ||
    labels.length !== guesses.length ||
    !sameShape(target.shape.slice(0, prediction.rank - 1), prediction.shape.slice(0, -1))
  ) {
    throw new RangeError(
      `accuracy: a prediction ${showShape(prediction.shape)} and a target ${showShape(target.shape)} do not fit: use [n, classes] with two classes or more, and labels [n]`,
    );
  }
  return guesses.filter((guess, i) => guess === labels[i]).length / guesses.length;
};

function largest(values: Values, classes: number): number[] {
  return Array.from({ length: values.length / classes }, (_, row) => {
    let best = 0;
    for (let c = 1; c < classes; c++) {
      if (values[row * classes + c]! > values[row * classes + best]!) best = c;
    }
    return best;
  });
}

function pair(metric: string, prediction: NDArray, target: NDArray): [Values, Values] {
  if (!sameShape(prediction.shape, target.shape)) {
    throw new RangeError(
      `${metric}: prediction and target have the shapes ${showShape(prediction.shape)} and ${showShape(target.shape)}: make them equal by reshape`,
    );
  }
  return [valuesOf(prediction), valuesOf(target)];
}

function valuesOf(array: NDArray): Values {
  return array.dtype === "int64" || array.dtype === "uint64"
    ? Array.from(array.data as BigInt64Array, Number)
    : (array.data as Float64Array);
}
