import type { NDArray } from "../tensor/ndarray.ts";
import { split, stack } from "../tensor/operators/movement.ts";
import * as random from "../tensor/random.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Traced } from "../tensor/tree.ts";
import { checkSizes } from "./checks.ts";
import { type FloatType, glorotUniform, type Initialiser, zeros } from "./initialisers.ts";
import type { Model } from "./model.ts";

/** Reset gate, update gate and candidate side by side: `kernel` [inputs, 3 size], `recurrent` [size, 3 size], biases [3 size]. */
export interface GruParams {
  kernel: NDArray;
  recurrent: NDArray;
  bias: NDArray;
  recurrentBias: NDArray;
}

export interface GruOptions {
  readonly inputs: number;
  readonly size: number;
  /** Of both kernels. Default `glorotUniform`. */
  readonly kernelInit?: Initialiser | undefined;
  /** Default float32. */
  readonly dtype?: FloatType | undefined;
}

/**
 * One step of a gated recurrent unit: x [batch, inputs] and the state h [batch, size] to the next state. Cho et al., EMNLP 2014, the
 * reset gate after the recurrent product, as in cuDNN and PyTorch:
 * r, z = sigmoid(...); n = tanh(W x + b + r (U h + c)); h' = (1 - z) n + z h.
 */
export function gruCell(options: GruOptions): Model<GruParams, { readonly x: Tensor; readonly h: Tensor }> {
  return {
    init: initial(options),
    apply: (params, { x, h }) => step(params, x.matmul(params.kernel).add(params.bias), h),
  };
}

/** A gated recurrent unit along a sequence, from the state 0: x [batch, time, inputs] to all states [batch, time, size]. The time is unrolled. */
export function gru(options: GruOptions): Model<GruParams> {
  return {
    init: initial(options),
    apply: (params, x) => {
      const [batch, time] = [x.shape[0]!, x.shape[1]!];
      const inputs = x.matmul(params.kernel).add(params.bias);
      let h = Tensor.zeros([batch, options.size], x.dtype);
      const states = split(inputs, time, 1).map((part) => {
        h = step(params, part.squeeze(1), h);
        return h;
      });
      return stack(states, 1);
    },
  };
}

/** `input` is W x + b. */
function step({ recurrent, recurrentBias }: Traced<GruParams>, input: Tensor, h: Tensor): Tensor {
  const [ir, iz, candidate] = split(input, 3, -1) as [Tensor, Tensor, Tensor];
  const [hr, hz, memory] = split(h.matmul(recurrent).add(recurrentBias), 3, -1) as [Tensor, Tensor, Tensor];
  const z = iz.add(hz).sigmoid();
  const n = candidate.add(ir.add(hr).sigmoid().mul(memory)).tanh();
  return n.add(z.mul(h.sub(n)));
}

function initial({
  inputs,
  size,
  kernelInit = glorotUniform,
  dtype,
}: GruOptions): (key: NDArray) => GruParams {
  checkSizes("gru", { inputs, size });
  return (key) => {
    const [forKernel, forRecurrent] = random.split(key);
    return {
      kernel: kernelInit(forKernel!, [inputs, 3 * size], dtype),
      recurrent: kernelInit(forRecurrent!, [size, 3 * size], dtype),
      bias: zeros(key, [3 * size], dtype),
      recurrentBias: zeros(key, [3 * size], dtype),
    };
  };
}
