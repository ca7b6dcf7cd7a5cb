import { NDArray } from "../../tensor/ndarray.ts";
import { showShape } from "../../tensor/shape.ts";
import type { Graph } from "./graphs.ts";

/** The state of an algorithm after each of its steps. */
export interface Trace {
  /** K: the steps until nothing changes any more (at least 1); 2 n for the depth-first search. */
  readonly steps: number;
  /** The predecessor of each node, itself where there is none: int64 [K, n]. */
  readonly pointers: NDArray;
  /** Whether a node was reached (visited): bool [K, n]. */
  readonly reached: NDArray;
}

export interface BellmanFordTrace extends Trace {
  /** 0 where a node was not reached: float64 [K, n]. */
  readonly distances: NDArray;
}

export interface DfsTrace extends Trace {
  /** The node that the search is at, -1 for none: int64 [K]. */
  readonly current: NDArray;
}

/**
 * Breadth-first search: the predecessor of a node is its lowest neighbour that was reached in an earlier step
 * (conventions of CLRS).
 */
export function bfs({ weights, source }: Graph): Trace {
  const n = nodesOf(weights, source);
  const state = start(n, source);
  const record = new Recorder(n);
  for (;;) {
    const before = [...state.reached];
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        if (weights.data[i * n + j] === 0 || before[i] === 0) continue;
        if (state.pointers[j] === j && j !== source) state.pointers[j] = i;
        state.reached[j] = 1;
      }
    }
    const changed = before.some((r, j) => r !== state.reached[j]);
    if (!record.step(state, changed)) return record.trace();
  }
}

/** Bellman-Ford: every step relaxes all edges of nodes that were reached before it. Throws for negative weights. */
export function bellmanFord({ weights, source }: Graph): BellmanFordTrace {
  const n = nodesOf(weights, source);
  const negative = weights.data.findIndex((w: number | bigint) => w < 0);
  if (negative >= 0) {
    throw new RangeError(
      `bellmanFord: the edge from ${Math.floor(negative / n)} to ${negative % n} has the weight ${weights.data[negative]}: weights must not be negative`,
    );
  }
  const state = { ...start(n, source), distances: new Array<number>(n).fill(0) };
  const record = new Recorder(n);
  const distances: number[][] = [];
  for (;;) {
    const before = { distances: [...state.distances], reached: [...state.reached] };
    for (let u = 0; u < n; u++) {
      for (let v = 0; v < n; v++) {
        const weight = Number(weights.data[u * n + v]);
        if (weight === 0 || before.reached[u] === 0) continue;
        const through = before.distances[u]! + weight;
        if (state.reached[v] === 0 || through < state.distances[v]!) {
          state.distances[v] = through;
          state.pointers[v] = u;
        }
        state.reached[v] = 1;
      }
    }
    const changed = before.distances.some((d, j) => d !== state.distances[j]);
    if (changed || distances.length === 0) distances.push([...state.distances]);
    if (!record.step(state, changed)) break;
  }
  return { ...record.trace(), distances: rows(distances, n) };
}

/**
 * Depth-first search of a directed graph: roots in the order of the nodes, always down to the lowest neighbour that
 * was not visited. One event a step: to open a node, or to go back to its predecessor (from a root: to none).
 */
export function dfs({ weights }: Graph): DfsTrace {
  const n = nodesOf(weights, 0);
  const state = { pointers: Array.from({ length: n }, (_, j) => j), reached: new Array<number>(n).fill(0) };
  const record = new Recorder(n);
  const current: number[] = [];
  const unvisited = (from: number): number =>
    state.reached.findIndex((r, j) => r === 0 && (from < 0 || weights.data[from * n + j] !== 0));
  for (let event = 0, at = -1; event < 2 * n; event++) {
    const next = unvisited(at);
    if (next >= 0) {
      if (at >= 0) state.pointers[next] = at;
      state.reached[next] = 1;
      at = next;
    } else at = state.pointers[at] === at ? -1 : state.pointers[at]!;
    current.push(at);
    record.step(state, true);
  }
  return { ...record.trace(), current: new NDArray(BigInt64Array.from(current, BigInt), [2 * n]) };
}

interface State {
  readonly pointers: number[];
  readonly reached: number[];
}

function start(n: number, source: number): State {
  return {
    pointers: Array.from({ length: n }, (_, j) => j),
    reached: Array.from({ length: n }, (_, j) => (j === source ? 1 : 0)),
  };
}

/** Keeps the states that differ from the one before, and the first. */
class Recorder {
  private readonly n: number;
  private readonly states: State[] = [];

  constructor(n: number) {
    this.n = n;
  }

  /** Whether to go on. */
  step({ pointers, reached }: State, changed: boolean): boolean {
    if (changed || this.states.length === 0)
      this.states.push({ pointers: [...pointers], reached: [...reached] });
    return changed;
  }

  trace(): Trace {
    const { n, states } = this;
    return {
      steps: states.length,
      pointers: rows(
        states.map((s) => s.pointers),
        n,
      ).cast("int64"),
      reached: rows(
        states.map((s) => s.reached),
        n,
      ).cast("bool"),
    };
  }
}

function rows(values: readonly (readonly number[])[], n: number): NDArray {
  return new NDArray(Float64Array.from(values.flat()), [values.length, n]);
}

function nodesOf(weights: NDArray, source: number): number {
  const [n, m] = weights.shape;
  if (weights.shape.length !== 2 || n !== m || n === 0) {
    throw new RangeError(`graph: weights ${showShape(weights.shape)}, a square matrix [n, n] is expected`);
  }
  const bad = Array.from(weights.data as ArrayLike<number>).findIndex((w) => Number.isNaN(Number(w)));
  if (bad >= 0) throw new RangeError(`graph: the weight from ${Math.floor(bad / n!)} to ${bad % n!} is NaN`);
  if (!(source >= 0 && source < n!))
    throw new RangeError(`graph: there is no source ${source}: there are the nodes 0 to ${n! - 1}`);
  return n!;
}
