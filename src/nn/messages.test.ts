import { describe, expect, it } from "vitest";
import { compile } from "../runtime/compile.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { grad } from "../tensor/transforms.ts";
import type { Traced } from "../tensor/tree.ts";
import * as nn from "./index.ts";

type Matrix = number[][];
const messages = NDArray.from([
  [1, 8],
  [5, 2],
  [3, 2],
  [7, 7],
]);
const receivers = NDArray.from([2, 0, 0, 2], "int64");

describe("aggregate", () => {
  const over = (how: nn.Aggregation) => compile((m: Tensor, r: Tensor) => nn.aggregate(m, r, 3, how));

  it.each<[nn.Aggregation, Matrix]>([
    [
      "sum",
      [
        [8, 4],
        [0, 0],
        [8, 15],
      ],
    ],
    [
      "mean",
      [
        [4, 2],
        [0, 0],
        [4, 7.5],
      ],
    ],
    [
      "max",
      [
        [5, 2],
        [0, 0],
        [7, 8],
      ],
    ],
  ])("%s by receiver, 0 where there is none", async (how, expected) => {
    expect((await over(how)(messages, receivers)).toNested()).toEqual(expected);
  });

  it("keeps negative maxima", async () => {
    const below = NDArray.from([[-1], [-5], [-3], [-7]]);
    expect((await over("max")(below, receivers)).toNested()).toEqual([[-3], [0], [-1]]);
  });

  it.each<[nn.Aggregation, Matrix]>([
    [
      "sum",
      [
        [100, 200],
        [1, 2],
        [1, 2],
        [100, 200],
      ],
    ],
    [
      "mean",
      [
        [50, 100],
        [0.5, 1],
        [0.5, 1],
        [50, 100],
      ],
    ],
    // Both messages to node 0 are 2 in the second column, and share.
    [
      "max",
      [
        [0, 200],
        [1, 1],
        [0, 1],
        [100, 0],
      ],
    ],
  ])("the gradient of %s goes back along the edges", async (how, expected) => {
    const weigh = NDArray.from([
      [1, 2],
      [10, 20],
      [100, 200],
    ]);
    const slope = compile((m: Tensor, r: Tensor, w: Tensor) =>
      grad((t: Tensor) => nn.aggregate(t, r, 3, how).mul(w).sum())(m),
    );
    expect((await slope(messages, receivers, weigh)).toNested()).toEqual(expected);
  });
});

const graph = {
  nodes: random.normal(random.key(1), [4, 2], "float64"),
  edges: random.normal(random.key(2), [5, 3], "float64"),
  senders: NDArray.from([0, 1, 2, 3, 0], "int64"),
  receivers: NDArray.from([1, 2, 0, 0, 0], "int64"),
};

it("messagePassing is an explicit loop over the edges", async () => {
  const model = nn.messagePassing({
    message: nn.dense({ inputs: 7, outputs: 2, bias: false, dtype: "float64" }),
    update: nn.dense({ inputs: 4, outputs: 1, bias: false, dtype: "float64" }),
    aggregation: "mean",
  });
  const params = model.init(random.key(3));
  const run = compile((p: Traced<typeof params>, g: nn.Graph) => model.apply(p, g));
  const y = (await run(params, graph)).toNested() as Matrix;
  const times = (v: number[], kernel: NDArray) => {
    const k = kernel.toNested() as Matrix;
    return k[0]!.map((_, j) => v.reduce((s, x, i) => s + x * k[i]![j]!, 0));
  };
  const [nodes, edges] = [graph.nodes.toNested() as Matrix, graph.edges.toNested() as Matrix];
  nodes.forEach((node, n) => {
    const incoming = [0, 1, 2, 3, 4].filter((e) => Number(graph.receivers.data[e]) === n);
    const sent = incoming.map((e) =>
      times([...nodes[Number(graph.senders.data[e])]!, ...node, ...edges[e]!], params.message.kernel),
    );
    const mean = [0, 1].map((j) => sent.reduce((s, m) => s + m[j]!, 0) / Math.max(1, sent.length));
    expect(y[n]![0]).toBeCloseTo(times([...node, ...mean], params.update.kernel)[0]!, 12);
  });
});

describe("gnn", () => {
  const model = nn.gnn({ nodes: 2, edges: 3, outputs: 2, width: 8, steps: 2, aggregation: "max" });
  const params = model.init(random.key(4));
  const single = Object.fromEntries(
    Object.entries(graph).map(([name, a]) => [name, a.dtype === "float64" ? a.cast("float32") : a]),
  ) as typeof graph;
  const run = compile((p: Traced<typeof params>, g: nn.Graph) => model.apply(p, g));

  it("does not depend on the numbering of nodes and edges", async () => {
    const y = (await run(params, single)).toNested() as Matrix;
    const to = [2, 0, 3, 1];
    const rows = (a: NDArray, order: number[]) => {
      const all = a.toNested() as Matrix;
      return NDArray.from(order.map((i) => all[i]!));
    };
    const order = [4, 2, 0, 3, 1];
    const ends = (a: NDArray) =>
      NDArray.from(
        order.map((e) => to[Number(a.data[e])]!),
        "int64",
      );
    const turned = {
      nodes: rows(single.nodes, [1, 3, 0, 2]),
      edges: rows(single.edges, order),
      senders: ends(single.senders),
      receivers: ends(single.receivers),
    };
    const other = (await run(params, turned)).toNested() as Matrix;
    y.forEach((row, n) => row.forEach((v, j) => expect(other[to[n]!]![j]).toBeCloseTo(v, 5)));
  });

  it("passes what a node knows as many edges far as there are rounds, and no further", async () => {
    // A chain 0 -> 1 -> 2 -> 3.
    const chain = {
      ...single,
      senders: NDArray.from([0, 1, 2, 0, 0], "int64"),
      receivers: NDArray.from([1, 2, 3, 0, 0], "int64"),
    };
    const changed = { ...chain, nodes: chain.nodes.copy() };
    changed.nodes.data[0] = 9;
    const [a, b] = [await run(params, chain), await run(params, changed)].map((y) => y.toNested() as Matrix);
    expect(a![3]).toEqual(b![3]);
    expect(a![2]).not.toEqual(b![2]);
  });
});
