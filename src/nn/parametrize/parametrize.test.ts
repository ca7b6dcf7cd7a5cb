import { describe, expect, it } from "vitest";
import { exportModel } from "../../onnx/export.ts";
import { importModel } from "../../onnx/import.ts";
import { compile } from "../../runtime/compile.ts";
import { loadModel } from "../../runtime/load-model.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { customGradient, grad } from "../../tensor/transforms.ts";
import * as tree from "../../tensor/tree.ts";
import { mapTrainable, parameterCount, trainable } from "../frozen.ts";
import { type MlpParams, mlp } from "../mlp.ts";
import type { Model } from "../model.ts";
import { type Parametrization, reparametrize } from "../parametrization.ts";
import { weightsOf } from "./check.ts";
import * as nn from "./index.ts";

const model = mlp({ sizes: [6, 8, 3], activation: "tanh" });
const params = model.init(random.key(3));
const x = random.normal(random.key(4), [5, 6]);
const numbers = (a: NDArray | undefined) => Array.from(a!.data as Iterable<number | bigint>, Number);
const kernel = (p: MlpParams, i = 0) => numbers(p.layers[i]!.kernel);
const zeros = (a: NDArray | undefined) => numbers(a).filter((v) => v === 0).length;
const matrix = (...values: number[]) => ({
  w: NDArray.from(Float64Array.from(values)).reshape([1, values.length]),
});
const first = async <Z>(p: Parametrization<Z, { w: NDArray }>, w: { w: NDArray }) =>
  numbers((await weightsOf(p, p.init(random.key(0), w))).w);

describe("prune", () => {
  it("keeps the largest weights, the same share of each array", async () => {
    const masks = nn.magnitudeMasks(params, { sparsity: 0.75 });
    expect(Object.keys(masks)).toEqual(["layers/0/kernel", "layers/1/kernel"]);
    expect([zeros(masks["layers/0/kernel"]), zeros(masks["layers/1/kernel"])]).toEqual([36, 18]);
    const found = await weightsOf(
      nn.prune<MlpParams>({ masks }),
      nn.prune<MlpParams>({ masks }).init(x, params),
    );
    const kept = kernel(found)
      .filter((v) => v !== 0)
      .map(Math.abs);
    const lost = kernel(params)
      .filter((_, i) => kernel(found)[i] === 0)
      .map(Math.abs);
    expect(Math.min(...kept)).toBeGreaterThan(Math.max(...lost));
    expect(found.layers[0]!.bias).toEqual(params.layers[0]!.bias);
  });

  it("or the largest of the whole tree", () => {
    const two = { a: NDArray.from([[1, 2, 3, 4]]), b: NDArray.from([[10, 20]]) };
    const masks = nn.magnitudeMasks(two, { sparsity: 0.5, per: "tree" });
    expect([numbers(masks.a), numbers(masks.b)]).toEqual([
      [0, 0, 0, 1],
      [1, 1],
    ]);
  });

  it("counts exactly where weights are equally large, and takes a sparsity of 0", async () => {
    expect(numbers(nn.magnitudeMasks(matrix(1, -1, 1, -1, 2), { sparsity: 0.4 }).w)).toEqual([0, 0, 1, 1, 1]);
    expect(await first(nn.prune({ sparsity: 0 }), matrix(0, 0, 1))).toEqual([0, 0, 1]);
  });

  it("gives masked weights no gradient", async () => {
    const p = nn.prune<{ w: NDArray }>({ masks: { w: NDArray.from([[true, false, true]]) } });
    const z = p.init(x, matrix(1, 2, 3));
    const slope = compile((values: tree.Traced<typeof z>) =>
      grad((w: Tensor) => (p.weights({ ...values, weights: { w } }).w as Tensor).square().sum())(
        values.weights.w,
      ),
    );
    expect(numbers(await slope(z as never))).toEqual([2, 0, 6]);
  });
});

describe("lowRank", () => {
  it("adds a b, of that rank at most, to the matrices alone", async () => {
    const p = nn.lowRank<MlpParams>({ rank: 1, only: "layers/0/kernel" });
    const z = p.init(random.key(1), params);
    expect(Object.keys(trainable(z))).toEqual(["delta/layers/0/kernel/a", "delta/layers/0/kernel/b"]);
    const pair = z.delta["layers/0/kernel"]!;
    const b = random.normal(random.key(2), [1, 8]);
    const found = await weightsOf(p, { ...z, delta: { "layers/0/kernel": { a: pair.a, b } } });
    kernel(found).forEach((v, i) =>
      expect(v).toBeCloseTo(kernel(params)[i]! + numbers(pair.a)[i >> 3]! * numbers(b)[i % 8]!, 6),
    );
    expect(found.layers[1]).toEqual(params.layers[1]);
  });
});

describe("shared", () => {
  it("finds clusters, and is exact where values are few", async () => {
    expect(await first(nn.shared({ clusters: 2 }), matrix(1, 9, 2, 10))).toEqual([1.5, 9.5, 1.5, 9.5]);
    expect(await first(nn.shared({ clusters: 3 }), matrix(0.1, 0.7, 0.1, -5))).toEqual([0.1, 0.7, 0.1, -5]);
  });

  it("trains a value by the sum over its places", async () => {
    const p = nn.shared<{ w: NDArray }>({ groups: { w: NDArray.from([[0, 1, 0]], "int32") } });
    const z = p.init(x, matrix(3, 4, 5));
    expect(numbers(z.weights.w)).toEqual([4, 4]);
    const slope = compile((values: tree.Traced<typeof z>) =>
      grad((w: Tensor) =>
        (p.weights({ ...values, weights: { w } }).w as Tensor)
          .mul(NDArray.from([[1, 10, 100]], "float64"))
          .sum(),
      )(values.weights.w),
    );
    expect(numbers(await slope(z as never))).toEqual([101, 10]);
  });
});

describe("fakeQuantise", () => {
  it("rounds to levels around 0", async () => {
    expect(await first(nn.fakeQuantise({ bits: 3 }), matrix(3, -1.4, 0.6, 0))).toEqual([3, -1, 1, 0]);
    expect(await first(nn.fakeQuantise({ bits: 2 }), matrix(0, 0, 0))).toEqual([0, 0, 0]);
  });

  it("or from the smallest to the largest, with 0 among them", async () => {
    expect(await first(nn.fakeQuantise({ bits: 2, symmetric: false }), matrix(3, 1.2, 0, 0.4))).toEqual([
      3, 1, 0, 0,
    ]);
    expect(await first(nn.fakeQuantise({ bits: 1, symmetric: false }), matrix(2, 0.5, 1.5))).toEqual([
      2, 0, 2,
    ]);
  });

  it("by channel: each output has its own largest weight", async () => {
    const w = {
      w: NDArray.from(
        [
          [1, 100],
          [0.4, -60],
          [-0.6, 20],
        ],
        "float64",
      ),
    };
    expect(await first(nn.fakeQuantise({ bits: 2, per: "channel" }), w)).toEqual([1, 100, 0, -100, -1, 0]);
  });

  it("gives at most 2^bits - 1 values, the learned scale too", async () => {
    for (const learnScale of [false, true]) {
      const p = nn.fakeQuantise<MlpParams>({ bits: 3, learnScale });
      const values = new Set(kernel(await weightsOf(p, p.init(x, params))));
      expect(values.size).toBeLessThanOrEqual(7);
      expect(values.size).toBeGreaterThan(4);
    }
  });

  it("learned: the gradient of the step is that of LSQ", async () => {
    const p = nn.fakeQuantise<{ w: NDArray }>({ bits: 2, learnScale: true });
    const z = p.init(x, matrix(1, 0.3, -0.7, 9));
    const slope = compile((values: tree.Traced<typeof z>, step: Tensor) =>
      grad((s: Tensor) => (p.weights({ ...values, scale: { w: s } }).w as Tensor).sum())(step),
    );
    // Inside round(w / s) - w / s, outside the last level: 0, -0.3, -0.3 and 1.
    expect((await slope(z as never, NDArray.scalar(1, "float64"))).item()).toBeCloseTo(0.4, 12);
  });
});

describe("generated", () => {
  it("takes the weights in the order of the tree, in chunks too, and leaves the rest", async () => {
    const rows: Model<{ table: NDArray }> = {
      init: () => ({
        table: NDArray.from([
          [1, 2, 3],
          [4, 5, 6],
        ]),
      }),
      apply: ({ table }, e) => e.matmul(table),
    };
    const p = nn.generated<MlpParams, { table: NDArray }>({
      generator: rows,
      embedding: NDArray.from([
        [1, 0],
        [0, 1],
        [1, 1],
      ]),
      only: "layers/0/bias",
    });
    const found = await weightsOf(p, p.init(random.key(0), params));
    expect(numbers(found.layers[0]!.bias)).toEqual([1, 2, 3, 4, 5, 6, 5, 7]);
    expect(found.layers[1]).toEqual(params.layers[1]);
  });

  it("around the first weights: exactly these, where the generator gives 0", async () => {
    const silent: Model<NDArray> = {
      init: () => NDArray.zeros([1]),
      apply: (w) => w.expand([parameterCount(params)]),
    };
    const p = nn.generated<MlpParams, NDArray>({ generator: silent, embedding: [1], from: "first" });
    expect(await weightsOf(p, p.init(random.key(0), params))).toEqual(params);
  });
});

const chain = () =>
  nn.compose(
    nn.prune<MlpParams>({ sparsity: 0.5, only: "layers/*/kernel" }),
    nn.fakeQuantise({ bits: 8, only: "layers/*/kernel" }),
    nn.lowRank({ rank: 2 }),
    nn.randomSubspace({ dimension: 4 }),
  );

describe("compose", () => {
  it("is f(g(h(z))): a masked, quantised, low-rank subspace trains four numbers", async () => {
    const small = reparametrize(model, chain());
    const z = small.init(random.key(0));
    expect(Object.keys(trainable(z))).toEqual(["z"]);
    expect(parameterCount(z)).toBe(4);
    const found = await weightsOf(chain(), { ...z, z: NDArray.from([1, -2, 3, 0.5]) });
    expect(zeros(found.layers[0]!.kernel)).toBeGreaterThanOrEqual(24);
    expect(new Set(kernel(found)).size).toBeLessThan(26);
  });

  it("is reparametrize, one after the other", async () => {
    const composed = reparametrize(model, nn.compose(nn.delta<MlpParams>(), nn.prune({ sparsity: 0 }))).init(
      random.key(0),
    );
    const stacked = reparametrize(reparametrize(model, nn.delta()), nn.prune({ sparsity: 0 })).init(
      random.key(0),
    );
    expect(tree.paths(composed)).toEqual(tree.paths(stacked));
  });

  it("sparse fine-tuning: a masked difference", async () => {
    const masks = nn.magnitudeMasks(params, { sparsity: 0.9 });
    const p = nn.compose(nn.delta<MlpParams>(), nn.prune({ masks }));
    expect(await weightsOf(p, p.init(random.key(0), params))).toEqual(params);
  });
});

describe("merge", () => {
  it("gives plain weights; the exported model is the parametrized one", async () => {
    const z = { ...reparametrize(model, chain()).init(random.key(0)), z: NDArray.from([1, -2, 3, 0.5]) };
    const { params: merged, difference } = await nn.merge(model, chain(), z, x);
    expect(difference).toBeLessThan(1e-6);
    const session = await loadModel(importModel(exportModel(model, merged, { x: ["batch", 6] })));
    const { output } = await session.run({ x });
    const through = compile((values: tree.Traced<typeof z>, input: Tensor) =>
      reparametrize(model, chain()).apply(values, input),
    );
    numbers(await through(z as never, x)).forEach((v, i) => expect(numbers(output)[i]).toBeCloseTo(v, 5));
  });
});

describe("on a model from an ONNX file", () => {
  const imported = importModel(exportModel(model, params, { x: ["batch", 6] }));
  const weights = imported.init();

  it.each([
    ["lowRank", nn.lowRank<typeof weights>({ rank: 2 })],
    ["delta", nn.delta<typeof weights>()],
    ["randomSubspace", nn.randomSubspace<typeof weights>({ dimension: 3 })],
    ["compose", nn.compose(nn.prune<typeof weights>({ sparsity: 0 }), nn.lowRank({ rank: 2 }))],
  ] as [string, Parametrization<unknown, typeof weights>][])(
    "%s starts from its weights and trains",
    async (_, p) => {
      const z = p.init(random.key(0), weights);
      expect(await weightsOf(p, z)).toEqual(weights);
      const merged = await nn.merge(imported, p, z, x);
      expect(merged.difference).toBe(0);
      expect(exportModel(imported, merged.params)).toEqual(imported.bytes);
    },
  );

  it("quantises and prunes what is on file", async () => {
    const p = nn.compose(nn.prune<typeof weights>({ sparsity: 0.5 }), nn.fakeQuantise({ bits: 4 }));
    const { params: merged, difference } = await nn.merge(imported, p, p.init(random.key(0), weights), x);
    expect(difference).toBe(0);
    expect(zeros(merged["layers/0/kernel"])).toBeGreaterThanOrEqual(24);
    expect(importModel(exportModel(imported, merged)).init()).toEqual(merged);
  });
});

describe("errors say in one line what to do", () => {
  const start = (p: Parametrization<unknown, MlpParams>) => () => p.init(random.key(0), params);
  it.each([
    [() => nn.prune({ sparsity: 1 }), "prune: sparsity is 1: use 0 up to, not including, 1"],
    [
      start(nn.prune({ masks: { "layers/9/kernel": x } })),
      'there is no weight "layers/9/kernel" for a mask: there are layers/0/kernel',
    ],
    [
      start(nn.prune({ masks: { "layers/0/kernel": x } })),
      'the mask at "layers/0/kernel" is [5, 6], the weight [6, 8]',
    ],
    [
      start(nn.lowRank({ rank: 2, only: "layer/*" })),
      'lowRank: no weight matches "layer/*": there are layers/0/kernel',
    ],
    [start(nn.lowRank({ rank: 2, only: "**/bias" })), 'lowRank: "layers/0/bias" has 1 axes, a matrix has 2'],
    [() => nn.lowRank({ rank: 0 }), "lowRank: rank is 0: use a whole number from 1"],
    [() => nn.fakeQuantise({ bits: 1 }), "fakeQuantise: bits is 1: use a whole number from 2 to 16"],
    [
      () => nn.fakeQuantise({ bits: 4, symmetric: false, learnScale: true }),
      "learnScale is for symmetric levels",
    ],
    [() => nn.shared({ clusters: 0 }), "shared: clusters is 0"],
    [start(nn.shared({ groups: { nothing: x } })), "shared: groups are given for nothing, the weights are"],
  ] as [() => unknown, string][])("%#", (f, message) => {
    expect(f).toThrow(message);
    expect(f).not.toThrow("\n");
  });

  it("a generator of another size", async () => {
    const p = nn.generated<MlpParams, MlpParams>({
      generator: mlp({ sizes: [2, 5], activation: "tanh" }),
      embedding: [1, 2],
    });
    await expect(weightsOf(p, p.init(random.key(0), params))).rejects.toThrow(
      "the generator gives 5 numbers for 83 weights",
    );
  });

  it("checkParametrization: a gradient that is wrong by a thousandth", () => {
    const wrong = customGradient(
      (w: Tensor) => w.mul(1),
      (dy) => [dy.mul(1.001)],
    );
    const p: Parametrization<nn.CheckParams, nn.CheckParams> = {
      init: (_key, first) => first,
      weights: (z) => mapTrainable((w) => wrong(w), z),
    };
    return expect(nn.checkParametrization(() => p)).rejects.toThrow(
      "its gradients are those of central differences",
    );
  });
});
