import { NDArray } from "../../tensor/ndarray.ts";
import { Draws } from "./draws.ts";

/** A graph as its matrix of weights, float64 [n, n]: not 0 where there is an edge from the row to the column. */
export interface Graph {
  readonly weights: NDArray;
  readonly source: number;
}

export interface ErdosRenyiOptions {
  readonly n: number;
  /** Probability of an entry. Default: drawn from 0.1, 0.2, ... 0.9. */
  readonly p?: number;
  /** Edges in one direction, as the depth-first search takes them. Default false. */
  readonly directed?: boolean;
  /** Weights sqrt(w_ij w_ji + 1e-3) with w uniform in 0 to 1. Default false: all 1. */
  readonly weighted?: boolean;
}

/**
 * A random graph as CLRS samples it: each entry is an edge with probability p; where it is undirected, an edge takes
 * both entries (so that its probability is p^2, but p on the diagonal). The source is uniform.
 */
export function erdosRenyi(
  key: NDArray,
  { n, p, directed = false, weighted = false }: ErdosRenyiOptions,
): Graph {
  const draws = new Draws(key);
  const probability = p ?? (1 + draws.integer(9)) / 10;
  const entries = Array.from({ length: n * n }, () => draws.uniform() < probability);
  const factors = weighted ? Array.from({ length: n * n }, () => draws.uniform()) : [];
  const weights = new Float64Array(n * n);
  for (let u = 0; u < n; u++) {
    for (let v = 0; v < n; v++) {
      const [there, back] = [u * n + v, v * n + u];
      if (!entries[there] || !(directed || entries[back])) continue;
      weights[there] = weighted ? Math.sqrt(factors[there]! * factors[back]! + 1e-3) : 1;
    }
  }
  return { weights: new NDArray(weights, [n, n]), source: draws.integer(n) };
}

/** The same graph for every user, for exact checks: i and j are neighbours where (i^2 + j^2 + 3ij) mod 7 is 1 or 2. */
export function fixedGraph(n: number, source: number): Graph {
  const weight = (i: number, j: number): number =>
    i !== j && [1, 2].includes((i * i + j * j + 3 * i * j) % 7)
      ? (((37 * Math.min(i, j) + 91 * Math.max(i, j)) % 101) + 5) / 128
      : 0;
  return { weights: matrix(n, weight), source };
}

/** Its directed counterpart: an edge from i to j where (5i + 3j + ij) mod 11 is below 3. */
export function fixedDirectedGraph(n: number): Graph {
  return { weights: matrix(n, (i, j) => (i !== j && (5 * i + 3 * j + i * j) % 11 < 3 ? 1 : 0)), source: 0 };
}

function matrix(n: number, entry: (i: number, j: number) => number): NDArray {
  return new NDArray(
    Float64Array.from({ length: n * n }, (_, k) => entry(Math.floor(k / n), k % n)),
    [n, n],
  );
}
