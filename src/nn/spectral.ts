/** Convolution over the whole domain, as a product of Fourier coefficients. */
import { NDArray } from "../tensor/ndarray.ts";
import { showShape } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { checkSizes } from "./checks.ts";
import { type FloatType, type Initialiser, uniform } from "./initialisers.ts";
import type { Model } from "./model.ts";

/** `kernel` [...places, in, 2, out]: a complex factor (real, imaginary) for each coefficient that is kept, input and output. */
export interface SpectralParams {
  kernel: NDArray;
}

export interface SpectralOptions {
  /** Channels. */
  readonly inputs: number;
  readonly outputs: number;
  /**
   * Frequencies that are kept on each spatial axis, one axis or two: on the last 0 ... n - 1, on one before it also -n ... -1. Not more
   * than half the places of an axis.
   */
  readonly modes: readonly [number] | readonly [number, number];
  /** Default: uniform up to 1 / (inputs outputs), either sign. */
  readonly kernelInit?: Initialiser | undefined;
  /** Default float32. */
  readonly dtype?: FloatType | undefined;
}

/**
 * The spectral layer of a Fourier neural operator (Li et al., ICLR 2021, eq. 4): the lowest Fourier coefficients of x
 * [N, inputs, ...sizes], each mapped between channels by a complex matrix of its own, all others 0; back to [N, outputs, ...sizes].
 *
 * The weights do not depend on the sizes: a layer trained on a coarse grid runs on a fine one. The transforms are products with the few rows
 * of the Fourier matrices that are kept, so that forward and backward pass are matrix products; no complex numbers.
 *
 * ```ts
 * nn.spectralConv({ inputs: 32, outputs: 32, modes: [12, 12] }); // kernel [24, 12, 32, 2, 32]
 * ```
 */
export function spectralConv(options: SpectralOptions): Model<SpectralParams> {
  const { inputs, outputs, modes, dtype } = options;
  const { kernelInit = uniform(1 / (inputs * outputs)) } = options;
  checkSizes("spectralConv", { inputs, outputs });
  checkSizes("spectralConv", Object.fromEntries(modes.map((m, i) => [`modes[${i}]`, m])));
  const kept = modes.map((m, i) => (i === modes.length - 1 ? m : 2 * m));
  return {
    init: (key) => ({ kernel: kernelInit(key, [...kept, inputs, 2, outputs], dtype) }),
    apply: ({ kernel }, x) => {
      checkInput(x, options);
      const sizes = x.shape.slice(2);
      const places = kernel.size / (2 * inputs * outputs);
      const coefficients = transform(x, modes, sizes);
      const mixed = coefficients.matmul(kernel.reshape([places, inputs, 2 * outputs]));
      return inverse(mixed, x.shape[0]!, modes, sizes);
    },
  };
}

type Modes = SpectralOptions["modes"];

/** [N, C, ...sizes] to [places, 2 N, C]: the coefficients that are kept, real parts above imaginary ones. */
function transform(x: Tensor, modes: Modes, sizes: readonly number[]): Tensor {
  const [n, c] = x.shape as [number, number];
  const [last, width] = [modes.at(-1)!, sizes.at(-1)!];
  // [..., width] to [..., real and imaginary, last].
  const waves = table(width, 2 * last, (w, column) => {
    const angle = turn(w * (column % last), width);
    return column < last ? Math.cos(angle) : -Math.sin(angle);
  });
  const along = x.matmul(constant(waves, x));
  if (modes.length === 1)
    return along
      .reshape([n, c, 2, last])
      .transpose([3, 2, 0, 1])
      .reshape([last, 2 * n, c]);
  const [height, rows] = [sizes[0]!, 2 * modes[0]];
  // From [(place, part), last] to [(part, frequency), last]: a complex product as a real one.
  const mix = table(2 * rows, 2 * height, (row, column) => {
    const [part, k] = [Math.floor(row / rows), signed(row % rows, rows)];
    const [h, from] = [Math.floor(column / 2), column % 2];
    const angle = turn(h * k, height);
    return part === from ? Math.cos(angle) : (part === 0 ? 1 : -1) * Math.sin(angle);
  });
  return constant(mix, x)
    .matmul(along.reshape([n, c, 2 * height, last]))
    .reshape([n, c, 2, rows, last])
    .transpose([3, 4, 2, 0, 1])
    .reshape([rows * last, 2 * n, c]);
}

/** [places, 2 N, 2 C], parts of the coefficients by parts of the factors, to [N, C, ...sizes]. */
function inverse(mixed: Tensor, n: number, modes: Modes, sizes: readonly number[]): Tensor {
  const c = mixed.shape[2]! / 2;
  const [last, width] = [modes.at(-1)!, sizes.at(-1)!];
  const count = sizes.reduce((a, b) => a * b, 1);
  const rows = modes.length === 1 ? 1 : 2 * modes[0];
  const height = modes.length === 1 ? 1 : sizes[0]!;
  const parts = mixed
    .reshape([rows, last, 2, n, 2, c])
    .transpose([3, 5, 2, 4, 0, 1])
    .reshape([n, c, 4 * rows, last]);
  // From [(part, part of the factor, frequency), last] to [(place, part), last].
  const mix = table(2 * height, 4 * rows, (row, column) => {
    const [h, part] = [Math.floor(row / 2), row % 2];
    const [a, b, k] = [
      Math.floor(column / (2 * rows)),
      Math.floor(column / rows) % 2,
      signed(column % rows, rows),
    ];
    const angle = turn(h * k, height);
    // i^(a + b) e^(i angle): its real part for the real result, else the imaginary one.
    return part === 0 ? Math.cos(angle + ((a + b) * Math.PI) / 2) : Math.sin(angle + ((a + b) * Math.PI) / 2);
  });
  // The frequencies below 0 are the conjugates of those above: all but 0 count twice.
  const waves = table(2 * last, width, (row, w) => {
    const k = row % last;
    const angle = turn(w * k, width);
    return ((k === 0 ? 1 : 2) * (row < last ? Math.cos(angle) : -Math.sin(angle))) / count;
  });
  return constant(mix, mixed)
    .matmul(parts)
    .reshape([n, c, ...(modes.length === 1 ? [] : [height]), 2 * last])
    .matmul(constant(waves, mixed));
}

/** The frequency of a row: 0 ... n - 1, then -n ... -1. */
function signed(row: number, rows: number): number {
  return row < rows / 2 || rows === 1 ? row : row - rows;
}

/** 2 pi k / n, with k first reduced, which keeps its digits. */
function turn(k: number, n: number): number {
  return (2 * Math.PI * (k % n)) / n;
}

function table(rows: number, columns: number, f: (row: number, column: number) => number): NDArray {
  const values = Float64Array.from({ length: rows * columns }, (_, i) =>
    f(Math.floor(i / columns), i % columns),
  );
  return new NDArray(values, [rows, columns]);
}

function constant(values: NDArray, like: Tensor): Tensor {
  return Tensor.constant(values.cast(like.dtype));
}

function checkInput(x: Tensor, { inputs, modes }: SpectralOptions): void {
  if (x.rank !== modes.length + 2 || x.shape[1] !== inputs)
    throw new RangeError(
      `spectralConv: the input has shape ${showShape(x.shape)}: give [batch, ${inputs}, ${modes.length === 1 ? "places" : "height, width"}]`,
    );
  const axis = modes.findIndex((m, i) => 2 * m > x.shape[i + 2]!);
  if (axis >= 0)
    throw new RangeError(
      `spectralConv: ${modes[axis]} frequencies do not fit ${x.shape[axis + 2]} places: keep ${Math.floor(x.shape[axis + 2]! / 2)} or fewer`,
    );
}
