import type { AlignedResult } from "./aligned.ts";
import type { CurvePlot } from "./curves.ts";
import type { AntiderivativeResult, diffusionStudy, nonlinearStudy, SweepPoint } from "./studies.ts";
import type { TheoryRow } from "./theory.ts";

/** Everything that a run measured; null for studies that its configuration leaves out. */
export interface Results {
  readonly antiderivative: AntiderivativeResult;
  readonly nonlinear: Awaited<ReturnType<typeof nonlinearStudy>> | null;
  readonly sizes: readonly SweepPoint[] | null;
  readonly sensors: readonly SweepPoint[] | null;
  readonly horizon: readonly SweepPoint[] | null;
  readonly diffusion: Awaited<ReturnType<typeof diffusionStudy>> | null;
  readonly theory: readonly TheoryRow[];
  readonly curves: readonly CurvePlot[];
  readonly aligned: AlignedResult | null;
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** How much larger the test error is than the training error. */
export function generalisationRatio(o: { readonly testMse: number; readonly trainMse: number }): number {
  return o.testMse / o.trainMse;
}

/** The sweep's point at this value, undefined where the configuration has none. */
export function pointAt(points: readonly SweepPoint[], at: number): SweepPoint | undefined {
  return points.find((p) => p.at === at);
}

/** The slope of log y over x or log x, by least squares. */
export function slope(points: readonly (readonly [x: number, y: number])[], scale: "linear" | "log"): number {
  const xs = points.map(([x]) => (scale === "log" ? Math.log(x) : x));
  const ys = points.map(([, y]) => Math.log(y));
  const [mx, my] = [meanOf(xs), meanOf(ys)];
  const covariance = xs.reduce((sum, x, i) => sum + (x - mx) * (ys[i]! - my), 0);
  return covariance / xs.reduce((sum, x) => sum + (x - mx) ** 2, 0);
}
