import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import { dirichlet } from "./dirichlet.ts";
import { Draws } from "./draws.ts";

/**
 * A source of tokens: the next one comes from the last with probability 0.55, from the one before with 0.30, else
 * from fixed frequencies.
 */
export interface MarkovMixture {
  /** Rows P1[last] and P2[one before]: float64 [vocabulary, vocabulary]. */
  readonly last: NDArray;
  readonly before: NDArray;
  /** q_i ~ 1 / i: float64 [vocabulary]. */
  readonly frequencies: NDArray;
}

const shares = [0.55, 0.3, 0.15] as const;

/** Transition rows from Dirichlet(concentration, ...). Default 64 tokens, concentration 0.08. */
export function markovMixture(
  key: NDArray,
  {
    vocabulary = 64,
    concentration = 0.08,
  }: { readonly vocabulary?: number; readonly concentration?: number } = {},
): MarkovMixture {
  const alpha = new Array<number>(vocabulary).fill(concentration);
  const matrix = (own: NDArray): NDArray => {
    const draws = new Draws(own);
    const data = new Float64Array(vocabulary * vocabulary);
    for (let row = 0; row < vocabulary; row++) data.set(dirichlet(draws, alpha), row * vocabulary);
    return new NDArray(data, [vocabulary, vocabulary]);
  };
  const [a, b] = random.split(key) as [NDArray, NDArray];
  const zipf = Float64Array.from({ length: vocabulary }, (_, i) => 1 / (i + 1));
  const total = zipf.reduce((sum, q) => sum + q, 0);
  return {
    last: matrix(a),
    before: matrix(b),
    frequencies: new NDArray(
      zipf.map((q) => q / total),
      [vocabulary],
    ),
  };
}

/**
 * `n` tokens of the source, int64 [n]. The first two come from the frequencies. A longer text begins with a shorter
 * one.
 */
export function markovText(key: NDArray, n: number, source: MarkovMixture): NDArray {
  const draws = new Draws(key);
  const v = source.frequencies.shape[0]!;
  const rows = [cumulativeRows(source.last), cumulativeRows(source.before)];
  const rest = cumulativeRows(source.frequencies.reshape([1, v]));
  const tokens = new BigInt64Array(n);
  for (let t = 0; t < n; t++) {
    const u = draws.uniform();
    const lag = u < shares[0] ? 1 : u < shares[0] + shares[1] ? 2 : 0;
    const from = lag === 0 || t < 2 ? rest : rows[lag - 1]!;
    const at = from === rest ? 0 : Number(tokens[t - lag]) * v;
    tokens[t] = BigInt(draws.index(from.subarray(at, at + v)));
  }
  return new NDArray(tokens, [n]);
}

/** The logarithm of the probability of a token after two others: what the best possible model knows. */
export function markovLogProbability(
  source: MarkovMixture,
  before: number,
  last: number,
  next: number,
): number {
  const v = source.frequencies.shape[0]!;
  const [p1, p2] = [source.last.data[last * v + next], source.before.data[before * v + next]];
  return Math.log(
    shares[0] * Number(p1) + shares[1] * Number(p2) + shares[2] * Number(source.frequencies.data[next]),
  );
}

function cumulativeRows({ data, shape }: NDArray): Float64Array {
  const width = shape[1]!;
  const out = new Float64Array(data.length);
  for (let i = 0; i < out.length; i++) out[i] = Number(data[i]) + (i % width === 0 ? 0 : out[i - 1]!);
  return out;
}
