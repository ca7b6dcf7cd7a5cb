import { NDArray } from "../tensor/ndarray.ts";
import { concat, split } from "../tensor/operators/movement.ts";
import { Tensor } from "../tensor/tensor.ts";
import { checkSplits } from "./checks.ts";

export interface RotaryOptions {
  /** Pair k turns by theta^(-2 k / size) for each position. Default 10,000. */
  readonly theta?: number | undefined;
}

/**
 * Rotary positions: each pair (k, k + size / 2) of the last axis of x [..., time, size] turned by an angle in proportion to its
 * position, so that the products of two such vectors depend on their distance only. Su et al., 2021; the pairs as in GPT-NeoX.
 */
export function rotary(x: Tensor, { theta = 10_000 }: RotaryOptions = {}): Tensor {
  const [time, size] = [x.shape.at(-2)!, x.shape.at(-1)!];
  checkSplits("rotary", "the size of the vectors", size, 2, "halves");
  const half = size / 2;
  const frequencies = Float64Array.from({ length: half }, (_, k) => theta ** (-k / half));
  const positions = Tensor.ones([time, 1], "float64").cumsum(0, { exclusive: true });
  const angle = positions.mul(new NDArray(frequencies, [1, half]));
  const [cos, sin] = [angle.cos().cast(x.dtype), angle.sin().cast(x.dtype)];
  const [a, b] = split(x, 2, -1) as [Tensor, Tensor];
  return concat([a.mul(cos).sub(b.mul(sin)), a.mul(sin).add(b.mul(cos))], -1);
}
