import { describe, expect, it } from "vitest";
import * as random from "../../tensor/random.ts";
import { bellmanFord, bfs, dfs, type Trace } from "./graph-traces.ts";
import { erdosRenyi, fixedDirectedGraph, fixedGraph, type Graph } from "./graphs.ts";

const numbers = (text: string): number[] => text.split(" ").map((w) => (w === "-" ? -1 : Number(w)));
const lastRow = ({ pointers, steps }: Trace) => (pointers.toNested() as bigint[][])[steps - 1]!.map(Number);
const arcs = ({ weights }: Graph) => (weights.data as Float64Array).filter((w) => w !== 0).length;

describe("traces of the fixed graphs (neural-compilation, checks E1 and E2)", () => {
  it("8 nodes, source 3", () => {
    const graph = fixedGraph(8, 3);
    expect(arcs(graph)).toBe(2 * 12);
    const search = bfs(graph);
    expect(lastRow(search)).toEqual(numbers("3 0 4 3 0 3 3 3"));
    const counts = (search.reached.toNested() as boolean[][]).map((row) => row.filter((r) => r).length);
    expect(counts).toEqual([5, 7, 8]);
    const shortest = bellmanFord(graph);
    expect(lastRow(shortest)).toEqual(numbers("3 7 4 3 7 3 3 3"));
    expect((shortest.distances.toNested() as number[][]).at(-1)).toEqual(
      numbers("0.59375 0.9296875 1.3125 0 1.0078125 0.515625 0.4375 0.359375"),
    );
    const directed = fixedDirectedGraph(8);
    expect(arcs(directed)).toBe(16);
    const depth = dfs(directed);
    expect(lastRow(depth)).toEqual(numbers("0 5 4 3 0 2 6 1"));
    expect(Array.from(depth.current.data, Number)).toEqual(numbers("0 4 2 5 1 7 1 5 2 4 0 - 3 - 6 -"));
  });

  it("12 nodes, source 5", () => {
    const graph = fixedGraph(12, 5);
    expect(arcs(graph)).toBe(2 * 26);
    expect(lastRow(bfs(graph))).toEqual(numbers("3 0 4 5 0 5 3 3 0 4 5 0"));
    const shortest = bellmanFord(graph);
    expect(lastRow(shortest)).toEqual(numbers("10 7 4 5 0 5 10 3 0 11 5 7"));
    expect((shortest.distances.toNested() as number[][]).at(-1)).toEqual(
      numbers(
        "0.75 1.4453125 1.5703125 0.515625 1.265625 0 0.90625 0.875 0.953125 1.4921875 0.703125 1.2890625",
      ),
    );
    const directed = fixedDirectedGraph(12);
    expect(arcs(directed)).toBe(34);
    expect(lastRow(dfs(directed))).toEqual(numbers("0 5 4 10 0 2 6 1 11 10 1 7"));
  });
});

describe("traces of random graphs", () => {
  const graphs = Array.from({ length: 30 }, (_, i) =>
    erdosRenyi(random.key(i), { n: 12, weighted: true, p: [0.2, 0.4, 0.8][i % 3]! }),
  );

  it("a distance is that of the predecessor and the edge between, and no edge makes it shorter", () => {
    for (const graph of graphs) {
      const trace = bellmanFord(graph);
      const [pi, d, reached] = [
        lastRow(trace),
        (trace.distances.toNested() as number[][]).at(-1)!,
        (trace.reached.toNested() as boolean[][]).at(-1)!,
      ];
      const w = graph.weights.toNested() as number[][];
      pi.forEach((p, j) => {
        if (p === j) expect(reached[j]).toBe(j === graph.source);
        else expect(d[j]).toBe(d[p]! + w[p]![j]!);
        for (let i = 0; i < 12; i++)
          if (reached[i] && w[i]![j]! > 0) expect(d[j]).toBeLessThanOrEqual(d[i]! + w[i]![j]!);
      });
      expect(reached).toEqual((bfs(graph).reached.toNested() as boolean[][]).at(-1));
    }
  });

  it("a depth-first search opens every node once and takes two events a node", () => {
    const trace = dfs(erdosRenyi(random.key(5), { n: 16, directed: true, p: 0.2 }));
    const visited = (trace.reached.toNested() as boolean[][]).map((row) => row.filter((r) => r).length);
    expect(trace.steps).toBe(32);
    expect(visited.at(-1)).toBe(16);
    expect(trace.current.data.at(-1)).toBe(-1n);
  });

  it("an isolated source takes one step and keeps every pointer", () => {
    const empty = erdosRenyi(random.key(0), { n: 5, p: 0 });
    expect(bfs(empty)).toMatchObject({ steps: 1 });
    expect(lastRow(bellmanFord(empty))).toEqual([0, 1, 2, 3, 4]);
  });

  it("undirected graphs are symmetric, with p^2 of the pairs; weights lie between sqrt(0.001) and sqrt(1.001)", () => {
    const w = erdosRenyi(random.key(1), { n: 200, p: 0.5, weighted: true }).weights.toNested() as number[][];
    let edges = 0;
    expect(w).toEqual(w.map((_, i) => w.map((row) => row[i])));
    for (const [i, row] of w.entries()) edges += row.filter((x, j) => x !== 0 && i < j).length;
    expect(w.flat().every((x) => x === 0 || (x >= Math.sqrt(1e-3) && x <= Math.sqrt(1.001)))).toBe(true);
    expect(Math.abs(edges / (100 * 199) - 0.25)).toBeLessThan(0.015);
  });

  it("refuses what is no graph, in one line", () => {
    const { weights } = fixedGraph(3, 0);
    expect(() => bfs({ weights, source: 3 })).toThrow("there is no source 3: there are the nodes 0 to 2");
    expect(() => bfs({ weights: weights.reshape([9]), source: 0 })).toThrow(
      "a square matrix [n, n] is expected",
    );
    const negative = weights.copy();
    negative.data[1] = -1;
    expect(() => bellmanFord({ weights: negative, source: 0 })).toThrow(
      "the edge from 0 to 1 has the weight -1",
    );
  });
});
