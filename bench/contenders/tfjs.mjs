/** TensorFlow.js on its WebAssembly backend (with SIMD; in Node it has no threads), with its own Adam. */
import { createRequire } from "node:module";

const require = createRequire(new URL("../peers/package.json", import.meta.url));

/** @type {import("../worker.mjs").Load} */
export async function load() {
  const tf = require("@tensorflow/tfjs");
  require("@tensorflow/tfjs-backend-wasm");
  await tf.setBackend("wasm");
  await tf.ready();
  return async (workload, problem) => start(tf, workload, problem);
}

function start(tf, workload, problem) {
  const each = (make, record) =>
    Object.fromEntries(
      Object.entries(record).map(([name, { values, shape }]) => [name, make(tf.tensor(values, shape))]),
    );
  const params = each((t) => tf.variable(t), problem.weights);
  const data = each((t) => t, problem.data);
  const loss = workload.tfjs(tf);
  const optimizer = tf.train.adam(1e-3, 0.9, 0.999, 1e-8);
  return {
    version: tf.version.tfjs,
    async run(steps) {
      let last;
      for (let i = 0; i < steps; i++) {
        last?.dispose();
        last = optimizer.minimize(() => loss(params, data), true);
      }
      const [value] = last.dataSync();
      last.dispose();
      return value;
    },
  };
}
