/** jax-js on WebAssembly: one jitted function a step. */
import { readFileSync } from "node:fs";
import { useThreads } from "./web-worker.mjs";

const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8];
const folder = new URL("../peers/node_modules/@jax-js/jax/", import.meta.url);

/** @type {import("../worker.mjs").Load} */
export async function load(threads) {
  if (threads > 1) useThreads(threads);
  const jax = await import(new URL("dist/index.js", folder).href);
  await jax.init("wasm");
  jax.defaultDevice("wasm");
  return async (workload, problem) => {
    if (typeof workload.jaxJs === "string") throw new Error(workload.jaxJs);
    const { version } = JSON.parse(readFileSync(new URL("package.json", folder), "utf8"));
    const run = workload.optimizer === undefined ? inference : training;
    return { version, run: run(jax, workload, problem) };
  };
}

function arraysOf({ numpy: np }, record) {
  const each = (make) =>
    Object.fromEntries(Object.entries(record).map(([name, values]) => [name, make(values)]));
  return {
    arrays: () =>
      each(({ values, shape }) =>
        np.array(values instanceof BigInt64Array ? Int32Array.from(values, Number) : values.slice(), {
          shape,
        }),
      ),
    zeros: () => each(({ values, shape }) => np.array(new Float32Array(values.length), { shape })),
  };
}

function inference(jax, workload, problem) {
  const forward = jax.jit(workload.jaxJs(jax));
  const weights = arraysOf(jax, problem.weights).arrays();
  const data = arraysOf(jax, problem.data).arrays();
  return async (calls) => {
    let result;
    for (let i = 0; i < calls; i++) {
      result?.dispose();
      result = forward(jax.tree.ref(weights), jax.tree.ref(data));
      await jax.blockUntilReady([result]);
    }
    const values = await result.data();
    return values.reduce((sum, v) => sum + v * v, 0) / values.length;
  };
}

function training(jax, workload, problem) {
  const { numpy: np, tree } = jax;
  const { optimizer, copies: count = 1 } = workload;
  const trained = Object.entries(problem.weights).filter(([path]) => !path.split("/").includes("frozen"));
  const { arrays, zeros } = arraysOf(jax, Object.fromEntries(trained));
  const data = arraysOf(jax, problem.data).arrays();
  const gradientsOf = (params, given) => jax.valueAndGrad(workload.jaxJs(jax))(tree.ref(params), given);

  const momentum = jax.jit((params, [sum], _scalars, given) => {
    const [loss, gradient] = gradientsOf(params, given);
    const next = tree.map((m, g) => m.mul(optimizer.momentum).add(g), sum, gradient);
    const updated = tree.map((w, m) => w.sub(m.mul(optimizer.learningRate)), params, tree.ref(next));
    return [loss, updated, [next]];
  });
  const adam = jax.jit((params, [first, second], [rate, epsilon], given) => {
    const [loss, gradient] = gradientsOf(params, given);
    const m = tree.map((m, g) => m.mul(BETA1).add(g.mul(1 - BETA1)), first, tree.ref(gradient));
    const v = tree.map((v, g) => v.mul(BETA2).add(np.square(g).mul(1 - BETA2)), second, gradient);
    const kept = 1 - optimizer.learningRate * (optimizer.weightDecay ?? 0);
    const updated = tree.map(
      (w, m, v) => w.mul(kept).sub(m.div(np.sqrt(v).add(epsilon.ref)).mul(rate.ref)),
      params,
      tree.ref(m),
      tree.ref(v),
    );
    rate.dispose();
    epsilon.dispose();
    return [loss, updated, [m, v]];
  });

  const scalar = (value) => np.array(Float32Array.of(value), { shape: [] });
  /** The rate and epsilon of Adam, corrected for the bias of the first steps. */
  const scalars = (step) => {
    const correction = Math.sqrt(1 - BETA2 ** step);
    return [(optimizer.learningRate * correction) / (1 - BETA1 ** step), EPSILON * correction].map(scalar);
  };
  const sgd = optimizer.name === "sgd";
  const networks = Array.from({ length: count }, () => ({
    params: arrays(),
    memory: sgd ? [zeros()] : [zeros(), zeros()],
    taken: 0,
  }));
  let turn = 0;
  return async (steps) => {
    let loss;
    for (let i = 0; i < steps; i++) {
      const network = networks[turn];
      turn = (turn + 1) % count;
      network.taken++;
      const { params, memory, taken } = network;
      loss?.dispose();
      [loss, network.params, network.memory] = sgd
        ? momentum(params, memory, [], tree.ref(data))
        : adam(params, memory, scalars(taken), tree.ref(data));
      // Without this its queue grows, and a step takes twice the time.
      await jax.blockUntilReady([loss, network.params, network.memory]);
    }
    return (await loss.data())[0];
  };
}
