/** Fixed sparse linear maps along one axis: resizing, averaging windows, sums over neighbours. */
import type { DType } from "../dtype.ts";
import { NDArray } from "../ndarray.ts";
import { sizeOf } from "../shape.ts";
import { Tensor } from "../tensor.ts";
import { gather, gatherGradient } from "./indexing.ts";

interface Tap {
  readonly from: number;
  readonly weight: number;
}

/** Each output is the weighted sum of a few of `inputs` elements. */
export interface AxisMap {
  readonly inputs: number;
  /** By output. */
  readonly taps: readonly (readonly Tap[])[];
}

/** Up to this many elements a map is a matrix, which is what ONNX Runtime is fastest at. */
const MATRIX = 1 << 20;

/** The map on an axis of x. */
export function mapAxis(x: Tensor, axis: number, map: AxisMap): Tensor {
  if (isIdentity(map)) return x;
  const outputs = map.taps.length;
  if (map.inputs * outputs <= MATRIX) return throughMatrix(x, axis, matrixOf(map, x.dtype));
  const terms = tapsInTurn(map).map((t) => gather(x, t.from, axis).mul(weightsOn(axis, t.weights, x)));
  return terms.reduce((a, b) => a.add(b));
}

/** The transposed map, from its outputs to its inputs: what the gradient goes through. */
export function mapAxisBack(dy: Tensor, axis: number, map: AxisMap): Tensor {
  if (isIdentity(map)) return dy;
  const outputs = map.taps.length;
  if (map.inputs * outputs <= MATRIX) {
    return throughMatrix(dy, axis, matrixOf(map, dy.dtype).transpose());
  }
  const terms = tapsInTurn(map).map((t) =>
    gatherGradient(dy.mul(weightsOn(axis, t.weights, dy)), t.from, axis, map.inputs),
  );
  return terms.reduce((a, b) => a.add(b));
}

function isIdentity({ inputs, taps }: AxisMap): boolean {
  return (
    taps.length === inputs && taps.every((t, i) => t.length === 1 && t[0]!.from === i && t[0]!.weight === 1)
  );
}

/** [inputs, outputs]. */
export function matrixOf({ inputs, taps }: AxisMap, dtype: DType): Tensor {
  const data = new Float64Array(inputs * taps.length);
  taps.forEach((list, to) => {
    for (const { from, weight } of list) data[from * taps.length + to]! += weight;
  });
  return Tensor.constant(new NDArray(data, [inputs, taps.length]).cast(dtype));
}

/** An axis multiplied by a matrix [from, to]. */
function throughMatrix(x: Tensor, axis: number, matrix: Tensor): Tensor {
  if (axis === x.rank - 1) return x.matmul(matrix);
  const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const stacked = x.reshape([sizeOf(before), x.shape[axis]!, sizeOf(after)]);
  return matrix
    .transpose()
    .matmul(stacked)
    .reshape([...before, matrix.shape[1]!, ...after]);
}

/** The first tap of all outputs, the second ...; where an output has no more, its weight is 0. */
function tapsInTurn({ taps }: AxisMap): { from: NDArray; weights: number[] }[] {
  const most = Math.max(1, ...taps.map((t) => t.length));
  return Array.from({ length: most }, (_, k) => ({
    from: NDArray.from(
      taps.map((t) => t[k]?.from ?? 0),
      "int64",
    ),
    weights: taps.map((t) => t[k]?.weight ?? 0),
  }));
}

function weightsOn(axis: number, weights: readonly number[], like: Tensor): Tensor {
  const shape = like.shape.slice(axis).map((_, i) => (i === 0 ? weights.length : 1));
  return Tensor.constant(NDArray.from([...weights], like.dtype).reshape(shape));
}
