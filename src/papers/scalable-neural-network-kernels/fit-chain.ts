/** Random features fitted to what a chain of layers gives, in closed form. */
import { takeRows } from "../../data/dataset.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { TowerParams } from "./bundle.ts";
import { addMoments, type Moments, momentsOf, optimalWeights, squaredLoss } from "./closed-form.ts";
import { type ChainKind, type ChainTower, chainFeatures, chainTower } from "./tower-nodes.ts";

/** Times the mean of the diagonal of Z^T Z / N. */
const RIDGES = [1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1];

export interface FitChainOptions {
  /** [rows, inputs]. */
  readonly x: NDArray;
  /** What the chain gave, [rows, units]. */
  readonly y: NDArray;
  readonly features: number;
  /** Numbers of feature stages to try. */
  readonly depths: readonly number[];
  readonly kinds: readonly ChainKind[];
  readonly key: NDArray;
  readonly signal?: AbortSignal;
}

export interface FittedChain {
  readonly tower: ChainTower;
  readonly params: TowerParams;
  /** float32 [features + 1, units], the bias last. */
  readonly weights: NDArray;
  /** Relative to the mean of the diagonal. */
  readonly ridge: number;
  /** On the fifth of the rows that kind and ridge were chosen by. */
  readonly heldOutR2: number;
}

/**
 * The kind of features, the number of their stages and the ridge that fit a fifth of the rows best, when solved on the others; then solved on all rows. Throws one
 * line where there are too few rows.
 */
export async function fitChain(o: FitChainOptions): Promise<FittedChain> {
  const rows = o.x.shape[0]!;
  if (rows < 10)
    throw new Error(`snnk: ${rows} rows are too few to fit ${o.features} features to: give more examples`);
  const order = Array.from(random.permutation(o.key, rows).data, Number);
  const cut = Math.floor(rows / 5);
  const part = (indices: readonly number[]) => ({ x: takeRows(o.x, indices), y: takeRows(o.y, indices) });
  const [held, fit] = [part(order.slice(0, cut)), part(order.slice(cut))];
  let best: (FittedChain & { readonly all: Moments }) | undefined;
  const candidates = o.depths.flatMap((depth) => o.kinds.map((kind) => ({ kind, depth })));
  for (const { kind, depth } of candidates) {
    const tower = chainTower({
      kind,
      inputs: o.x.shape[1]!,
      features: o.features,
      depth,
      scale: 1 / typicalNorm(o.x),
    });
    const params = tower.tower.init(random.fold(o.key, kind === "relu" ? 1 : 2));
    const momentsFor = (d: { x: NDArray; y: NDArray }) =>
      momentsOf(chainFeatures(tower), params, d.x, d.y, { signal: o.signal });
    const [own, other] = [await momentsFor(fit), await momentsFor(held)];
    for (const ridge of RIDGES) {
      const weights = solved(own, ridge);
      const heldOutR2 =
        weights === undefined ? Number.NEGATIVE_INFINITY : 1 - squaredLoss(weights, other) / spread(held.y);
      if (best !== undefined && heldOutR2 <= best.heldOutR2) continue;
      best = { tower, params, weights: o.y, ridge, heldOutR2, all: addMoments(own, other) };
    }
  }
  const { all, ...chosen } = best!;
  return { ...chosen, weights: optimalWeights(all, chosen.ridge * meanDiagonal(all)).cast("float32") };
}

/** Undefined where the ridge is too small for the rows. */
function solved(moments: Moments, ridge: number): NDArray | undefined {
  try {
    return optimalWeights(moments, ridge * meanDiagonal(moments));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function meanDiagonal({ gram, rows }: Moments): number {
  const m = gram.shape[0]!;
  let sum = 0;
  for (let i = 0; i < m; i++) sum += Number(gram.data[i * (m + 1)]);
  return Math.max(sum / (m * rows), Number.MIN_VALUE);
}

/** The sum of squares about the mean of each column. */
function spread(y: NDArray): number {
  const [rows, columns] = y.shape as [number, number];
  let total = 0;
  for (let c = 0; c < columns; c++) {
    let [sum, squares] = [0, 0];
    for (let r = 0; r < rows; r++) {
      const v = Number(y.data[r * columns + c]);
      sum += v;
      squares += v * v;
    }
    total += squares - sum ** 2 / rows;
  }
  return Math.max(total, Number.MIN_VALUE);
}

/** The root of the mean of |x|^2; 1 for inputs that are all 0. */
function typicalNorm(x: NDArray): number {
  let sum = 0;
  for (const v of x.data) sum += Number(v) ** 2;
  return Math.sqrt(sum / x.shape[0]!) || 1;
}
