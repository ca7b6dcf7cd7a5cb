/** Model-local functions: a call becomes the nodes of the function's body. */
import { capturedNames, definedNames, showNode } from "./graph.ts";
import type { FreshNames } from "./node-editor.ts";
import { quoted } from "./raw.ts";
import type { AttributeProto, FunctionProto, GraphProto, NodeProto } from "./schema.ts";

/** Functions by what calls them. */
export type Functions = ReadonlyMap<string, FunctionProto>;

export function readFunctions(functions: readonly FunctionProto[]): Functions {
  const byKey = new Map<string, FunctionProto>();
  for (const f of functions) {
    const key = callKey(f.domain, f.name, f.overload);
    if (byKey.has(key))
      throw new Error(`model: the function ${quoted(f.name ?? "")} is defined twice: keep one of them`);
    byKey.set(key, f);
  }
  return byKey;
}

/** The function that a node calls, undefined where it is an operator. */
export function calledFunction(node: NodeProto, functions: Functions): FunctionProto | undefined {
  return functions.size === 0 ? undefined : functions.get(callKey(node.domain, node.opType, node.overload));
}

/** The nodes of a function's body in the place of a call, with names of their own. */
export function inlineCall(call: NodeProto, f: FunctionProto, names: FreshNames): NodeProto[] {
  if (call.input.length > f.input.length || call.output.length > f.output.length) {
    throw new Error(
      `model: ${showNode(call)} has ${call.input.length} inputs and ${call.output.length} outputs, its function takes ` +
        `${f.input.length} and gives ${f.output.length}: the file is damaged`,
    );
  }
  const mapping = new Map<string, string>();
  f.input.forEach((name, i) => mapping.set(name, call.input[i] ?? ""));
  const results = new Map(f.output.map((name, i) => [name, call.output[i] || names.next(name)]));
  for (const node of f.node)
    for (const name of node.output) if (name !== "") mapping.set(name, results.get(name) ?? names.next(name));
  const passed = f.output.filter((name) => !f.node.some((n) => n.output.includes(name)));
  const standards = new Map(f.attributeProto.map((a) => [a.name ?? "", a]));
  const given = new Map(call.attribute.map((a) => [a.name ?? "", a]));
  const attributeNamed = (name: string) => given.get(name) ?? standards.get(name);
  const body = f.node.map((node) => renamed(node, { mapping, attributeNamed, names }));
  for (const name of passed) body.push(identity(call, mapping.get(name) ?? "", results.get(name)!));
  return body;
}

interface Substitution {
  readonly mapping: ReadonlyMap<string, string>;
  /** What a call gives for an attribute of the function. */
  readonly attributeNamed: (name: string) => AttributeProto | undefined;
  readonly names: FreshNames;
}

function renamed(node: NodeProto, to: Substitution): NodeProto {
  const name = (old: string) => (old === "" ? "" : (to.mapping.get(old) ?? old));
  return {
    ...node,
    input: node.input.map(name),
    output: node.output.map(name),
    attribute: node.attribute.flatMap((a) => attributeFor(a, to)),
  };
}

function attributeFor(attribute: AttributeProto, to: Substitution): AttributeProto[] {
  if (attribute.refAttrName) {
    const value = to.attributeNamed(attribute.refAttrName);
    return value === undefined ? [] : [{ ...value, name: attribute.name }];
  }
  if (attribute.g === undefined && attribute.graphs.length === 0) return [attribute];
  return [
    {
      ...attribute,
      ...(attribute.g && { g: renamedGraph(attribute.g, to) }),
      graphs: attribute.graphs.map((g) => renamedGraph(g, to)),
    },
  ];
}

function renamedGraph(graph: GraphProto, outer: Substitution): GraphProto {
  const mapping = new Map<string, string>();
  for (const captured of capturedNames(graph)) mapping.set(captured, outer.mapping.get(captured) ?? captured);
  for (const own of definedNames(graph)) mapping.set(own, outer.names.next(own));
  const to = { ...outer, mapping };
  const called = <T extends { name?: string | undefined }>(t: T): T => ({
    ...t,
    name: mapping.get(t.name ?? "") ?? t.name,
  });
  return {
    ...graph,
    input: graph.input.map(called),
    output: graph.output.map(called),
    valueInfo: graph.valueInfo.map(called),
    initializer: graph.initializer.map(called),
    sparseInitializer: graph.sparseInitializer.map((s) => ({
      ...s,
      ...(s.values && { values: called(s.values) }),
    })),
    node: graph.node.map((node) => renamed(node, to)),
  };
}

function identity(call: NodeProto, from: string, to: string): NodeProto {
  return {
    ...call,
    domain: "",
    overload: "",
    opType: "Identity",
    input: [from],
    output: [to],
    attribute: [],
  };
}

function callKey(domain = "", name = "", overload = ""): string {
  return JSON.stringify([plainDomain(domain), name, overload]);
}

/** ONNX's own domain has two names. */
export function plainDomain(domain = ""): string {
  return domain === "ai.onnx" ? "" : domain;
}
