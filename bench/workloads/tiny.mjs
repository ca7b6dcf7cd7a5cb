import { adam, dense, drawn, normal } from "./workload.mjs";

/** @type {import("./workload.mjs").Workload} */
export default {
  title: "many tiny networks, 32-32-1, ReLU, batch 32, mean squared error; a step of one of 16 at a time",
  optimizer: adam,
  copies: 16,
  arrays: (library) => ({
    weights: drawn(library, dense("layer", [32, 32, 1]), 0),
    data: drawn(library, { x: normal(32, 32), y: normal(32, 1) }, 1),
  }),

  paperweight:
    () =>
    (p, { x, y }) =>
      x
        .matmul(p["layer0/kernel"])
        .add(p["layer0/bias"])
        .relu()
        .matmul(p["layer1/kernel"])
        .add(p["layer1/bias"])
        .sub(y)
        .square()
        .mean(),

  jaxJs:
    ({ numpy: np, nn }) =>
    (p, { x, y }) => {
      const hidden = nn.relu(np.matmul(x, p["layer0/kernel"]).add(p["layer0/bias"]));
      const output = np.matmul(hidden, p["layer1/kernel"]).add(p["layer1/bias"]);
      return np.square(output.sub(y)).mean();
    },

  tfjs:
    (tf) =>
    (p, { x, y }) => {
      const layer = (a, name, activation) =>
        tf.fused.matMul({ a, b: p[`${name}/kernel`], bias: p[`${name}/bias`], activation });
      return tf.losses.meanSquaredError(y, layer(layer(x, "layer0", "relu"), "layer1", "linear"));
    },
};
