import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import { showShape } from "../../tensor/shape.ts";
import type { Dataset } from "../dataset.ts";
import { eachExample } from "./draws.ts";

export interface MixtureOptions {
  /** The centre of each cluster: [clusters, d]. */
  readonly means: NDArray;
  /** The class of each cluster. Default: its own. */
  readonly classOf?: readonly number[];
  /** What standard normal noise is multiplied by: a number (default 1), or a matrix [d, d] that all clusters share. */
  readonly noise?: number | NDArray;
}

/**
 * A Gaussian mixture: x = mean of a cluster + noise * N(0, I), each cluster equally likely. Features: float32 [n, d];
 * labels: int64 [n]. Example i depends on the key, the options and i alone.
 */
export function gaussianMixture(
  key: NDArray,
  n: number,
  { means, classOf, noise = 1 }: MixtureOptions,
): Dataset {
  const [clusters, d] = means.shape;
  if (means.shape.length !== 2 || clusters === 0) {
    throw new RangeError(`gaussianMixture: means ${showShape(means.shape)}, [clusters, d] is expected`);
  }
  if (classOf !== undefined && classOf.length !== clusters) {
    throw new RangeError(
      `gaussianMixture: ${classOf.length} classes for ${clusters} clusters: give one for each`,
    );
  }
  if (noise instanceof NDArray && showShape(noise.shape) !== showShape([d!, d!])) {
    throw new RangeError(
      `gaussianMixture: noise ${showShape(noise.shape)}, a number or ${showShape([d!, d!])} is expected`,
    );
  }
  const { data, labels } = eachExample(key, n, d!, ({ draws, noise: noiseKey, out, at }) => {
    const cluster = draws.integer(clusters!);
    const z = random.normal(noiseKey, [d!], "float64").data as Float64Array;
    for (let j = 0; j < d!; j++) {
      const shift = typeof noise === "number" ? noise * z[j]! : row(noise, j, z);
      out[at + j] = Number(means.data[cluster * d! + j]) + shift;
    }
    return classOf?.[cluster] ?? cluster;
  });
  return { features: new NDArray(data, [n, d!]), labels };
}

function row(matrix: NDArray, j: number, z: Float64Array): number {
  return z.reduce((sum, v, i) => sum + Number(matrix.data[j * z.length + i]) * v, 0);
}
