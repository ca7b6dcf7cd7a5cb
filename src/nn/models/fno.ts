import { NDArray } from "../../tensor/ndarray.ts";
import { concat } from "../../tensor/operators/movement.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { type Activation, activation as functionOf } from "../activations.ts";
import { checkSizes } from "../checks.ts";
import { combine } from "../combine.ts";
import { conv } from "../convolution.ts";
import { type FloatType, uniform } from "../initialisers.ts";
import { spectralConv } from "../spectral.ts";

export interface FnoOptions {
  /** Channels of the functions, in and out, without the coordinates. Default 1. */
  readonly inputs?: number | undefined;
  readonly outputs?: number | undefined;
  /** Frequencies that are kept on each axis, one axis or two: see `spectralConv`. */
  readonly modes: readonly [number] | readonly [number, number];
  /** Channels within. Default 32. */
  readonly width?: number | undefined;
  /** Spectral layers. Default 4. */
  readonly depth?: number | undefined;
  /** Of the map to the outputs. Default 128. */
  readonly hidden?: number | undefined;
  /** Default "gelu". */
  readonly activation?: Activation | undefined;
  /** Default float32. */
  readonly dtype?: FloatType | undefined;
}

/**
 * A Fourier neural operator: a function on a grid [N, inputs, ...sizes] to another, [N, outputs, ...sizes]. Li et al., ICLR 2021: the values
 * and the coordinates of each place (from 0 to 1) are lifted to `width` channels; each layer adds a spectral convolution and a map of each
 * place by itself, with an activation between layers; then a perceptron for each place. The weights do not depend on the sizes of the grid.
 *
 * ```ts
 * const model = nn.fno({ modes: [12, 12] }); // 2,368,001 weights
 * ```
 */
export function fno(options: FnoOptions) {
  const { inputs = 1, outputs = 1, modes, width = 32, depth = 4, hidden = 128, dtype } = options;
  checkSizes("fno", { inputs, outputs, width, depth, hidden });
  const act = functionOf(options.activation ?? "gelu");
  const axes = modes.length;
  const pointwise = (from: number, to: number) => {
    const init = uniform(1 / Math.sqrt(from));
    return conv({ inputs: from, outputs: to, kernel: 1, axes, kernelInit: init, biasInit: init, dtype });
  };
  const layer = () => ({
    spectral: spectralConv({ inputs: width, outputs: width, modes, dtype }),
    local: pointwise(width, width),
  });
  const parts = {
    lift: pointwise(inputs + axes, width),
    layers: Array.from({ length: depth }, layer),
    hidden: pointwise(width, hidden),
    output: pointwise(hidden, outputs),
  };
  return combine(parts, (run, x: Tensor) => {
    const features = run.layers.reduce(
      (h, { spectral, local }, i) => {
        const next = spectral(h).add(local(h));
        return i < depth - 1 ? act(next) : next;
      },
      run.lift(concat([x, ...coordinates(x)], 1)),
    );
    return run.output(act(run.hidden(features)));
  });
}

/** For each axis, the coordinate of each place along it: [N, 1, ...sizes], from 0 to 1. */
function coordinates(x: Tensor): Tensor[] {
  const [n, , ...sizes] = x.shape as [number, number, ...number[]];
  return sizes.map((size, axis) => {
    const values = Float64Array.from({ length: size }, (_, i) => (size === 1 ? 0 : i / (size - 1)));
    const shape = [1, 1, ...sizes.map((_, a) => (a === axis ? size : 1))];
    return Tensor.constant(new NDArray(values, shape).cast(x.dtype)).expand([n, 1, ...sizes]);
  });
}
