import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { MethodContext } from "../../experiment/method.ts";
import { layer, sequential } from "../../nn/combine.ts";
import { conv } from "../../nn/convolution.ts";
import { dense } from "../../nn/dense.ts";
import { flatten, maxPool } from "../../nn/pooling.ts";
import { exportModel } from "../../onnx/export.ts";
import { importModel } from "../../onnx/import.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { predictor } from "../../train/predict.ts";
import method from "./apply.ts";
import { decompress } from "./compress.ts";
import { importedModel } from "./imported.ts";
import { digits } from "./tasks.ts";

const net = sequential(
  layer((x) => x.reshape([x.shape[0]!, 1, 12, 12])),
  conv({ inputs: 1, outputs: 4, kernel: 3, padding: "same" }),
  layer((x) => x.relu()),
  maxPool(2),
  flatten(),
  dense({ inputs: 144, outputs: 10 }),
  layer((x) => x.softmax()),
);
const stored = net.init(random.key(1));
const file = exportModel({ apply: (p, x: Tensor) => net.apply(p as never, x) }, stored, {
  x: ["batch", 144],
});
const model = importModel(file);
const { train, test } = digits(random.key(2), { train: 400, test: 200 });
const defaults = method.options.parse({ steps: 80, grid: [5, 40, 320], target: 0.8 });

const context = (seed = 0): MethodContext => ({
  key: random.key(seed),
  seed,
  signal: new AbortController().signal,
  log: () => {},
  progress: { start: () => ({ update: () => {}, done: () => {} }) },
  device: "cpu",
  train,
  validation: test,
});

describe("the plan", () => {
  it("says how each weight is drawn anew", () => {
    const { touched, untouched } = method.plan(model, defaults);
    expect(Object.fromEntries(touched.map((t) => [t.path, t.what]))).toEqual({
      "layers/1/kernel": "kernel, normal with variance 2 / 9",
      "layers/1/bias": "bias, 0",
      "layers/5/kernel": "kernel, normal with variance 2 / 144",
      "layers/5/bias": "bias, 0",
    });
    expect(untouched).toEqual([]);
  });

  it("or that the file's weights are where the subspaces lie", () => {
    const { touched } = method.plan(model, { ...defaults, start: "weights" });
    expect(new Set(touched.map((t) => t.what))).toEqual(new Set(["moved from the file's values"]));
  });
});

const folder = process.env.PAPERWEIGHT_DATA && join(process.env.PAPERWEIGHT_DATA, "onnx-models");

describe.skipIf(!folder)("third-party models (where PAPERWEIGHT_DATA has them)", () => {
  it.each([
    [
      "mnist-8",
      {
        Parameter193: "kernel, normal with variance 2 / 256",
        Parameter5: "kernel, normal with variance 2 / 25",
        Parameter6: "bias, 0",
      },
    ],
    ["cnn-mnist-pytorch", {}],
  ])("%s", (name, some) => {
    const imported = importModel(new Uint8Array(readFileSync(join(folder!, name, "model.onnx"))));
    const { touched } = method.plan(imported, defaults);
    const found = Object.fromEntries(touched.map((t) => [t.path, t.what]));
    expect(found).toMatchObject(some);
    expect(Object.values(found).filter((what) => what === "moved from the file's values")).toEqual([]);
  });
});

describe("a model drawn anew", () => {
  it("has other kernels, and biases of 0; the same key gives the same", () => {
    const drawn = importedModel(model, "reinitialised");
    const { weights } = drawn.init(random.key(4));
    expect(weights["layers/5/kernel"]).not.toEqual(model.init()["layers/5/kernel"]);
    expect(Array.from(weights["layers/1/bias"]!.data, Number)).toEqual([0, 0, 0, 0]);
    expect(drawn.init(random.key(4)).weights).toEqual(weights);
    const kernel = Array.from(weights["layers/5/kernel"]!.data, Number);
    const variance = kernel.reduce((sum, v) => sum + v * v, 0) / kernel.length;
    expect(variance * 72).toBeGreaterThan(0.85);
    expect(variance * 72).toBeLessThan(1.15);
  });
});

describe("the method", () => {
  it("finds the smallest dimension that does, and writes it as a small file from which the weights come back", async () => {
    const result = await method.run(model, defaults, context());
    const figures = Object.fromEntries(result.figures.map((f) => [f.name, f.value]));
    expect(figures.weights).toBe(1490);
    const first = figures["dimension (first on the grid)"] as number;
    expect([40, 320]).toContain(first);
    expect(figures["dimension (interpolated)"]).toBeLessThanOrEqual(first);
    expect(result.check!.largestDifference).toBe(0);
    const bytes = result.files![".subspace.safetensors"]!;
    expect(bytes.length).toBe(figures["bytes of the compressed file"]);
    expect(bytes.length).toBeLessThan(4 * first + 350);
    const rebuilt = await decompress(bytes, importedModel(model, "reinitialised"));
    const written = importModel(result.model!);
    expect(written.init()).toEqual(rebuilt.weights);
    const predict = predictor({ init: () => written.init(), apply: (p, x: Tensor) => written.apply(p, x) });
    const probabilities = (await predict(written.init(), test.x)).data as Float32Array;
    expect(probabilities.slice(0, 10).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
    await predict.dispose();
  });

  it("around trained weights needs fewer dimensions than around random ones", async () => {
    const first = async (start: "weights" | "reinitialised", from: typeof model) => {
      const { figures } = await method.run(from, { ...defaults, start, baseline: 1, target: 0.7 }, context());
      return figures.find((f) => f.name === "dimension (first on the grid)")!.value as number;
    };
    const tuned = await method.run(model, { ...defaults, grid: [400, 800] }, context(3));
    expect(await first("weights", importModel(tuned.model!))).toBeLessThan(
      await first("reinitialised", model),
    );
  });

  it("says so where no dimension of the grid reaches the target", async () => {
    const { figures, model: none } = await method.run(
      model,
      { ...defaults, grid: [1, 2], baseline: 1, target: 1, steps: 5 },
      context(),
    );
    expect(figures.at(-1)).toEqual({ name: "dimension", value: "more than 2" });
    expect(none).toBeUndefined();
  });

  it("refuses a grid above the number of weights", async () => {
    await expect(
      method.run(model, { ...defaults, grid: [2000, 3000], baseline: 1 }, context()),
    ).rejects.toThrow("the grid starts at 2000 and the model has 1490 weights");
  });

  it("stops with its signal", async () => {
    const controller = new AbortController();
    controller.abort(new Error("enough"));
    await expect(
      method.run(model, { ...defaults, baseline: 1 }, { ...context(), signal: controller.signal }),
    ).rejects.toThrow("enough");
  });
});
