/**
 * Layers whose weights respond to hyperparameters, computed without forming the weights, so that every example of a batch may have its own
 * lambda: y = W_elem x + b_elem + (V lambda) * (W_hyper x) + (C lambda) * b_hyper (the paper's eq. 8).
 */
import { type ConvOptions, type ConvParams, conv } from "../../nn/convolution.ts";
import { type DenseOptions, dense, type LinearParams } from "../../nn/dense.ts";
import type { FloatType } from "../../nn/initialisers.ts";
import type { Model } from "../../nn/model.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Shape } from "../../tensor/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { firstGates, gateUnits, type ResponseParams, uniformWithin } from "./best-response.ts";

/** The input of such a layer: x, a row for each example, and lambda [rows or 1, n]. */
export interface Gated {
  readonly x: Tensor;
  readonly lambda: Tensor;
}

export type HyperParams = ResponseParams<LinearParams>;
export type HyperLayer = Model<HyperParams, Gated>;

interface HyperOptions {
  /** n, how many there are. */
  readonly hyperparameters: number;
  /** A trained number, 1 at first, that multiplies the elementary part: in the official code, not in the paper. Default false. */
  readonly elementaryScale?: boolean | undefined;
}

/**
 * A dense layer, over the last axis of x [rows, ..., inputs]. Parameters: outputs (2 inputs + n) + outputs (2 + n).
 *
 * ```ts
 * const layer = hyperDense({ inputs: 144, outputs: 64, hyperparameters: 4 });
 * layer.apply(params, { x, lambda }); // lambda [rows, 4]
 * ```
 */
export function hyperDense(
  options: HyperOptions & Pick<DenseOptions, "inputs" | "outputs" | "bias" | "dtype">,
): HyperLayer {
  const { inputs, outputs, bias = true, dtype } = options;
  const layer: Model<LinearParams> = dense({ inputs, outputs, bias, dtype } as DenseOptions);
  const shape = [inputs, outputs];
  return hyperLayer(layer, options, { shape, axis: 1, outputs, fanIn: inputs, bias, dtype }, (gate, y) =>
    gate.reshape([gate.shape[0]!, ...new Array<number>(y.rank - 2).fill(1), outputs]),
  );
}

/** A convolution as `nn.conv`, with one gate for each output channel. */
export function hyperConv(
  options: HyperOptions & Omit<ConvOptions, "kernelInit" | "biasInit">,
): Model<ResponseParams<ConvParams>, Gated> {
  const { outputs, bias = true, dtype } = options;
  const layer = conv(options);
  const { shape } = layer.init(random.key(0)).kernel;
  const fanIn = shape.slice(1).reduce((a, b) => a * b, 1);
  return hyperLayer(layer, options, { shape, axis: 0, outputs, fanIn, bias, dtype }, (gate, y) =>
    gate.reshape([gate.shape[0]!, outputs, ...new Array<number>(y.rank - 2).fill(1)]),
  );
}

/** An ordinary model in the place of such a layer: it does not see lambda. */
export function ungated<P>(model: Model<P>): Model<P, Gated> {
  return { init: model.init, apply: (params, { x }, context) => model.apply(params, x, context) };
}

interface Form {
  readonly shape: Shape;
  /** Of the kernel's output units. */
  readonly axis: number;
  readonly outputs: number;
  readonly fanIn: number;
  readonly bias: boolean;
  readonly dtype: FloatType | undefined;
}

function hyperLayer(
  layer: Model<LinearParams>,
  { hyperparameters: n, elementaryScale = false }: HyperOptions,
  form: Form,
  place: (gate: Tensor, y: Tensor) => Tensor,
): HyperLayer {
  if (!Number.isInteger(n) || n < 1)
    throw new RangeError(`hyperDense, hyperConv: hyperparameters is ${n}: use a whole number from 1`);
  return {
    init(key) {
      const [a, b, forGates] = random.split(key, 3) as [NDArray, NDArray, NDArray];
      const [elementary, hyper] = [firstWeights(a, form), firstWeights(b, form)];
      const [forKernel, forBias] = random.split(forGates);
      const gates: Record<string, NDArray> = {
        kernel: firstGates(forKernel!, n, elementary.kernel, form.axis),
      };
      if (elementary.bias) gates.bias = firstGates(forBias!, n, elementary.bias, 0);
      const params: HyperParams = { elementary, hyper: { ...hyper }, gates };
      if (elementaryScale) params.scale = NDArray.scalar(1, elementary.kernel.dtype);
      return params;
    },
    apply({ elementary, hyper, gates, scale }, { x, lambda }) {
      const own = layer.apply(elementary, x);
      const gate = (path: string) => place(gateUnits(lambda, gates[path]!), own);
      const response = layer.apply({ kernel: hyper.kernel! }, x).mul(gate("kernel"));
      const sum = (scale === undefined ? own : own.mul(scale)).add(response);
      if (hyper.bias === undefined) return sum;
      return sum.add(gate("bias").mul(place(hyper.bias.unsqueeze(0), own)));
    },
  };
}

function firstWeights(key: NDArray, { shape, outputs, fanIn, bias, dtype = "float32" }: Form) {
  const [forKernel, forBias] = random.split(key) as [NDArray, NDArray];
  const kernel = uniformWithin(forKernel, shape, fanIn, dtype);
  return bias ? { kernel, bias: uniformWithin(forBias, [outputs], fanIn, dtype) } : { kernel };
}
