/** Which initialisers of a file are weights, and what they are used for. */
import { type DType, dtypeOfCode } from "../tensor/dtype.ts";
import type { Shape } from "../tensor/shape.ts";
import { subgraphsOf } from "./graph.ts";
import { holdsFloats } from "./model-file.ts";
import type { GraphProto, NodeProto, TensorProto } from "./schema.ts";

/** A place where a weight is used. */
export interface ParameterUse {
  readonly operator: string;
  /** The node's name in the file, if it has one. */
  readonly node: string;
  /** The place among the node's inputs. */
  readonly input: number;
}

/** A float initialiser of a file. */
export interface Parameter {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
  /**
   * Is it a weight to fine-tune? Not: running statistics, scales of quantisation, limits, fill values, and scalars in
   * arithmetic (an epsilon, a factor), which are part of the formula. Those are parameters too, and can be trained if named.
   */
  readonly trainable: boolean;
  readonly uses: readonly ParameterUse[];
}

/** Inputs that decide shapes, axes or randomness: what they are computed from stays constant. */
const structural: Readonly<Record<string, readonly number[]>> = {
  Reshape: [1],
  Expand: [1],
  Tile: [1],
  Slice: [1, 2, 3, 4],
  Split: [1],
  Pad: [1, 3],
  Squeeze: [1],
  Unsqueeze: [1],
  ConstantOfShape: [0],
  Shape: [0],
  Size: [0],
  TopK: [1],
  OneHot: [1],
  CumSum: [1],
  Trilu: [1],
  Resize: [1, 2, 3],
  Range: [0, 1, 2],
  Dropout: [1, 2],
  CastLike: [1],
  NonMaxSuppression: [2, 3, 4],
};

/** Inputs that are no weights. */
const fixed: Readonly<Record<string, readonly number[]>> = {
  BatchNormalization: [3, 4],
  Clip: [1, 2],
  Pad: [2],
  QuantizeLinear: [1],
  DequantizeLinear: [1],
  QLinearConv: [1, 4, 6],
  QLinearMatMul: [1, 4, 6],
  OneHot: [2],
};

const arithmetic = new Set(["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Where", "Sqrt"]);

/** The float initialisers of a normal graph that a trace takes as inputs, with the tensors that hold them. */
export function parametersOf(graph: GraphProto): Map<TensorProto, Parameter> {
  const uses = usesOf(graph);
  const plain = plainNames(graph);
  const found = new Map<TensorProto, Parameter>();
  for (const tensor of graph.initializer) {
    const name = tensor.name ?? "";
    const all = uses.get(name) ?? [];
    if (!holdsFloats(tensor) || (all.length > 0 && !plain.has(name))) continue;
    const shape = [...tensor.dims];
    const scalar = (u: ParameterUse) => shape.length === 0 && arithmetic.has(u.operator);
    found.set(tensor, {
      name,
      shape,
      dtype: dtypeOfCode(tensor.dataType ?? 0)!,
      trainable: all.some((u) => !isAt(fixed, u) && !isAt(structural, u) && !scalar(u)),
      uses: all,
    });
  }
  return found;
}

function isAt(table: Readonly<Record<string, readonly number[]>>, use: ParameterUse): boolean {
  return Object.hasOwn(table, use.operator) && table[use.operator]!.includes(use.input);
}

/** The values that more than shapes are computed from: followed from the outputs back. */
function plainNames(graph: GraphProto, plain = new Set<string>(), used = new Set<string>()): Set<string> {
  for (const output of graph.output) plain.add(output.name ?? "");
  for (const node of graph.node.toReversed()) {
    for (const inner of subgraphsOf(node)) plainNames(inner, plain, used);
    const decides =
      node.output.some((name) => used.has(name)) && !node.output.some((name) => plain.has(name));
    node.input.forEach((name, input) => {
      const shapes = isAt(structural, { operator: operatorOf(node), node: "", input });
      if (!shapes && !decides) plain.add(name);
      used.add(name);
    });
  }
  plain.delete("");
  return plain;
}

/** By name, in all graphs: names of inner graphs differ from those outside. */
function usesOf(graph: GraphProto, uses = new Map<string, ParameterUse[]>()): Map<string, ParameterUse[]> {
  for (const node of graph.node) {
    node.input.forEach((name, input) => {
      if (name === "") return;
      const list = uses.get(name) ?? [];
      list.push({ operator: operatorOf(node), node: node.name ?? "", input });
      uses.set(name, list);
    });
    for (const inner of subgraphsOf(node)) usesOf(inner, uses);
  }
  return uses;
}

export function operatorOf(node: NodeProto): string {
  return node.domain ? `${node.domain}.${node.opType}` : (node.opType ?? "");
}
