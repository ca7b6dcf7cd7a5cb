import type { Tensor } from "../../tensor/tensor.ts";
import { checkSizes } from "../checks.ts";
import { combine } from "../combine.ts";
import { convNorm } from "../conv-norm.ts";
import { dense } from "../dense.ts";
import { dropout } from "../dropout.ts";
import { heNormal, type Initialiser } from "../initialisers.ts";
import { globalAveragePool } from "../pooling.ts";

/** A stage: how much wider its blocks are inside, their outputs, their number, and the stride of the first. */
export interface MobilenetStage {
  readonly expansion: number;
  readonly outputs: number;
  readonly count: number;
  readonly stride: number;
}

export interface MobilenetV2Options {
  /** Default 1000. */
  readonly classes?: number | undefined;
  /** Channels of the images. Default 3. */
  readonly inputs?: number | undefined;
  /** Multiplies all widths, which become multiples of 8. Default 1. */
  readonly width?: number | undefined;
  /** Default: table 2 of the paper. */
  readonly stages?: readonly MobilenetStage[] | undefined;
  /** Before the last layer. Default 0.2. */
  readonly dropout?: number | undefined;
  /** Default `heNormal`. */
  readonly kernelInit?: Initialiser | undefined;
}

const table2: readonly MobilenetStage[] = [
  { expansion: 1, outputs: 16, count: 1, stride: 1 },
  { expansion: 6, outputs: 24, count: 2, stride: 2 },
  { expansion: 6, outputs: 32, count: 3, stride: 2 },
  { expansion: 6, outputs: 64, count: 4, stride: 2 },
  { expansion: 6, outputs: 96, count: 3, stride: 1 },
  { expansion: 6, outputs: 160, count: 3, stride: 2 },
  { expansion: 6, outputs: 320, count: 1, stride: 1 },
];

/** MobileNetV2 for images [N, inputs, height, width]: logits [N, classes]. Sandler et al., CVPR 2018, table 2. */
export function mobilenetV2(options: MobilenetV2Options = {}) {
  const { classes = 1000, inputs = 3, width = 1, stages = table2 } = options;
  const { dropout: rate = 0.2, kernelInit = heNormal } = options;
  checkSizes("mobilenetV2", { classes, inputs });
  if (!(width > 0)) throw new RangeError(`mobilenetV2: width is ${width}: use a number above 0`);
  const first = multipleOf8(32 * width);
  const last = multipleOf8(1280 * Math.max(1, width));
  let channels = first;
  const blocks = stages.flatMap(({ expansion, outputs, count, stride }) =>
    Array.from({ length: count }, (_, i) => {
      const from = channels;
      channels = multipleOf8(outputs * width);
      return inverted(from, channels, expansion, i === 0 ? stride : 1, kernelInit);
    }),
  );
  const parts = {
    stem: convNorm({ inputs, outputs: first, kernel: 3, stride: 2, padding: 1, kernelInit }),
    blocks,
    top: convNorm({ inputs: channels, outputs: last, kernel: 1, kernelInit }),
    drop: dropout(rate),
    head: dense({ inputs: last, outputs: classes, kernelInit }),
  };
  const mean = globalAveragePool();
  return combine(parts, (run, x: Tensor) => {
    const features = run.blocks.reduce((h, block) => block(h), run.stem(x).clip(0, 6));
    return run.head(run.drop(mean.apply({}, run.top(features).clip(0, 6))));
  });
}

/** Wider by a 1x1 convolution, a depthwise 3x3 one, narrow again without activation; x is added where the shapes agree. */
function inverted(
  inputs: number,
  outputs: number,
  expansion: number,
  stride: number,
  kernelInit: Initialiser,
) {
  const wide = inputs * expansion;
  const parts = {
    expand: expansion === 1 ? undefined : convNorm({ inputs, outputs: wide, kernel: 1, kernelInit }),
    depthwise: convNorm({
      inputs: wide,
      outputs: wide,
      kernel: 3,
      groups: wide,
      stride,
      padding: 1,
      kernelInit,
    }),
    project: convNorm({ inputs: wide, outputs, kernel: 1, kernelInit }),
  };
  return combine(parts, (run, x: Tensor) => {
    const h = run.expand?.(x).clip(0, 6) ?? x;
    const y = run.project(run.depthwise(h).clip(0, 6));
    return stride === 1 && inputs === outputs ? x.add(y) : y;
  });
}

/** The nearest multiple of 8, at least 8, and not below 0.9 of the width. */
function multipleOf8(width: number): number {
  const near = Math.max(8, Math.floor(width / 8 + 0.5) * 8);
  return near < 0.9 * width ? near + 8 : near;
}
