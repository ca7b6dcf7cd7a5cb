/** Bayesian optimisation on the unit cube: a Gaussian process with an RBF kernel of one length scale an axis, and expected improvement. */
import { CholeskyDecomposition, Matrix } from "ml-matrix";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";

type Point = readonly number[];

/** Length scales and noise variance, for losses standardised to mean 0 and variance 1. */
interface Kernel {
  readonly lengths: readonly number[];
  readonly noise: number;
}

const KERNELS = 200;
const CANDIDATES = 2000;

/**
 * The point to try next: where the expected improvement over the lowest loss is largest among random candidates. The kernel is the likeliest
 * of a random sample. Points lie in [0, 1]^n; at least two losses are needed.
 */
export function suggest(points: readonly Point[], losses: readonly number[], key: NDArray): number[] {
  const n = points[0]!.length;
  const [forKernel, forCandidates] = random.split(key) as [NDArray, NDArray];
  const y = standardised(losses);
  const u = random.uniform(forKernel, [KERNELS, n + 1], { dtype: "float64" }).data as Float64Array;
  const kernels = Array.from({ length: KERNELS }, (_, i): Kernel => {
    const row = u.subarray(i * (n + 1), (i + 1) * (n + 1));
    return {
      lengths: Array.from(row.subarray(0, n), (v) => 0.05 * 60 ** v),
      noise: 10 ** (-6 + 5 * row[n]!),
    };
  });
  const processes = kernels.map((kernel) => new Process(points, y, kernel));
  const likeliest = processes.reduce((a, b) => (b.logLikelihood > a.logLikelihood ? b : a));
  const c = random.uniform(forCandidates, [CANDIDATES, n], { dtype: "float64" }).data as Float64Array;
  const candidates = Array.from({ length: CANDIDATES }, (_, i) => Array.from(c.subarray(i * n, (i + 1) * n)));
  const best = Math.min(...y);
  const gains = candidates.map((p) => expectedImprovement(likeliest.predict(p), best));
  return candidates[gains.indexOf(Math.max(...gains))]!;
}

/** A Gaussian process with mean 0 that has seen some values. */
export class Process {
  readonly logLikelihood: number;
  private readonly cholesky: CholeskyDecomposition;
  private readonly weights: Matrix;

  constructor(
    private readonly points: readonly Point[],
    y: readonly number[],
    private readonly kernel: Kernel,
  ) {
    const gram = new Matrix(points.map((p) => points.map((q) => rbf(p, q, kernel))));
    for (let i = 0; i < points.length; i++) gram.set(i, i, 1 + kernel.noise);
    this.cholesky = new CholeskyDecomposition(gram);
    const column = Matrix.columnVector([...y]);
    this.weights = this.cholesky.solve(column);
    const logDeterminant = this.cholesky.lowerTriangularMatrix
      .diagonal()
      .reduce((s, d) => s + Math.log(d), 0);
    this.logLikelihood =
      -0.5 * column.transpose().mmul(this.weights).get(0, 0) -
      logDeterminant -
      0.5 * points.length * Math.log(2 * Math.PI);
  }

  /** Mean and standard deviation of the value there, without noise. */
  predict(p: Point): { readonly mean: number; readonly std: number } {
    const k = Matrix.columnVector(this.points.map((q) => rbf(p, q, this.kernel)));
    const mean = k.transpose().mmul(this.weights).get(0, 0);
    const variance = 1 - k.transpose().mmul(this.cholesky.solve(k)).get(0, 0);
    return { mean, std: Math.sqrt(Math.max(variance, 0)) };
  }
}

/** E[max(best - value, 0)] of a normal value. */
export function expectedImprovement({ mean, std }: { mean: number; std: number }, best: number): number {
  if (std === 0) return Math.max(best - mean, 0);
  const z = (best - mean) / std;
  const density = Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
  return (best - mean) * normalCdf(z) + std * density;
}

/** Zelen and Severo's approximation (Abramowitz and Stegun, 26.2.17), good to 7.5e-8. */
function normalCdf(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const series = [0.31938153, -0.356563782, 1.781477937, -1.821255978, 1.330274429];
  const tail =
    series.reduceRight((sum, c) => (sum + c) * t, 0) * (Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI));
  return z >= 0 ? 1 - tail : tail;
}

function rbf(p: Point, q: Point, { lengths }: Kernel): number {
  const squared = lengths.reduce((s, l, i) => s + ((p[i]! - q[i]!) / l) ** 2, 0);
  return Math.exp(-0.5 * squared);
}

function standardised(values: readonly number[]): number[] {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const std = Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / values.length) || 1;
  return values.map((v) => (v - mean) / std);
}
