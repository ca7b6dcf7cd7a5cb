import { concat } from "../../tensor/operators/movement.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Activation } from "../activations.ts";
import { checkSizes } from "../checks.ts";
import { combine, sequential } from "../combine.ts";
import type { Initialiser } from "../initialisers.ts";
import { type Aggregation, aggregate, alongEdges, type Graph } from "../messages.ts";
import { mlp } from "../mlp.ts";
import { layerNorm } from "../normalisation.ts";

export interface GnnOptions {
  /** Of the features of nodes and edges. */
  readonly nodes: number;
  readonly edges: number;
  /** Numbers for each node. */
  readonly outputs: number;
  /** Of all hidden vectors. Default 128. */
  readonly width?: number | undefined;
  /** Hidden layers of each perceptron. Default 2. */
  readonly depth?: number | undefined;
  /** Rounds of message passing, each with weights of its own. Default 15. */
  readonly steps?: number | undefined;
  /** Default "sum". */
  readonly aggregation?: Aggregation | undefined;
  /** Default "relu". */
  readonly activation?: Activation | undefined;
  /** Default `glorotUniform`. */
  readonly kernelInit?: Initialiser | undefined;
}

/**
 * Encode, process, decode: a graph with features of nodes [N, nodes] and edges [E, edges] to [N, outputs]. Each round updates the
 * edges from themselves and both ends, then the nodes from themselves and what they receive, both added to what was. As in
 * MeshGraphNets (Pfaff et al., ICLR 2021): perceptrons with LayerNorm at the end, but for the decoder.
 */
export function gnn(options: GnnOptions) {
  const { nodes, edges, outputs, width = 128, depth = 2, steps = 15 } = options;
  const { aggregation, activation = "relu", kernelInit } = options;
  checkSizes("gnn", { nodes, edges, outputs, width, depth, steps });
  const hidden = new Array<number>(depth).fill(width);
  const net = (inputs: number, last: number) =>
    mlp({ sizes: [inputs, ...hidden, last], activation, kernelInit });
  const encoder = (inputs: number) => sequential(net(inputs, width), layerNorm({ size: width }));
  const parts = {
    nodes: encoder(nodes),
    edges: encoder(edges),
    steps: Array.from({ length: steps }, () => ({ edges: encoder(3 * width), nodes: encoder(2 * width) })),
    decoder: net(width, outputs),
  };
  return combine(parts, (run, graph: Graph) => {
    if (graph.edges === undefined)
      throw new RangeError("gnn: the graph has no edges: give features [E, edges]");
    const { senders, receivers } = graph;
    const count = graph.nodes.shape[0]!;
    let state: { nodes: Tensor; edges: Tensor } = {
      nodes: run.nodes(graph.nodes),
      edges: run.edges(graph.edges),
    };
    for (const step of run.steps) {
      const messages = step.edges(alongEdges({ ...state, senders, receivers }));
      const received = aggregate(messages, receivers, count, aggregation);
      const change = step.nodes(concat([state.nodes, received], 1));
      state = { nodes: state.nodes.add(change), edges: state.edges.add(messages) };
    }
    return run.decoder(state.nodes);
  });
}
