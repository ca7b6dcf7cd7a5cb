import { drawn, nested, normal, weightsOf } from "./workload.mjs";

const batch = 64;
const classes = 10;

/** @type {import("./workload.mjs").Workload} */
export default {
  title: `ResNet-20, images 3x32x32, batch ${batch}, BatchNorm in training, cross-entropy`,
  checked: 5,
  optimizer: { name: "sgd", learningRate: 0.01, momentum: 0.9 },
  arrays: (library) => ({
    weights: weightsOf(library, library.nn.resnet({ depth: 20 })),
    data: {
      ...drawn(library, { x: normal(batch, 3, 32, 32) }, 1),
      labels: library.random.integers(library.random.key(2), [batch], 0, classes),
    },
  }),

  paperweight({ nn }) {
    const model = nn.resnet({ depth: 20 });
    return (weights, { x, labels }, context) =>
      nn.losses.crossEntropy(model.apply(nested(weights), x, context), labels);
  },

  tfjs: "its WebAssembly backend has no Conv2DBackpropFilter, the gradient of a convolution",

  jaxJs:
    (jax) =>
    (p, { x, labels }) => {
      const { numpy: np, nn, lax } = jax;
      const convNorm = (input, path, stride = 1) => {
        const same = [
          [1, 1],
          [1, 1],
        ];
        const y = lax.convGeneralDilated(input, p[`${path}/conv/kernel`], [stride, stride], same);
        const mean = y.ref.mean([0, 2, 3], { keepdims: true });
        const centred = y.sub(mean);
        const variance = np.square(centred.ref).mean([0, 2, 3], { keepdims: true });
        const channels = (name) => p[`${path}/norm/${name}`].reshape([1, -1, 1, 1]);
        return centred
          .div(np.sqrt(variance.add(1e-5)))
          .mul(channels("scale"))
          .add(channels("bias"));
      };
      let h = nn.relu(convNorm(x, "stem"));
      for (const [s, width] of [16, 32, 64].entries()) {
        for (let i = 0; i < 3; i++) {
          const smaller = s > 0 && i === 0;
          const path = `stages/${s}/${i}`;
          const inner = nn.relu(convNorm(h.ref, `${path}/first`, smaller ? 2 : 1));
          const shortcut = smaller ? halved(jax, h, width / 2) : h;
          h = nn.relu(convNorm(inner, `${path}/second`).add(shortcut));
        }
      }
      const logits = np.matmul(h.mean([2, 3]), p["head/kernel"]).add(p["head/bias"]);
      return nn
        .logSoftmax(logits, -1)
        .mul(nn.oneHot(labels, classes))
        .sum()
        .mul(-1 / batch);
    },
};

/** Every other place of each axis, and as many channels of zeros again. */
function halved({ numpy: np }, x, channels) {
  const [n, c, h, w] = x.shape;
  const places = x.reshape([n, c, h / 2, 2, w / 2, 2]).slice([], [], [], 0, [], 0);
  return np.concatenate([places, np.zeros([n, channels, h / 2, w / 2])], 1);
}
