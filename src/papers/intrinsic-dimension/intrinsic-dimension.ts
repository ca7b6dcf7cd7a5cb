/**
 * How many dimensions does a task need? Train only inside random subspaces of growing dimension d; the smallest d that solves the
 * task is its intrinsic dimension. Li, Farkhoor, Liu and Yosinski, ICLR 2018.
 */
import * as random from "../../tensor/random.ts";

export {
  type ProjectionKind,
  randomSubspace,
  type Subspace,
  type SubspaceOptions,
} from "../../nn/parametrize/subspace.ts";
export { type Compressed, compress, decompress, readCompressed } from "./compress.ts";
export { type SubspaceRun, type SubspaceTraining, trainDirectly, trainInSubspaces } from "./train.ts";

/** A training in d dimensions and the metric that it came to, larger being better. */
export interface Measurement {
  readonly dimension: number;
  readonly metric: number;
  readonly seed?: number;
}

export interface DimensionOptions {
  /** The metric that counts as solved: of direct training ("own"), or the same for all networks ("global", such as 1). */
  readonly baseline: number;
  /** Share of the baseline that has to be reached. Default 0.9, for d_int90. */
  readonly fraction?: number | undefined;
  /** Samples of the bootstrap. Default 100. */
  readonly draws?: number | undefined;
  /** Of the bootstrap. Default `random.key(0)`. */
  readonly key?: ReturnType<typeof random.key> | undefined;
}

export interface IntrinsicDimension {
  /** fraction x baseline. */
  readonly threshold: number;
  /** The smallest dimension measured whose mean metric reaches the threshold; null where none does. */
  readonly first: number | null;
  /** The largest dimension below `first` that was measured: the answer lies between them. Null where `first` is the smallest. */
  readonly below: number | null;
  /**
   * Where the mean metric crosses the threshold, linear in the logarithm of the dimension. Where already the smallest dimension
   * reaches it, that dimension: an upper bound.
   */
  readonly interpolated: number | null;
  /** Of `first` over samples that take one run for each dimension; null where less than half of these reach the threshold. */
  readonly bootstrapMean: number | null;
  readonly bootstrapStd: number | null;
  /** Mean metric by dimension, ascending. */
  readonly curve: readonly { readonly dimension: number; readonly mean: number }[];
}

/**
 * The intrinsic dimension from measurements on a grid of dimensions, one or more runs for each.
 *
 * ```ts
 * const { first, interpolated } = intrinsicDimension(await run.evaluate(test), { baseline: 1 });
 * ```
 * Throws where there are fewer than two dimensions, or a number is not finite.
 */
export function intrinsicDimension(
  points: readonly Measurement[],
  options: DimensionOptions,
): IntrinsicDimension {
  const { baseline, fraction = 0.9, draws = 100 } = options;
  const runs = byDimension(points);
  const dimensions = [...runs.keys()].sort((a, b) => a - b);
  if (dimensions.length < 2)
    throw new RangeError(
      `intrinsicDimension: there are measurements of ${dimensions.length} dimensions: give two or more`,
    );
  const threshold = fraction * baseline;
  if (!Number.isFinite(threshold))
    throw new RangeError(
      `intrinsicDimension: the baseline is ${baseline}: give the metric that counts as solved`,
    );
  const curve = dimensions.map((dimension) => ({ dimension, mean: mean(runs.get(dimension)!) }));
  const at = curve.findIndex((c) => c.mean >= threshold);
  return {
    threshold,
    first: curve[at]?.dimension ?? null,
    below: curve[at - 1]?.dimension ?? null,
    interpolated: at < 0 ? null : crossing(curve, at, threshold),
    ...bootstrap(dimensions, runs, threshold, draws, options.key ?? random.key(0)),
    curve,
  };
}

/**
 * Bits that say a solution: d numbers and the seed that the rest is drawn from. An upper bound on its minimum description length.
 * Default 32 bits a number, 64 for the seed.
 */
export function descriptionLength(
  dimension: number,
  o: { readonly bitsPerNumber?: number; readonly overheadBits?: number } = {},
): number {
  return dimension * (o.bitsPerNumber ?? 32) + (o.overheadBits ?? 64);
}

function byDimension(points: readonly Measurement[]): Map<number, number[]> {
  const runs = new Map<number, number[]>();
  for (const { dimension, metric, seed = 0 } of points) {
    if (!(dimension >= 1) || !Number.isFinite(metric))
      throw new RangeError(
        `intrinsicDimension: dimension ${dimension}, seed ${seed} has the metric ${metric}: use dimensions from 1 and finite metrics`,
      );
    runs.set(dimension, [...(runs.get(dimension) ?? []), metric]);
  }
  return runs;
}

function crossing(curve: IntrinsicDimension["curve"], at: number, threshold: number): number {
  const [low, high] = [curve[at - 1], curve[at]!];
  if (low === undefined) return high.dimension;
  const share = (threshold - low.mean) / (high.mean - low.mean);
  return Math.exp(Math.log(low.dimension) + share * Math.log(high.dimension / low.dimension));
}

function bootstrap(
  dimensions: readonly number[],
  runs: ReadonlyMap<number, readonly number[]>,
  threshold: number,
  draws: number,
  key: ReturnType<typeof random.key>,
): Pick<IntrinsicDimension, "bootstrapMean" | "bootstrapStd"> {
  const u = random.uniform(key, [draws, dimensions.length], { dtype: "float64" }).data as Float64Array;
  const firsts = Array.from({ length: draws }, (_, b) =>
    dimensions.find((d, j) => {
      const own = runs.get(d)!;
      return own[Math.floor(u[b * dimensions.length + j]! * own.length)]! >= threshold;
    }),
  ).filter((d) => d !== undefined);
  if (2 * firsts.length < draws) return { bootstrapMean: null, bootstrapStd: null };
  const middle = mean(firsts);
  return { bootstrapMean: middle, bootstrapStd: Math.sqrt(mean(firsts.map((d) => (d - middle) ** 2))) };
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
