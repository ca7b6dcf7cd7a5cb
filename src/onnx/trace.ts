/** A normal graph as expressions: node by node, with constants folded on the way. */
import { isFloat } from "../tensor/dtype.ts";
import type { NDArray } from "../tensor/ndarray.ts";
import { type Attributes, operators } from "../tensor/node.ts";
import * as random from "../tensor/random.ts";
import { applyAll, applyUnknown, Tensor } from "../tensor/tensor.ts";
import { attributeFromProto } from "./attributes.ts";
import { type CarriedNode, carriedAttributes, carry } from "./carried.ts";
import { carriedTypes } from "./carried-types.ts";
import { fold, MAX_FOLDED } from "./fold.ts";
import { broadcastTo } from "./fold-indices.ts";
import { showNode, usedNames } from "./graph.ts";
import type { NormalGraph } from "./normalise.ts";
import { operatorOf } from "./parameters.ts";
import { boundType, type DeclaredPort, declaredPort, type Symbols, UNDECLARED } from "./ports.ts";
import { quoted } from "./raw.ts";
import type { GraphProto, NodeProto, SparseTensorProto, TensorProto } from "./schema.ts";
import { traceSequence } from "./trace-sequences.ts";
import { special } from "./trace-special.ts";

/** What traces of one file share. */
export interface TraceSource extends NormalGraph {
  /** The stored value of an initialiser. */
  valueOf(tensor: TensorProto): NDArray;
  denseOf(sparse: SparseTensorProto): NDArray;
}

export interface TraceContext {
  /** The tensors that stand for initialisers. */
  readonly params: ReadonlyMap<TensorProto, Tensor>;
  readonly symbols: Symbols;
  /** Training: where dropout gets its random numbers from. */
  readonly key: Tensor | undefined;
  /** The sizes of axis 0 in the file and in this trace, where the caller chose another one. */
  readonly batch: { readonly declared: number; readonly given: number } | undefined;
}

/** Names of one graph, and of those around it. */
export class Scope {
  private readonly values = new Map<string, Tensor>();
  private readonly stored = new Map<string, () => Tensor>();
  private readonly refused = new Map<string, string>();
  private readonly sequences = new Map<string, readonly Tensor[]>();
  private readonly declared: ReadonlyMap<string, DeclaredPort>;

  constructor(
    graph: GraphProto,
    private readonly outer?: Scope,
  ) {
    this.declared = new Map(
      [...graph.valueInfo, ...graph.output].map((info) => [info.name ?? "", declaredPort(info)]),
    );
  }

  get isInner(): boolean {
    return this.outer !== undefined;
  }

  set(name: string, value: Tensor): void {
    this.values.set(name, value);
  }

  /** A value that is made when it is asked for. */
  store(name: string, make: () => Tensor): void {
    this.stored.set(name, make);
  }

  get(name: string): Tensor {
    const known = this.values.get(name);
    if (known !== undefined) return known;
    const reason = this.refused.get(name);
    if (reason !== undefined) throw new RangeError(reason);
    const make = this.stored.get(name);
    if (make === undefined) {
      if (this.hasSequence(name))
        throw new Error(`${quoted(name)} is a sequence, which no expression is: run the file as it is`);
      if (this.outer === undefined) throw new Error(`there is no value ${quoted(name)}: pass it as an input`);
      return this.outer.get(name);
    }
    const made = make();
    this.values.set(name, made);
    return made;
  }

  /** Make it an error, with this message, to use a value. */
  refuse(name: string, reason: string): void {
    this.refused.set(name, reason);
  }

  refuses(name: string): boolean {
    return this.refused.has(name);
  }

  setSequence(name: string, value: readonly Tensor[]): void {
    this.sequences.set(name, value);
  }

  hasSequence(name: string): boolean {
    return this.sequences.has(name) || this.outer?.hasSequence(name) === true;
  }

  sequence(name: string): readonly Tensor[] {
    const known = this.sequences.get(name) ?? this.outer?.sequence(name);
    if (known === undefined) throw new Error(`there is no sequence ${quoted(name)}: run the file as it is`);
    return known;
  }

  declaration(name: string): DeclaredPort | undefined {
    return this.declared.get(name);
  }
}

/** In the place of the type of an output that is absent or unknown: nothing is computed from it. */
const UNUSABLE = { shape: [], dtype: "float32" } as const;

/** Branches and unrolled loops may make this many nodes in all; then loops stay loops. */
const MAX_NODES = 200_000;

export class Tracer {
  /** How often each dropout was traced: within a loop, more than once. */
  private readonly draws = new Map<NodeProto, number>();
  private count = 0;

  constructor(
    readonly source: TraceSource,
    readonly context: TraceContext,
  ) {}

  /** The wanted values of a file's main graph from its inputs by name. */
  main(graph: GraphProto, wanted: readonly string[], inputs: ReadonlyMap<string, Tensor>): Tensor[] {
    return this.inside(graph, wanted, new Scope(graph), inputs);
  }

  /** The wanted values of a subgraph from its inputs in order. */
  subgraph(graph: GraphProto, wanted: readonly string[], outer: Scope, inputs: readonly Tensor[]): Tensor[] {
    const named = new Map(inputs.map((t, i) => [graph.input[i]?.name ?? "", t]));
    return this.inside(graph, wanted, new Scope(graph, outer), named);
  }

  private inside(
    graph: GraphProto,
    wanted: readonly string[],
    scope: Scope,
    inputs: ReadonlyMap<string, Tensor>,
  ): Tensor[] {
    for (const tensor of graph.initializer) scope.store(tensor.name ?? "", () => this.initialiser(tensor));
    for (const sparse of graph.sparseInitializer)
      scope.store(sparse.values?.name ?? "", () => Tensor.constant(this.source.denseOf(sparse)));
    for (const [name, t] of inputs) scope.set(name, t);
    for (const node of neededNodes(graph, wanted)) this.inScope(node, scope);
    return wanted.map((name) => scope.get(name));
  }

  private initialiser(tensor: TensorProto): Tensor {
    return this.context.params.get(tensor) ?? Tensor.constant(this.source.valueOf(tensor));
  }

  private inScope(node: NodeProto, scope: Scope): void {
    if (scope.isInner && ++this.count > MAX_NODES)
      throw new Error(`model: its loops unroll to more than ${MAX_NODES} nodes: run the file as it is`);
    try {
      if (traceSequence({ tracer: this, node, scope })) return;
      const outputs = this.node(node, scope);
      node.output.forEach((name, i) => {
        if (name !== "" && !scope.refuses(name)) scope.set(name, outputs[i]!);
      });
    } catch (error) {
      throw located(error, node);
    }
  }

  private node(node: NodeProto, scope: Scope): readonly Tensor[] {
    const inputs = trimmed(node.input).map((name) => (name === "" ? undefined : scope.get(name)));
    const op = node.opType ?? "";
    const plain = (node.domain ?? "") === "";
    const rule = plain && Object.hasOwn(special, op) ? special[op] : undefined;
    const problem = this.source.origins.get(node)?.problem;
    if (problem !== undefined && rule === undefined) throw new Error(problem);
    return rule?.({ tracer: this, node, scope, inputs }) ?? this.apply(node, scope, inputs);
  }

  /** The operator on these inputs: computed here, as a node of the table, or carried. */
  apply(node: NodeProto, scope: Scope, inputs: readonly (Tensor | undefined)[]): readonly Tensor[] {
    const [op, domain] = [node.opType ?? "", node.domain ?? ""];
    const attributes = this.attributesOf(node);
    const outputs = trimmed(node.output).length;
    if (domain === "" && inputs.length > 0) {
      const x = inputs.map((t) => t && constantOf(t));
      if (x.every((v, i) => (v === undefined) === (inputs[i] === undefined))) {
        const folded = fold(op, { x, attributes, outputs });
        if (folded !== undefined) return folded.map((v) => Tensor.constant(v));
      }
    }
    if (!operators.has(operatorOf(node))) return this.carried(node, scope, inputs);
    try {
      return applyAll(op, inputs, attributes, outputs, domain);
    } catch (error) {
      // The table is about floats: what takes none of them may do more in the runtime than is known here.
      if (inputs.some((t) => t !== undefined && isFloat(t.dtype))) throw error;
      const carried = this.carried(node, scope, inputs);
      if (node.output.some((name) => scope.refuses(name))) throw error;
      return carried;
    }
  }

  /**
   * The node as it stands in the file. `types` of its outputs, where they are known here; else those that the file declares. An
   * output of unknown type is an error as soon as something is to be computed from it.
   */
  carried(
    node: NodeProto,
    scope: Scope,
    inputs: readonly (Tensor | undefined)[],
    types: readonly ({ shape: readonly number[]; dtype: Tensor["dtype"] } | undefined)[] = [],
  ): readonly Tensor[] {
    const carried = carriedNode(node, this.source);
    const inferred = carriedTypes(operatorOf(node), { x: inputs, attributes: this.attributesOf(node) });
    const known = trimmed(node.output).map((name, i) => {
      const declared = scope.declaration(name);
      const type = types[i] ?? inferred[i] ?? boundType(declared, this.context.symbols);
      if (type === undefined && name !== "")
        scope.refuse(name, `model: ${showNode(node)}: ${unknownResult(name, declared)}`);
      return type ?? UNUSABLE;
    });
    const captured = carried.captures.map((name) => scope.get(name));
    return applyUnknown(
      node.opType ?? "",
      node.domain ?? "",
      [...inputs, ...captured],
      carriedAttributes(carried),
      known,
    );
  }

  /** The random key of a node: the same one in every trace. */
  keyFor(node: NodeProto, key: Tensor): Tensor {
    const drawn = this.draws.get(node) ?? 0;
    this.draws.set(node, drawn + 1);
    const place = [...this.source.origins.keys()].indexOf(node);
    return random.fold(random.fold(key, place), drawn);
  }

  attributesOf(node: NodeProto): Attributes {
    const known =
      attributes.get(node) ??
      Object.fromEntries(node.attribute.map((a) => [a.name ?? "", attributeFromProto(a)]));
    attributes.set(node, known);
    return known;
  }
}

// One of each for every node of a file, so that equal traces have equal nodes.
const attributes = new WeakMap<NodeProto, Attributes>();
const carriedNodes = new WeakMap<NodeProto, CarriedNode>();

function carriedNode(node: NodeProto, { origins }: NormalGraph): CarriedNode {
  const known = carriedNodes.get(node) ?? carry(node, origins);
  carriedNodes.set(node, known);
  return known;
}

/** Nodes that the wanted values are computed from, in order. */
function neededNodes(graph: GraphProto, wanted: readonly string[]): NodeProto[] {
  const names = new Set(wanted);
  const needed = graph.node.toReversed().filter((node) => {
    const used = node.output.some((name) => name !== "" && names.has(name));
    if (used) for (const name of usedNames(node)) names.add(name);
    return used;
  });
  return needed.reverse();
}

/** The value of an expression that is constant, also where it stands there as a small one repeated. */
export function constantOf(t: Tensor): NDArray | undefined {
  if (t.value !== undefined) return t.value;
  if (t.size > MAX_FOLDED || (t.node.op !== "Expand" && t.node.op !== "Reshape")) return undefined;
  const inner = constantOf(t.node.inputs[0]!);
  if (inner === undefined) return undefined;
  return t.node.op === "Expand" ? broadcastTo(inner, t.shape) : inner.reshape(t.shape);
}

/** What `f` gives, or undefined where it throws an error. */
export function attempt<T>(f: () => T): T | undefined {
  try {
    return f();
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

function trimmed(names: readonly string[]): readonly string[] {
  let end = names.length;
  while (end > 0 && names[end - 1] === "") end--;
  return names.slice(0, end);
}

function unknownResult(name: string, declared: DeclaredPort | undefined): string {
  if (declared !== undefined && declared.dtype === undefined && declared.type !== UNDECLARED)
    return `its result ${quoted(name)} is a ${declared.type}, which no expression is: run the file as it is`;
  return `the type of its result ${quoted(name)} is not known before it runs (a shape that depends on data, or no tensor): run the file as it is`;
}

/** The error with the node that it is about, once. */
function located(error: unknown, node: NodeProto): unknown {
  if (!(error instanceof Error) || error.message.startsWith("model: ")) return error;
  if (error instanceof TypeError && /undefined|null|not a function|not iterable/.test(error.message)) {
    const problem = "it does not have the inputs or attributes that the operator takes: the file is damaged";
    return new RangeError(`model: ${showNode(node)}: ${problem}`, { cause: error });
  }
  // A place in this folder tells the reader nothing: the node's name does.
  const message = error.message.replace(/ \((?:file:|\/|[A-Za-z]:\\|https?:)[^()\s]*:\d+:\d+\)$/, "");
  return new RangeError(`model: ${showNode(node)}: ${message}`, { cause: error });
}
