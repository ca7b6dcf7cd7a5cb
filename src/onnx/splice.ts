/** Nodes of a file's graph replaced by others; everything else stays as it stands in the file. */
import { dtypes } from "../tensor/dtype.ts";
import type { NDArray } from "../tensor/ndarray.ts";
import { definedNames, usedNames } from "./graph.ts";
import type { GraphProto, ModelProto, NodeProto } from "./schema.ts";
import { ndarrayToTensor } from "./tensors.ts";
import { createMessage } from "./wire.ts";

export interface Splice {
  /** Nodes of the graph, by identity. */
  readonly remove: ReadonlySet<NodeProto>;
  /** In their place, in order: they stand where the last of the removed ones stood. */
  readonly insert: readonly NodeProto[];
  /** New initialisers by name. */
  readonly values: Readonly<Record<string, NDArray>>;
}

/**
 * The model with some nodes replaced. Initialisers and Constant nodes that only the removed nodes used go with them. Throws one line where
 * something is left that takes what a removed node gave and no new one gives.
 */
export function spliceNodes(model: ModelProto, { remove, insert, values }: Splice): ModelProto {
  const old = model.graph!;
  const last = old.node.findLastIndex((n) => remove.has(n));
  const kept = old.node.flatMap((n, i) => [...(remove.has(n) ? [] : [n]), ...(i === last ? insert : [])]);
  const freed = new Set([...remove].flatMap(usedNames));
  const used = usedIn({ ...old, node: kept });
  const unused = (name: string | undefined) => freed.has(name ?? "") && !used.has(name ?? "");
  const node = kept.filter((n) => n.opType !== "Constant" || !n.output.every(unused));
  const added = Object.entries(values);
  // Before IR version 4, every initialiser was an input too.
  const inputs = (model.irVersion ?? 0) < 4 ? added.map(([name, value]) => valueInfo(name, value)) : [];
  const graph: GraphProto = {
    ...old,
    node,
    initializer: [
      ...old.initializer.filter((t) => !unused(t.name)),
      ...added.map(([name, value]) => ndarrayToTensor(value, name)),
    ],
    input: [
      ...old.input.filter((i) => !unused(i.name) || !old.initializer.some((t) => t.name === i.name)),
      ...inputs,
    ],
  };
  const known = definedNames(graph);
  const missing = [...usedIn(graph)].find((name) => !known.has(name));
  if (missing !== undefined)
    throw new Error(`splice: "${missing}" is still used, and the node that gave it was removed`);
  return {
    ...model,
    graph: { ...graph, valueInfo: old.valueInfo.filter((v) => known.has(v.name ?? "")) },
  };
}

/** The model with these values as its outputs. */
export function withOutputs(model: ModelProto, names: readonly string[]): ModelProto {
  const declared = new Map(model.graph!.output.map((o) => [o.name, o]));
  const output = names.map((name) => declared.get(name) ?? createMessage("ValueInfoProto", { name }));
  return { ...model, graph: { ...model.graph!, output } };
}

function usedIn(graph: GraphProto): Set<string> {
  const names = new Set([...graph.node.flatMap(usedNames), ...graph.output.map((o) => o.name ?? "")]);
  names.delete("");
  return names;
}

function valueInfo(name: string, value: NDArray) {
  const dim = value.shape.map((dimValue) => createMessage("TensorShapeProto.Dimension", { dimValue }));
  const shape = createMessage("TensorShapeProto", { dim });
  const tensorType = createMessage("TypeProto.Tensor", { elemType: dtypes[value.dtype].code, shape });
  return createMessage("ValueInfoProto", { name, type: createMessage("TypeProto", { tensorType }) });
}
