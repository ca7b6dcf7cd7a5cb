import { adam, dense, drawn, normal } from "./workload.mjs";

const sizes = [100, 256, 256, 256, 1];
const layers = sizes.length - 1;
const names = Array.from({ length: layers }, (_, i) => [`layer${i}/kernel`, `layer${i}/bias`]);

/** The network alone. */
export const predicted = {
  paperweight: (p, x) =>
    names.reduce((h, [kernel, bias], i) => {
      const z = h.matmul(p[kernel]).add(p[bias]);
      return i < layers - 1 ? z.relu() : z;
    }, x),

  jaxJs: ({ numpy: np, nn }, p, x) =>
    names.reduce((h, [kernel, bias], i) => {
      const z = np.matmul(h, p[kernel]).add(p[bias]);
      return i < layers - 1 ? nn.relu(z) : z;
    }, x),

  tfjs: (tf, p, x) =>
    names.reduce((h, [kernel, bias], i) => {
      const activation = i < layers - 1 ? "relu" : "linear";
      return tf.fused.matMul({ a: h, b: p[kernel], bias: p[bias], activation });
    }, x),
};

/** @type {import("./workload.mjs").Workload} */
export default {
  title: `MLP ${sizes.join("-")}, ReLU, batch 1024, mean squared error`,
  optimizer: adam,
  arrays: (library) => ({
    weights: drawn(library, dense("layer", sizes), 0),
    data: drawn(library, { x: normal(1024, 100), y: normal(1024, 1) }, 1),
  }),

  paperweight:
    () =>
    (p, { x, y }) =>
      predicted.paperweight(p, x).sub(y).square().mean(),

  jaxJs:
    (jax) =>
    (p, { x, y }) =>
      jax.numpy.square(predicted.jaxJs(jax, p, x).sub(y)).mean(),

  tfjs:
    (tf) =>
    (p, { x, y }) =>
      tf.losses.meanSquaredError(y, predicted.tfjs(tf, p, x)),
};
