import { NDArray } from "../tensor/ndarray.ts";
import { showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { mapTrainable } from "./frozen.ts";
import type { Parametrization } from "./parametrization.ts";
import { forSelected, kernels, type Selects } from "./select.ts";

/**
 * Each output's weights as length times direction: w = g v / |v|. Salimans and Kingma, NeurIPS 2016. An output is a column of a dense
 * kernel [in, out], the first axis of a convolution kernel. `select` takes the weights; default: those called `kernel`. Throws where an
 * output starts with weights that are all 0.
 *
 * ```ts
 * const model = nn.reparametrize(nn.mlp({ sizes: [2, 64, 1], activation: "relu" }), nn.weightNorm());
 * ```
 */
export function weightNorm<P>(
  select: Selects = kernels,
): Parametrization<{ direction: P; length: Record<string, NDArray> }, P> {
  return {
    init: (_key, params) => ({
      direction: params,
      length: forSelected("weightNorm", params, select, lengths),
    }),
    weights: ({ direction, length }) =>
      mapTrainable((v, path) => {
        const g = (length as Readonly<Record<string, Tensor>>)[path];
        if (g === undefined) return v;
        const norm = v.square().sum(inputAxes(v.rank), { keepDims: true }).sqrt();
        return v.mul(g.reshape(norm.shape).div(norm));
      }, direction),
  };
}

/** All axes but that of the outputs. */
function inputAxes(rank: number): number[] {
  return rank === 2 ? [0] : Array.from({ length: rank - 1 }, (_, i) => i + 1);
}

/** The length of each output's weights. */
function lengths({ data, shape, dtype }: NDArray): NDArray {
  const outputs = shape.length === 2 ? shape[1]! : shape[0]!;
  const each = data.length / outputs;
  const squares = new Float64Array(outputs);
  data.forEach((v: number | bigint, i: number) => {
    squares[shape.length === 2 ? i % outputs : Math.floor(i / each)]! += Number(v) ** 2;
  });
  if (squares.includes(0))
    throw new RangeError(
      `weightNorm: an output of a weight ${showShape(shape)} has weights that are all 0, which have no direction: leave it out by select, or start it at random`,
    );
  return NDArray.from(squares.map(Math.sqrt)).cast(dtype);
}
