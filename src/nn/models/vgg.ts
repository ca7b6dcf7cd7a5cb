import { maxPool } from "../../tensor/operators/pooling.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { combine, sequential } from "../combine.ts";
import { type ConvParams, conv } from "../convolution.ts";
import { dense } from "../dense.ts";
import { dropout } from "../dropout.ts";
import { heNormal, type Initialiser } from "../initialisers.ts";
import type { Model } from "../model.ts";
import { flatten } from "../pooling.ts";

export interface VggOptions {
  /** Convolutions in each of the stages between pools, as many as `widths`; or the configurations A, B, D, E of the paper by depth. Default 16. */
  readonly depth?: 11 | 13 | 16 | 19 | readonly number[] | undefined;
  /** Channels of each stage. Default [64, 128, 256, 512, 512]. */
  readonly widths?: readonly number[] | undefined;
  /** Widths of the hidden dense layers. Default [4096, 4096]. */
  readonly hidden?: readonly number[] | undefined;
  /** Default 1000. */
  readonly classes?: number | undefined;
  /** Channels of the images. Default 3. */
  readonly inputs?: number | undefined;
  /** Height and width; halved, rounded down, by each stage. Default 224. */
  readonly imageSize?: number | undefined;
  /** After hidden dense layers. Default 0.5. */
  readonly dropout?: number | undefined;
  /** Default `heNormal`. */
  readonly kernelInit?: Initialiser | undefined;
}

const configurations = {
  11: [1, 1, 2, 2, 2],
  13: [2, 2, 2, 2, 2],
  16: [2, 2, 3, 3, 3],
  19: [2, 2, 4, 4, 4],
} as const;

/**
 * VGG for images [N, inputs, imageSize, imageSize]: logits [N, classes]. Simonyan and Zisserman, ICLR 2015, table 1; without
 * normalisation, as there.
 */
export function vgg(options: VggOptions = {}) {
  const { depth = 16, widths = [64, 128, 256, 512, 512], hidden = [4096, 4096], classes = 1000 } = options;
  const { inputs = 3, imageSize = 224, dropout: rate = 0.5, kernelInit = heNormal } = options;
  const counts: readonly number[] = typeof depth === "number" ? configurations[depth] : depth;
  if (counts.length !== widths.length)
    throw new RangeError(
      `vgg: depth has ${counts.length} stages, widths has ${widths.length}: give equally many`,
    );
  const side = widths.reduce((size) => Math.floor(size / 2), imageSize);
  if (side < 1) throw new RangeError(`vgg: imageSize is ${imageSize}: use at least ${2 ** widths.length}`);

  const channels = [inputs, ...widths];
  const stages = counts.map((count, s) => stage(channels[s]!, channels[s + 1]!, count, kernelInit));
  const sizes = [widths.at(-1)! * side * side, ...hidden, classes];
  const head = sizes.slice(1).map((outputs, i) => dense({ inputs: sizes[i]!, outputs, kernelInit }));
  const drop = sizes.slice(2).map(() => dropout(rate));
  const flat = flatten();
  return combine({ stages, head, drop }, (run, x: Tensor) => {
    const features = run.stages.reduce((h, convolve) => maxPool(convolve(h), 2), x);
    return run.head.reduce((h, f, i) => run.drop[i]?.(f(h).relu()) ?? f(h), flat.apply({}, features));
  });
}

function stage(inputs: number, outputs: number, count: number, kernelInit: Initialiser) {
  const layers = Array.from({ length: count }, (_, i): Model<ConvParams> => {
    const { init, apply } = conv({
      inputs: i === 0 ? inputs : outputs,
      outputs,
      kernel: 3,
      padding: 1,
      kernelInit,
    });
    return { init, apply: (params, x) => apply(params, x).relu() };
  });
  return sequential(...layers);
}
