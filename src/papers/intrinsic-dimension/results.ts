import { type IntrinsicDimension, intrinsicDimension, type Measurement } from "./intrinsic-dimension.ts";

/** Trainings of one network on one task: a row of metrics for each seed. */
export interface Curve {
  readonly name: string;
  /** D, its weights. */
  readonly weights: number;
  readonly dimensions: readonly number[];
  /** The metric after direct training, by seed; empty where it was not trained directly. */
  readonly direct: readonly number[];
  /** By seed and dimension. */
  readonly metrics: readonly (readonly number[])[];
}

export interface CompressedNet {
  readonly name: string;
  readonly weights: number;
  readonly dimension: number;
  /** Of the file with the seed and the coordinates. */
  readonly bytes: number;
  readonly accuracy: number;
  /** Between the weights and those rebuilt from the file. */
  readonly largestDifference: number;
}

export interface ToyCurve {
  readonly projection: string;
  readonly points: readonly { readonly dimension: number; readonly loss: number; readonly least: number }[];
}

export interface Results {
  readonly toy: readonly ToyCurve[] | null;
  readonly networks: readonly Curve[];
  readonly small: readonly { readonly name: string; readonly weights: number; readonly accuracy: number }[];
  /** Dense, sparse and Fastfood on one net. */
  readonly projections: readonly Curve[];
  /** The convolutional net raw and permuted, and the fully connected one permuted. */
  readonly permuted: readonly Curve[];
  readonly labels: readonly Curve[];
  /** By number of examples. */
  readonly random: readonly (Curve & { readonly examples: number })[];
  readonly pole: Curve | null;
  /** CartPole by deep Q-learning, by network. */
  readonly cartpole: readonly Curve[];
  readonly mnist: readonly Curve[];
  readonly cifar10: readonly Curve[];
  readonly compressed: readonly CompressedNet[];
}

export function measurementsOf({ dimensions, metrics }: Curve): Measurement[] {
  return metrics.flatMap((row, seed) =>
    row.map((metric, i) => ({ dimension: dimensions[i]!, metric, seed })),
  );
}

/** The intrinsic dimension at 90 % of a baseline; by default of 1. */
export function dimensionOf(curve: Curve, baseline = 1): IntrinsicDimension {
  return intrinsicDimension(measurementsOf(curve), { baseline });
}

export function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** The interpolated dimension at 90 % of a baseline; not a number where the line is not reached. */
export function crossingOf(curve: Curve, baseline = 1): number {
  return dimensionOf(curve, baseline).interpolated ?? Number.NaN;
}

/** The mean metric at a dimension. */
export function meanAt(curve: Curve, dimension: number): number {
  const at = curve.dimensions.indexOf(dimension);
  return mean(curve.metrics.map((row) => row[at]!));
}

/** The net that other studies take up: two layers of 64, or the first. */
export function referenceOf<T extends { readonly depth: number; readonly width: number }>(
  nets: readonly T[],
): T {
  return nets.find((n) => n.depth === 2 && n.width === 64) ?? nets[0]!;
}
