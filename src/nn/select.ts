import { NDArray } from "../tensor/ndarray.ts";
import * as tree from "../tensor/tree.ts";
import { isFrozen } from "./frozen.ts";

/** Names weights by path and shape. */
export type Selects = (path: string, shape: readonly number[]) => boolean;

/** Those called `kernel` with two axes or more. */
export const kernels: Selects = (path, shape) =>
  shape.length > 1 && (path === "kernel" || path.endsWith("/kernel"));

/** Something for each selected weight, by its path. Throws where there is none. */
export function forSelected<P>(
  who: string,
  params: P,
  select: Selects,
  f: (weight: NDArray) => NDArray,
): Record<string, NDArray> {
  const all = Object.entries(tree.toRecord(params) as Readonly<Record<string, unknown>>);
  const chosen = all.flatMap(([path, w]) =>
    w instanceof NDArray && !isFrozen(path) && select(path, w.shape) ? [[path, f(w)] as const] : [],
  );
  if (chosen.length === 0)
    throw new RangeError(
      `${who}: no weight is selected among ${all.map(([path]) => path).join(", ")}: give a \`select\` that takes one`,
    );
  return Object.fromEntries(chosen);
}
