/** Graphs as a whole: what is in them, and building them anew with changes. */
import { INTERNAL, type Node, operators } from "./node.ts";
import { applyAll, applyUnknown, type Tensor } from "./tensor.ts";

/** Every node that these tensors are computed from, inputs before outputs. */
export function reachable(roots: readonly Tensor[]): Node[] {
  const seen = new Set<Node>();
  const stack = roots.map((t) => t.node);
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    for (const t of node.inputs) if (t !== undefined) stack.push(t.node);
  }
  return [...seen].sort((a, b) => a.id - b.id);
}

/** What a node becomes: tensors for its outputs, or undefined to keep the operator with its new inputs. */
export type Rule = (node: Node, inputs: readonly (Tensor | undefined)[]) => readonly Tensor[] | undefined;

/** The same expressions with every node passed through a rule, from the inputs to the roots. */
export function rewrite(roots: readonly Tensor[], rule: Rule): Tensor[] {
  const made = new Map<Node, readonly Tensor[]>();
  const moved = (t: Tensor): Tensor => made.get(t.node)![t.index]!;
  for (const node of reachable(roots)) {
    const inputs = node.inputs.map((t) => t && moved(t));
    made.set(node, rule(node, inputs) ?? rebuilt(node, inputs));
  }
  return roots.map(moved);
}

/** A node with other inputs of the same types. */
export function rebuilt(node: Node, inputs: readonly (Tensor | undefined)[]): readonly Tensor[] {
  if (inputs.every((t, i) => t === node.inputs[i])) return node.outputs;
  if (!operators.has(node.name))
    return applyUnknown(node.op, node.domain, inputs, node.attributes, node.outputs);
  return applyAll(node.op, inputs, node.attributes, node.outputs.length, node.domain);
}

/** Put other tensors in the place of some: in a traced function, its inputs. */
export function substitute(
  roots: readonly Tensor[],
  from: readonly Tensor[],
  to: readonly Tensor[],
): Tensor[] {
  const swap = new Map(from.map((t, i) => [t.node, to[i]!]));
  return rewrite(roots, (node) => {
    const other = swap.get(node);
    return other && [other];
  });
}

/** Without the operators that matter only to differentiation. */
export function unmarked(roots: readonly Tensor[]): Tensor[] {
  return rewrite(roots, (node, inputs) =>
    node.domain === INTERNAL && node.op !== "Input" && operators.get(node.name)!.expansion === undefined
      ? [inputs[0]!]
      : undefined,
  );
}

/** Without any operator of our own: what is left is plain ONNX. */
export function erase(roots: readonly Tensor[]): Tensor[] {
  return rewrite(unmarked(roots), (node, inputs) => {
    const expansion = node.domain === INTERNAL ? operators.get(node.name)?.expansion : undefined;
    const { attributes, outputs } = node;
    return expansion && [expansion({ x: inputs as readonly Tensor[], attributes, outputs: outputs.length })];
  });
}
