import { describe, expect, it } from "vitest";
import { exportModel, type InputSpec } from "../../onnx/export.ts";
import { compile } from "../../runtime/compile.ts";
import { Session } from "../../runtime/session.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { grad } from "../../tensor/transforms.ts";
import * as tree from "../../tensor/tree.ts";
import * as nn from "../index.ts";

const image = (...shape: number[]) => random.normal(random.key(1), shape);
const integers = (values: number[] | number[][]) => NDArray.from(values, "int64");

type Call = (params: never, ...inputs: Tensor[]) => Tensor;
interface Case {
  readonly model: { init(key: NDArray): unknown; apply: Call };
  readonly specs: Readonly<Record<string, InputSpec>>;
  readonly inputs: readonly NDArray[];
}

/** A model of one tensor. */
function one(model: nn.Model<unknown>, spec: InputSpec, x: NDArray): Case {
  return { model: model as Case["model"], specs: { x: spec }, inputs: [x] };
}

const graphNet = nn.gnn({ nodes: 2, edges: 1, outputs: 2, width: 4, steps: 2, aggregation: "mean" });
const smallUnet = nn.unet({ channels: 8, embed: 8, classes: 2 });

const cases: Record<string, Case> = {
  mlp: one(nn.mlp({ sizes: [3, 4, 2], activation: "gelu" }), ["batch", 3], image(5, 3)),
  lenet: one(nn.lenet(), ["batch", 1, 28, 28], image(2, 1, 28, 28)),
  vgg: one(
    nn.vgg({ depth: [1, 2], widths: [3, 4], hidden: [5], classes: 2, imageSize: 8 }),
    ["batch", 3, 8, 8],
    image(2, 3, 8, 8),
  ),
  "resnet for ImageNet": one(
    nn.resnet({ depth: [1, 1], block: "bottleneck", width: 4, classes: 3 }),
    ["batch", 3, 32, 32],
    image(2, 3, 32, 32),
  ),
  "resnet for CIFAR": one(
    nn.resnet({ depth: [1, 1], style: "cifar", width: 4, classes: 3 }),
    ["batch", 3, 8, 8],
    image(2, 3, 8, 8),
  ),
  mobilenetV2: one(
    nn.mobilenetV2({
      width: 0.25,
      classes: 3,
      stages: [
        { expansion: 1, outputs: 16, count: 1, stride: 1 },
        { expansion: 2, outputs: 24, count: 2, stride: 2 },
      ],
    }),
    ["batch", 3, 16, 16],
    image(2, 3, 16, 16),
  ),
  fno: one(nn.fno({ modes: [2, 2], width: 4, depth: 2, hidden: 5 }), ["batch", 1, 6, 8], image(2, 1, 6, 8)),
  transformer: one(
    nn.transformer({ vocabulary: 7, width: 8, depth: 2, heads: 4, keyHeads: 2, hidden: 12, tied: true }),
    { shape: ["batch", "time"], dtype: "int64" },
    integers([
      [1, 2, 3],
      [6, 5, 0],
    ]),
  ),
  vit: one(
    nn.vit({ imageSize: 8, patch: 4, width: 8, depth: 2, heads: 2, classes: 3 }),
    ["batch", 3, 8, 8],
    image(2, 3, 8, 8),
  ),
  unet: {
    model: {
      // Its last convolution would be 0.
      init: (key) => tree.map((w) => nn.normal(0.3)(key, (w as NDArray).shape), smallUnet.init(key)),
      apply: (params, x, t, label) => smallUnet.apply(params, { x: x!, t: t!, label }),
    },
    specs: {
      x: ["batch", 1, 8, 8],
      t: { shape: ["batch"], dtype: "int64" },
      label: { shape: ["batch"], dtype: "int64" },
    },
    inputs: [image(2, 1, 8, 8), integers([3, 900]), integers([1, 2])],
  },
  gnn: {
    model: {
      init: graphNet.init,
      apply: (params, nodes, edges, senders, receivers) =>
        graphNet.apply(params, { nodes: nodes!, edges: edges!, senders: senders!, receivers: receivers! }),
    },
    specs: {
      nodes: ["nodes", 2],
      edges: ["edges", 1],
      senders: { shape: ["edges"], dtype: "int64" },
      receivers: { shape: ["edges"], dtype: "int64" },
    },
    inputs: [image(3, 2), image(4, 1), integers([0, 1, 2, 2]), integers([1, 2, 0, 1])],
  },
};

describe("exported, each model gives the same in ONNX Runtime as traced", () => {
  it.each(Object.entries(cases))("%s", async (_, { model, specs, inputs }) => {
    const params = model.init(random.key(0));
    const traced = await (compile(model.apply) as unknown as (...a: unknown[]) => Promise<NDArray>)(
      params,
      ...inputs,
    );
    const session = await Session.create(exportModel(model, params, specs));
    const names = Object.keys(specs);
    const { output } = await session.run(Object.fromEntries(inputs.map((x, i) => [names[i]!, x])));
    await session.dispose();
    expect(output!.shape).toEqual(traced.shape);
    expect(Math.max(...[...traced.data].map((v) => Math.abs(Number(v))))).toBeGreaterThan(1e-4);
    traced.data.forEach((v, i) => expect(Number(output!.data[i])).toBeCloseTo(Number(v), 5));
  });
});

describe("in training, the gradient of each model reaches every weight", () => {
  it.each(Object.entries(cases))("%s", async (_, { model, inputs }) => {
    const params = model.init(random.key(0)) as object;
    const apply = model.apply as unknown as nn.Model<unknown>["apply"];
    const slope = compile((p: unknown, key: Tensor, ...x: Tensor[]) => {
      const context = { training: true, key };
      // The graph network and the U-Net take several tensors, and draw no random numbers.
      const run = (q: unknown) => (x.length > 1 ? model.apply(q as never, ...x) : apply(q, x[0]!, context));
      return grad((q: unknown) => run(q).square().sum())(p);
    }) as unknown as (...args: unknown[]) => Promise<object>;
    const gradients = nn.trainable(await slope(params, random.key(1), ...inputs)) as Record<string, NDArray>;
    const dead = Object.entries(gradients).filter(([, g]) => ![...g.data].some((v) => v !== 0));
    // Attention does not depend on a number added to all keys.
    expect(dead.map(([path]) => path).filter((path) => !path.endsWith("key/bias"))).toEqual([]);
    expect(Object.values(gradients).every((g) => [...g.data].every((v) => Number.isFinite(Number(v))))).toBe(
      true,
    );
  });
});
