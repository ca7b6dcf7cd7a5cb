/** Expressions as an ONNX graph. */
import { dtypes } from "../tensor/dtype.ts";
import type { NDArray } from "../tensor/ndarray.ts";
import { INTERNAL, type Node } from "../tensor/node.ts";
import { reachable } from "../tensor/rewrite.ts";
import { showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { attributeToProto } from "./attributes.ts";
import { carriedBy, writtenAttributes } from "./carried.ts";
import { mergeOpsets, neededOpset, OPSET, type Opsets } from "./opsets.ts";
import type { Draft } from "./schema.ts";
import { ndarrayToTensor } from "./tensors.ts";

/** What runtimes of 2024 and later read. */
export const IR_VERSION = 10;

/** A named tensor on the border of a graph. */
export interface Port {
  readonly name: string;
  readonly tensor: Tensor;
  /** Its sizes as the file states them: a name is a symbolic size, undefined an unknown one. Default: those of the tensor. */
  readonly sizes?: readonly Size[];
}

export type Size = number | string | undefined;

/** An input of the traced graph that is stored in the file, under its name. */
export interface Weight extends Port {
  readonly value: NDArray;
}

export interface GraphPorts {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly weights?: readonly Weight[];
}

export type ModelDraft = Draft<"ModelProto">;
type NodeDraft = Draft<"NodeProto">;

/** The model that computes `outputs` from `inputs` and `weights`. The names of ports must differ. */
export function emitModel(ports: GraphPorts): ModelDraft {
  const names = new Map<Tensor, string>();
  for (const { name, tensor } of [...ports.inputs, ...(ports.weights ?? [])]) names.set(tensor, name);
  const results = new Map(ports.outputs.map((o) => [o.tensor, o.name]));
  const initializer = (ports.weights ?? []).map((w) => ndarrayToTensor(w.value, w.name));
  const constants = new Map<string, string>();
  const nodes: NodeDraft[] = [];
  const opsets: Opsets[] = [new Map([["", OPSET]])];
  const fresh = unusedNames(ports);

  for (const node of reachable(ports.outputs.map((o) => o.tensor))) {
    if (node.value !== undefined) {
      const known = constants.get(node.key);
      const name = known ?? fresh("constant");
      if (known === undefined) initializer.push(ndarrayToTensor(node.value, name));
      constants.set(node.key, name);
      names.set(node.outputs[0]!, name);
    } else if (node.op === "Input" && node.domain === INTERNAL) {
      if (!names.has(node.outputs[0]!)) throw new Error(strayInput(node));
    } else {
      for (const t of node.outputs) names.set(t, results.get(t) ?? fresh("value"));
      opsets.push(opsetsOf(node));
      nodes.push(nodeProto(node, names, fresh(node.op)));
    }
  }
  for (const { name, tensor } of ports.outputs) {
    if (names.get(tensor) === name) continue;
    nodes.push({ opType: "Identity", input: [names.get(tensor)!], output: [name], name: fresh("Identity") });
  }
  return {
    irVersion: IR_VERSION,
    producerName: "paperweight",
    opsetImport: [...mergeOpsets(opsets)].map(([domain, version]) => ({ domain, version })),
    graph: {
      name: "main",
      node: nodes,
      initializer,
      input: ports.inputs.map(valueInfo),
      output: ports.outputs.map(valueInfo),
    },
  };
}

/** Names that count up by kind, and that no port has. */
function unusedNames({ inputs, outputs, weights = [] }: GraphPorts): (kind: string) => string {
  const taken = new Set<string>();
  for (const { name } of [...inputs, ...outputs, ...weights]) {
    if (taken.has(name))
      throw new Error(`emit: two inputs, outputs or weights are named "${name}": give each its own`);
    taken.add(name);
  }
  const counts = new Map<string, number>();
  return (kind) => {
    for (;;) {
      const count = counts.get(kind) ?? 0;
      counts.set(kind, count + 1);
      const name = `${kind}_${count}`;
      if (!taken.has(name)) return name;
    }
  };
}

function strayInput(node: Node): string {
  const t = node.outputs[0]!;
  return (
    `compile: the result depends on a tensor ${t.dtype}${showShape(t.shape)} that is no argument of the function: ` +
    "a tensor of one traced function cannot be used in another; pass it as an argument"
  );
}

function opsetsOf(node: Node): Opsets {
  const carried = carriedBy(node);
  if (carried !== undefined) return carried.opsets;
  const version = node.domain === "" ? neededOpset(node.op, Object.keys(node.attributes)) : 1;
  return new Map([[node.domain, version]]);
}

function nodeProto(node: Node, names: ReadonlyMap<Tensor, string>, name: string): NodeDraft {
  const all = node.inputs.map((t) => (t === undefined ? "" : names.get(t)!));
  const carried = carriedBy(node);
  const own = all.length - (carried?.captures.length ?? 0);
  const input = all.slice(0, own);
  while (input.at(-1) === "") input.pop();
  return {
    opType: node.op,
    domain: node.domain,
    name,
    input,
    output: node.outputs.map((t, i) => (carried?.absent.has(i) ? "" : names.get(t)!)),
    attribute:
      carried === undefined
        ? Object.entries(node.attributes).map(([key, value]) => attributeToProto(key, value))
        : writtenAttributes(carried, all.slice(own), name),
  };
}

function valueInfo({ name, tensor, sizes = tensor.shape }: Port): Draft<"ValueInfoProto"> {
  const dim = sizes.map((d) =>
    typeof d === "number" ? { dimValue: d } : d === undefined ? {} : { dimParam: d },
  );
  return { name, type: { tensorType: { elemType: dtypes[tensor.dtype].code, shape: { dim } } } };
}
