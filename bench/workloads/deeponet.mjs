import { adam, dense, drawn, normal, zeros } from "./workload.mjs";

const branch = [50, 40, 40];
const trunk = [1, 40, 40, 40];
const batch = 512;

/**
 * The layers of one of the two nets; the last one of the branch is linear.
 *
 * @param {"branch" | "trunk"} net
 */
function layersOf(net) {
  const count = (net === "branch" ? branch : trunk).length - 1;
  return Array.from({ length: count }, (_, i) => ({
    kernel: `${net}${i}/kernel`,
    bias: `${net}${i}/bias`,
    relu: net === "trunk" || i < count - 1,
  }));
}

/** @type {import("./workload.mjs").Workload} */
export default {
  title: `DeepONet, branch ${branch.join("-")}, trunk ${trunk.join("-")}, batch ${batch}, mean squared error`,
  optimizer: adam,
  arrays: (library) => ({
    weights: drawn(library, { ...dense("branch", branch), ...dense("trunk", trunk), bias: zeros(1) }, 0),
    data: drawn(
      library,
      { u: normal(batch, branch[0]), y: normal(batch, trunk[0]), target: normal(batch, 1) },
      1,
    ),
  }),

  paperweight:
    () =>
    (p, { u, y, target }) => {
      const net = (name, x) =>
        layersOf(name).reduce((h, { kernel, bias, relu }) => {
          const z = h.matmul(p[kernel]).add(p[bias]);
          return relu ? z.relu() : z;
        }, x);
      const output = net("branch", u).mul(net("trunk", y)).sum(1, { keepDims: true }).add(p.bias);
      return output.sub(target).square().mean();
    },

  jaxJs:
    ({ numpy: np, nn }) =>
    (p, { u, y, target }) => {
      const net = (name, x) =>
        layersOf(name).reduce((h, { kernel, bias, relu }) => {
          const z = np.matmul(h, p[kernel]).add(p[bias]);
          return relu ? nn.relu(z) : z;
        }, x);
      const output = net("branch", u).mul(net("trunk", y)).sum(1, { keepdims: true }).add(p.bias);
      return np.square(output.sub(target)).mean();
    },

  tfjs:
    (tf) =>
    (p, { u, y, target }) => {
      const net = (name, x) =>
        layersOf(name).reduce((h, { kernel, bias, relu }) => {
          const activation = relu ? "relu" : "linear";
          return tf.fused.matMul({ a: h, b: p[kernel], bias: p[bias], activation });
        }, x);
      const output = tf.add(tf.sum(tf.mul(net("branch", u), net("trunk", y)), 1, true), p.bias);
      return tf.losses.meanSquaredError(target, output);
    },
};
