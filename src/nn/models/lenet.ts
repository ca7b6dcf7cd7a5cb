import { averagePool } from "../../tensor/operators/pooling.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Activation, activation as functionOf } from "../activations.ts";
import { combine } from "../combine.ts";
import { conv } from "../convolution.ts";
import { dense } from "../dense.ts";
import { glorotUniform, type Initialiser } from "../initialisers.ts";
import { flatten } from "../pooling.ts";

export interface LenetOptions {
  /** Default 10. */
  readonly classes?: number | undefined;
  /** Channels of the images. Default 1. */
  readonly inputs?: number | undefined;
  /** Height and width: 28, which are padded to 32, or 32. Default 28. */
  readonly imageSize?: 28 | 32 | undefined;
  /** Default "tanh". */
  readonly activation?: Activation | undefined;
  /** Default `glorotUniform`. */
  readonly kernelInit?: Initialiser | undefined;
}

/**
 * LeNet-5 for images [N, inputs, imageSize, imageSize]: logits [N, classes]. LeCun et al., Proc. IEEE 1998, in the form in use today,
 * with 61,706 weights by default: every channel of the second convolution sees all of the first, pools have no weights, the last
 * layer is dense. In the paper these have 1,516 weights, 44, and a fixed code: 60,000 in all.
 */
export function lenet(options: LenetOptions = {}) {
  const {
    classes = 10,
    inputs = 1,
    imageSize = 28,
    activation = "tanh",
    kernelInit = glorotUniform,
  } = options;
  const act = functionOf(activation);
  const flat = flatten();
  const parts = {
    conv1: conv({ inputs, outputs: 6, kernel: 5, padding: imageSize === 28 ? 2 : 0, kernelInit }),
    conv2: conv({ inputs: 6, outputs: 16, kernel: 5, kernelInit }),
    dense1: dense({ inputs: 400, outputs: 120, kernelInit }),
    dense2: dense({ inputs: 120, outputs: 84, kernelInit }),
    dense3: dense({ inputs: 84, outputs: classes, kernelInit }),
  };
  return combine(parts, (run, x: Tensor) => {
    const once = averagePool(act(run.conv1(x)), 2);
    const twice = averagePool(act(run.conv2(once)), 2);
    return run.dense3(act(run.dense2(act(run.dense1(flat.apply({}, twice))))));
  });
}
