/** Ten quadratic constraints on a vector of weights: its intrinsic dimension is 10 exactly. */
import { Matrix, pseudoInverse } from "ml-matrix";
import { type ProjectionKind, randomSubspace, type Subspace } from "../../nn/parametrize/subspace.ts";
import { lbfgs } from "../../optim/lbfgs.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";

export const TOY_WEIGHTS = 1000;
const GROUPS = 10;
const targets = NDArray.from(
  Array.from({ length: GROUPS }, (_, i) => i + 1),
  "float64",
);

/** Sum over ten groups of 100 weights of (the group's sum - i)^2, i = 1 ... 10. */
export function toyLoss(theta: Tensor): Tensor {
  return groupSums(theta).sub(targets).square().sum();
}

function groupSums(theta: Tensor): Tensor {
  return theta.reshape([GROUPS, TOY_WEIGHTS / GROUPS]).sum(1);
}

const origin = () => NDArray.zeros([TOY_WEIGHTS], "float64");

/** The smallest loss that is found in a random subspace around 0, in double precision. */
export async function trainToy(projection: ProjectionKind, dimension: number, key: NDArray): Promise<number> {
  const subspace = randomSubspace<NDArray>({ projection, dimension });
  const { loss } = await lbfgs<Subspace<NDArray>>({
    params: subspace.init(key, origin()),
    loss: (p) => toyLoss(subspace.weights(p)),
    tolerance: 1e-9,
    threads: 1,
  });
  return loss;
}

/** The least-squares minimum min_v |A P v - b|^2 in that subspace. */
export async function leastToyLoss(
  projection: ProjectionKind,
  dimension: number,
  key: NDArray,
): Promise<number> {
  const subspace = randomSubspace<NDArray>({ projection, dimension });
  const images = compile(
    (p: Traced<Subspace<NDArray>>) => subspace.weightsOfEach(p).map((theta) => groupSums(theta)),
    { threads: 1 },
  );
  const units = NDArray.zeros([dimension, dimension], "float64");
  for (let j = 0; j < dimension; j++) units.data[j * dimension + j] = 1;
  const point = { ...subspace.init(key, origin()), z: units };
  const columns = ((await images(point as never)) as unknown as NDArray[]).map((c) =>
    Array.from(c.data, Number),
  );
  await images.dispose();
  return residual(columns);
}

/** Of b after its projection on the span of these columns. */
function residual(columns: readonly (readonly number[])[]): number {
  const AP = new Matrix(columns.map((c) => [...c])).transpose();
  const b = Matrix.columnVector(Array.from(targets.data, Number));
  const rest = Matrix.sub(b, AP.mmul(pseudoInverse(AP).mmul(b)));
  return rest.to1DArray().reduce((sum, r) => sum + r * r, 0);
}
