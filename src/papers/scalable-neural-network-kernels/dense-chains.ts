/** Dense layers with activations in a file's graph, and the chains that they form. */
import { attributeFromProto } from "../../onnx/attributes.ts";
import { showNode, usedNames } from "../../onnx/graph.ts";
import type { GraphProto, NodeProto } from "../../onnx/schema.ts";
import { type ComposedActivation, composedActivation } from "./composed-activation.ts";

const FLOAT = 1;

/** Operators that features can stand for. */
export const activations: ReadonlySet<string> = new Set([
  "Relu",
  "Sin",
  "Cos",
  "Exp",
  "Gelu",
  "Tanh",
  "Sigmoid",
]);

/** A Gemm, or a MatMul with the Add of its bias, and the activation behind it. */
export interface DenseLayer {
  readonly input: string;
  readonly output: string;
  readonly inputs: number;
  readonly units: number;
  readonly bias: boolean;
  /** The name of its kernel. */
  readonly kernel: string;
  readonly activation: string | undefined;
  readonly nodes: readonly NodeProto[];
}

/** Layers one after the other, nothing else reading what is between them. Only the last may be without activation. */
export interface Chain {
  readonly layers: readonly DenseLayer[];
  readonly input: string;
  readonly output: string;
}

export interface FoundChains {
  readonly chains: readonly Chain[];
  /** Why a dense layer is in no chain, by its kernel's name. */
  readonly refused: ReadonlyMap<string, string>;
}

/**
 * The chains of a graph. The first `from` layers with an activation stay out of them, in the order of the graph. Layers of float32 with
 * constant weights only.
 */
export function denseChains(graph: GraphProto, from: number): FoundChains {
  const reader = new Reader(graph);
  const refused = new Map<string, string>();
  const found = graph.node.flatMap((node) => reader.layerAt(node, refused) ?? []);
  const active = found.filter((l) => l.activation !== undefined);
  for (const layer of active.slice(0, from))
    refused.set(layer.kernel, `the first ${from} layers with an activation stay (from)`);
  const candidates = found.filter((l) => !active.slice(0, from).includes(l));
  const byInput = new Map(candidates.map((l) => [l.input, l]));
  const taken = new Set<DenseLayer>();
  const chains: Chain[] = [];
  for (const start of candidates) {
    if (taken.has(start) || start.activation === undefined) continue;
    const layers = [start];
    for (let at = start; at.activation !== undefined; ) {
      const next = byInput.get(at.output);
      if (next === undefined || taken.has(next) || reader.uses(at.output) !== 1) break;
      layers.push(next);
      at = next;
    }
    for (const layer of layers) taken.add(layer);
    chains.push({ layers, input: start.input, output: layers.at(-1)!.output });
  }
  for (const layer of candidates)
    if (!taken.has(layer) && !refused.has(layer.kernel)) refused.set(layer.kernel, reader.whyAlone(layer));
  return { chains, refused };
}

class Reader {
  private readonly constants = new Map<string, { readonly dims: readonly number[]; readonly type: number }>();
  private readonly consumers = new Map<string, NodeProto[]>();
  private readonly results: ReadonlySet<string>;

  constructor(graph: GraphProto) {
    for (const t of graph.initializer)
      this.constants.set(t.name ?? "", { dims: t.dims, type: t.dataType ?? 0 });
    for (const node of graph.node) {
      const value = node.attribute.find((a) => a.name === "value")?.t;
      if (node.opType === "Constant" && value !== undefined)
        this.constants.set(node.output[0]!, { dims: value.dims, type: value.dataType ?? 0 });
      for (const name of usedNames(node)) {
        const list = this.consumers.get(name);
        if (list === undefined) this.consumers.set(name, [node]);
        else list.push(node);
      }
    }
    this.results = new Set(graph.output.map((o) => o.name ?? ""));
  }

  /** How many read a value; the model's output is one of them. */
  uses(name: string): number {
    return (this.consumers.get(name)?.length ?? 0) + (this.results.has(name) ? 1 : 0);
  }

  /** The one node that reads a value, undefined where there are more or none. */
  private only(name: string): NodeProto | undefined {
    return this.uses(name) === 1 ? this.consumers.get(name)?.[0] : undefined;
  }

  layerAt(node: NodeProto, refused: Map<string, string>): DenseLayer | undefined {
    const dense = this.denseAt(node, refused);
    if (dense === undefined) return undefined;
    const found = this.activationAt(dense.output);
    if (found === undefined) return { ...dense, activation: undefined };
    return {
      ...dense,
      activation: found.name,
      output: found.output,
      nodes: [...dense.nodes, ...found.nodes],
    };
  }

  private activationAt(name: string): ComposedActivation | undefined {
    const next = this.only(name);
    if (next !== undefined && isPlain(next) && activations.has(next.opType ?? ""))
      return { name: next.opType!, output: next.output[0]!, nodes: [next] };
    return composedActivation(name, {
      consumers: (value) => this.consumers.get(value) ?? [],
      isScalar: (value) => this.constants.get(value)?.dims.every((d) => d === 1) === true,
      isResult: (value) => this.results.has(value),
    });
  }

  private denseAt(node: NodeProto, refused: Map<string, string>): Omit<DenseLayer, "activation"> | undefined {
    if (!isPlain(node) || (node.opType !== "Gemm" && node.opType !== "MatMul")) return undefined;
    const [input, kernel, bias] = node.input as [string, string, string | undefined];
    const weights = this.constants.get(kernel);
    if (weights === undefined) return undefined;
    const problem =
      weights.type !== FLOAT
        ? "its weights are not float32"
        : weights.dims.length !== 2
          ? `its kernel has ${weights.dims.length} axes`
          : this.constants.has(input)
            ? "its input is a constant"
            : undefined;
    if (problem !== undefined) {
      refused.set(kernel, problem);
      return undefined;
    }
    const [a, b] = weights.dims as [number, number];
    const layer = { input, kernel, inputs: a, units: b, output: node.output[0]!, nodes: [node] };
    if (node.opType === "MatMul") return this.withAdd(layer);
    const flag = (name: string) => {
      const proto = node.attribute.find((x) => x.name === name);
      return proto === undefined ? 0 : attributeFromProto(proto);
    };
    const hasBias = bias !== undefined && bias !== "";
    if (flag("transA") !== 0 || (hasBias && !this.constants.has(bias))) {
      refused.set(kernel, hasBias ? "its bias is computed" : "it takes a transposed input");
      return undefined;
    }
    const turned = flag("transB") !== 0;
    return { ...layer, inputs: turned ? b : a, units: turned ? a : b, bias: hasBias };
  }

  private withAdd(layer: Omit<DenseLayer, "activation" | "bias">): Omit<DenseLayer, "activation"> {
    const next = this.only(layer.output);
    if (next === undefined || !isPlain(next) || next.opType !== "Add") return { ...layer, bias: false };
    const other = next.input.find((name) => name !== layer.output);
    const dims = this.constants.get(other ?? "")?.dims;
    const fits = dims !== undefined && dims.at(-1) === layer.units && dims.slice(0, -1).every((d) => d === 1);
    if (!fits) return { ...layer, bias: false };
    return { ...layer, bias: true, output: next.output[0]!, nodes: [...layer.nodes, next] };
  }

  /** Why a layer without an activation behind it is in no chain. */
  whyAlone(layer: DenseLayer): string {
    const count = this.uses(layer.output);
    const next = this.only(layer.output);
    if (next !== undefined)
      return `${showNode(next)} follows it: there are features for ${[...activations].join(", ")} only`;
    if (this.results.has(layer.output) && count === 1)
      return "it gives the model's output, and no replaced layer is before it";
    return `${count} nodes read what it gives`;
  }
}

function isPlain(node: NodeProto): boolean {
  return node.domain === undefined || node.domain === "" || node.domain === "ai.onnx";
}
