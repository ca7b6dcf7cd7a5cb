import { concat } from "../../tensor/operators/movement.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { attention } from "../attention.ts";
import { checkSizes, checkSplits } from "../checks.ts";
import { combine } from "../combine.ts";
import { conv } from "../convolution.ts";
import { dense } from "../dense.ts";
import { parameter } from "../embedding.ts";
import { type Initialiser, normal } from "../initialisers.ts";
import { mlp } from "../mlp.ts";
import { layerNorm } from "../normalisation.ts";

export interface VitOptions {
  /** Height and width of the images, and of the patches. */
  readonly imageSize: number;
  readonly patch: number;
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  /** Default 4 times the width. */
  readonly hidden?: number | undefined;
  /** Default 1000. */
  readonly classes?: number | undefined;
  /** Channels of the images. Default 3. */
  readonly inputs?: number | undefined;
  /** Default `normal(0.02)`. */
  readonly kernelInit?: Initialiser | undefined;
}

/**
 * A vision transformer for images [N, inputs, imageSize, imageSize]: logits [N, classes] from a class token. Dosovitskiy et al.,
 * ICLR 2021: learned positions, LayerNorm (epsilon 1e-6) before each part, exact GELU.
 *
 * ```ts
 * nn.vit({ imageSize: 224, patch: 16, width: 768, depth: 12, heads: 12 }); // ViT-B/16
 * ```
 */
export function vit(options: VitOptions) {
  const { imageSize, patch, width, depth, heads, hidden = 4 * width } = options;
  const { classes = 1000, inputs = 3, kernelInit = normal(0.02) } = options;
  checkSizes("vit", { imageSize, patch, width, depth, heads, hidden, classes, inputs });
  checkSplits("vit", "imageSize", imageSize, patch, "pixels a patch");
  const count = (imageSize / patch) ** 2;
  const norm = () => layerNorm({ size: width, epsilon: 1e-6 });
  const block = () => {
    const parts = {
      attentionNorm: norm(),
      attention: attention({ size: width, heads, kernelInit }),
      feedNorm: norm(),
      feed: mlp({ sizes: [width, hidden, width], activation: "gelu", kernelInit }),
    };
    return combine(parts, (run, x: Tensor) => {
      const h = x.add(run.attention(run.attentionNorm(x)));
      return h.add(run.feed(run.feedNorm(h)));
    });
  };
  const parts = {
    patches: conv({ inputs, outputs: width, kernel: patch, stride: patch, kernelInit }),
    token: parameter((key) => kernelInit(key, [1, 1, width])),
    positions: parameter((key) => kernelInit(key, [1, count + 1, width])),
    blocks: Array.from({ length: depth }, block),
    norm: norm(),
    head: dense({ inputs: width, outputs: classes, kernelInit }),
  };
  return combine(parts, (run, x: Tensor) => {
    const batch = x.shape[0]!;
    const patches = run.patches(x).reshape([batch, width, count]).swapAxes();
    const tokens = concat([run.token().expand([batch, 1, width]), patches], 1).add(run.positions());
    const features = run.norm(run.blocks.reduce((h, f) => f(h), tokens));
    return run.head(features.slice(undefined, [0, 1]).reshape([batch, width]));
  });
}
