/** The studies of the preset full, at sizes that take seconds. */
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { byteVocabulary } from "../../data/text.ts";
import { createContext } from "../../experiment/context.ts";
import { memoryStore } from "../../experiment/store.ts";
import { transformer } from "../../nn/models/transformer.ts";
import { compile } from "../../runtime/compile.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import { characterStudy, type TunedReader, tunedReader } from "./character-study.ts";
import { presets } from "./config.ts";
import { digitStudy } from "./digit-study.ts";
import { poissonStudy } from "./poisson-study.ts";
import { friedman, tableStudy } from "./regression-study.ts";
import { transferStudy } from "./transfer-study.ts";

async function contextOf() {
  const { context } = await createContext({
    store: memoryStore(),
    seed: 0,
    preset: "full",
    device: "cpu",
    signal: new AbortController().signal,
  });
  return context;
}

it("Friedman's function is standardised by its training part", () => {
  const { train, test } = friedman(random.key(1), { train: 400, test: 100 });
  const column = Array.from(train.y.data as Float32Array);
  const mean = column.reduce((a, b) => a + b, 0) / 400;
  expect(mean).toBeCloseTo(0, 5);
  expect(column.reduce((a, b) => a + b * b, 0) / 400).toBeCloseTo(1, 4);
  expect([train.x.shape, test.x.shape]).toEqual([
    [400, 10],
    [100, 10],
  ]);
});

describe("the character transformer", () => {
  const sizes = { width: 16, depth: 2, heads: 2 };

  it("gives the transformer's logits until an adapter is trained", async () => {
    const net = transformer({ vocabulary: 7, ...sizes, hidden: 64 });
    const backbone = net.init(random.key(1));
    const tuned = tunedReader({ snnk: 4 }, backbone, sizes, 7);
    const tokens = random.integers(random.key(2), [3, 5], 0, 7);
    const [a, b] = await compile((p: Traced<typeof backbone>, q: Traced<TunedReader>, t: Tensor) => [
      net.apply(p, t),
      tuned.apply(q, t),
    ])(backbone as never, tuned.init(random.key(3)) as never, tokens);
    (a as NDArray).data.forEach((v, i) => {
      expect(Number((b as NDArray).data[i])).toBeCloseTo(Number(v), 5);
    });
  });

  it("learns from the target's text with few trainables", async () => {
    const source = "the quick brown fox jumps over the lazy dog. ".repeat(40);
    const target = "KING: what say you, my lord? LORD: nothing, my king! ".repeat(40);
    const vocabulary = byteVocabulary(source + target);
    const result = await characterStudy(
      await contextOf(),
      {
        ...sizes,
        length: 16,
        batch: 8,
        pretrainSteps: 20,
        steps: 30,
        features: 4,
        bottlenecks: [2],
        testWindows: 12,
      },
      async () => ({
        source: vocabulary.encode(source),
        target: vocabulary.encode(target),
        vocabulary: vocabulary.size,
      }),
    );
    expect(result.tuned.map((t) => t.name)).toEqual([
      "SNNK adapter, m = 4",
      "bottleneck adapter, r = 2",
      "head only",
      "full fine-tuning",
    ]);
    for (const t of result.tuned) expect(t.bits).toBeLessThan(result.before);
    expect(result.tuned[0]!.trainables).toBe(2 * (4 * 16 + 16) + 16 * vocabulary.size);
  });
});

it("the Poisson problem: the closed form solves it, and nets learn it", async () => {
  const [mlp, snnk, solved] = await poissonStudy(await contextOf(), {
    points: 64,
    features: 32,
    width: 16,
    steps: 300,
    seeds: 1,
  });
  expect(solved!.errors[0]).toBeLessThan(0.01);
  for (const net of [mlp, snnk]) expect(net!.errors[0]).toBeLessThan(1.5);
  expect(solved!.trainables).toBe(64);
});

const data = process.env.PAPERWEIGHT_DATA;
describe.skipIf(!data || !existsSync(data))(
  `real data${data ? "" : " (skipped: PAPERWEIGHT_DATA is not set)"}`,
  () => {
    it("MNIST: the closed form of 256 features", async () => {
      const { towers } = await digitStudy(await contextOf(), "mnist", {
        ...presets.quick.digits,
        features: [256],
        seeds: 1,
        adam: null,
      });
      expect(towers[0]!.solved[0]!.value).toBeGreaterThan(0.8);
    });

    it("MNIST: adapters", async () => {
      const { tuned } = await transferStudy(await contextOf(), "mnist", {
        ...presets.quick.transfer,
        pretrainSteps: 100,
        steps: 100,
        seeds: 1,
        bottlenecks: [32],
      });
      expect(tuned.find((t) => t.name === "full fine-tuning")!.values[0]).toBeGreaterThan(0.6);
    });

    it("a UCI table", async () => {
      const [table] = await tableStudy(await contextOf(), {
        names: ["concrete"],
        splits: 1,
        features: 256,
        ridges: [1e-4, 1e-3],
        steps: 200,
      });
      expect(table!.rows).toBe(1030);
      expect(table!.one[0]).toBeGreaterThan(table!.linear[0]!);
    });
  },
);
