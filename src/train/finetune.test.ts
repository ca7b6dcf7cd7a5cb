import { describe, expect, it } from "vitest";
import * as nn from "../nn/index.ts";
import { exportModel } from "../onnx/export.ts";
import { importModel } from "../onnx/import.ts";
import * as optim from "../optim/index.ts";
import { loadModel } from "../runtime/load-model.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import { apply as applyOperator, type Tensor } from "../tensor/tensor.ts";
import { memoryCheckpoint } from "./checkpoint.ts";
import { type FinetuneOptions, finetune } from "./finetune.ts";
import { accuracy } from "./metrics.ts";

const mlp = nn.mlp({ sizes: [4, 16, 3], activation: "relu" });
const file = (batch: number | string, activation: (y: Tensor) => Tensor = (y) => y) =>
  exportModel(
    { apply: (p: Parameters<typeof mlp.apply>[0], x: Tensor) => activation(mlp.apply(p, x)) },
    mlp.init(random.key(1)),
    {
      x: [batch, 4],
    },
  );

/** Three classes: which of the first three numbers is the largest. */
const examples = (n: number, seed: number) => {
  const x = random.normal(random.key(seed), [n, 4]);
  const largest = (i: number) =>
    [0, 1, 2].reduce((best, c) => (x.data[4 * i + c]! > x.data[4 * i + best]! ? c : best), 0);
  return {
    x,
    y: new NDArray(
      BigInt64Array.from({ length: n }, (_, i) => BigInt(largest(i))),
      [n],
    ),
  };
};
const [data, validation] = [examples(400, 2), examples(100, 3)];
const common = { data, validation, optimizer: optim.adam({ learningRate: 1e-2 }), batch: 40, epochs: 8 };
const tune = (o: Partial<FinetuneOptions> = {}) =>
  finetune({ model: importModel(file("n")), ...common, ...o });

async function run(bytes: Uint8Array, x: NDArray): Promise<NDArray> {
  const session = await loadModel(importModel(bytes));
  const out = Object.values(await session.run({ x }))[0]!;
  await session.dispose();
  return out;
}

describe("finetune", () => {
  it("trains an imported model; the file it gives computes what was measured, for the best epoch", async () => {
    const tuned = await tune();
    expect(tuned.before.accuracy).toBeLessThan(0.6);
    expect(tuned.best!.value).toBeGreaterThan(0.9);
    expect(Math.max(...tuned.history.map((e) => e.metrics.accuracy!))).toBe(tuned.best!.value);
    expect(accuracy(await run(tuned.toFile(), validation.x), validation.y)).toBe(tuned.best!.value);
    expect(await tuned.evaluate(validation)).toEqual({ accuracy: tuned.best!.value });
    expect(await tuned.evaluate(validation, "first")).toEqual(tuned.before);
  });

  it("trains only what the patterns choose: the rest of the file keeps its bits", async () => {
    const model = importModel(file("n"));
    const [before, tuned] = [model.init(), await tune({ model, trainable: ["layers/1/*"], epochs: 1 })];
    expect(tuned.trained).toEqual(["layers/1/kernel", "layers/1/bias"]);
    const after = importModel(tuned.toFile()).init();
    const changed = Object.keys(after).filter((name) =>
      after[name]!.data.some((v, i) => v !== before[name]!.data[i]),
    );
    expect(changed).toEqual(tuned.trained);
  });

  it("trains files with a fixed batch of 1 on any batch, and leaves their sizes alone", async () => {
    const [fixed, free] = [await tune({ model: importModel(file(1)) }), await tune()];
    expect(fixed.history).toEqual(free.history);
    expect(importModel(fixed.toFile()).inputs[0]!.shape).toEqual([1, 4]);
  });

  it("takes the cross-entropy of the logits where the model ends in a softmax", async () => {
    const [soft, plain] = [await tune({ model: importModel(file("n", (y) => y.softmax())) }), await tune()];
    expect(soft.history).toEqual(plain.history);
    const sums = (await run(soft.toFile(), validation.x)).data as Float32Array;
    expect(sums[0]! + sums[1]! + sums[2]!).toBeCloseTo(1, 5);
  });

  it("puts a new head in the place of the last layer; the file stands on its own, with a free batch", async () => {
    const two = (e: typeof data) => ({
      x: e.x,
      y: new NDArray(
        BigInt64Array.from(e.y.data as BigInt64Array, (v) => (v > 0n ? 1n : 0n)),
        e.y.shape,
      ),
    });
    const tuned = await tune({ data: two(data), validation: two(validation), head: 2, trainable: "head/*" });
    expect(tuned.trained).toEqual(["head/kernel", "head/bias"]);
    expect(Object.keys(tuned.params)).toEqual([
      "layers/0/kernel",
      "layers/0/bias",
      "head/kernel",
      "head/bias",
    ]);
    const logits = await run(tuned.toFile(), validation.x);
    expect(logits.shape).toEqual([100, 2]);
    expect(accuracy(logits, two(validation).y)).toBe(tuned.best!.value);
    expect(importModel(tuned.toFile()).inputs[0]!.shape).toEqual(["n", 4]);
  });

  it("stopped and resumed, ends with the same bits", async () => {
    const [checkpoint, stop] = [memoryCheckpoint(), new AbortController()];
    const stopped = await tune({
      checkpoint,
      signal: stop.signal,
      onStep: ({ step }) => step === 33 && stop.abort(),
    });
    expect([stopped.stopped, stopped.steps]).toEqual(["aborted", 33]);
    const [resumed, whole] = [await tune({ checkpoint }), await tune()];
    expect(resumed.history).toEqual(whole.history);
    expect(resumed.toFile()).toEqual(whole.toFile());
  });

  it.each([
    [
      "a pattern without a match",
      { trainable: "layer/*" },
      'no weight matches "layer/*": there is layers/0/kernel, layers/0/bias',
    ],
    ["no examples left", { data: { x: data.x, y: validation.y } }, '"x" has 400 rows and "y" 100'],
  ])("refuses %s", async (_, o, message) => {
    await expect(tune(o)).rejects.toThrow(message);
  });

  it("refuses weights that no gradient reaches, and names the operator", async () => {
    const hardmax = (t: Tensor) => applyOperator("Hardmax", [t], { axis: -1 });
    const apply = (p: Record<string, Tensor>, x: Tensor) => hardmax(x.matmul(p.a!)).matmul(p.b!);
    const params = { a: NDArray.full([4, 4], 0.5), b: NDArray.full([4, 3], 0.5) };
    const model = importModel(exportModel({ apply }, params, { x: ["n", 4] }));
    await expect(tune({ model, trainable: "a" })).rejects.toThrow(
      /"a" cannot be trained: .*Hardmax.*derivative/,
    );
    expect((await tune({ model, epochs: 1 })).trained).toEqual(["b"]);
  });
});
