/** The least-squares optimum of a model that is linear in its weights, in float64. */
import type { Model } from "../../nn/model.ts";
import { choleskyPacked } from "../../pde/cholesky.ts";
import { compile } from "../../runtime/compile.ts";
import type { RunOptions } from "../../runtime/session.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";

/** Sums over rows: all that the optimum depends on. float64. */
export interface Moments {
  readonly rows: number;
  /** Z^T Z [m, m]. */
  readonly gram: NDArray;
  /** Z^T Y [m, o]. */
  readonly cross: NDArray;
  /** The sum of all squared targets. */
  readonly squares: number;
}

export interface ClosedForm {
  /** float64 [m, o]: the W that minimises |Z W - Y|^2 / N + ridge |W|^2. */
  readonly weights: NDArray;
  /** |Z W - Y|^2 / (N o), without the ridge. */
  readonly trainLoss: number;
  /** Of Z^T Z / N + ridge I: the ratio of its largest and smallest eigenvalue, by power iteration. */
  readonly condition: number;
}

/** The optimum for features Z [N, m] and targets Y [N, o]: see `solveMoments`. */
export function solveBundled(features: NDArray, targets: NDArray, ridge: number): ClosedForm {
  const [rows, m] = features.shape as [number, number];
  const o = targets.shape[1]!;
  if (features.rank !== 2 || targets.rank !== 2 || targets.shape[0] !== rows)
    throw new RangeError(
      `solveBundled: features [${features.shape}] and targets [${targets.shape}]: give [rows, features] and [rows, outputs]`,
    );
  const gram = new Float64Array(m * m);
  const cross = new Float64Array(m * o);
  for (let r = 0; r < rows; r++) {
    const z = (i: number) => Number(features.data[r * m + i]);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < m; j++) gram[i * m + j]! += z(i) * z(j);
      for (let c = 0; c < o; c++) cross[i * o + c]! += z(i) * Number(targets.data[r * o + c]);
    }
  }
  const squares = Array.from(targets.data, Number).reduce((sum, v) => sum + v * v, 0);
  return solveMoments(
    { rows, gram: new NDArray(gram, [m, m]), cross: new NDArray(cross, [m, o]), squares },
    ridge,
  );
}

/** `optimalWeights`, with the loss and the condition. */
export function solveMoments(moments: Moments, ridge: number): ClosedForm {
  const { weights, matrix, factor } = solved(moments, ridge);
  const [m, o] = weights.shape as [number, number];
  return {
    weights,
    trainLoss: squaredLoss(weights, moments) / (moments.rows * o),
    condition: conditionOf(matrix, factor, m),
  };
}

/**
 * W = (Z^T Z / N + ridge I)^-1 Z^T Y / N, by Cholesky. Throws one line where ridge is below 0, and where the matrix is singular.
 */
export function optimalWeights(moments: Moments, ridge: number): NDArray {
  return solved(moments, ridge).weights;
}

function solved({ rows, gram, cross }: Moments, ridge: number) {
  if (!(ridge >= 0)) throw new RangeError(`solveBundled: ridge is ${ridge}: use a number from 0`);
  const [m, o] = cross.shape as [number, number];
  const matrix = new Float64Array((m * (m + 1)) / 2);
  for (let i = 0, at = 0; i < m; i++)
    for (let j = 0; j <= i; j++, at++)
      matrix[at] = Number(gram.data[i * m + j]) / rows + (i === j ? ridge : 0);
  const factor = choleskyPacked(matrix, m);
  if (factor === undefined || !positive(factor, m))
    throw new RangeError(
      `solveBundled: the ${m} features are linearly dependent on ${rows} rows, the system is singular: use a ridge such as 1e-6${ridge === 0 ? "" : `, not ${ridge}`}`,
    );
  const weights = new Float64Array(m * o);
  const column = new Float64Array(m);
  for (let c = 0; c < o; c++) {
    for (let i = 0; i < m; i++) column[i] = Number(cross.data[i * o + c]) / rows;
    solveInPlace(factor, m, column);
    for (let i = 0; i < m; i++) weights[i * o + c] = column[i]!;
  }
  return { weights: new NDArray(weights, [m, o]), matrix, factor };
}

/** Pivots that are rounding of the largest one mean dependent columns. */
function positive(factor: Float64Array, m: number): boolean {
  const pivots = Array.from({ length: m }, (_, i) => factor[(i * (i + 3)) / 2]!);
  return Math.min(...pivots) ** 2 > 1e-14 * Math.max(...pivots) ** 2;
}

/** |Z W - Y|^2 of weights on the rows that the sums are of. */
export function squaredLoss(weights: NDArray, { gram, cross, squares }: Moments): number {
  const [m, o] = cross.shape as [number, number];
  const w = weights.data as Float64Array;
  const g = gram.data as Float64Array;
  const product = new Float64Array(o);
  let loss = squares;
  for (let i = 0; i < m; i++) {
    product.fill(0);
    for (let j = 0; j < m; j++) for (let c = 0; c < o; c++) product[c]! += g[i * m + j]! * w[j * o + c]!;
    for (let c = 0; c < o; c++) loss += w[i * o + c]! * (product[c]! - 2 * Number(cross.data[i * o + c]));
  }
  return Math.max(0, loss);
}

function solveInPlace(l: Float64Array, m: number, b: Float64Array): void {
  for (let i = 0; i < m; i++) {
    const row = (i * (i + 1)) / 2;
    let sum = b[i]!;
    for (let j = 0; j < i; j++) sum -= l[row + j]! * b[j]!;
    b[i] = sum / l[row + i]!;
  }
  for (let i = m - 1; i >= 0; i--) {
    const row = (i * (i + 1)) / 2;
    const value = b[i]! / l[row + i]!;
    b[i] = value;
    for (let j = 0; j < i; j++) b[j]! -= l[row + j]! * value;
  }
}

/** The largest eigenvalue by the power method on the matrix, the smallest by that on its inverse. */
function conditionOf(matrix: Float64Array, factor: Float64Array, m: number): number {
  const largest = powerMethod(m, (v) => {
    const out = new Float64Array(m);
    for (let i = 0, at = 0; i < m; i++)
      for (let j = 0; j <= i; j++, at++) {
        out[i]! += matrix[at]! * v[j]!;
        if (j < i) out[j]! += matrix[at]! * v[i]!;
      }
    return out;
  });
  const inverse = powerMethod(m, (v) => {
    solveInPlace(factor, m, v);
    return v;
  });
  return largest * inverse;
}

function powerMethod(m: number, apply: (v: Float64Array) => Float64Array): number {
  let v = Float64Array.from({ length: m }, (_, i) => 1 + 0.1 * Math.sin(i * i + 1));
  let norm = Math.hypot(...v);
  for (let step = 0; step < 30; step++) {
    for (let i = 0; i < m; i++) v[i]! /= norm;
    v = apply(v) as Float64Array<ArrayBuffer>;
    norm = Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
  }
  return norm;
}

export interface MomentsOptions extends RunOptions {
  /** Rows computed at a time. Default 2048. */
  readonly block?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The sums for the features that a model gives of x [N, ...] and targets y float [N, outputs]. One compiled graph goes through the rows
 * in blocks: features in float32, products in float64, which are added up in float64. Throws one line where a feature is not
 * finite.
 */
export async function momentsOf<P>(
  model: Pick<Model<P>, "apply">,
  params: P,
  x: NDArray,
  y: NDArray,
  o: MomentsOptions = {},
): Promise<Moments> {
  const { block = 2048, signal } = o;
  const rows = x.shape[0]!;
  if (y.rank !== 2 || y.shape[0] !== rows)
    throw new RangeError(
      `closed form: ${rows} inputs and targets [${y.shape}]: give targets [rows, outputs]`,
    );
  const products = compile((p: Traced<P>, xs: Tensor, ys: Tensor) => {
    const features = model.apply(p, xs);
    const z = features.reshape([-1, features.shape.at(-1)!]).cast("float64");
    const zt = z.transpose();
    return { gram: zt.matmul(z), cross: zt.matmul(ys.cast("float64")) };
  }, o);
  let gram: NDArray | undefined;
  let cross: NDArray | undefined;
  try {
    for (let start = 0; start < rows; start += block) {
      signal?.throwIfAborted();
      const end = Math.min(rows, start + block);
      const part = await products(
        params as never,
        rowsOf(x, start, end) as never,
        rowsOf(y, start, end) as never,
      );
      gram = added(gram, part.gram);
      cross = added(cross, part.cross);
    }
  } finally {
    await products.dispose();
  }
  if (!(gram!.data as Float64Array).every(Number.isFinite))
    throw new RangeError(
      `closed form: features are not finite, the largest |x| is ${largestNorm(x).toPrecision(3)}: scale the inputs, or give normalize`,
    );
  let squares = 0;
  for (const v of y.data) squares += Number(v) ** 2;
  return { rows, gram: gram!, cross: cross!, squares };
}

/** The optimum of `weights` in model(x) weights = y: `momentsOf`, then `solveMoments`. */
export async function fitBundled<P>(
  model: Pick<Model<P>, "apply">,
  params: P,
  data: { readonly x: NDArray; readonly y: NDArray },
  o: MomentsOptions & { readonly ridge: number },
): Promise<ClosedForm> {
  return solveMoments(await momentsOf(model, params, data.x, data.y, o), o.ridge);
}

/** The sums over the rows of both. */
export function addMoments(a: Moments, b: Moments): Moments {
  return {
    rows: a.rows + b.rows,
    gram: added(a.gram.copy(), b.gram),
    cross: added(a.cross.copy(), b.cross),
    squares: a.squares + b.squares,
  };
}

function added(sum: NDArray | undefined, part: NDArray): NDArray {
  if (sum === undefined) return part;
  const [to, from] = [sum.data as Float64Array, part.data as Float64Array];
  for (let i = 0; i < to.length; i++) to[i]! += from[i]!;
  return sum;
}

function rowsOf(array: NDArray, start: number, end: number): NDArray {
  const size = array.size / array.shape[0]!;
  return new NDArray(
    array.data.subarray(start * size, end * size),
    [end - start, ...array.shape.slice(1)],
    array.dtype,
  );
}

function largestNorm(x: NDArray): number {
  const width = x.shape.at(-1)!;
  let most = 0;
  for (let at = 0; at < x.size; at += width) {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += Number(x.data[at + i]) ** 2;
    most = Math.max(most, sum);
  }
  return Math.sqrt(most);
}
