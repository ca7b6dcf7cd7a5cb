import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";

const block = 32;

/**
 * Random numbers one after the other, for rejection and other sampling whose length is not known before. The same key
 * gives the same numbers.
 */
export class Draws {
  private readonly key: NDArray;
  private buffer: ArrayLike<number> = [];
  private at = 0;
  private blocks = 0;

  constructor(key: NDArray) {
    this.key = key;
  }

  /** Uniform in [low, high), default [0, 1), with 53 random bits. */
  uniform(low = 0, high = 1): number {
    if (this.at === this.buffer.length) {
      const { data } = random.uniform(random.fold(this.key, this.blocks++), [block], { dtype: "float64" });
      this.buffer = data as Float64Array;
      this.at = 0;
    }
    return low + (high - low) * this.buffer[this.at++]!;
  }

  /** A whole number from 0 up to, but not including, n. */
  integer(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** Standard normal, by the polar method (Marsaglia and Bray, 1964). */
  normal(): number {
    for (;;) {
      const [u, v] = [this.uniform(-1, 1), this.uniform(-1, 1)];
      const s = u * u + v * v;
      if (s > 0 && s < 1) return u * Math.sqrt((-2 * Math.log(s)) / s);
    }
  }

  /** An index, with probability proportional to its weight. `cumulative` are the sums of the weights up to each. */
  index(cumulative: ArrayLike<number>): number {
    const u = this.uniform() * cumulative[cumulative.length - 1]!;
    let [low, high] = [0, cumulative.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulative[middle]! > u) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** What an example is made from. */
export interface Example {
  readonly index: number;
  readonly draws: Draws;
  /** A key of its own, for noise. */
  readonly noise: NDArray;
  /** Where its numbers go: out[at] and those that follow. */
  readonly out: Float32Array;
  readonly at: number;
}

/**
 * `n` examples of `size` numbers, written by `paint`, which returns the label. Example i comes from `random.fold(key,
 * i)`: more examples begin with the same ones.
 */
export function eachExample(
  key: NDArray,
  n: number,
  size: number,
  paint: (example: Example) => number,
): { data: Float32Array; labels: NDArray } {
  if (!Number.isInteger(n) || n < 0) {
    throw new RangeError(`generator: ${n} is no number of examples: use a whole number from 0`);
  }
  const data = new Float32Array(n * size);
  const labels = new BigInt64Array(n);
  for (let index = 0; index < n; index++) {
    const [own, noise] = random.split(random.fold(key, index)) as [NDArray, NDArray];
    labels[index] = BigInt(paint({ index, draws: new Draws(own), noise, out: data, at: index * size }));
  }
  return { data, labels: new NDArray(labels, [n]) };
}
