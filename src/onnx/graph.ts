/** Graphs of a file: checked, with their nodes in an order in which they can be computed. */
import { quoted } from "./raw.ts";
import type { GraphProto, NodeProto, TensorProto } from "./schema.ts";

/** A node for an error message: its name and operator. */
export function showNode(node: NodeProto): string {
  const operator = `${node.domain ? `${node.domain}.` : ""}${node.opType ?? ""}`;
  const name = node.name || node.output.find((o) => o !== "");
  return name === undefined ? `a node (${operator})` : `node ${quoted(name)} (${operator})`;
}

/** The graphs in a node's attributes: the branches of If, the body of Loop and Scan. */
export function subgraphsOf(node: NodeProto): GraphProto[] {
  return node.attribute.flatMap((a) => (a.g === undefined ? a.graphs : [a.g, ...a.graphs]));
}

/** The names that a graph defines: inputs, initialisers, results of nodes. */
export function definedNames(graph: GraphProto): Set<string> {
  const names = new Set<string>();
  for (const input of graph.input) names.add(input.name ?? "");
  for (const tensor of graph.initializer) names.add(tensor.name ?? "");
  for (const sparse of graph.sparseInitializer) names.add(sparse.values?.name ?? "");
  for (const node of graph.node) for (const name of node.output) names.add(name);
  names.delete("");
  return names;
}

/** What a graph takes from the graphs around it, in the order of use. */
export function capturedNames(graph: GraphProto): string[] {
  const own = definedNames(graph);
  const captured = new Set<string>();
  const take = (name: string) => {
    if (name !== "" && !own.has(name)) captured.add(name);
  };
  for (const node of graph.node) usedNames(node).forEach(take);
  for (const output of graph.output) take(output.name ?? "");
  return [...captured];
}

/** What a node is computed from: its inputs, and what its subgraphs capture. */
export function usedNames(node: NodeProto): string[] {
  return [...node.input, ...subgraphsOf(node).flatMap(capturedNames)];
}

/**
 * The graph with one value for each name. A stored value may stand in a file twice, as some tools leave them there: of
 * initialisers and Constant nodes of one name, the last counts, as in ONNX Runtime.
 */
function withoutRepeats(graph: GraphProto): GraphProto {
  const last = new Map<string, TensorProto | NodeProto>();
  for (const tensor of graph.initializer) last.set(tensor.name ?? "", tensor);
  const constants = graph.node.filter((n) => n.opType === "Constant" && n.output.length === 1);
  for (const node of constants) last.set(node.output[0]!, node);
  if (last.size === graph.initializer.length + constants.length) return graph;
  return {
    ...graph,
    initializer: graph.initializer.filter((t) => last.get(t.name ?? "") === t),
    node: graph.node.filter(
      (n) => n.opType !== "Constant" || n.output.length !== 1 || last.get(n.output[0]!) === n,
    ),
  };
}

/**
 * The graph with its nodes in order, after checks that every name is defined once and every name that is used is defined, here
 * and in all graphs within. Throws one line where a name is missing or given twice, or where nodes depend on each other.
 */
export function checkedGraph(stored: GraphProto, outer: ReadonlySet<string> = new Set()): GraphProto {
  const graph = withoutRepeats(stored);
  checkUnique(graph);
  const known = new Set([...outer, ...definedNames(graph)]);
  for (const node of graph.node) {
    const missing = node.input.find((name) => name !== "" && !known.has(name));
    if (missing !== undefined) {
      throw new Error(
        `model: ${showNode(node)} takes ${quoted(missing)}, which nothing in the graph gives: the file is damaged`,
      );
    }
  }
  const stray = graph.output.find((o) => !known.has(o.name ?? ""));
  if (stray !== undefined)
    throw new Error(
      `model: the graph's output ${quoted(stray.name ?? "")} is computed by no node: the file is damaged`,
    );
  return { ...graph, node: sorted(graph).map((node) => withCheckedGraphs(node, known)) };
}

function withCheckedGraphs(node: NodeProto, known: ReadonlySet<string>): NodeProto {
  if (subgraphsOf(node).length === 0) return node;
  const attribute = node.attribute.map((a) => ({
    ...a,
    ...(a.g && { g: checkedGraph(a.g, known) }),
    graphs: a.graphs.map((g) => checkedGraph(g, known)),
  }));
  return { ...node, attribute };
}

function checkUnique(graph: GraphProto): void {
  const once = (names: readonly (string | undefined)[], what: string): Set<string> => {
    const seen = new Set<string>();
    for (const name of names) {
      if (name === undefined || name === "")
        throw new Error(`model: ${what} has no name: the file is damaged`);
      if (seen.has(name)) throw twice(name, what);
      seen.add(name);
    }
    return seen;
  };
  const inputs = once(
    graph.input.map((i) => i.name),
    "an input",
  );
  const stored = [
    ...graph.initializer.map((t) => t.name),
    ...graph.sparseInitializer.map((s) => s.values?.name),
  ];
  const given = new Set([...inputs, ...once(stored, "an initialiser")]);
  for (const node of graph.node) {
    for (const name of node.output) {
      if (name === "") continue;
      if (given.has(name)) throw twice(name, showNode(node));
      given.add(name);
    }
  }
}

function twice(name: string, what: string): Error {
  return new Error(`model: ${quoted(name)} is given twice, again by ${what}: names must differ in one graph`);
}

/** Nodes after what they use; nodes in order stay where they are. */
function sorted(graph: GraphProto): NodeProto[] {
  const makers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
  makers.delete("");
  const state = new Map<NodeProto, "open" | "done">();
  const order: NodeProto[] = [];
  for (const root of graph.node) {
    const stack = [root];
    for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
      const before = state.get(node);
      if (before === undefined) {
        state.set(node, "open");
        for (const name of usedNames(node)) {
          const maker = makers.get(name);
          if (maker === undefined || state.get(maker) === "done") continue;
          if (state.get(maker) === "open") {
            throw new Error(
              `model: ${showNode(maker)} depends on its own result: a graph must not have cycles`,
            );
          }
          stack.push(maker);
        }
      } else {
        stack.pop();
        if (before === "open") order.push(node);
        state.set(node, "done");
      }
    }
  }
  return order;
}
