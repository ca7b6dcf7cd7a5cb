/** K: how well the features estimate the kernels, over their number. */
import type { Context } from "../../experiment/context.ts";
import { compile } from "../../runtime/compile.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import type { Config } from "./config.ts";
import { studyKey } from "./fitting.ts";
import { projectionRows } from "./projection.ts";
import { arcCosineKernel, type FeatureDraws, randomFeatures } from "./random-features.ts";

export const kernelKinds = ["cos", "sin", "gaussian", "exp", "relu"] as const;
export type KernelKind = (typeof kernelKinds)[number];

export interface KernelPoint {
  readonly kind: KernelKind;
  readonly orthogonal: boolean;
  readonly features: number;
  /** Root mean squared error over all pairs and repeats. */
  readonly rmse: number;
}

const BIAS = 0.3;

const functions: Record<Exclude<KernelKind, "relu">, (z: number) => number> = {
  cos: (z) => Math.cos(z + BIAS),
  sin: (z) => Math.sin(z + BIAS),
  gaussian: (z) => Math.exp(-((z + BIAS) ** 2) / 2),
  exp: Math.exp,
};

export function kernelStudy(context: Context, o: Config["kernels"]): Promise<KernelPoint[]> {
  return context.stage("kernels", async () => {
    const [forX, forW, forRows] = random.split(studyKey(context, "kernels"), 3) as [
      NDArray,
      NDArray,
      NDArray,
    ];
    const x = onSphere(forX, o);
    const w = onSphere(forW, o);
    const truths = Object.fromEntries(kernelKinds.map((kind) => [kind, truthsOf(kind, x, w)])) as Record<
      KernelKind,
      Float64Array
    >;
    const progress = context.progress.start({ label: "kernels", total: o.features.length * o.repeats });
    const points: KernelPoint[] = [];
    let step = 0;
    for (const features of o.features) {
      const estimate = Object.fromEntries(
        kernelKinds.map((kind) => [kind, estimator(kind, o.dimension, features)]),
      ) as Record<KernelKind, ReturnType<typeof estimator>>;
      const sums = new Map<string, number>();
      for (let repeat = 0; repeat < o.repeats; repeat++) {
        context.signal.throwIfAborted();
        const key = random.fold(random.fold(forRows, features), repeat);
        for (const orthogonal of [false, true]) {
          const rows = projectionRows(key, features, o.dimension, { orthogonal });
          for (const kind of kernelKinds) {
            const error = squaredError(await estimate[kind].run(key, rows, x, w), truths[kind]);
            const at = `${kind} ${orthogonal}`;
            sums.set(at, (sums.get(at) ?? 0) + error / o.repeats);
          }
        }
        progress.update({ step: ++step });
      }
      for (const orthogonal of [false, true])
        for (const kind of kernelKinds) {
          await estimate[kind].dispose();
          points.push({ kind, orthogonal, features, rmse: Math.sqrt(sums.get(`${kind} ${orthogonal}`)!) });
        }
    }
    progress.done();
    return points;
  });
}

/** Estimates for all pairs, [points, points]. */
function estimator(kind: KernelKind, inputs: number, features: number) {
  const f = randomFeatures({ inputs, features, kind });
  const biased = kind !== "exp" && kind !== "relu";
  const graph = compile(
    (draws: Traced<FeatureDraws>, x: Tensor, w: Tensor) =>
      f
        .phi(draws, x)
        .matmul(f.psi(draws, w.transpose(), biased ? Tensor.full([w.shape[0]!], BIAS) : undefined)),
    { threads: 1 },
  );
  return {
    run: (key: NDArray, rows: NDArray, x: NDArray, w: NDArray) => graph(f.init(key, rows) as never, x, w),
    dispose: () => graph.dispose(),
  };
}

function truthsOf(kind: KernelKind, x: NDArray, w: NDArray): Float64Array {
  const [n, d] = x.shape as [number, number];
  const row = (a: NDArray, i: number) => Array.from(a.data.subarray(i * d, (i + 1) * d), Number);
  return Float64Array.from({ length: n * n }, (_, at) => {
    const [a, b] = [row(x, Math.floor(at / n)), row(w, at % n)];
    if (kind === "relu") return arcCosineKernel(a, b);
    return functions[kind](a.reduce((sum, v, i) => sum + v * b[i]!, 0));
  });
}

function squaredError(estimates: NDArray, truths: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < truths.length; i++) sum += (Number(estimates.data[i]) - truths[i]!) ** 2;
  return sum / truths.length;
}

function onSphere(key: NDArray, { points, dimension, radius }: Config["kernels"]): NDArray {
  const rows = random.normal(key, [points, dimension]);
  const data = rows.data as Float32Array;
  for (let i = 0; i < points; i++) {
    const row = data.subarray(i * dimension, (i + 1) * dimension);
    const norm = Math.hypot(...row);
    for (let j = 0; j < dimension; j++) row[j]! *= radius / norm;
  }
  return rows;
}
