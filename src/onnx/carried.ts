/**
 * Nodes of an imported file that the engine does not look into: operators that its table does not have, and those with
 * subgraphs. They run as they stand in the file. What a subgraph captures from outside is an input of such a node, behind
 * those that the operator has; when the node is written, the names inside the subgraph become those of the tensors.
 */
import { type Attributes, type Carried, type Node, operators } from "../tensor/node.ts";
import { capturedNames, definedNames, showNode, subgraphsOf } from "./graph.ts";
import type { NormalGraph } from "./normalise.ts";
import { mergeOpsets, neededOpset, type Opsets } from "./opsets.ts";
import type { AttributeProto, GraphProto, NodeProto } from "./schema.ts";

export interface CarriedNode extends Carried {
  readonly attributes: readonly AttributeProto[];
  /** The names within the subgraphs of the last inputs. */
  readonly captures: readonly string[];
  /** The outputs that the file leaves out. */
  readonly absent: ReadonlySet<number>;
  /** The opsets that the node and its subgraphs need. */
  readonly opsets: Opsets;
}

/**
 * A node of a normal graph in the form in which an expression carries it. Throws one line where it, or a node within, has no form in the
 * opset that the engine writes.
 */
export function carry(node: NodeProto, origins: NormalGraph["origins"]): CarriedNode {
  return {
    label: showNode(node),
    attributes: node.attribute,
    captures: [...new Set(subgraphsOf(node).flatMap(capturedNames))],
    absent: new Set(node.output.flatMap((name, i) => (name === "" ? [i] : []))),
    opsets: opsetsNeeded(node, origins),
  };
}

export function carriedAttributes(carried: CarriedNode): Attributes {
  return { carried: { carried } };
}

/** What an expression's node carries, undefined for an operator of the table. */
export function carriedBy(node: Node): CarriedNode | undefined {
  const { carried } = node.attributes;
  return typeof carried === "object" && "carried" in carried ? (carried.carried as CarriedNode) : undefined;
}

function opsetsNeeded(node: NodeProto, origins: NormalGraph["origins"]): Opsets {
  const [op, domain] = [node.opType ?? "", node.domain ?? ""];
  const { version = 1, problem } = origins.get(node) ?? {};
  if (problem !== undefined) throw new Error(problem);
  const known = neededOpset(
    op,
    node.attribute.map((a) => a.name ?? ""),
  );
  const own = domain !== "" ? version : operators.has(op) ? known : Math.max(known, version);
  const inner = subgraphsOf(node).flatMap((g) => g.node.map((n) => opsetsNeeded(n, origins)));
  return mergeOpsets([new Map([[domain, own]]), ...inner]);
}

/**
 * The attributes as they are written: in subgraphs, `captured` gives the outside names, and whatever a subgraph defines itself
 * gets a prefix, so that it is told apart from every name outside.
 */
export function writtenAttributes(
  carried: CarriedNode,
  captured: readonly string[],
  prefix: string,
): readonly AttributeProto[] {
  if (carried.attributes.every((a) => a.g === undefined && a.graphs.length === 0)) return carried.attributes;
  const names = new Map(carried.captures.map((name, i) => [name, captured[i]!]));
  return carried.attributes.map((a) => renamedAttribute(a, names, prefix));
}

type Names = ReadonlyMap<string, string>;

function renamedAttribute(a: AttributeProto, names: Names, prefix: string): AttributeProto {
  if (a.g === undefined && a.graphs.length === 0) return a;
  return {
    ...a,
    ...(a.g && { g: renamedGraph(a.g, names, `${prefix}/${a.name}`) }),
    graphs: a.graphs.map((g, i) => renamedGraph(g, names, `${prefix}/${a.name}${i}`)),
  };
}

function renamedGraph(graph: GraphProto, outer: Names, prefix: string): GraphProto {
  const names = new Map(outer);
  for (const name of definedNames(graph)) names.set(name, `${prefix}/${name}`);
  const to = (name: string | undefined) => names.get(name ?? "") ?? name ?? "";
  const named = <T extends { name?: string | undefined }>(t: T): T => ({ ...t, name: to(t.name) });
  return {
    ...graph,
    name: prefix,
    input: graph.input.map(named),
    output: graph.output.map(named),
    valueInfo: [],
    initializer: graph.initializer.map(named),
    sparseInitializer: graph.sparseInitializer.map((s) => ({
      ...s,
      ...(s.values && { values: named(s.values) }),
    })),
    quantizationAnnotation: [],
    node: graph.node.map((node, i) => ({
      ...node,
      name: `${prefix}/${node.opType}_${i}`,
      input: node.input.map(to),
      output: node.output.map(to),
      attribute: node.attribute.map((a) => renamedAttribute(a, names, `${prefix}/${i}`)),
    })),
  };
}
