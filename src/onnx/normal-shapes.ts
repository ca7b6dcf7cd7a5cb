/** Rewritings that need shapes, made of operators: they are folded away where the shapes are known. */
import type { NodeEditor } from "./node-editor.ts";

/** The number of axes, as int64[1]. */
function rankOf(node: NodeEditor, name: string): string {
  return node.add("Shape", [node.add("Shape", [name])]);
}

/** `name` with axes of size 1 behind it, as many as `count`, an int64[1], says. */
function withTrailing(node: NodeEditor, name: string, count: string): string {
  const ones = node.add("Expand", [node.integers([1]), count]);
  const shape = node.add("Concat", [node.add("Shape", [name]), ones], { axis: 0 });
  return node.add("Reshape", [name, shape], { allowzero: 1 });
}

/** Before opset 7, `axis` said where in the first operand's axes the second one's begin. */
export function broadcastAxis(node: NodeEditor): void {
  const axis = node.take("axis");
  node.take("broadcast");
  if (typeof axis !== "number") return;
  const [a, b] = node.inputs as [string, string];
  const [rankA, rankB] = [rankOf(node, a), rankOf(node, b)];
  const from = axis < 0 ? node.add("Add", [rankA, node.integers([axis])]) : node.integers([axis]);
  const covered = node.add("Add", [from, rankB]);
  node.inputs[1] = withTrailing(node, b, node.add("Sub", [rankA, covered]));
}

/** Before opset 7, the slope of PRelu was one number or one a channel; the channels are axis 1. */
export function channelShape(node: NodeEditor): void {
  const [x, slope] = node.inputs as [string, string];
  const rank = rankOf(node, x);
  const behind = node.add("Max", [node.add("Sub", [rank, node.integers([2])]), node.integers([0])]);
  const flat = node.add("Reshape", [slope, node.integers([-1])]);
  node.inputs[1] = withTrailing(node, flat, behind);
}

/** Before opset 13, the softmax family took its input as a matrix, whose rows the axes from `axis` (default 1) make up. */
export function onMatrix(node: NodeEditor): void {
  const x = node.inputs[0]!;
  const axis = node.int("axis", 1);
  if (axis === -1) return;
  node.inputs[0] = node.add("Flatten", [x], { axis });
  node.set("axis", 1);
  node.append(0, "Reshape", [node.add("Shape", [x])], { allowzero: 1 });
}

/** Before opset 21, scale and bias of a group normalisation were one a group. */
export function groupsToChannels(node: NodeEditor): void {
  const groups = node.int("num_groups", 1);
  const channels = node.add("Shape", [node.inputs[0]!], { start: 1, end: 2 });
  const each = node.add("Div", [channels, node.integers([groups])]);
  const shape = node.add("Concat", [node.integers([groups]), each], { axis: 0 });
  for (const place of [1, 2]) {
    const column = node.add("Reshape", [node.inputs[place]!, node.integers([groups, 1])]);
    const spread = node.add("Expand", [column, shape]);
    node.inputs[place] = node.add("Reshape", [spread, node.integers([-1])]);
  }
}
