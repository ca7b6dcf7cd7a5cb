/** A function of trees of tensors, compiled, run once and freed. */
import { type Argument, compile } from "../src/runtime/compile.ts";
import { NDArray } from "../src/tensor/ndarray.ts";
import type { Concrete } from "../src/tensor/tree.ts";

export async function runOnce<A extends readonly unknown[], R>(
  f: (...args: A) => R,
  ...args: { [K in keyof A]: Argument<A[K]> }
): Promise<Concrete<R>> {
  const run = compile(f, { threads: 1 });
  try {
    return await run(...args);
  } finally {
    await run.dispose();
  }
}

/** Whole numbers as int64. */
export const ints = (values: readonly number[], shape: readonly number[] = [values.length]): NDArray =>
  new NDArray(BigInt64Array.from(values, BigInt), shape);
