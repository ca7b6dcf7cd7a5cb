import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { checkSizes } from "../checks.ts";
import { mapTrainable } from "../frozen.ts";
import type { FloatType } from "../initialisers.ts";
import type { Parametrization } from "../parametrization.ts";
import { chosen, type Only } from "./only.ts";

export interface LowRankOptions {
  /** Of the difference; a weight whose smaller side is below it takes that. */
  readonly rank: number;
  /** Default: all weights with two axes or more. */
  readonly only?: Only | undefined;
}

export interface LowRank<P> {
  /** `a` [rows, rank] and `b` [rank, columns] by the path of their weight. */
  readonly delta: Readonly<Record<string, { readonly a: NDArray; readonly b: NDArray }>>;
  readonly frozen: { readonly theta0: P };
}

/**
 * w + a b, exactly w at first: a is drawn with variance 1 / rows, b is 0. Only a and b are trained; all other weights stay at their
 * first values. A convolution kernel is the matrix [first axis, the rest]. LoRA: Hu et al., ICLR 2022.
 *
 * ```ts
 * const adapter = nn.reparametrize(importModel(bytes), nn.parametrize.lowRank({ rank: 4 }));
 * ```
 */
export function lowRank<P>(options: LowRankOptions): Parametrization<LowRank<P>, P> {
  checkSizes("lowRank", { rank: options.rank });
  const pair = (key: NDArray, { shape, size, dtype }: NDArray) => {
    const [rows, columns] = [shape[0]!, size / shape[0]!];
    const rank = Math.min(options.rank, rows, columns);
    const a = random.normal(key, [rows, rank], dtype as FloatType);
    a.data.forEach((v: number | bigint, i: number) => {
      a.data[i] = Number(v) / Math.sqrt(rows);
    });
    return { a, b: NDArray.zeros([rank, columns], dtype) };
  };
  return {
    init(key, params) {
      const weights = Object.entries(chosen<NDArray>("lowRank", params, options.only));
      const flat = weights.find(([, w]) => w.rank < 2);
      if (flat !== undefined)
        throw new RangeError(
          `lowRank: "${flat[0]}" has ${flat[1].rank} axes, a matrix has 2: leave it out of \`only\``,
        );
      const delta = Object.fromEntries(weights.map(([path, w], i) => [path, pair(random.fold(key, i), w)]));
      return { delta, frozen: { theta0: params } };
    },
    weights: ({ delta, frozen }) => {
      const pairs = delta as Readonly<Record<string, { a: Tensor; b: Tensor }>>;
      return mapTrainable((w, path) => {
        if (!Object.hasOwn(pairs, path)) return w;
        const { a, b } = pairs[path]!;
        return w.add(a.matmul(b).reshape(w.shape));
      }, frozen.theta0);
    },
  };
}
