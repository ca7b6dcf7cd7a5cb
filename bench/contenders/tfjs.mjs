/** TensorFlow.js on its WebAssembly backend (with SIMD; in Node it has no threads), with its own optimisers. */
import { createRequire } from "node:module";

const require = createRequire(new URL("../peers/package.json", import.meta.url));

/** @type {import("../worker.mjs").Load} */
export async function load() {
  const tf = require("@tensorflow/tfjs");
  require("@tensorflow/tfjs-backend-wasm");
  await tf.setBackend("wasm");
  await tf.ready();
  return async (workload, problem) => {
    if (typeof workload.tfjs === "string") throw new Error(workload.tfjs);
    const run = workload.optimizer === undefined ? inference : training;
    return { version: tf.version.tfjs, run: run(tf, workload, problem) };
  };
}

function tensors(tf, record) {
  return Object.fromEntries(
    Object.entries(record).map(([name, { values, shape }]) => [
      name,
      values instanceof BigInt64Array
        ? tf.tensor(Int32Array.from(values, Number), shape, "int32")
        : tf.tensor(values, shape),
    ]),
  );
}

function inference(tf, workload, problem) {
  const weights = tensors(tf, problem.weights);
  const data = tensors(tf, problem.data);
  const forward = workload.tfjs(tf);
  return async (calls) => {
    let values = new Float32Array();
    for (let i = 0; i < calls; i++) values = tf.tidy(() => forward(weights, data).dataSync());
    return values.reduce((sum, v) => sum + v * v, 0) / values.length;
  };
}

function training(tf, workload, problem) {
  const { optimizer: settings, copies = 1 } = workload;
  const trained = Object.entries(problem.weights).filter(([path]) => !path.split("/").includes("frozen"));
  const loss = workload.tfjs(tf);
  const data = tensors(tf, problem.data);
  const networks = Array.from({ length: copies }, () => {
    const first = tensors(tf, Object.fromEntries(trained));
    const params = Object.fromEntries(Object.entries(first).map(([name, t]) => [name, tf.variable(t)]));
    return { params, optimizer: optimizerOf(tf, settings) };
  });
  let turn = 0;
  return async (steps) => {
    let last;
    for (let i = 0; i < steps; i++) {
      const { params, optimizer } = networks[turn];
      turn = (turn + 1) % copies;
      last?.dispose();
      last = stepOf(tf, settings, optimizer, params, () => loss(params, data));
    }
    const [value] = last.dataSync();
    last.dispose();
    return value;
  };
}

function optimizerOf(tf, { name, learningRate, momentum }) {
  return name === "sgd"
    ? tf.train.momentum(learningRate, momentum)
    : tf.train.adam(learningRate, 0.9, 0.999, 1e-8);
}

function stepOf(tf, { learningRate, weightDecay }, optimizer, params, loss) {
  const variables = Object.values(params);
  if (weightDecay === undefined) return optimizer.minimize(loss, true, variables);
  // It has no AdamW: the weights shrink between gradient and update.
  const { value, grads } = tf.variableGrads(loss, variables);
  tf.tidy(() => {
    for (const w of variables) w.assign(w.mul(1 - learningRate * weightDecay));
  });
  optimizer.applyGradients(grads);
  tf.dispose(grads);
  return value;
}
