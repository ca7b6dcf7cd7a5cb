import { orthogonal } from "../../nn/initialisers.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";

/**
 * The rows g_i of random features: float32 [features, inputs], each row N(0, I). With `orthogonal`, the rows of every block of
 * `inputs` rows are orthogonal to each other and have the norms of independent Gaussian vectors; the last block may be cut. The
 * blocks are Haar-distributed: without the signs that this takes, the estimates are biased.
 */
export function projectionRows(
  key: NDArray,
  features: number,
  inputs: number,
  o: { readonly orthogonal?: boolean | undefined } = {},
): NDArray {
  const [forNorms, forBlocks] = random.split(key) as [NDArray, NDArray];
  const rows = random.normal(forNorms, [features, inputs]);
  if (o.orthogonal !== true) return rows;
  const data = rows.data as Float32Array;
  const block = orthogonal(1);
  for (let start = 0, i = 0; start < features; start += inputs, i++) {
    const q = block(random.fold(forBlocks, i), [inputs, inputs], "float64").data as Float64Array;
    const count = Math.min(inputs, features - start);
    for (let r = 0; r < count; r++) {
      const at = (start + r) * inputs;
      const norm = Math.hypot(...data.subarray(at, at + inputs));
      for (let j = 0; j < inputs; j++) data[at + j] = norm * q[r * inputs + j]!;
    }
  }
  return new NDArray(data, [features, inputs]);
}
