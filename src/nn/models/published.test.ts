import { describe, expect, it } from "vitest";
import * as random from "../../tensor/random.ts";
import * as nn from "../index.ts";

const key = random.key(0);
/** Zeros cost no memory until they are written to. */
const kernelInit = nn.zeros;
const count = (model: nn.Model<unknown>) => nn.parameterCount(model.init(key));

describe("parameter counts are the published ones", () => {
  it.each([
    ["LeNet-5, its form in use", nn.lenet(), 61_706],
    ["VGG-11", nn.vgg({ depth: 11, kernelInit }), 132_863_336],
    ["VGG-16", nn.vgg({ depth: 16, kernelInit }), 138_357_544],
    ["ResNet-18", nn.resnet({ depth: 18, kernelInit }), 11_689_512],
    ["ResNet-34", nn.resnet({ depth: 34, kernelInit }), 21_797_672],
    ["ResNet-50", nn.resnet({ depth: 50, kernelInit }), 25_557_032],
    ["ResNet-101", nn.resnet({ depth: 101, kernelInit }), 44_549_160],
    ["ResNet-20 for CIFAR", nn.resnet({ depth: 20, kernelInit }), 269_722],
    ["ResNet-56 for CIFAR", nn.resnet({ depth: 56, kernelInit }), 853_018],
    ["MobileNetV2", nn.mobilenetV2({ kernelInit }), 3_504_872],
    [
      "ViT-Ti/16",
      nn.vit({ imageSize: 224, patch: 16, width: 192, depth: 12, heads: 3, kernelInit }),
      5_717_416,
    ],
    [
      "ViT-B/16",
      nn.vit({ imageSize: 224, patch: 16, width: 768, depth: 12, heads: 12, kernelInit }),
      86_567_656,
    ],
    [
      "stories15M, a small LLaMA",
      nn.transformer({
        vocabulary: 32_000,
        width: 288,
        depth: 6,
        heads: 6,
        hidden: 768,
        tied: true,
        kernelInit,
      }),
      15_191_712,
    ],
  ])("%s", (_, model, published) => {
    expect(count(model)).toBe(published);
  });
});
