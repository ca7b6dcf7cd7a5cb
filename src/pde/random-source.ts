import type { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { RandomSource } from "./function-sampler.ts";

/** A stream of random numbers that a key determines. Call n of it uses the key's n-th fold. */
export function randomSource(key: NDArray): RandomSource {
  let calls = 0;
  const next = () => random.fold(key, calls++);
  return {
    uniform: (n) => random.uniform(next(), [n], { dtype: "float64" }).data as Float64Array,
    normal: (n) => random.normal(next(), [n], "float64").data as Float64Array,
  };
}
