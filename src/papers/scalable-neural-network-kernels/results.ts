import type { CharacterResult } from "./character-study.ts";
import type { ConversionPoint } from "./conversion-study.ts";
import type { DigitResult, TowerPoint } from "./digit-study.ts";
import type { KernelKind, KernelPoint } from "./kernel-study.ts";
import type { PoissonResult } from "./poisson-study.ts";
import type { RegressionResult, TableResult } from "./regression-study.ts";
import type { TransferResult } from "./transfer-study.ts";

/** Everything that a run measured; null for studies that its configuration leaves out. */
export interface Results {
  readonly kernels: readonly KernelPoint[];
  readonly digits: DigitResult;
  readonly friedman: RegressionResult | null;
  readonly transfer: TransferResult | null;
  readonly conversion: readonly ConversionPoint[] | null;
  readonly tables: readonly TableResult[] | null;
  readonly characters: CharacterResult | null;
  readonly poisson: readonly PoissonResult[] | null;
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

export function rmseAt(
  { kernels }: Results,
  kind: KernelKind,
  features: number,
  orthogonal: boolean,
): number | undefined {
  return kernels.find((p) => p.kind === kind && p.features === features && p.orthogonal === orthogonal)?.rmse;
}

/** The slope of log RMSE over log m of independent rows, by least squares. */
export function rmseSlope({ kernels }: Results, kind: KernelKind): number {
  const points = kernels.filter((p) => p.kind === kind && !p.orthogonal);
  const xs = points.map((p) => Math.log(p.features));
  const ys = points.map((p) => Math.log(p.rmse));
  const [mx, my] = [meanOf(xs), meanOf(ys)];
  const covariance = xs.reduce((sum, x, i) => sum + (x - mx) * (ys[i]! - my), 0);
  return covariance / xs.reduce((sum, x) => sum + (x - mx) ** 2, 0);
}

export function towerAt(
  towers: readonly TowerPoint[],
  layers: number,
  features: number,
): TowerPoint | undefined {
  return towers.find((t) => t.layers === layers && t.features === features);
}

/** By what is trained: "snnk", "head", "full", or the width of a bottleneck. */
export function tunedAt({ tuned }: TransferResult, what: "snnk" | "head" | "full" | number) {
  return tuned.find(({ tuning }) => {
    if (typeof tuning === "string") return tuning === what;
    return "snnk" in tuning ? what === "snnk" : tuning.bottleneck === what;
  });
}
