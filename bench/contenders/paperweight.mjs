/** Our own training step, and beside it the bare ONNX Runtime call of the graph that it runs. */
import { readFileSync } from "node:fs";
import { compile, loadModel, NDArray, valueAndGrad } from "../../dist/index.js";
import { exportModel, importModel } from "../../dist/onnx/index.js";
import { adam, adamw, applyUpdates, sgd } from "../../dist/optim/index.js";
import { backend } from "../../dist/runtime/backend.node.js";
import { byOperator, profileModel } from "../../dist/runtime/profile.node.js";
import { countFlops } from "../flops.mjs";
import { loadLibrary } from "../problem.mjs";
import { bareLoop, inputsOf } from "./bare.mjs";

const optimizers = { adam, adamw, sgd };

/** @type {import("../worker.mjs").Load} */
export async function load(threads) {
  const library = await loadLibrary();
  return async (workload, problem) => start(library, workload, problem, threads);
}

async function start(library, workload, problem, threads) {
  const loss = workload.paperweight(library);
  const { trained, frozen } = divided(arrays(problem.weights));
  const data = arrays(problem.data);
  const version = `${ourVersion()} on ${backend.name}`;
  const trains = workload.optimizer !== undefined;
  const flops = () => countFlops(loss, { trained, frozen, data }, trains);
  if (!trains)
    return { version, flops, ...(await inference(loss, { ...trained, ...frozen }, data, threads)) };
  return { version, flops, ...training(workload, loss, { trained, frozen, data }, threads) };
}

/** Steps of one network, or of several in turn. */
function training({ optimizer, copies: count = 1 }, loss, { trained, frozen, data }, threads) {
  const { step, first } = train(optimizer, loss, threads);
  const copies = Array.from({ length: count }, () => first(trained, frozen));
  let turn = 0;
  let bare;

  return {
    async profile() {
      const graph = step.graph(...copies[0], data);
      return profiled(graph, inputsOf([...copies[0], data]), threads);
    },
    async run(steps) {
      let result;
      for (let i = 0; i < steps; i++) {
        const { loss, carried } = await step(...copies[turn], data);
        copies[turn] = carried;
        result = loss;
        turn = (turn + 1) % copies.length;
      }
      return result.item();
    },
    /** The same graph without us; from where our weights are when it is first called, on copies of them. */
    async runBare(steps) {
      bare ??= await bareLoop(step.graph(...copies[0], data), copies[0], data, threads);
      return bare(steps);
    },
  };
}

/** The model as an ONNX file with a free batch size, as it is delivered; the file is run. */
async function inference(forward, weights, data, threads) {
  const names = Object.keys(data);
  const model = {
    apply: (params, ...inputs) =>
      forward(params, Object.fromEntries(names.map((name, i) => [name, inputs[i]])), {}),
  };
  const specs = names.map((name) => {
    const { shape, dtype } = data[name];
    return [name, { shape: ["batch", ...shape.slice(1)], dtype }];
  });
  const file = exportModel(model, weights, Object.fromEntries(specs));
  const session = await loadModel(importModel(file), { threads });
  return {
    profile: () => profiled(file, data, threads),
    async run(calls) {
      let result;
      for (let i = 0; i < calls; i++) result = await session.run(data);
      return meanSquare(result.output.data);
    },
  };
}

async function profiled(model, inputs, threads) {
  const profile = await profileModel(model, inputs, { threads });
  return { ...profile, operators: byOperator(profile.nodes) };
}

/** Forward pass, backward pass and update in one call. What a step hands to the next: weights, state, running statistics. */
function train({ name, ...options }, loss, threads) {
  const optimizer = optimizers[name](options);
  const step = compile(
    (before, memory, frozen, data) => {
      const moved = { ...frozen };
      const paths = new Map(Object.entries(frozen).map(([path, leaf]) => [leaf, path]));
      const record = (leaf, next) => {
        moved[paths.get(leaf)] = next;
      };
      const context = { training: true, record };
      const [value, gradient] = valueAndGrad((weights) => loss({ ...weights, ...frozen }, data, context))(
        before,
      );
      const { updates, state } = optimizer.update(gradient, memory, before);
      return { loss: value, carried: [applyUpdates(before, updates), state, moved] };
    },
    { threads, donate: [0, 1, 2] },
  );
  return {
    step,
    first: (trained, frozen) => [copied(trained), optimizer.init(trained), copied(frozen)],
  };
}

/** What stands for a result when results are compared. */
const meanSquare = (values) => values.reduce((sum, v) => sum + v * v, 0) / values.length;

function ourVersion() {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;
}

const copied = (record) => Object.fromEntries(Object.entries(record).map(([name, a]) => [name, a.copy()]));

/** What is trained, and what is not. */
function divided(weights) {
  const [trained, frozen] = [{}, {}];
  for (const [path, w] of Object.entries(weights)) {
    (path.split("/").includes("frozen") ? frozen : trained)[path] = w;
  }
  return { trained, frozen };
}

/** @param {Record<string, import("../problem.mjs").Values>} values */
function arrays(values) {
  return Object.fromEntries(
    Object.entries(values).map(([name, v]) => [name, new NDArray(v.values.slice(), v.shape, v.dtype)]),
  );
}
