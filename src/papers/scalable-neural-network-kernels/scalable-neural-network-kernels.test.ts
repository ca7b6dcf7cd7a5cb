import { describe, expect, it } from "vitest";
import { column, constants, expectClose, run, values } from "../../../test/fixtures/snnk.ts";
import { checkExperiment } from "../../experiment/check.ts";
import { dense } from "../../nn/dense.ts";
import { parameterCount } from "../../nn/frozen.ts";
import { mlp } from "../../nn/mlp.ts";
import { exportModel } from "../../onnx/export.ts";
import { importModel } from "../../onnx/import.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { grad } from "../../tensor/transforms.ts";
import * as tree from "../../tensor/tree.ts";
import { bottleneck } from "./baselines.ts";
import { bundle, featureTower } from "./bundle.ts";
import { fitBundled, solveBundled } from "./closed-form.ts";
import experiment from "./experiment.ts";
import { snnkAdapter, snnkLayer } from "./layers.ts";
import { psiValues } from "./psi-values.ts";
import { randomFeatures, type SnnkKind, varianceBound } from "./random-features.ts";
import { tabulatedSpectrum } from "./spectrum.ts";
import { adapted } from "./transfer-nets.ts";

const G = NDArray.from([
  [1, 0],
  [0, 1],
  [1, -1],
]);

/** Norm 0.8, in d dimensions. */
function point(seed: number, d: number, norm = 0.8): number[] {
  const v = values(random.normal(random.key(seed), [d], "float64"));
  const length = Math.hypot(...v);
  return v.map((a) => (norm * a) / length);
}

describe("7. the closed form", () => {
  const z = NDArray.from([
    [1, 0],
    [1, 1],
    [1, 2],
  ]);
  const y = column([1, 2, 2]);

  it("ridge 0.1 and 0", () => {
    expectClose(values(solveBundled(z, y, 0.1).weights), [1.001178, 0.565371], 1e-6);
    const free = solveBundled(z, y, 0);
    expectClose(values(free.weights), [1.166667, 0.5], 1e-6);
    expect(free.trainLoss).toBeCloseTo(1 / 18, 9);
  });

  it("tells the condition of its matrix", () => {
    // Z^T Z / 3 = [[1, 1], [1, 5/3]].
    const [a, b] = [(8 / 3 + Math.sqrt(40 / 9)) / 2, (8 / 3 - Math.sqrt(40 / 9)) / 2];
    expect(solveBundled(z, y, 0).condition).toBeCloseTo(a / b, 5);
  });

  it("has no gradient left, and is where 5,000 gradient steps end", async () => {
    const loss = (w: Tensor, a: Tensor, t: Tensor) =>
      a.matmul(w).sub(t).square().sum().div(3).add(w.square().sum().mul(0.1));
    const f64 = [z, y].map((a) => a.cast("float64")) as [NDArray, NDArray];
    const slope = compile(grad(loss));
    const { weights } = solveBundled(z, y, 0.1);
    const g = await slope(weights, ...f64);
    expect(Math.max(...values(g).map(Math.abs))).toBeLessThan(1e-6);
    let w = NDArray.zeros([2, 1], "float64");
    for (let i = 0; i < 5000; i++) {
      const d = values(await slope(w, ...f64));
      w = new NDArray(
        Float64Array.from(values(w), (v, j) => v - 0.1 * d[j]!),
        [2, 1],
      );
    }
    await slope.dispose();
    expectClose(values(w), values(weights), 1e-3);
  });

  it("is the same when the rows are computed in blocks", async () => {
    const model = featureTower({ inputs: 3, stages: [{ features: 8, kind: "relu", appendOne: true }] });
    const params = model.init(random.key(1));
    const data = { x: random.normal(random.key(2), [50, 3]), y: random.normal(random.key(3), [50, 2]) };
    const whole = await fitBundled(model, params, data, { ridge: 1e-3 });
    const blocks = await fitBundled(model, params, data, { ridge: 1e-3, block: 7 });
    expectClose(values(blocks.weights), values(whole.weights), 1e-9);
  });
});

describe("8. bundling", () => {
  const model = mlp({ sizes: [4, 6, 3], activation: "sin", bias: false });
  const { layers } = model.init(random.key(2));
  const made = bundle({ layers, features: [32], kinds: ["sin"] });
  const params = made.init(random.key(3));
  const x = random.normal(random.key(4), [10, 4]);

  it("W2 (Psi1 Phi1(x)) = (W2 Psi1) Phi1(x)", async () => {
    const draws = params.frozen.towers[0]!;
    const psi = psiValues("sin", draws, layers[0]!);
    const layered = await run(
      (a: Tensor, p: Tensor, w: Tensor) => made.tower.stages[0]!.phi(constants(draws), a).matmul(p).matmul(w),
      x,
      psi,
      layers[1]!.kernel,
    );
    const bundled = await run((p: tree.Traced<typeof params>, a: Tensor) => made.apply(p, a), params, x);
    expectClose(values(bundled), values(layered), 1e-5);
  });

  it("leaves as a file in which one matrix product follows the features", async () => {
    const file = importModel(exportModel(made, params, { x: ["batch", 4] }));
    const count = file.operators.filter((o) => ["MatMul", "Gemm"].includes(o.name));
    expect(count.reduce((n, o) => n + o.count, 0)).toBe(2);
    const again = await run((a: Tensor) => file.apply(file.init(), a), x);
    expectClose(
      values(again),
      values(await run((p: tree.Traced<typeof params>, a: Tensor) => made.apply(p, a), params, x)),
      1e-5,
    );
  });

  it("carries biases: of waves inside the features, of relu as a row for the appended 1", async () => {
    const source = mlp({ sizes: [4, 6, 6, 3], activation: "relu" }).init(random.key(5)).layers;
    const bias = NDArray.from([0.1, -0.2, 0.3, 0.05, 0.2, -0.1]);
    const two = bundle({
      layers: [{ ...source[0]!, bias }, source[1]!, source[2]!],
      features: [16, 8],
      kinds: ["relu", "sin"],
    });
    const p = two.init(random.key(6));
    expect(p.frozen.towers.map((t) => t.projection.shape)).toEqual([
      [16, 5],
      [8, 16],
    ]);
    expect(p.bundle.shape).toEqual([16, 3]);
    expect((await run((q: tree.Traced<typeof p>, a: Tensor) => two.apply(q, a), p, x)).shape).toEqual([
      10, 3,
    ]);
  });
});

describe("9. adapters return their input to the bit at first, and can leave it", () => {
  const x = random.normal(random.key(1), [7, 6]);
  it.each([
    ["without up-projection", undefined, ["scale"]],
    ["with a down size", 3, ["up", "bias"]],
  ] as const)("%s", async (_, down, moved) => {
    const adapter = snnkAdapter({ size: 6, features: 5, down });
    const params = adapter.init(random.key(2));
    const same = await run((p: tree.Traced<typeof params>, a: Tensor) => adapter.apply(p, a), params, x);
    expect(values(same)).toEqual(values(x));
    const loss = (p: tree.Traced<typeof params>, a: Tensor) => adapter.apply(p, a).square().sum();
    const gradients = tree.toRecord(await run(grad(loss), params, x)) as Record<string, NDArray>;
    for (const name of moved) expect(values(gradients[name]!).some((v) => v !== 0)).toBe(true);
  });
});

describe("10. how many numbers are trained", () => {
  const key = random.key(0);
  it("an SNNK layer outputs * features, an adapter features * size + size", () => {
    const count = (kind: SnnkKind) =>
      parameterCount(snnkLayer({ inputs: 9, outputs: 4, features: 7, kind }).init(key));
    expect([count("relu"), count("sin")]).toEqual([28, 56]);
    expect(parameterCount(snnkAdapter({ size: 128, features: 8 }).init(key))).toBe(8 * 128 + 128);
    expect(parameterCount(snnkAdapter({ size: 12, features: 8, down: 3 }).init(key))).toBe(
      3 * 8 + 3 * 12 + 12,
    );
  });

  it("the transfer setting: 3,594; bottlenecks 17,994 and 2,574; head 1,290; full 36,362", () => {
    const backbone = mlp({ sizes: [144, 128, 128, 10], activation: "relu" }).init(key);
    const count = (name: Parameters<typeof adapted>[0]) => parameterCount(adapted(name, backbone).init(key));
    expect(count({ snnk: 8 })).toBe(3594);
    expect(count({ bottleneck: 32 })).toBe(17_994);
    expect(count({ bottleneck: 2 })).toBe(2574);
    expect(count("head")).toBe(1290);
    expect(count("full")).toBe(36_362);
  });

  it("MLP 144-64-10: 9,930; bundled with 256 features: 2,560", () => {
    expect(parameterCount(mlp({ sizes: [144, 64, 10], activation: "relu" }).init(key))).toBe(9930);
    expect(dense({ inputs: 256, outputs: 10, bias: false }).init(key).kernel.size).toBe(2560);
  });

  it("a bottleneck adapter returns its input at first too", async () => {
    const adapter = bottleneck({ size: 6, down: 2 });
    const x = random.normal(random.key(1), [7, 6]);
    const params = adapter.init(key);
    const same = await run((p: tree.Traced<typeof params>, a: Tensor) => adapter.apply(p, a), params, x);
    expect(values(same)).toEqual(values(x));
  });
});

describe("11. the random rows", () => {
  const layer = snnkLayer({ inputs: 6, outputs: 4, features: 5, kind: "relu" });

  it("are the same from the same key, and others from another", () => {
    const rows = (seed: number) => values(layer.init(random.key(seed)).frozen.projection);
    expect(rows(1)).toEqual(rows(1));
    expect(rows(1)).not.toEqual(rows(2));
  });

  it("are frozen: training leaves them alone", async () => {
    const { fit } = await import("../../train/fit.ts");
    const { sgd } = await import("../../optim/sgd.ts");
    const params = layer.init(random.key(1));
    const trained = await fit({
      params,
      data: { x: random.normal(random.key(2), [20, 6]), y: random.normal(random.key(3), [20, 4]) },
      loss: (p: tree.Traced<typeof params>, { x, y }) => layer.apply(p, x).sub(y).square().mean(),
      optimizer: sgd({ learningRate: 0.1 }),
      steps: 3,
    });
    expect(values(trained.params.frozen.projection)).toEqual(values(params.frozen.projection));
    expect(values(trained.params.psi)).not.toEqual(values(params.psi));
  });
});

describe("features of the weights on the host and in a graph", () => {
  const spectrum = tabulatedSpectrum(Math.tanh, { range: 3, terms: 12 });
  it.each([["relu"], ["cos"], ["sin"], ["exp"], ["gaussian"], [{ spectrum }]] as const)(
    "agree: %j",
    async (kind) => {
      const f = randomFeatures({ inputs: 4, features: 9, kind });
      const draws = f.init(random.key(1));
      const kernel = random.normal(random.key(2), [4, 3]);
      const bias = kind === "relu" ? undefined : NDArray.from([0.1, -0.4, 2]);
      const inGraph = await run(
        (k: Tensor, b: Tensor) => f.psi(constants(draws), k, bias && b),
        kernel,
        bias ?? NDArray.from([0]),
      );
      const host = values(psiValues(kind, draws, bias ? { kernel, bias } : { kernel }));
      values(inGraph).forEach((v, i) => {
        expect(Math.abs(v - host[i]!)).toBeLessThan(1e-4 * Math.max(1, Math.abs(v)));
      });
    },
  );

  it("a layer of waves with many features does what the dense layer does", async () => {
    const from = dense({ inputs: 4, outputs: 3 }).init(random.key(1));
    const x = NDArray.from([point(1, 4, 0.7), point(2, 4, 0.7)]);
    const layer = snnkLayer({ inputs: 4, outputs: 3, features: 20_000, kind: "sin", from });
    const [ours, theirs] = await run(
      (a: Tensor) => [
        layer.apply(constants(layer.init(random.key(2))), a),
        a.matmul(from.kernel).add(from.bias).sin(),
      ],
      x,
    );
    expectClose(values(ours!), values(theirs!), 0.05);
  });

  it("kernel and bias behind them can be trained: their gradient is that of the layer", async () => {
    const layer = snnkLayer({ inputs: 4, outputs: 3, features: 6, kind: "sin", train: "w" });
    const params = layer.init(random.key(1));
    expect(parameterCount(params)).toBe(12);
    const x = random.normal(random.key(2), [5, 4]);
    const loss = (p: tree.Traced<typeof params>, a: Tensor) => layer.apply(p, a).sum();
    const g = await run(grad(loss), params, x);
    expect(values(g.kernel as NDArray).some((v) => v !== 0)).toBe(true);
  });
});

describe("errors say what does not fit", () => {
  const at = (o: object) => () => randomFeatures({ inputs: 2, features: 3, kind: "relu", ...o } as never);
  it.each([
    [at({ features: 0 }), "features is 0"],
    [at({ kind: "tanh" }), 'there are no features for "tanh"'],
    [at({ M: -1 }), "M is -1"],
    [at({ M: 0.1 }), "M belongs to the softmax kernel"],
    [() => tabulatedSpectrum((z) => 1 / Math.floor(z / 100)), "not finite"],
    [
      () => psiValues("relu", { projection: G }, { kernel: column([1, 2]), bias: NDArray.from([1]) }),
      "relu has no bias",
    ],
    [
      () => psiValues("exp", { projection: G }, { kernel: column([3, 4]), bias: NDArray.from([1000]) }),
      "the largest |w| is 5.00",
    ],
    [() => solveBundled(column([1, 2]), column([1, 2]), -1), "ridge is -1"],
    [
      () =>
        solveBundled(
          NDArray.from([
            [1, 1],
            [2, 2],
          ]),
          column([1, 2]),
          0,
        ),
      "the system is singular: use a ridge",
    ],
  ])("%#", (f, message) => {
    expect(f).toThrow(message);
  });

  it("features that are not finite: the largest |x|, and normalize", async () => {
    const model = featureTower({ inputs: 2, stages: [{ features: 4, kind: "cos" }] });
    const data = { x: NDArray.from([[20, 0]]), y: NDArray.from([[1]]) };
    await expect(fitBundled(model, model.init(random.key(0)), data, { ridge: 0.1 })).rejects.toThrow(
      "the largest |x| is 20.0: scale the inputs, or give normalize",
    );
  });

  it("the variance bound", () => {
    expect(varianceBound({ inputNorm: 1, weightNorm: 1, features: 100 })).toBeCloseTo(Math.exp(2) / 100, 12);
  });
});

describe("the experiment", () => {
  for (const check of checkExperiment(experiment)) it(check.name, check.run);
});
