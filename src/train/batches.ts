import { allocate, NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import * as tree from "../tensor/tree.ts";

/**
 * Batches made on demand, from the step (0 is the first) and a key of its own. For equal arguments it must return equal
 * batches: that is what lets a training resume anywhere. The arrays may be reused from call to call.
 */
export type BatchSource<B> = (step: number, key: NDArray) => B | Promise<B>;

/** `shuffle`: every row once an epoch, in random order. `replacement`: each row of a batch drawn from all rows. */
export type Sampling = "shuffle" | "replacement";

export interface Dataset<B> {
  /** Rows of the data. */
  readonly rows: number;
  readonly stepsPerEpoch: number;
  /** The batch of a step. Its arrays are those of the batch before, filled anew. */
  at(step: number): B;
}

/**
 * Batches of rows from a tree of arrays with equal first sizes. The rows left over at the end of an epoch are left out; with
 * shuffling they are others in each. A batch as large as the data is the data itself.
 */
export function dataset<B>(data: B, batch: number, sampling: Sampling, key: NDArray): Dataset<B> {
  if (!Number.isInteger(batch) || batch < 1)
    throw new RangeError(`fit: batch is ${batch}: use a whole number from 1`);
  const rows = rowsOf(data);
  if (batch >= rows && sampling === "shuffle") return { rows, stepsPerEpoch: 1, at: () => data };
  const stepsPerEpoch = Math.max(1, Math.floor(rows / batch));
  const buffers = tree.map((leaf) => {
    const { dtype, shape, size } = leaf as NDArray;
    return new NDArray(allocate(dtype, (size / rows) * batch), [batch, ...shape.slice(1)], dtype);
  }, data);
  const pairs = (tree.leaves(data) as NDArray[]).map((from, i) => {
    return { from, to: (tree.leaves(buffers) as NDArray[])[i]! };
  });
  const orderOf =
    sampling === "shuffle" ? shuffled(rows, batch, stepsPerEpoch, key) : drawn(rows, batch, key);
  return {
    rows,
    stepsPerEpoch,
    at: (step) => {
      const order = orderOf(step);
      for (const { from, to } of pairs) gatherRows(from, to, order);
      return buffers as unknown as B;
    },
  };
}

function rowsOf(data: unknown): number {
  let first: { readonly path: string; readonly rows: number } | undefined;
  tree.forEach(data, (leaf: unknown, path) => {
    if (!(leaf instanceof NDArray) || leaf.rank === 0)
      throw new TypeError(
        `fit: the data at "${path}" is no array of rows: use NDArrays, or a function of the step`,
      );
    const rows = leaf.shape[0]!;
    first ??= { path, rows };
    if (rows !== first.rows)
      throw new RangeError(
        `fit: the data "${first.path}" has ${first.rows} rows and "${path}" ${rows}: they must be equal`,
      );
  });
  if (first === undefined || first.rows === 0)
    throw new RangeError("fit: the data is empty: give at least one row");
  return first.rows;
}

/** The rows of a step, from an order that is drawn anew for each epoch (Fisher and Yates). */
function shuffled(rows: number, batch: number, stepsPerEpoch: number, key: NDArray) {
  const order = new Uint32Array(rows);
  let current = -1;
  return (step: number): Uint32Array => {
    const epoch = Math.floor(step / stepsPerEpoch);
    if (epoch !== current) {
      current = epoch;
      shuffle(order, random.fold(key, epoch));
    }
    const start = (step % stepsPerEpoch) * batch;
    return order.subarray(start, start + batch);
  };
}

function shuffle(order: Uint32Array, key: NDArray): void {
  const draws = random.uniform(key, [order.length], { dtype: "float64" }).data as Float64Array;
  for (let i = 0; i < order.length; i++) order[i] = i;
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(draws[i]! * (i + 1));
    const swap = order[i]!;
    order[i] = order[j]!;
    order[j] = swap;
  }
}

function drawn(rows: number, batch: number, key: NDArray) {
  const order = new Uint32Array(batch);
  return (step: number): Uint32Array => {
    const draws = random.uniform(random.fold(key, step), [batch], { dtype: "float64" }).data as Float64Array;
    for (let i = 0; i < batch; i++) order[i] = Math.floor(draws[i]! * rows);
    return order;
  };
}

/** Above this many elements a row is copied as a block. */
const SHORT_ROW = 24;

function gatherRows(from: NDArray, to: NDArray, order: Uint32Array): void {
  const size = to.size / order.length;
  const [source, target] = [from.data as Float32Array, to.data as Float32Array];
  if (size > SHORT_ROW) {
    for (let i = 0; i < order.length; i++) {
      const at = order[i]! * size;
      target.set(source.subarray(at, at + size), i * size);
    }
    return;
  }
  for (let i = 0, out = 0; i < order.length; i++) {
    const end = (order[i]! + 1) * size;
    for (let at = end - size; at < end; at++) target[out++] = source[at]!;
  }
}
