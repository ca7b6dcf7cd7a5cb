/** Which weights the gradient of a traced model reaches, and what stops it where it does not. */
import { isFloat } from "../tensor/dtype.ts";
import { type Node, operators, showNode } from "../tensor/node.ts";
import { reachable } from "../tensor/rewrite.ts";
import type { Tensor } from "../tensor/tensor.ts";

export const UNUSED = "the output does not depend on it";

/**
 * For every weight that cannot be trained, the reason in a few words. It follows the rules that `grad` follows: a weight must
 * reach the output through operators that have a gradient rule, and on no way through one that has none.
 */
export function untrainable(
  output: Tensor,
  weights: Readonly<Record<string, Tensor>>,
): ReadonlyMap<string, string> {
  const reached = new Set<Tensor>([output]);
  /** The operator without a rule that a change of this node would pass. */
  const blockers = new Map<Node, Node>();
  for (const node of reachable([output]).reverse()) {
    const receives = node.outputs.some((t) => reached.has(t));
    const rule = operators.get(node.name)?.gradient;
    const blocked = receives && (rule === undefined || rule === "none") && node.inputs.length > 0;
    const stops = node.op === "StopGradient";
    for (const t of node.inputs) {
      if (t === undefined || stops) continue;
      if (receives && !blocked && isFloat(t.dtype)) reached.add(t);
      const blocker = blocked && isFloat(t.dtype) ? node : blockers.get(node);
      if (blocker !== undefined) blockers.set(t.node, blocker);
    }
  }
  const used = new Set(reachable([output]));
  const reasons = new Map<string, string>();
  for (const [name, t] of Object.entries(weights)) {
    const reason = reasonFor(t, used, reached, blockers.get(t.node));
    if (reason !== undefined) reasons.set(name, reason);
  }
  return reasons;
}

function reasonFor(
  t: Tensor,
  used: ReadonlySet<Node>,
  reached: ReadonlySet<Tensor>,
  blocker: Node | undefined,
): string | undefined {
  if (!used.has(t.node)) return UNUSED;
  if (blocker !== undefined) {
    const known = operators.get(blocker.name)?.gradient === "none";
    return `${showNode(blocker)} on its way to the output has no ${known ? "derivative" : "gradient rule"}`;
  }
  return reached.has(t) ? undefined : "it reaches the output only through whole numbers or conditions";
}
