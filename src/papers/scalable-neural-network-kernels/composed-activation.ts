/** Activations that a file spells out in arithmetic, as exporters write gelu and silu. */
import type { NodeProto } from "../../onnx/schema.ts";

const arithmetic: ReadonlySet<string> = new Set(["Add", "Sub", "Mul", "Div", "Pow", "Neg"]);
const curves: ReadonlySet<string> = new Set(["Erf", "Tanh", "Sigmoid", "Sin", "Cos", "Exp", "Relu", "Gelu"]);

/** gelu by tanh has 8 nodes. */
const MOST = 12;

export interface GraphUses {
  consumers(name: string): readonly NodeProto[];
  isScalar(name: string): boolean;
  isResult(name: string): boolean;
}

export interface ComposedActivation {
  readonly name: string;
  readonly output: string;
  readonly nodes: readonly NodeProto[];
}

/**
 * The function of each number on its own that nodes from `start` on compute: nothing else goes in but scalar constants, and one value
 * comes out. As many nodes as fit; undefined where there are none, or no curve is among them.
 */
export function composedActivation(start: string, graph: GraphUses): ComposedActivation | undefined {
  const known = new Set([start]);
  const nodes: NodeProto[] = [];
  let found: ComposedActivation | undefined;
  const fits = (node: NodeProto) =>
    !nodes.includes(node) &&
    (node.domain === undefined || node.domain === "" || node.domain === "ai.onnx") &&
    (arithmetic.has(node.opType ?? "") || curves.has(node.opType ?? "")) &&
    node.input.every((name) => known.has(name) || graph.isScalar(name));
  while (nodes.length < MOST) {
    const next = [...known].flatMap((name) => graph.consumers(name)).find(fits);
    if (next === undefined) break;
    nodes.push(next);
    known.add(next.output[0]!);
    const exits = [...known].filter(
      (name) => graph.isResult(name) || graph.consumers(name).some((n) => !nodes.includes(n)),
    );
    if (exits.length !== 1 || exits[0] === start || !nodes.some((n) => curves.has(n.opType ?? ""))) continue;
    found = {
      name: `an activation of ${nodes.map((n) => n.opType).join(", ")}`,
      output: exits[0]!,
      nodes: [...nodes],
    };
  }
  return found;
}
