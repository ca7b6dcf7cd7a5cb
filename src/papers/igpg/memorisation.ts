import { vectorise } from "./vectorise.ts";

/** How far generated models are from those that the generator learned from. */
export interface CopyMeasure {
  /** d1: the distance of each sample to the nearest of the models. */
  readonly nearest: readonly number[];
  /** d0: the mean distance between two models from different first weights. */
  readonly apart: number;
  /** The mean of d1 / d0: 0 for copies, about 1 for something new. */
  readonly ratio: number;
}

/**
 * Distances (L2, over all weights) of samples to models of the same task and architecture, each model with the name of the first
 * weights that it was trained from. Pass reconstructed models, so that the tokenizer's error does not count as novelty.
 */
export function copyMeasure(
  samples: readonly unknown[],
  models: readonly { readonly params: unknown; readonly start: string | number }[],
): CopyMeasure {
  const known = models.map((m) => ({ vector: vectorise(m.params), start: m.start }));
  if (samples.length === 0 || known.length === 0)
    throw new RangeError("copyMeasure: there are no samples, or no models: give at least one of each");
  const nearest = samples.map((s) => {
    const vector = vectorise(s);
    return Math.min(...known.map((m) => distance(vector, m.vector)));
  });
  const pairs = known.flatMap((a, i) =>
    known.slice(i + 1).flatMap((b) => (a.start === b.start ? [] : [distance(a.vector, b.vector)])),
  );
  if (pairs.length === 0)
    throw new RangeError("copyMeasure: all models start from the same weights: d0 needs two starts");
  const apart = mean(pairs);
  return { nearest, apart, ratio: mean(nearest) / apart };
}

function distance(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length)
    throw new RangeError(
      `copyMeasure: models of ${a.length} and ${b.length} weights: compare one architecture`,
    );
  return Math.sqrt(a.reduce((sum, w, i) => sum + (w - b[i]!) ** 2, 0));
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
