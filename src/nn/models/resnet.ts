import { pad } from "../../tensor/operators/movement.ts";
import { maxPool } from "../../tensor/operators/pooling.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { checkSizes } from "../checks.ts";
import { combine, layer } from "../combine.ts";
import { convNorm } from "../conv-norm.ts";
import { dense } from "../dense.ts";
import { heNormal, type Initialiser } from "../initialisers.ts";
import type { Model } from "../model.ts";
import { globalAveragePool } from "../pooling.ts";

export interface ResnetOptions {
  /**
   * 18, 34, 50, 101 or 152: the networks for ImageNet, of basic blocks up to 34, of bottlenecks from 50. 20, 32, 44, 56 or 110: those
   * for CIFAR. Or the blocks of each stage, with `style` and `block`.
   */
  readonly depth: ResnetDepth | readonly number[];
  /** "imagenet": 7x7 convolution and pool first, 1x1 convolutions as shortcuts. "cifar": 3x3 convolution first, shortcuts without weights (option A). */
  readonly style?: "imagenet" | "cifar" | undefined;
  readonly block?: "basic" | "bottleneck" | undefined;
  /** Channels of the first stage, twice as many in each further one. Default 64, for CIFAR 16. */
  readonly width?: number | undefined;
  /** Default 1000, for CIFAR 10. */
  readonly classes?: number | undefined;
  /** Channels of the images. Default 3. */
  readonly inputs?: number | undefined;
  /** Default `heNormal`. */
  readonly kernelInit?: Initialiser | undefined;
}

export type ResnetDepth = keyof typeof published;

const published = {
  18: { counts: [2, 2, 2, 2], style: "imagenet", block: "basic" },
  34: { counts: [3, 4, 6, 3], style: "imagenet", block: "basic" },
  50: { counts: [3, 4, 6, 3], style: "imagenet", block: "bottleneck" },
  101: { counts: [3, 4, 23, 3], style: "imagenet", block: "bottleneck" },
  152: { counts: [3, 8, 36, 3], style: "imagenet", block: "bottleneck" },
  20: { counts: [3, 3, 3], style: "cifar", block: "basic" },
  32: { counts: [5, 5, 5], style: "cifar", block: "basic" },
  44: { counts: [7, 7, 7], style: "cifar", block: "basic" },
  56: { counts: [9, 9, 9], style: "cifar", block: "basic" },
  110: { counts: [18, 18, 18], style: "cifar", block: "basic" },
} as const;

/**
 * A residual network for images [N, inputs, height, width]: logits [N, classes]. He et al., CVPR 2016, table 1 and section 4.2.
 * Bottlenecks have their stride in the 3x3 convolution, as in most published weights.
 *
 * ```ts
 * nn.resnet({ depth: 18 });
 * nn.resnet({ depth: [1, 1], style: "cifar", width: 8, classes: 3 });
 * ```
 */
export function resnet(options: ResnetOptions) {
  const preset = typeof options.depth === "number" ? published[options.depth] : undefined;
  const counts: readonly number[] = preset?.counts ?? (options.depth as readonly number[]);
  const style = options.style ?? preset?.style ?? "imagenet";
  const kind = options.block ?? preset?.block ?? "basic";
  const { width = style === "cifar" ? 16 : 64, classes = style === "cifar" ? 10 : 1000 } = options;
  const { inputs = 3, kernelInit = heNormal } = options;
  checkSizes("resnet", { width, classes, inputs });

  const expansion = kind === "basic" ? 1 : 4;
  let channels = width;
  const stages = counts.map((count, s) =>
    Array.from({ length: count }, (_, i) => {
      const [from, outputs] = [channels, width * 2 ** s * expansion];
      channels = outputs;
      const stride = s > 0 && i === 0 ? 2 : 1;
      const shape = { inputs: from, outputs, stride, kernelInit };
      const shortcut = shortcutOf(style, shape);
      return kind === "basic" ? basic(shape, shortcut) : bottleneck(shape, shortcut);
    }),
  );
  const window = style === "imagenet" ? { kernel: 7, stride: 2, padding: 3 } : { kernel: 3, padding: 1 };
  const parts = {
    stem: convNorm({ inputs, outputs: width, ...window, kernelInit }),
    stages,
    head: dense({ inputs: channels, outputs: classes, kernelInit }),
  };
  const mean = globalAveragePool();
  return combine(parts, (run, x: Tensor) => {
    const stem = run.stem(x).relu();
    const first = style === "imagenet" ? maxPool(stem, 3, { stride: 2, padding: 1 }) : stem;
    const features = run.stages.flat().reduce((h, block) => block(h), first);
    return run.head(mean.apply({}, features));
  });
}

interface BlockShape {
  readonly inputs: number;
  readonly outputs: number;
  readonly stride: number;
  readonly kernelInit: Initialiser;
}

function basic({ inputs, outputs, stride, kernelInit }: BlockShape, shortcut: Model<unknown> | undefined) {
  const parts = {
    first: convNorm({ inputs, outputs, kernel: 3, stride, padding: 1, kernelInit }),
    second: convNorm({ inputs: outputs, outputs, kernel: 3, padding: 1, kernelInit }),
    shortcut,
  };
  return combine(parts, (run, x: Tensor) =>
    run
      .second(run.first(x).relu())
      .add(run.shortcut?.(x) ?? x)
      .relu(),
  );
}

function bottleneck(
  { inputs, outputs, stride, kernelInit }: BlockShape,
  shortcut: Model<unknown> | undefined,
) {
  const inner = outputs / 4;
  const parts = {
    first: convNorm({ inputs, outputs: inner, kernel: 1, kernelInit }),
    second: convNorm({ inputs: inner, outputs: inner, kernel: 3, stride, padding: 1, kernelInit }),
    third: convNorm({ inputs: inner, outputs, kernel: 1, kernelInit }),
    shortcut,
  };
  return combine(parts, (run, x: Tensor) =>
    run
      .third(run.second(run.first(x).relu()).relu())
      .add(run.shortcut?.(x) ?? x)
      .relu(),
  );
}

function shortcutOf(style: "imagenet" | "cifar", shape: BlockShape): Model<unknown> | undefined {
  const { inputs, outputs, stride } = shape;
  if (inputs === outputs && stride === 1) return undefined;
  if (style === "imagenet") return convNorm({ ...shape, kernel: 1 });
  const step = [undefined, undefined, stride] as const;
  return layer((x) =>
    pad(x.slice(undefined, undefined, step, step), [
      [0, 0],
      [0, outputs - inputs],
    ]),
  );
}
