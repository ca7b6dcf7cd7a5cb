import { dense, normal } from "./workload.mjs";

const sizes = [100, 256, 256, 256, 1];
const layers = sizes.length - 1;
const names = Array.from({ length: layers }, (_, i) => [`layer${i}/kernel`, `layer${i}/bias`]);

/** @type {import("./workload.mjs").Workload} */
export default {
  title: `MLP ${sizes.join("-")}, ReLU, batch 1024, mean squared error`,
  weights: dense("layer", sizes),
  data: { x: normal(1024, 100), y: normal(1024, 1) },

  paperweight(p, { x, y }) {
    const output = names.reduce((h, [kernel, bias], i) => {
      const z = h.matmul(p[kernel]).add(p[bias]);
      return i < layers - 1 ? z.relu() : z;
    }, x);
    return output.sub(y).square().mean();
  },

  jaxJs:
    ({ numpy: np, nn }) =>
    (p, { x, y }) => {
      const output = names.reduce((h, [kernel, bias], i) => {
        const z = np.matmul(h, p[kernel]).add(p[bias]);
        return i < layers - 1 ? nn.relu(z) : z;
      }, x);
      return np.square(output.sub(y)).mean();
    },

  tfjs:
    (tf) =>
    (p, { x, y }) => {
      const output = names.reduce((h, [kernel, bias], i) => {
        const activation = i < layers - 1 ? "relu" : "linear";
        return tf.fused.matMul({ a: h, b: p[kernel], bias: p[bias], activation });
      }, x);
      return tf.losses.meanSquaredError(y, output);
    },

  torch: `
def loss(p, d):
    h = d["x"]
    for i in range(${layers}):
        h = torch.addmm(p[f"layer{i}/bias"], h, p[f"layer{i}/kernel"])
        if i < ${layers - 1}:
            h = torch.relu(h)
    return torch.nn.functional.mse_loss(h, d["y"])
`,
};
