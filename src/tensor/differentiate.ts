/**
 * Reverse-mode differentiation of expressions, from the gradient rules of the operator table. It maps expressions to
 * expressions: the result can be differentiated again.
 */
import { isFloat } from "./dtype.ts";
import { type BackwardCall, type Node, operators, showNode } from "./node.ts";
import { sumTo } from "./operators/rules.ts";
import { reachable } from "./rewrite.ts";
import type { Tensor } from "./tensor.ts";

/** From each node to the next one on a way to the loss. */
type Trail = Map<Node, Node>;

/**
 * The products of the cotangents of `outputs` with the Jacobian: one tensor for each of `wrt`, undefined where no output
 * depends on it. Throws one line where the way leads through an operator that has no rule, naming it and the path.
 */
export function pullback(
  outputs: readonly Tensor[],
  cotangents: readonly Tensor[],
  wrt: readonly Tensor[],
): (Tensor | undefined)[] {
  const order = reachable(outputs);
  const active = dependsOn(order, wrt);
  const sums = new Map<Tensor, Tensor>();
  const trail: Trail = new Map();
  const addTo = (t: Tensor, g: Tensor): void => {
    const sum = sums.get(t);
    sums.set(t, sum === undefined ? g : sum.add(g));
  };
  outputs.forEach((t, i) => addTo(t, cotangents[i]!));

  for (const node of order.reverse()) {
    if (!active.has(node)) continue;
    const dys = node.outputs.map((t) => sums.get(t));
    if (dys.every((dy) => dy === undefined)) continue;
    // What reaches the loss only as indices or conditions has the derivative 0 wherever it has one.
    const needs = node.inputs.map((t) => t !== undefined && active.has(t.node) && isFloat(t.dtype));
    if (!needs.includes(true)) continue;
    const gradients = backward(node, dys, needs, trail);
    node.inputs.forEach((t, i) => {
      const g = gradients[i];
      if (!needs[i] || g === undefined) return;
      if (!trail.has(t!.node)) trail.set(t!.node, node);
      addTo(t!, operators.get(node.name)!.elementwise ? sumTo(g, t!.shape) : g);
    });
  }
  return wrt.map((t) => sums.get(t));
}

function backward(
  node: Node,
  dys: readonly (Tensor | undefined)[],
  needs: readonly boolean[],
  trail: Trail,
): readonly (Tensor | undefined)[] {
  const rule = operators.get(node.name)?.gradient;
  if (rule === undefined || rule === "none") return noDerivative(node, trail);
  const call: BackwardCall = {
    x: node.inputs as readonly Tensor[],
    attributes: node.attributes,
    outputs: node.outputs.length,
    y: node.outputs[0]!,
    dy: dys[0]!,
    ys: node.outputs,
    dys,
    needs,
  };
  return rule(call);
}

/** The nodes that are computed from any of `wrt`, these included. */
function dependsOn(order: readonly Node[], wrt: readonly Tensor[]): Set<Node> {
  const active = new Set(wrt.map((t) => t.node));
  for (const node of order) {
    if (node.op === "StopGradient") continue;
    if (node.inputs.some((t) => t !== undefined && active.has(t.node))) active.add(node);
  }
  return active;
}

function noDerivative(node: Node, trail: Trail): never {
  const path = [node.name];
  for (let at = trail.get(node); at !== undefined; at = trail.get(at)) path.push(at.name);
  const why =
    operators.get(node.name)?.gradient === "none"
      ? "its result has no derivative"
      : "there is no gradient rule for it";
  throw new TypeError(
    `grad: cannot differentiate through ${showNode(node)}: ${why} (path: ${path.join(" <- ")} <- loss). ` +
      "Use stopGradient before it, straightThrough or customGradient around it",
  );
}
