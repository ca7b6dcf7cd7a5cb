/** What a DeepONet is compared with: nets that see the sensor values and the query as one vector. */
import { type DenseParams, dense } from "../../nn/dense.ts";
import { glorotNormal } from "../../nn/initialisers.ts";
import { mlp } from "../../nn/mlp.ts";
import type { Model } from "../../nn/model.ts";
import { concat } from "../../tensor/operators/movement.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import type { OperatorModel } from "./deeponet.ts";

interface Sizes {
  readonly sensors: number;
  readonly queryDim: number;
}

/** A net on the concatenation [u(x_1) .. u(x_m), y] as an operator model. */
function onConcatenation<P>(
  { sensors, queryDim }: Sizes,
  net: Model<P>,
): Pick<OperatorModel<P>, "init" | "apply" | "sensors" | "queryDim"> {
  return {
    sensors,
    queryDim,
    init: net.init,
    apply: (params, u, y) => net.apply(params, concat([u, y], 1)),
  };
}

/** The fully connected baseline: `depth` weight layers, ReLU, Glorot normal. */
export function fnn(o: Sizes & { readonly width: number; readonly depth: number }) {
  const hidden = new Array<number>(o.depth - 1).fill(o.width);
  const sizes = [o.sensors + o.queryDim, ...hidden, 1];
  return onConcatenation(o, mlp({ sizes, activation: "relu", kernelInit: glorotNormal }));
}

interface ResnetParams {
  input: DenseParams;
  blocks: { inner: DenseParams; outer: DenseParams }[];
  output: DenseParams;
}

/** The residual baseline of the official code: a linear layer to `width`, blocks x + relu(W2 relu(W1 x)), a linear head. */
export function resnet(o: Sizes & { readonly width: number; readonly blocks: number }) {
  const layer = (inputs: number, outputs: number) => dense({ inputs, outputs, kernelInit: glorotNormal });
  const [input, inside, output] = [
    layer(o.sensors + o.queryDim, o.width),
    layer(o.width, o.width),
    layer(o.width, 1),
  ];
  return onConcatenation<ResnetParams>(o, {
    init(key) {
      const [first, last, ...rest] = random.split(key, 2 + 2 * o.blocks);
      const blocks = Array.from({ length: o.blocks }, (_, i) => ({
        inner: inside.init(rest[2 * i]!),
        outer: inside.init(rest[2 * i + 1]!),
      }));
      return { input: input.init(first!), blocks, output: output.init(last!) };
    },
    apply(params: Traced<ResnetParams>, x: Tensor) {
      const start = input.apply(params.input, x);
      const end = params.blocks.reduce(
        (h, b) => h.add(inside.apply(b.outer, inside.apply(b.inner, h).relu()).relu()),
        start,
      );
      return output.apply(params.output, end);
    },
  });
}
