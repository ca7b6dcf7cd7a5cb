/** Our own training step, and beside it the bare ONNX Runtime call of the graph that it runs. */
import { readFileSync } from "node:fs";
import { compile, NDArray, tree, valueAndGrad } from "../../dist/index.js";
import { encodeMessage } from "../../dist/onnx/wire.js";
import { adam, applyUpdates } from "../../dist/optim/index.js";
import { backend } from "../../dist/runtime/backend.node.js";

/** @type {import("../worker.mjs").Load} */
export async function load(threads) {
  return async (workload, problem) => start(workload, problem, threads);
}

function start(workload, problem, threads) {
  const optimizer = adam({ learningRate: 1e-3 });
  const step = compile(
    (before, memory, data) => {
      const [loss, gradient] = valueAndGrad(workload.paperweight)(before, data);
      const { updates, state } = optimizer.update(gradient, memory, before);
      return { loss, params: applyUpdates(before, updates), state };
    },
    { threads, donate: [0, 1] },
  );
  let params = arrays(problem.weights);
  let state = optimizer.init(params);
  const data = arrays(problem.data);
  let bare;

  return {
    version: `${ourVersion()} on ${backend.name}`,
    async run(steps) {
      let loss;
      for (let i = 0; i < steps; i++) ({ loss, params, state } = await step(params, state, data));
      return loss.item();
    },
    /** The same graph without us; from where our weights are when it is first called, on copies of them. */
    async runBare(steps) {
      bare ??= await bareLoop(step.graph(params, state, data), [params, state], data, threads);
      return bare(steps);
    },
  };
}

function ourVersion() {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;
}

/** @param {Record<string, import("../problem.mjs").Values>} values */
function arrays(values) {
  return Object.fromEntries(
    Object.entries(values).map(([name, v]) => [name, new NDArray(v.values.slice(), v.shape)]),
  );
}

/**
 * Steps by `session.run` alone: all tensors are allocated before, and each step writes to what the step before it read.
 * `carried` is what one step hands to the next; in the graph it comes first among the inputs, and after the loss among
 * the outputs.
 */
async function bareLoop(graph, carried, data, threads) {
  const session = await backend.load(encodeMessage("ModelProto", graph), "cpu", threads);
  const tensor = ({ data, shape, dtype }) => new backend.Tensor(dtype, data.slice(), shape);
  const here = tree.leaves(carried).map(tensor);
  const there = tree.leaves(carried).map(tensor);
  const fixed = tree.leaves(data).map((array, i) => [`input_${here.length + i}`, tensor(array)]);
  const loss = new backend.Tensor("float32", new Float32Array(1), []);
  const ports = (from, to) => ({
    feeds: Object.fromEntries([...from.map((t, i) => [`input_${i}`, t]), ...fixed]),
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
