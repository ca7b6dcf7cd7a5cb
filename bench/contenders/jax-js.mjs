/** jax-js on WebAssembly: one jitted function a step. */
import { readFileSync } from "node:fs";
import { useThreads } from "./web-worker.mjs";

const [RATE, BETA1, BETA2, EPSILON] = [1e-3, 0.9, 0.999, 1e-8];
const folder = new URL("../peers/node_modules/@jax-js/jax/", import.meta.url);

/** @type {import("../worker.mjs").Load} */
export async function load(threads) {
  if (threads > 1) useThreads(threads);
  const jax = await import(new URL("dist/index.js", folder).href);
  await jax.init("wasm");
  jax.defaultDevice("wasm");
  return async (workload, problem) => start(jax, workload, problem);
}

function start(jax, workload, problem) {
  const { numpy: np, tree } = jax;
  const array = ({ values, shape }) => np.array(values.slice(), { shape });
  const zeros = ({ values, shape }) => np.array(new Float32Array(values.length), { shape });
  const each = (make, record) =>
    Object.fromEntries(Object.entries(record).map(([name, values]) => [name, make(values)]));

  const step = jax.jit((params, first, second, rate, epsilon, data) => {
    const [loss, gradient] = jax.valueAndGrad(workload.jaxJs(jax))(tree.ref(params), data);
    const m = tree.map((m, g) => m.mul(BETA1).add(g.mul(1 - BETA1)), first, tree.ref(gradient));
    const v = tree.map((v, g) => v.mul(BETA2).add(np.square(g).mul(1 - BETA2)), second, gradient);
    const updated = tree.map(
      (w, m, v) => w.sub(m.div(np.sqrt(v).add(epsilon.ref)).mul(rate.ref)),
      params,
      tree.ref(m),
      tree.ref(v),
    );
    rate.dispose();
    epsilon.dispose();
    return [loss, updated, m, v];
  });

  let params = each(array, problem.weights);
  let [first, second] = [each(zeros, problem.weights), each(zeros, problem.weights)];
  const data = each(array, problem.data);
  let count = 0;
  return {
    version: JSON.parse(readFileSync(new URL("package.json", folder), "utf8")).version,
    async run(steps) {
      let loss;
      for (let i = 0; i < steps; i++) {
        count++;
        const correction = Math.sqrt(1 - BETA2 ** count);
        const scalar = (value) => np.array(Float32Array.of(value), { shape: [] });
        const rate = scalar((RATE * correction) / (1 - BETA1 ** count));
        const epsilon = scalar(EPSILON * correction);
        loss?.dispose();
        [loss, params, first, second] = step(params, first, second, rate, epsilon, tree.ref(data));
        // Without this its queue grows, and a step takes twice the time.
        await jax.blockUntilReady([loss, params, first, second]);
      }
      return (await loss.data())[0];
    },
  };
}
