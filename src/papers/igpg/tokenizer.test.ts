import { describe, expect, it } from "vitest";
import { numbers } from "../../../test/evaluate.ts";
import { runOnce } from "../../../test/run-once.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { grad } from "../../tensor/transforms.ts";
import type { Traced } from "../../tensor/tree.ts";
import { annealings, gumbelSoftmax, hardSample, uniformKl } from "./gumbel.ts";
import { WeightTokenizer } from "./igpg.ts";
import { devectorise, fromChunks, layoutOf, toChunks, vectorise } from "./vectorise.ts";
import { type VqVaeParams, vqVae } from "./vq-vae.ts";
import { netOf } from "./zoo.ts";

describe("1. vectorisation", () => {
  const params = netOf([2, 8, 8, 2]).init(random.key(1)); // D = 114, no multiple of 16

  it("there and back is the identity", () => {
    const layout = layoutOf(params);
    const { chunks, mask } = toChunks(vectorise(params), 16);
    expect(chunks.shape).toEqual([8, 16]);
    expect(numbers(mask).reduce((a, b) => a + b)).toBe(114);
    expect(devectorise(fromChunks(chunks, layout.size), params)).toEqual(params);
  });

  it("takes kernel, then bias, row-major, layer after layer", () => {
    expect(layoutOf(params).arrays.map((a) => a.path)).toEqual([
      "layers/0/kernel",
      "layers/0/bias",
      "layers/1/kernel",
      "layers/1/bias",
      "layers/2/kernel",
      "layers/2/bias",
    ]);
    expect(vectorise(params).slice(0, 16)).toEqual(params.layers[0]!.kernel.data);
  });

  it("skips what is frozen and keeps it", () => {
    const tree2 = { w: NDArray.from([1, 2]), frozen: { mean: NDArray.from([5]) } };
    expect(Array.from(vectorise(tree2))).toEqual([1, 2]);
    expect(devectorise(Float32Array.of(3, 4), tree2).frozen.mean).toBe(tree2.frozen.mean);
  });

  it.each(["gumbel", "nearest"] as const)("padding never changes the loss (%s)", async (quantiser) => {
    const sizes = { chunk: 16, tokensPerChunk: 2, codebook: 8, codeWidth: 4, hidden: [12], quantiser };
    const net = vqVae(sizes);
    const { chunks, mask } = toChunks(random.normal(random.key(2), [114]).data as Float32Array, 16);
    const padded = chunks.copy();
    for (let i = 114; i < 128; i++) padded.data[i] = 7 * i;
    const loss = (p: Traced<VqVaeParams>, c: Tensor, m: Tensor, noise: Tensor, tau: Tensor) =>
      net.loss(p, { chunks: c, mask: m, tau }, noise, { klWeight: 0.1, commitment: 1, codeFollowing: 1 });
    const value = (c: NDArray) =>
      runOnce(
        loss,
        net.init(random.key(3)),
        c,
        mask,
        random.gumbel(random.key(4), [8, 2, 8]),
        NDArray.scalar(1),
      );
    const plain = await value(chunks);
    expect((await value(padded)).item()).toBe(plain.item());
    expect(plain.item()).toBeGreaterThan(0);
  });
});

describe("2. sizes", () => {
  it.each([
    [[2, 16, 2], 82, 24],
    [[2, 8, 8, 2], 114, 32],
    [[2, 12, 12, 2], 218, 56],
  ])("%j has %i weights, %i tokens", async (widths, weights, tokens) => {
    const params = netOf(widths).init(random.key(0));
    const layout = layoutOf(params);
    expect(layout.size).toBe(weights);
    const sizes = { chunk: 16, tokensPerChunk: 4, codebook: 256, codeWidth: 16, hidden: [8] };
    const net = vqVae({ ...sizes, quantiser: "gumbel" });
    const state = { sizes: net.sizes, scale: 1, params: net.init(random.key(0)), history: [] };
    const tokenizer = new WeightTokenizer(state);
    expect(tokenizer.lengthOf(layout.size)).toBe(tokens);
    expect((await tokenizer.encode(params)).length).toBe(tokens);
    await tokenizer.dispose();
  });
});

describe("3. Gumbel-softmax", () => {
  const logits = NDArray.from([[1, 2, 3]]);
  const noise = NDArray.from([[0.5, -0.2, 0.1]]);
  const soft = (tau: number) => runOnce((l: Tensor, g: Tensor) => gumbelSoftmax(l, g, tau), logits, noise);

  it.each([
    [0.5, [0.036557, 0.066611, 0.896832], 1e-6],
    [5, [0.290785, 0.308766, 0.400448], 1e-6],
    [0.1, [0, 0, 1], 3e-6],
  ])("at tau = %f", async (tau, expected, tolerance) => {
    numbers(await soft(tau)).forEach((p, i) => {
      expect(Math.abs(p - expected[i]!)).toBeLessThanOrEqual(tolerance);
    });
  });

  it("straight through: exactly one-hot, with the gradient of the soft sample", async () => {
    const hard = await runOnce((l: Tensor, g: Tensor) => hardSample(gumbelSoftmax(l, g, 0.5)), logits, noise);
    expect(numbers(hard)).toEqual([0, 0, 1]);
    const weights = Tensor.constant([[0.3, -1, 2]]);
    const slope = (pick: (x: Tensor) => Tensor) => (l: Tensor, g: Tensor) =>
      grad((x: Tensor) =>
        pick(gumbelSoftmax(x, g, 0.5))
          .mul(weights)
          .sum(),
      )(l);
    const [a, b] = [
      numbers(await runOnce(slope(hardSample), logits, noise)),
      numbers(
        await runOnce(
          slope((x) => x),
          logits,
          noise,
        ),
      ),
    ];
    expect(Math.max(...b.map(Math.abs))).toBeGreaterThan(0.01);
    a.forEach((v, i) => {
      expect(Math.abs(v - b[i]!)).toBeLessThan(1e-5);
    });
  });
});

it("4. KL to uniform", async () => {
  const kl = await runOnce(
    (l: Tensor) => uniformKl(l),
    NDArray.from([
      [1, 2, 3],
      [2, 2, 2],
    ]),
  );
  expect(kl.data[0]).toBeCloseTo(0.266217, 6);
  expect(kl.data[1]).toBeCloseTo(0, 6);
});

it("the temperature falls from 1 to 0.1, from 1 to 1e-4 five times, and from 0.95 to 1e-5", () => {
  expect([0, 0.5, 1].map(annealings.exponential)).toEqual([1, Math.exp(-1.5), 0.1]);
  expect([0, 0.2, 0.8].map((t) => Math.round(annealings.cyclic(t) * 1e6) / 1e6)).toEqual([1, 1, 1]);
  expect(annealings.cyclic(0.1999999)).toBeCloseTo(1e-4, 6);
  expect(annealings.cosine(0)).toBeCloseTo(0.95, 10);
  expect(annealings.cosine(1)).toBeCloseTo(1e-5, 10);
});

it.each([
  ["gumbel", {}],
  ["nearest", { commitment: 0.25, codeFollowing: 1 }],
] as const)("a tokenizer learns (%s)", async (quantiser, terms) => {
  const nets = [0, 1, 2].map((seed) => netOf([2, 8, 8, 2]).init(random.key(seed)));
  const o = { quantiser, ...terms, codebook: 16, hidden: [32], steps: 400, batch: 24, learningRate: 5e-3 };
  const tokenizer = await WeightTokenizer.fit(nets, o);
  const [before, after] = [tokenizer.state.history[0]![1], tokenizer.state.history.at(-1)![1]];
  expect(after).toBeLessThan(before / 2);
  expect((await tokenizer.reconstructionError(nets[0]!)).relative).toBeLessThan(0.7);
  await tokenizer.dispose();
});
