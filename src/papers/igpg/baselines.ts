/** What a generator of weights is compared with. */
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import * as tree from "../../tensor/tree.ts";

function arraysAt(models: readonly unknown[], path: string): NDArray[] {
  return models.map((m) => (tree.toRecord(m) as Record<string, NDArray>)[path]!);
}

/** Weights of which each array is drawn from one normal distribution, that of all its weights in all models. */
export function gaussianModel<P>(models: readonly P[], key: NDArray): P {
  let index = 0;
  return tree.mapWithPath((leaf, path) => {
    const values = arraysAt(models, path).flatMap((a) => Array.from(a.data as Float32Array));
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const std = Math.sqrt(values.reduce((a, w) => a + (w - mean) ** 2, 0) / values.length);
    const draws = random.normal(random.fold(key, index++), (leaf as NDArray).shape);
    return new NDArray(
      (draws.data as Float32Array).map((v) => mean + std * v),
      draws.shape,
    );
  }, models[0]!) as P;
}

/** The mean of several models' weights. */
export function meanModel<P>(models: readonly P[]): P {
  return tree.mapWithPath((leaf, path) => {
    const { shape, size } = leaf as NDArray;
    const sum = new Float32Array(size);
    for (const a of arraysAt(models, path)) {
      for (let i = 0; i < size; i++) sum[i]! += Number(a.data[i]) / models.length;
    }
    return new NDArray(sum, shape);
  }, models[0]!) as P;
}

/** The model whose condition vector is nearest: what mere memory would return. */
export function nearestModel<P>(
  models: readonly { readonly params: P; readonly vector: Float32Array }[],
  wanted: Float32Array,
): P {
  const distance = (v: Float32Array) => v.reduce((sum, x, i) => sum + (x - wanted[i]!) ** 2, 0);
  return models.reduce((best, m) => (distance(m.vector) < distance(best.vector) ? m : best)).params;
}
