/** A training step by `session.run` alone. */
import { tree } from "../../dist/index.js";
import { encodeMessage } from "../../dist/onnx/wire.js";
import { backend } from "../../dist/runtime/backend.node.js";

/**
 * All tensors are allocated before, and each step writes to what the step before it read. `carried` is what one step hands to
 * the next; in the graph it comes first among the inputs, and after the loss among the outputs.
 */
export async function bareLoop(graph, carried, data, threads) {
  const session = await backend.load(encodeMessage("ModelProto", graph), "cpu", threads);
  const used = new Set(session.inputNames);
  const given = (entries) => Object.fromEntries(entries.filter(([name]) => used.has(name)));
  const tensor = ({ data, shape, dtype }) => new backend.Tensor(dtype, data.slice(), shape);
  const here = tree.leaves(carried).map(tensor);
  const there = tree.leaves(carried).map(tensor);
  const fixed = tree.leaves(data).map((array, i) => [`input_${here.length + i}`, tensor(array)]);
  const loss = new backend.Tensor("float32", new Float32Array(1), []);
  const ports = (from, to) => ({
    feeds: given([...from.map((t, i) => [`input_${i}`, t]), ...fixed]),
    fetches: Object.fromEntries([["output_0", loss], ...to.map((t, i) => [`output_${i + 1}`, t])]),
  });
  const turns = [ports(here, there), ports(there, here)];
  let turn = 0;
  return async (steps) => {
    for (let i = 0; i < steps; i++) {
      const { feeds, fetches } = turns[turn];
      turn = 1 - turn;
      await session.run(feeds, fetches);
    }
    return loss.data[0];
  };
}

/** The arrays that a compiled graph takes, by the names of its inputs. */
export function inputsOf(args) {
  return Object.fromEntries(tree.leaves(args).map((array, i) => [`input_${i}`, array]));
}
