import type { Context } from "../../experiment/context.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";

/** The key of a part of the run: equal parts and seeds, equal draws. */
export function keyOf(context: Context, part: string, seed = 0): NDArray {
  const number = [...part].reduce((h, c) => (Math.imul(h, 31) + c.charCodeAt(0)) >>> 0, 7);
  return random.fold(random.fold(context.key, number), seed);
}

export const seedsOf = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Made when it is first asked for: a resumed run that has all its stages makes no data. */
export function lazily<T>(make: () => T): () => T {
  let value: { readonly is: T } | undefined;
  return () => {
    value ??= { is: make() };
    return value.is;
  };
}
