/** Graphs as lists of edges. */
import { where } from "../tensor/operators/elementwise.ts";
import { gather, scatterElements } from "../tensor/operators/indexing.ts";
import { concat } from "../tensor/operators/movement.ts";
import { apply, Tensor } from "../tensor/tensor.ts";
import { customGradient } from "../tensor/transforms.ts";
import { combine } from "./combine.ts";
import type { Model } from "./model.ts";

/** Nodes [N, size] and edges: from which node to which, int64 [E] each, and features [E, size]. */
export interface Graph {
  readonly nodes: Tensor;
  readonly senders: Tensor;
  readonly receivers: Tensor;
  readonly edges?: Tensor | undefined;
}

export type Aggregation = "sum" | "mean" | "max";

/**
 * What the edges bring to each node: messages [E, size] and the receivers int64 [E] of `count` nodes to [count, size]. A node
 * without edges has 0. Equal largest messages share the gradient.
 */
export function aggregate(
  messages: Tensor,
  receivers: Tensor,
  count: number,
  how: Aggregation = "sum",
): Tensor {
  if (how === "max") return largest(messages, receivers, count);
  const sums = summed(messages, receivers, count);
  return how === "sum" ? sums : sums.div(degrees(messages, receivers, count).maximum(1));
}

/**
 * New features of each node from its own and the messages it receives:
 * update([node, aggregate of message([sender, receiver, edge])]). Gilmer et al., ICML 2017. Both models take vectors side by side;
 * `message` [E, 2 size + edge size] to [E, message size], `update` [N, size + message size] to [N, new size].
 */
export function messagePassing<M, U>(options: {
  readonly message: Model<M>;
  readonly update: Model<U>;
  /** Default "sum". */
  readonly aggregation?: Aggregation | undefined;
}): Model<{ message: M; update: U }, Graph> {
  const { message, update, aggregation } = options;
  const parts: { message: Model<unknown>; update: Model<unknown> } = { message, update };
  const model = combine(parts, (run, graph: Graph) => {
    const messages = run.message(alongEdges(graph));
    const count = graph.nodes.shape[0]!;
    const received = aggregate(messages, graph.receivers, count, aggregation);
    return run.update(concat([graph.nodes, received], 1));
  });
  return model as Model<{ message: M; update: U }, Graph>;
}

/** For each edge, its sender, its receiver and its own features side by side. */
export function alongEdges({ nodes, senders, receivers, edges }: Graph): Tensor {
  const ends = [gather(nodes, senders), gather(nodes, receivers)];
  return concat(edges === undefined ? ends : [...ends, edges], 1);
}

function places(messages: Tensor, receivers: Tensor): Tensor {
  return receivers.unsqueeze(1).expand(messages.shape);
}

function summed(messages: Tensor, receivers: Tensor, count: number): Tensor {
  const zeros = Tensor.zeros([count, messages.shape[1]!], messages.dtype);
  return scatterElements(zeros, places(messages, receivers), messages, { reduction: "add" });
}

/** How many edges each node receives: [count, 1]. */
function degrees(messages: Tensor, receivers: Tensor, count: number): Tensor {
  return summed(Tensor.ones([receivers.shape[0]!, 1], messages.dtype), receivers, count);
}

function largest(messages: Tensor, receivers: Tensor, count: number): Tensor {
  const pooled = customGradient(
    (m: Tensor) => {
      const start = Tensor.full([count, m.shape[1]!], -Infinity, m.dtype);
      const inputs = [start, places(m, receivers), m];
      const most = apply("ScatterElements", inputs, { axis: 0, reduction: "max" });
      return where(degrees(m, receivers, count).greater(0), most, 0);
    },
    (dy, y, m) => {
      const hits = m.equal(gather(y, receivers)).cast(m.dtype);
      const shares = dy.div(summed(hits, receivers, count).maximum(1));
      return [hits.mul(gather(shares, receivers))];
    },
  );
  return pooled(messages);
}
