import { describe, expect, it } from "vitest";
import { NDArray } from "../tensor/ndarray.ts";
import { conv } from "../tensor/operators/convolution.ts";
import { apply, type Tensor } from "../tensor/tensor.ts";
import { exportModel } from "./export.ts";
import { beforeActivation, headFeatures } from "./head.ts";
import { importModel } from "./import.ts";
import { inspectModel } from "./inspect.ts";
import { sampleTrace } from "./sample.ts";

type Weights = Readonly<Record<string, Tensor>>;
const arrays = (shapes: Readonly<Record<string, readonly number[]>>) =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, NDArray.full([...shape], 0.5)]));

const traced = (
  model: (p: Weights, x: Tensor) => Tensor,
  shapes: Readonly<Record<string, readonly number[]>>,
  x: readonly (number | string)[],
) => importModel(exportModel<Record<string, NDArray>>({ apply: model as never }, arrays(shapes), { x }));

const twoLayers = () =>
  traced(
    (p, x) => x.matmul(p["a/kernel"]!).add(p["a/bias"]!).relu().matmul(p["b/kernel"]!).softmax(),
    { "a/kernel": [4, 8], "a/bias": [8], "b/kernel": [8, 3] },
    ["batch", 4],
  );

describe("inspectModel", () => {
  it("counts parameters and bytes by layer, and the FLOPs of a batch of 1", () => {
    const found = inspectModel(twoLayers());
    expect(found.layers.map((l) => [l.name, l.operator, l.count, l.bytes, l.flops])).toEqual([
      ["a/kernel", "MatMul", 32, 128, 2 * 4 * 8],
      ["a/bias", "Add", 8, 32, undefined],
      ["b/kernel", "MatMul", 24, 96, 2 * 8 * 3],
    ]);
    expect([found.parameters, found.trainable, found.bytes]).toEqual([64, 64, 256]);
    expect([found.flops, found.sizes]).toEqual([2 * 4 * 8 + 2 * 8 * 3, { batch: 1 }]);
  });

  it("takes other sizes by name, and refuses names that the file does not have", () => {
    expect(inspectModel(twoLayers(), { batch: 5 }).flops).toBe(5 * 112);
    expect(() => inspectModel(twoLayers(), { bath: 5 })).toThrow(
      'no input has an open size "bath": there is "batch"',
    );
  });

  it("counts a convolution by its output, kernel and bias", () => {
    const model = traced(
      (p, x) => conv(x, p.kernel!, { bias: p.bias! }),
      { kernel: [6, 3, 3, 3], bias: [6] },
      [1, 3, 8, 8],
    );
    expect(inspectModel(model).flops).toBe(6 * 6 * 6 * (2 * 27 + 1));
  });

  it("says which operator is in the way of a weight, and leaves the others trainable", () => {
    const model = traced(
      (p, x) => apply("Hardmax", [x.matmul(p.before!)], { axis: -1 }).mul(p.after!),
      { before: [4, 4], after: [4] },
      ["n", 4],
    );
    const reasons = Object.fromEntries(
      inspectModel(model).layers.flatMap((l) => l.parameters.map((q) => [q.name, q.reason])),
    );
    expect(reasons).toEqual({
      before: expect.stringMatching(/Hardmax.*has no derivative/),
      after: undefined,
    });
  });
});

describe("the last layer", () => {
  it("gets the features, whatever activation and shape follow it", () => {
    const { output, inputs } = sampleTrace(twoLayers());
    const features = headFeatures(output, Object.values(inputs));
    expect([features.node.op, features.shape]).toEqual(["Relu", [1, 8]]);
  });

  it("of a convolutional classifier gets its input averaged over space", () => {
    const model = traced((p, x) => conv(x, p.kernel!).relu().mean([2, 3]), { kernel: [5, 3, 1, 1] }, [
      "n",
      3,
      4,
      4,
    ]);
    const { output, inputs } = sampleTrace(model);
    expect(headFeatures(output, Object.values(inputs)).shape).toEqual([1, 3]);
  });

  it("is refused where branches are joined after it, or there is none", () => {
    const joined = traced((p, x) => x.matmul(p.a!).add(x.matmul(p.b!)), { a: [4, 4], b: [4, 4] }, ["n", 4]);
    const none = traced((p, x) => x.mul(p.a!), { a: [4] }, ["n", 4]);
    for (const [model, reason] of [
      [joined, "Add joins several branches"],
      [none, "no Gemm, MatMul or Conv"],
    ] as const) {
      const { output, inputs } = sampleTrace(model);
      expect(() => headFeatures(output, Object.values(inputs))).toThrow(reason);
    }
  });
});

describe("beforeActivation", () => {
  it("gives the logits of a model that ends in a softmax, and else the output itself", () => {
    const { output } = sampleTrace(twoLayers());
    expect(beforeActivation(output, ["Softmax"]).node.op).toBe("MatMul");
    expect(beforeActivation(output, ["Sigmoid"])).toBe(output);
  });
});
