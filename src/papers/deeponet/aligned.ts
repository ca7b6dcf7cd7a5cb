/**
 * The public aligned antiderivative data set of DeepXDE: u at 100 sensors, v = the antiderivative at 100 points, the same
 * for every function; 150 functions to train on and 1000 to test.
 */
import type { Context } from "../../experiment/context.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import { showShape } from "../../tensor/shape.ts";
import type { Config } from "./config.ts";
import { DeepONet } from "./deeponet.ts";
import { type Outcome, studyKey, trial } from "./studies.ts";
import type { Triples } from "./triples.ts";

export type AlignedResult = Outcome;

/** The arrays of such a file, `branch` [n, m], `trunk` [q, d] and `y` [n, q], as triples: one for each function and query. */
export function alignedTriples(arrays: Readonly<Record<string, NDArray>>, what: string): Triples {
  const [branch, trunk, y] = ["branch", "trunk", "y"].map((name) => {
    const array = arrays[name];
    if (array === undefined || array.rank !== 2) {
      throw new Error(
        `${what}: it has no matrix "${name}": expected branch [n, m], trunk [q, d] and y [n, q]`,
      );
    }
    return array;
  }) as [NDArray, NDArray, NDArray];
  const [functions, sensors] = branch.shape as [number, number];
  const [queries, queryDim] = trunk.shape as [number, number];
  if (y.shape[0] !== functions || y.shape[1] !== queries) {
    throw new Error(
      `${what}: y is ${showShape(y.shape)}, expected ${showShape([functions, queries])} by branch and trunk`,
    );
  }
  const count = functions * queries;
  const u = new Float32Array(count * sensors);
  const at = new Float32Array(count * queryDim);
  for (let row = 0; row < count; row++) {
    const [f, q] = [Math.floor(row / queries), row % queries];
    for (let i = 0; i < sensors; i++) u[row * sensors + i] = Number(branch.data[f * sensors + i]);
    for (let i = 0; i < queryDim; i++) at[row * queryDim + i] = Number(trunk.data[q * queryDim + i]);
  }
  return {
    u,
    y: at,
    s: Float32Array.from(y.data as Float64Array),
    count,
    sensors,
    queryDim,
    functions,
    rejected: 0,
  };
}

/** Train the antiderivative's net on the public data set. */
export async function alignedStudy(context: Context, config: Config, folder: string): Promise<AlignedResult> {
  const { readAligned } = await import("./aligned.node.ts");
  const { train, test } = await readAligned(folder);
  const { width, latent, steps, batch } = config.antiderivative;
  const net = DeepONet({
    sensors: train.sensors,
    queryDim: train.queryDim,
    latent,
    branch: [width],
    trunk: [width, width],
  });
  const budget = { steps, batch, learningRate: config.learningRate };
  const key = studyKey(context, "aligned");
  const { params: _, ...outcome } = await trial(
    context,
    "public aligned data, DeepONet",
    net,
    () => ({ train, test }),
    key,
    budget,
  );
  return outcome;
}
