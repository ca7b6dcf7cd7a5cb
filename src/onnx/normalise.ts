/** A file's graph in the form that the engine works with: functions inlined, operators in the form of today's opset. */
import { calledFunction, type Functions, inlineCall, plainDomain, readFunctions } from "./functions.ts";
import { definedNames, showNode, subgraphsOf } from "./graph.ts";
import { FreshNames, NodeEditor } from "./node-editor.ts";
import { normalForms } from "./normal-forms.ts";
import { OPSET, type Opsets } from "./opsets.ts";
import type {
  AttributeProto,
  FunctionProto,
  GraphProto,
  ModelProto,
  NodeProto,
  OperatorSetIdProto,
} from "./schema.ts";

/** Where a node of a normal graph comes from. */
export interface Origin {
  /** The opset of its domain that it was written for. */
  readonly version: number;
  /** Why there is no form of it in the engine's opset. */
  readonly problem?: string;
}

export interface NormalGraph {
  readonly graph: GraphProto;
  readonly origins: ReadonlyMap<NodeProto, Origin>;
}

/** Functions that call functions: this deep, and this many nodes in all. */
const MAX_CALLS = 50;
const MAX_NODES = 500_000;

/** The graph of a checked model in normal form. The model stays as it is. */
export function normalise(model: ModelProto): NormalGraph {
  const graph = model.graph!;
  const normaliser = new Normaliser(readFunctions(model.functions), namesOf(graph));
  return {
    graph: normaliser.graph(graph, { opsets: modelOpsets(model), calls: 0 }),
    origins: normaliser.origins,
  };
}

/** A file without any import is from before there were opsets: it has the first. */
export function modelOpsets(model: ModelProto): Opsets {
  return model.opsetImport.length === 0 ? new Map([["", 1]]) : opsetsOf(model.opsetImport);
}

function opsetsOf(imports: readonly OperatorSetIdProto[]): Opsets {
  return new Map(imports.map((o) => [plainDomain(o.domain), o.version ?? 1]));
}

interface Context {
  readonly opsets: Opsets;
  /** How many calls of functions lead here. */
  readonly calls: number;
}

class Normaliser {
  readonly origins = new Map<NodeProto, Origin>();
  private readonly names: FreshNames;
  private count = 0;

  constructor(
    private readonly functions: Functions,
    taken: Set<string>,
  ) {
    this.names = new FreshNames(taken);
  }

  graph(graph: GraphProto, context: Context): GraphProto {
    return { ...graph, node: graph.node.flatMap((node) => this.node(node, context)) };
  }

  private node(node: NodeProto, context: Context): readonly NodeProto[] {
    if (++this.count > MAX_NODES)
      throw new Error(`model: its functions make more than ${MAX_NODES} nodes: no runtime would run it`);
    const called = calledFunction(node, this.functions);
    if (called !== undefined) return this.body(node, called, context);
    const domain = plainDomain(node.domain);
    const version = context.opsets.get(domain) ?? (domain === "" ? OPSET : 1);
    const whole = { ...node, domain, attribute: node.attribute.map((a) => this.attribute(a, context)) };
    const { nodes, problem } =
      domain === "" ? this.rewritten(whole, version) : { nodes: [whole], problem: undefined };
    for (const made of nodes)
      this.origins.set(made, problem === undefined ? { version } : { version, problem });
    return nodes;
  }

  private body(node: NodeProto, called: FunctionProto, context: Context): NodeProto[] {
    if (context.calls >= MAX_CALLS)
      throw new Error(
        `model: ${showNode(node)} calls functions more than ${MAX_CALLS} deep: is one its own part?`,
      );
    const opsets = new Map([...context.opsets, ...opsetsOf(called.opsetImport)]);
    const inner = { opsets, calls: context.calls + 1 };
    return inlineCall(node, called, this.names).flatMap((n) => this.node(n, inner));
  }

  private attribute(a: AttributeProto, context: Context): AttributeProto {
    if (a.g === undefined && a.graphs.length === 0) return a;
    return {
      ...a,
      ...(a.g && { g: this.graph(a.g, context) }),
      graphs: a.graphs.map((g) => this.graph(g, context)),
    };
  }

  private rewritten(
    node: NodeProto,
    version: number,
  ): { nodes: readonly NodeProto[]; problem: string | undefined } {
    const changes = normalForms[node.opType ?? ""]?.filter(([since]) => version < since) ?? [];
    if (changes.length === 0) return { nodes: [node], problem: undefined };
    const editor = new NodeEditor(node, this.names);
    for (const [, change] of changes) {
      if (typeof change === "string") return { nodes: [node], problem: change };
      change(editor);
    }
    return { nodes: editor.result, problem: undefined };
  }
}

/** Every name of a value, in the graph and all within. */
function namesOf(graph: GraphProto, names = new Set<string>()): Set<string> {
  for (const name of definedNames(graph)) names.add(name);
  for (const node of graph.node) for (const inner of subgraphsOf(node)) namesOf(inner, names);
  return names;
}
