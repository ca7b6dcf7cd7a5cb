import type { NDArray } from "../tensor/ndarray.ts";
import { gemm } from "../tensor/operators/linear.ts";
import * as random from "../tensor/random.ts";
import { showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Traced } from "../tensor/tree.ts";
import { type FloatType, glorotUniform, type Initialiser, zeros } from "./initialisers.ts";
import type { Model } from "./model.ts";

/** `kernel` [in, out] and `bias` [out]. */
export interface DenseParams {
  kernel: NDArray;
  bias: NDArray;
}

/** The weights of a layer that may have no bias. */
export interface LinearParams {
  kernel: NDArray;
  bias?: NDArray;
}

export interface DenseOptions {
  readonly inputs: number;
  readonly outputs: number;
  /** Default true. */
  readonly bias?: boolean | undefined;
  /** Default `glorotUniform`. */
  readonly kernelInit?: Initialiser | undefined;
  /** Default `zeros`. */
  readonly biasInit?: Initialiser | undefined;
  /** Default float32. */
  readonly dtype?: FloatType | undefined;
}

/**
 * x kernel + bias, over the last axis of x.
 *
 * ```ts
 * const layer = nn.dense({ inputs: 784, outputs: 10 });
 * ```
 */
export function dense(options: DenseOptions & { readonly bias?: true | undefined }): Model<DenseParams>;
export function dense(options: DenseOptions): Model<LinearParams>;
export function dense(options: DenseOptions): Model<LinearParams> {
  const { inputs, outputs, bias = true, kernelInit = glorotUniform, biasInit = zeros, dtype } = options;
  for (const [name, size] of Object.entries({ inputs, outputs })) {
    if (!Number.isInteger(size) || size < 1)
      throw new RangeError(`dense: ${name} is ${size}: use a whole number from 1`);
  }
  return {
    init(key) {
      const [forKernel, forBias] = random.split(key);
      const kernel = kernelInit(forKernel!, [inputs, outputs], dtype);
      return bias ? { kernel, bias: biasInit(forBias!, [outputs], dtype) } : { kernel };
    },
    apply: applyDense,
  };
}

/** One Gemm for a batch of vectors, else MatMul and Add. A kernel [batch, in, out], with a bias [batch, out], has other weights for each example of x [batch, n, in]. */
export function applyDense({ kernel, bias }: Traced<LinearParams>, x: Tensor): Tensor {
  if (x.shape.at(-1) !== kernel.shape.at(-2)) {
    throw new RangeError(
      `dense: the input ${showShape(x.shape)} does not end in ${kernel.shape.at(-2)}, the inputs of the kernel ${showShape(kernel.shape)}`,
    );
  }
  if (x.rank === 2 && kernel.rank === 2) return gemm(x, kernel, bias);
  const product = x.matmul(kernel);
  if (bias === undefined) return product;
  return product.add(kernel.rank > 2 && bias.rank === kernel.rank - 1 ? bias.unsqueeze(-2) : bias);
}
