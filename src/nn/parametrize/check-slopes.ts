/**
 * The gradients of a parametrization against central differences, in float64. A straight-through gradient is no derivative of its value, so
 * the differences are those of what it says it is the derivative of: at a point z0, each stand-in hard(z) counts as hard(z0) + soft(z) -
 * soft(z0), and each stopped gradient as a constant.
 */
import { compile } from "../../runtime/compile.ts";
import { isFloat } from "../../tensor/dtype.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import { INTERNAL } from "../../tensor/node.ts";
import * as random from "../../tensor/random.ts";
import { reachable, rewrite } from "../../tensor/rewrite.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { grad } from "../../tensor/transforms.ts";
import * as tree from "../../tensor/tree.ts";
import { trainable, withTrainable } from "../frozen.ts";
import type { Parametrization } from "../parametrization.ts";

const STEP = 1e-6;
const TOLERANCE = 1e-6;
/** So many numbers of each array are checked. */
const EACH = 7;

/** Throws where a derivative of the weights differs from its central difference, or all are 0: then nothing would be trained. */
export async function checkSlopes<Z, P>(p: Parametrization<Z, P>, params: P, key: NDArray): Promise<void> {
  const z = withRandomMove(p.init(key, params));
  const free = trainable(z) as Record<string, NDArray>;
  const weightsAt = (values: Record<string, Tensor>, all: unknown) =>
    (tree.leaves(p.weights(withTrainable(all, values) as never)) as Tensor[]).filter((t) => isFloat(t.dtype));
  const analytic = compile(
    (values: Record<string, Tensor>, all: unknown) => {
      const weights = weightsAt(values, all);
      return {
        slopes: grad((v: typeof values) => mixed(weightsAt(v, all)))(values),
        held: standIns(weights),
      };
    },
    { threads: 1 },
  );
  const value = compile(
    (values: Record<string, Tensor>, all: unknown, held: Tensor[]) =>
      mixed(holding(weightsAt(values, all), held)),
    { threads: 1 },
  );
  try {
    const { slopes, held } = await analytic(free as never, z as never);
    if (Object.values(slopes as Record<string, NDArray>).every((g) => numbers(g).every((v) => v === 0)))
      throw new Error("no weight depends on what is trained: nothing would be learned");
    for (const [path, w] of Object.entries(free)) {
      const found = slopes[path] as NDArray;
      const scale = Math.max(0.01, ...numbers(found).map(Math.abs));
      for (const at of places(w.size)) {
        const lossAt = async (step: number) => {
          const moved = w.copy();
          (moved.data as Float64Array)[at]! += step;
          return (await value({ ...free, [path]: moved } as never, z as never, held as never)).item();
        };
        const difference = ((await lossAt(STEP)) - (await lossAt(-STEP))) / (2 * STEP);
        if (!(Math.abs(difference - Number(found.data[at])) <= TOLERANCE * scale))
          throw new Error(
            `by "${path}"[${at}] the derivative is ${found.data[at]}, by differences ${difference}`,
          );
      }
    }
  } finally {
    await Promise.all([analytic.dispose(), value.dispose()]);
  }
}

/** The same values, those that are trained moved at random: by a tenth of their size. */
export function withRandomMove<Z>(z: Z): Z {
  const moved = (Object.entries(trainable(z)) as unknown as [string, NDArray][]).map(([path, w], i) => {
    const size = Math.sqrt(numbers(w).reduce((sum, v) => sum + v * v, 0) / w.size) || 1;
    const noise = random.normal(random.fold(random.key(5), i), w.shape, "float64");
    const next = w.copy();
    noise.data.forEach((e: number | bigint, k: number) => {
      next.data[k] = Number(w.data[k]) + 0.1 * size * Number(e);
    });
    return [path, next] as const;
  });
  return withTrainable<Z>(z, Object.fromEntries(moved));
}

const numbers = (a: NDArray): number[] => Array.from(a.data as Iterable<number | bigint>, Number);

function places(size: number): number[] {
  return Array.from({ length: Math.min(size, EACH) }, (_, i) =>
    Math.floor((i * size) / Math.min(size, EACH)),
  );
}

/** A number that all elements take part in, with different factors. */
function mixed(weights: readonly Tensor[]): Tensor {
  return weights
    .map((w, i) => {
      const factors = random.uniform(random.fold(random.key(3), i), w.shape, {
        low: 0.5,
        high: 1.5,
        dtype: "float64",
      });
      return w.cast("float64").mul(factors).sum();
    })
    .reduce((a, b) => a.add(b));
}

const isStandIn = (op: string, domain: string) =>
  domain === INTERNAL && (op === "StraightThrough" || op === "StopGradient");

/** What is constant in each stand-in. */
function standIns(weights: readonly Tensor[]): Tensor[] {
  return reachable(weights)
    .filter((node) => isStandIn(node.op, node.domain))
    .map(({ op, inputs: [hard, soft] }) => (op === "StopGradient" ? hard! : hard!.sub(soft!)));
}

/** The weights with these constants. */
function holding(weights: readonly Tensor[], held: readonly Tensor[]): Tensor[] {
  let at = 0;
  return rewrite(weights, (node, [, soft]) => {
    if (!isStandIn(node.op, node.domain)) return undefined;
    const constant = held[at++]!;
    return [node.op === "StopGradient" ? constant : soft!.add(constant)];
  });
}
