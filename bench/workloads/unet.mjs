import { adamw, drawn, nested, normal, weightsOf } from "./workload.mjs";

const batch = 16;
const channels = 32;

/** @type {import("./workload.mjs").Workload} */
export default {
  title: `time-conditioned U-Net, images 3x32x32, base ${channels} channels, batch ${batch}, mean squared error`,
  checked: 5,
  optimizer: adamw,
  arrays: (library) => {
    const { nn, random } = library;
    const { x } = drawn(library, { x: normal(batch, 3, 32, 32) }, 1);
    const weights = weightsOf(library, nn.unet({ channels, inputs: 3 }));
    return {
      // The model begins with zeros where residual branches end: as it is after a while of training instead, to compare all of it.
      weights: { ...weights, ...drawn(library, zeroKernels(weights), 3) },
      data: { x, noise: x.copy(), t: random.integers(random.key(2), [batch], 0, 1000) },
    };
  },

  paperweight({ nn }) {
    const model = nn.unet({ channels, inputs: 3 });
    return (weights, { x, t, noise }, context) =>
      nn.losses.mse(model.apply(nested(weights), { x, t }, context), noise);
  },

  jaxJs: "not written: resnet20, with fewer convolutions, takes it minutes a step",

  tfjs: "its WebAssembly backend has no Conv2DBackpropFilter, the gradient of a convolution",
};

/** @param {import("./workload.mjs").Named<import("./workload.mjs").NDArray>} weights */
function zeroKernels(weights) {
  const zero = Object.entries(weights).filter(
    ([path, w]) => path.endsWith("/kernel") && w.data.every((v) => v === 0),
  );
  return Object.fromEntries(zero.map(([path, w]) => [path, { shape: w.shape, deviation: 0.02 }]));
}
