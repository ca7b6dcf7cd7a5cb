/** Floating-point operations of a node, from its shapes. A multiplication with its addition counts as two. */
import type { Node } from "../tensor/node.ts";
import { sizeOf } from "../tensor/shape.ts";

/** Undefined for operators that are not counted: only those that multiply matrices or convolve are. */
export function flopsOf(node: Node): number | undefined {
  const rule = Object.hasOwn(rules, node.name) ? rules[node.name] : undefined;
  return rule?.(node);
}

const rules: Readonly<Record<string, (node: Node) => number>> = {
  Conv: (node) => {
    const [, kernel, bias] = node.inputs;
    const out = node.outputs[0]!.size;
    return 2 * out * sizeOf(kernel!.shape.slice(1)) + (bias === undefined ? 0 : out);
  },
  ConvTranspose: (node) => {
    const [x, kernel, bias] = node.inputs;
    return 2 * x!.size * sizeOf(kernel!.shape.slice(1)) + (bias === undefined ? 0 : node.outputs[0]!.size);
  },
  Gemm: (node) => {
    const [a, , bias] = node.inputs;
    const [rows, columns] = node.outputs[0]!.shape as [number, number];
    return 2 * a!.size * columns + (bias === undefined ? 0 : rows * columns);
  },
  MatMul: (node) => 2 * node.outputs[0]!.size * node.inputs[0]!.shape.at(-1)!,
  LSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
};

/** Inputs [time, batch, features], weights [directions, gates * hidden, features] and [directions, gates * hidden, hidden]. */
function recurrent(node: Node): number {
  const [x, w, r] = node.inputs;
  const steps = x!.shape[0]! * x!.shape[1]!;
  return 2 * steps * (w!.size + r!.size);
}
