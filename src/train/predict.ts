import type { Model } from "../nn/model.ts";
import { type Argument, compile } from "../runtime/compile.ts";
import type { RunOptions } from "../runtime/session.ts";
import { NDArray } from "../tensor/ndarray.ts";
import { sizeOf } from "../tensor/shape.ts";
import type { Concrete, Traced } from "../tensor/tree.ts";
import * as tree from "../tensor/tree.ts";
import type { Metric } from "./metrics.ts";

export interface PredictOptions extends RunOptions {
  /** Rows in one call. Default 1024. */
  readonly batch?: number | undefined;
}

export interface Predictor<P, X> {
  (params: P, x: X): Promise<NDArray>;
  /** Free the sessions. */
  dispose(): Promise<void>;
}

/**
 * The model as a function of arrays, run batch by batch and compiled once. The first axis of the input and of the output
 * counts rows.
 *
 * ```ts
 * const predict = predictor(model);
 * const y = await predict(params, x);
 * ```
 */
export function predictor<P, X>(model: Model<P, X>, options: PredictOptions = {}): Predictor<P, Concrete<X>> {
  const { batch = 1024 } = options;
  if (!Number.isInteger(batch) || batch < 1)
    throw new RangeError(`predictor: batch is ${batch}: use a whole number from 1`);
  const run = compile((params: Traced<P>, x: X) => model.apply(params, x), options);
  const call = async (params: P, x: Concrete<X>): Promise<NDArray> => {
    const rows = (tree.leaves(x)[0] as NDArray).shape[0] ?? 1;
    const parts: NDArray[] = [];
    for (let start = 0; start < rows; start += batch) {
      const part = tree.map((leaf) => sliceRows(leaf as NDArray, start, Math.min(rows, start + batch)), x);
      parts.push(await run(params as Argument<Traced<P>>, part as Argument<X>));
    }
    return joinRows(parts, rows);
  };
  return Object.assign(call, { dispose: () => run.dispose() });
}

/** What `fit` is given as `evaluate`: metrics of the current weights. */
export type Evaluate<P> = (
  params: P,
) => Readonly<Record<string, number>> | Promise<Readonly<Record<string, number>>>;

/** Examples that were held out: all of them, or a stream that is gone through anew at every evaluation. */
export type HeldOut<X> = Examples<X> | (() => Stream<Examples<X>>);

interface Examples<X> {
  readonly x: Concrete<X>;
  readonly y: NDArray;
}

type Stream<T> = Iterable<T> | AsyncIterable<T>;

/**
 * Metrics of a model's predictions on held-out data `{ x, y }`, as `fit` takes them.
 *
 * ```ts
 * const evaluate = evaluator(model, { data: test, metrics: { accuracy } });
 * await evaluate(params); // { accuracy: 0.98 }
 * ```
 *
 * Of a stream, `data: () => batches()`, the metrics of each batch are averaged, each row counting the same: right for those that are
 * means over rows (accuracy, mse, mae, relativeL2), and not for rmse and r2.
 */
export function evaluator<P, X>(
  model: Model<P, X>,
  options: PredictOptions & {
    readonly data: HeldOut<X>;
    readonly metrics: Readonly<Record<string, Metric>>;
  },
): Evaluate<P> & { dispose(): Promise<void> } {
  const { data, metrics } = options;
  const predict = predictor(model, options);
  const measure = async (params: P, { x, y }: Examples<X>) => {
    const prediction = await predict(params, x);
    return Object.fromEntries(Object.entries(metrics).map(([name, f]) => [name, f(prediction, y)]));
  };
  const evaluate = async (params: P) => {
    if (typeof data !== "function") return await measure(params, data);
    const sums = Object.fromEntries(Object.keys(metrics).map((name) => [name, 0]));
    let rows = 0;
    for await (const part of data()) {
      const count = part.y.shape[0] ?? 1;
      for (const [name, value] of Object.entries(await measure(params, part))) sums[name]! += value * count;
      rows += count;
    }
    if (rows === 0) throw new RangeError("evaluator: the stream is empty: give at least one batch");
    return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / rows]));
  };
  return Object.assign(evaluate, { dispose: () => predict.dispose() });
}

function sliceRows(array: NDArray, start: number, end: number): NDArray {
  const rows = array.shape[0]!;
  if (start === 0 && end === rows) return array;
  const size = array.size / rows;
  return new NDArray(
    array.data.subarray(start * size, end * size),
    [end - start, ...array.shape.slice(1)],
    array.dtype,
  );
}

function joinRows(parts: readonly NDArray[], rows: number): NDArray {
  const first = parts[0]!;
  if (parts.length === 1) return first;
  const shape = [rows, ...first.shape.slice(1)];
  const out = NDArray.zeros(shape, first.dtype);
  if (sizeOf(shape) !== parts.reduce((n, p) => n + p.size, 0))
    throw new RangeError(
      `predictor: the output has ${first.shape[0]} rows for a batch: it must have one for each row of the input`,
    );
  let at = 0;
  for (const part of parts) {
    (out.data as Float32Array).set(part.data as Float32Array, at);
    at += part.size;
  }
  return out;
}
