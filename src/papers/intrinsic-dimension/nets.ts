import { combine, layer, sequential } from "../../nn/combine.ts";
import { conv } from "../../nn/convolution.ts";
import { dense } from "../../nn/dense.ts";
import { heNormal, lecunNormal } from "../../nn/initialisers.ts";
import { mlp } from "../../nn/mlp.ts";
import type { Model } from "../../nn/model.ts";
import { flatten, maxPool } from "../../nn/pooling.ts";
import type { Tensor } from "../../tensor/tensor.ts";

const kernelInit = heNormal;
const relu = () => layer((x) => x.relu());

/** A fully connected net with `depth` hidden layers of `width` units; images are flattened. */
export function fullyConnected(o: {
  readonly inputs: number;
  readonly depth: number;
  readonly width: number;
  readonly classes?: number;
}): Model<unknown> {
  const { inputs, depth, width, classes = 10 } = o;
  const sizes = [inputs, ...new Array<number>(depth).fill(width), classes];
  const net = mlp({ sizes, activation: "relu", kernelInit });
  return { init: net.init, apply: (p, x) => net.apply(p as never, x.reshape([x.shape[0]!, inputs])) };
}

/** The small convolutional net for images of 12 x 12 in the quick preset: 2,698 weights. */
export function smallConv(size = 12): Model<unknown> {
  const image = layer((x) => x.reshape([x.shape[0]!, 1, size, size]));
  return sequential(
    image,
    conv({ inputs: 1, outputs: 8, kernel: 3, padding: "same", kernelInit }),
    relu(),
    maxPool(2),
    conv({ inputs: 8, outputs: 16, kernel: 3, padding: "same", kernelInit }),
    relu(),
    maxPool(2),
    flatten(),
    dense({ inputs: 16 * (size / 4) ** 2, outputs: 10, kernelInit }),
  ) as unknown as Model<unknown>;
}

/** LeNet in the paper's form, without padding: 44,426 weights for images [n, 1, 28, 28], 62,006 for [n, 3, 32, 32]. */
export function paperLenet(channels: 1 | 3 = 1): Model<unknown> {
  const side = channels === 1 ? 4 : 5;
  const parts = {
    conv1: conv({ inputs: channels, outputs: 6, kernel: 5, kernelInit }),
    conv2: conv({ inputs: 6, outputs: 16, kernel: 5, kernelInit }),
    dense1: dense({ inputs: 16 * side * side, outputs: 120, kernelInit }),
    dense2: dense({ inputs: 120, outputs: 84, kernelInit }),
    dense3: dense({ inputs: 84, outputs: 10, kernelInit }),
  };
  const pool = maxPool(2);
  const down = (x: Tensor) => pool.apply({}, x.relu());
  return combine(parts, (run, x: Tensor) => {
    const features = down(run.conv2(down(run.conv1(x))));
    const flat = features.reshape([x.shape[0]!, 16 * side * side]);
    return run.dense3(run.dense2(run.dense1(flat).relu()).relu());
  }) as unknown as Model<unknown>;
}

/** The policy that balances the pole, from 4 numbers to a force: 541 weights. */
export function policyNet() {
  return mlp({ sizes: [4, 20, 20, 1], activation: "tanh", kernelInit: lecunNormal });
}
