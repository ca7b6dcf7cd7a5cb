/** How many floating-point operations a step is, whoever computes it: from the graph of the loss alone. */
import { Tensor, tree } from "../dist/index.js";
import { flopsOf } from "../dist/onnx/flops.js";
import { erase, reachable } from "../dist/tensor/rewrite.js";

/**
 * Those of matrix products and convolutions, a multiplication with its addition as two. Forward and, for each of their inputs that
 * depends on a trained weight, as many again.
 *
 * @param {(weights: object, data: object, context: object) => Tensor} loss
 * @param {{ trained: object, frozen: object, data: object }} arrays
 * @param {boolean} training
 */
export function countFlops(loss, { trained, frozen, data }, training) {
  const input = (record) => tree.map(({ shape, dtype }) => Tensor.input(shape, dtype), record);
  const weights = input(trained);
  const context = { training, record: () => {} };
  const root = loss({ ...weights, ...input(frozen) }, input(data), context);
  const depends = new Set(Object.values(weights));
  let flops = 0;
  for (const node of reachable(erase([root]))) {
    const moved = node.inputs.filter((t) => depends.has(t)).length;
    if (moved > 0) for (const t of node.outputs) depends.add(t);
    flops += (flopsOf(node) ?? 0) * (training ? 1 + moved : 1);
  }
  return flops;
}
