/** What is measured of a hypernetwork on turned digits. */
import { takeRows } from "../../data/dataset.ts";
import { crossEntropy } from "../../nn/losses.ts";
import type { MlpParams } from "../../nn/mlp.ts";
import type { Model } from "../../nn/model.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import { type Digits, turned } from "./digits.ts";
import type { Hypernetwork, HyperParams } from "./mip-hypernetworks.ts";
import { type ScaleRow, scaleReport } from "./scale-report.ts";

/** Where test accuracy is measured. */
export const EVALUATED = [0, 0.25, 0.5, 0.75, 1] as const;
/** Where norms are measured. */
export const SCALED = [0, 0.05, 0.1, 0.25, 0.5, 0.75, 1] as const;
const SCALE_ROWS = 128;
const CHUNK = 2000;

/** The test accuracy at each gamma of a classifier: `logits` takes gamma [G, 1] and images [G, rows, pixels] to [G, rows, classes]. */
export async function accuracies<P>(
  logits: (params: Traced<P>, gamma: Tensor, x: Tensor) => Tensor,
  params: P,
  { images, labels }: Digits,
): Promise<number[]> {
  const gamma = new NDArray(Float32Array.from(EVALUATED), [EVALUATED.length, 1]);
  const n = labels.size;
  const right = EVALUATED.map(() => 0);
  const classify = compile((p: Traced<P>, g: Tensor, x: Tensor) => logits(p, g, x).argMax(-1), {
    threads: 1,
  });
  for (let start = 0; start < n; start += CHUNK) {
    const rows = Array.from({ length: Math.min(CHUNK, n - start) }, (_, i) => start + i);
    const part = takeRows(images, rows);
    const x = stacked(EVALUATED.map((g) => turned(part, g)));
    const { data } = await classify(params as never, gamma, x);
    data.forEach((label: bigint | number, i: number) => {
      const [g, row] = [Math.floor(i / rows.length), i % rows.length];
      if (label === labels.data[start + row]) right[g]!++;
    });
  }
  await classify.dispose();
  return right.map((count) => count / n);
}

/** Arrays of one shape, along a new first axis. */
export function stacked(arrays: readonly NDArray[]): NDArray {
  const [first] = arrays as [NDArray];
  const out = new Float32Array(arrays.length * first.size);
  arrays.forEach((a, i) => out.set(a.data as Float32Array, i * first.size));
  return new NDArray(out, [arrays.length, ...first.shape]);
}

/** Norms of weights and gradients at the gammas of `SCALED`, on the first images turned by each. */
export function scalesOf(
  hyper: Hypernetwork,
  model: Model<MlpParams>,
  omega: HyperParams<MlpParams>,
  { images, labels }: Digits,
): Promise<ScaleRow[]> {
  const rows = Array.from({ length: Math.min(SCALE_ROWS, labels.size) }, (_, i) => i);
  const [part, y] = [takeRows(images, rows), takeRows(labels, rows)];
  return scaleReport(hyper, omega, SCALED, {
    loss: (w: Traced<MlpParams>, batch: { x: Tensor; y: Tensor }) =>
      crossEntropy(model.apply(w, batch.x), batch.y),
    batch: (g: number) => ({ x: turned(part, g), y }) as never,
    threads: 1,
  });
}

/** The standard deviation of the gradient's norm over gamma, in units of its mean. */
export function gradientVariation(rows: readonly ScaleRow[]): number {
  const mean = rows.reduce((s, r) => s + r.gradNorm, 0) / rows.length;
  const variance = rows.reduce((s, r) => s + (r.gradNorm - mean) ** 2, 0) / (rows.length - 1);
  return Math.sqrt(variance) / mean;
}
