/**
 * First values of weights: functions of a key and a shape.
 *
 * ```ts
 * nn.mlp({ sizes: [2, 64, 1], activation: "relu", kernelInit: nn.heNormal, biasInit: nn.uniform(0.1) });
 * const kernel = nn.orthogonal(1)(random.key(0), [64, 64]);
 * ```
 */
import { Matrix, QrDecomposition } from "ml-matrix";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import { type Shape, showShape, sizeOf } from "../tensor/shape.ts";

export type FloatType = "float32" | "float64";

/** Makes an array from a key and a shape. Default dtype float32. */
export type Initialiser = (key: NDArray, shape: Shape, dtype?: FloatType) => NDArray;

/**
 * How many inputs feed an output of this kernel, and how many outputs an input feeds. A dense kernel is [in, out], a
 * convolution kernel [out, in / groups, ...window].
 */
export function fans(shape: Shape): { readonly fanIn: number; readonly fanOut: number } {
  if (shape.length < 2) {
    throw new RangeError(
      `initialiser: the shape ${showShape(shape)} is no kernel and has no fans: use normal, uniform or constant`,
    );
  }
  if (shape.length === 2) return { fanIn: shape[0]!, fanOut: shape[1]! };
  const window = sizeOf(shape.slice(2));
  return { fanIn: shape[1]! * window, fanOut: shape[0]! * window };
}

/** Normal with mean 0 and this standard deviation. */
export function normal(std: number): Initialiser {
  return (key, shape, dtype = "float32") => scaled(random.normal(key, shape, dtype), std);
}

/** Uniform between -limit and limit. */
export function uniform(limit: number): Initialiser {
  return (key, shape, dtype = "float32") => random.uniform(key, shape, { low: -limit, high: limit, dtype });
}

export function constant(value: number): Initialiser {
  return (_key, shape, dtype = "float32") => NDArray.full(shape, value, dtype);
}

export const zeros: Initialiser = (_key, shape, dtype = "float32") => NDArray.zeros(shape, dtype);
export const ones: Initialiser = constant(1);

type VarianceRule = (fans: { readonly fanIn: number; readonly fanOut: number }) => number;

const glorot: VarianceRule = ({ fanIn, fanOut }) => 2 / (fanIn + fanOut);
const he: VarianceRule = ({ fanIn }) => 2 / fanIn;
const lecun: VarianceRule = ({ fanIn }) => 1 / fanIn;

function normalOf(variance: VarianceRule): Initialiser {
  return (key, shape, dtype) => normal(Math.sqrt(variance(fans(shape))))(key, shape, dtype);
}

function uniformOf(variance: VarianceRule): Initialiser {
  return (key, shape, dtype) => uniform(Math.sqrt(3 * variance(fans(shape))))(key, shape, dtype);
}

/** Variance 2 / (fan in + fan out), normal and not truncated. Glorot and Bengio, AISTATS 2010, eq. 12. */
export const glorotNormal: Initialiser = normalOf(glorot);
/** Variance 2 / (fan in + fan out), uniform. Glorot and Bengio, AISTATS 2010, eq. 16. */
export const glorotUniform: Initialiser = uniformOf(glorot);
/** Variance 2 / fan in, for ReLU; normal and not truncated. He et al., ICCV 2015, eq. 10. */
export const heNormal: Initialiser = normalOf(he);
/** Variance 2 / fan in, for ReLU; uniform. */
export const heUniform: Initialiser = uniformOf(he);
/** Variance 1 / fan in; normal and not truncated. LeCun et al., "Efficient BackProp", 1998, eq. 16. */
export const lecunNormal: Initialiser = normalOf(lecun);
/** Variance 1 / fan in; uniform. */
export const lecunUniform: Initialiser = uniformOf(lecun);

/**
 * `gain` times a random matrix with orthonormal columns, or rows where it has more columns; uniform among these (Haar). The
 * matrix of a convolution kernel is [out, the rest]. Saxe et al., ICLR 2014.
 */
export function orthogonal(gain = 1): Initialiser {
  return (key, shape, dtype = "float32") => {
    if (shape.length < 2)
      throw new RangeError(
        `orthogonal: the shape ${showShape(shape)} is no matrix: it takes two axes or more`,
      );
    const rows = shape[0]!;
    const columns = sizeOf(shape.slice(1));
    const [tall, wide] = [Math.max(rows, columns), Math.min(rows, columns)];
    const sample = random.normal(key, [tall, wide], "float64");
    const q = orthonormal(Matrix.from1DArray(tall, wide, sample.data as Float64Array));
    const matrix = rows < columns ? q.transpose() : q;
    return scaled(NDArray.from(Float64Array.from(matrix.to1DArray())).reshape(shape), gain).cast(dtype);
  };
}

/** Q of the QR decomposition in which R has a positive diagonal. Only then is Q uniform: Mezzadri, 2007. */
function orthonormal(a: Matrix): Matrix {
  const qr = new QrDecomposition(a);
  const q = qr.orthogonalMatrix;
  const r = qr.upperTriangularMatrix;
  for (let j = 0; j < a.columns; j++) if (r.get(j, j) < 0) q.mulColumn(j, -1);
  return q;
}

function scaled(array: NDArray, factor: number): NDArray {
  const data = array.data as Float32Array;
  for (let i = 0; i < data.length; i++) data[i] = data[i]! * factor;
  return array;
}
