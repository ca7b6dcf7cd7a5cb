import { adam, drawn, nested, normal, weightsOf } from "./workload.mjs";

const [batch, size] = [8, 64];
const sizes = /** @type {const} */ ({ modes: [12, 12], width: 32 });

/** @type {import("./workload.mjs").Workload} */
export default {
  title: `Fourier neural operator, ${size}x${size}, ${sizes.modes[0]} modes, width ${sizes.width}, 4 layers, batch ${batch}, mean squared error`,
  checked: 10,
  optimizer: adam,
  arrays: (library) => {
    const { x } = drawn(library, { x: normal(batch, 1, size, size) }, 1);
    return { weights: weightsOf(library, library.nn.fno(sizes)), data: { x, target: x.copy() } };
  },

  paperweight({ nn }) {
    const model = nn.fno(sizes);
    return (weights, { x, target }, context) =>
      nn.losses.mse(model.apply(nested(weights), x, context), target);
  },

  tfjs: "its WebAssembly backend has no FFT",

  jaxJs:
    (jax) =>
    (p, { x, target }) => {
      const { numpy: np, nn } = jax;
      const [modes] = sizes.modes;
      const pointwise = (h, path) => {
        const kernel = p[`${path}/kernel`];
        const [outputs, inputs] = kernel.shape;
        // The matrix on the right: on the left, with a batch at its right, its product is another one (0.1.25).
        const flat = np.matmul(
          h.reshape([batch, inputs, size * size]).transpose([0, 2, 1]),
          kernel.reshape([outputs, inputs]).transpose([1, 0]),
        );
        return flat
          .transpose([0, 2, 1])
          .reshape([batch, outputs, size, size])
          .add(p[`${path}/bias`].reshape([1, outputs, 1, 1]));
      };
      const low = (t) => {
        const columns = t.slice([], [], [], [0, modes]);
        return np.concatenate(
          [columns.ref.slice([], [], [0, modes]), columns.slice([], [], [size - modes, size])],
          2,
        );
      };
      const spread = (t) => {
        const zeros = (rows, columns) => np.zeros([batch, sizes.width, rows, columns]);
        const rows = [
          t.ref.slice([], [], [0, modes]),
          zeros(size - 2 * modes, modes),
          t.slice([], [], [modes, 2 * modes]),
        ];
        return np.concatenate([np.concatenate(rows, 2), zeros(size, size / 2 + 1 - modes)], 3);
      };
      const spectral = (h, path) => {
        const kernel = p[`${path}/kernel`];
        const [re, im] = [0, 1].map((part) => kernel.ref.slice([], [], [], part, []));
        kernel.dispose();
        const { real, imag } = np.fft.rfft2(h);
        const [a, b] = [low(real), low(imag)];
        // Its einsum needs a later Node than 20.
        const mixed = (z, w) => np.matmul(z.transpose([2, 3, 0, 1]), w).transpose([2, 3, 0, 1]);
        const newReal = mixed(a.ref, re.ref).sub(mixed(b.ref, im.ref));
        const newImag = mixed(a, im).add(mixed(b, re));
        return np.fft.irfft2({ real: spread(newReal), imag: spread(newImag) });
      };
      const line = np.linspace(0, 1, size);
      const grid = (shape) => np.broadcastTo(line.ref.reshape(shape), [batch, 1, size, size]);
      const places = [grid([1, 1, size, 1]), grid([1, 1, 1, size])];
      line.dispose();
      let h = pointwise(np.concatenate([x, ...places], 1), "lift");
      for (let i = 0; i < 4; i++) {
        h = spectral(h.ref, `layers/${i}/spectral`).add(pointwise(h, `layers/${i}/local`));
        if (i < 3) h = nn.gelu(h, { approximate: false });
      }
      const output = pointwise(nn.gelu(pointwise(h, "hidden"), { approximate: false }), "output");
      return np.square(output.sub(target)).mean();
    },
};
