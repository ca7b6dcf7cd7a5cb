/** Pools as layers without weights, [N, C, ...sizes]. */
import * as operators from "../tensor/operators/pooling.ts";
import { layer } from "./combine.ts";

type Window = number | readonly number[];

/** The largest element of each window. `nn.maxPool(2)`: windows of 2 in every spatial axis, side by side. */
export function maxPool(window: Window, options: operators.PoolOptions = {}) {
  return layer((x) => operators.maxPool(x, window, options));
}

/** The mean of each window. */
export function averagePool(
  window: Window,
  options: operators.PoolOptions & { readonly countPadding?: boolean } = {},
) {
  return layer((x) => operators.averagePool(x, window, options));
}

/** The mean of each channel: [N, C, ...sizes] to [N, C]. */
export function globalAveragePool() {
  return layer((x) => operators.globalAveragePool(x).reshape([x.shape[0]!, x.shape[1]!]));
}

/** The largest element of each channel: [N, C, ...sizes] to [N, C]. */
export function globalMaxPool() {
  return layer((x) => operators.globalMaxPool(x).reshape([x.shape[0]!, x.shape[1]!]));
}

/** [N, ...sizes] to [N, their product]. */
export function flatten() {
  return layer((x) => x.reshape([x.shape[0]!, x.size / x.shape[0]!]));
}
