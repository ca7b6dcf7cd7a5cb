import type { NDArray } from "../tensor/ndarray.ts";

/** Arrays by path. */
export type Arrays = Readonly<Record<string, NDArray>>;

export function mapArrays(f: (array: NDArray, path: string) => NDArray, arrays: Arrays): Arrays {
  return Object.fromEntries(Object.entries(arrays).map(([path, array]) => [path, f(array, path)]));
}

export function copies(arrays: Arrays): Arrays {
  return mapArrays((w) => w.copy(), arrays);
}
