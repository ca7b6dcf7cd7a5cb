import type { Tensor } from "../tensor/tensor.ts";

export function lowerFloat64(roots: readonly Tensor[]): Tensor[] {
  return [...roots];
}
