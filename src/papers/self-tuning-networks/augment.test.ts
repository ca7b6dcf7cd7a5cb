import { describe, expect, it } from "vitest";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import { Tensor } from "../../tensor/tensor.ts";
import * as tree from "../../tensor/tree.ts";
import {
  channelDropout,
  colourJitter,
  cutoutRows,
  freezeAt,
  hyperCnn,
  hyperGru,
  inputNoise,
  inputScale,
} from "./self-tuning-networks.ts";

async function evaluate(f: (key: Tensor) => Tensor, seed = 0): Promise<NDArray> {
  const run = compile(f, { threads: 1 });
  const out = await run(random.key(seed));
  await run.dispose();
  return out;
}

const constant = (array: NDArray) => Tensor.constant(array);
const rows = (...values: number[]) => constant(NDArray.from(values));
const row = (a: NDArray, i: number): number[] =>
  Array.from(a.data.slice((i * a.size) / a.shape[0]!, ((i + 1) * a.size) / a.shape[0]!) as Float32Array);

describe("regularisers with a strength for each example", () => {
  const images = random.uniform(random.key(1), [3, 3, 6, 6], { low: 0.2 });

  it("add noise of the row's standard deviation", async () => {
    const noisy = await evaluate((key) => inputNoise(Tensor.zeros([3, 10_000]), rows(0, 0.1, 2), key));
    const std = (i: number) => Math.sqrt(row(noisy, i).reduce((s, v) => s + v * v, 0) / 10_000);
    expect(std(0)).toBe(0);
    expect(std(1)).toBeCloseTo(0.1, 2);
    expect(Math.abs(std(2) - 2)).toBeLessThan(0.05);
  });

  it("scale a row by one factor between 1 / (1 + s) and 1 + s", async () => {
    const scaled = await evaluate((key) => inputScale(Tensor.ones([3, 4]), rows(0, 0.3, 0.3), key));
    expect(row(scaled, 0)).toEqual([1, 1, 1, 1]);
    for (const i of [1, 2]) {
      expect(new Set(row(scaled, i)).size).toBe(1);
      expect(row(scaled, i)[0]).toBeGreaterThanOrEqual(1 / 1.3);
      expect(row(scaled, i)[0]).toBeLessThanOrEqual(1.3);
    }
    expect(row(scaled, 1)[0]).not.toBe(row(scaled, 2)[0]);
  });

  it("drop whole channels", async () => {
    const out = await evaluate((key) => channelDropout(Tensor.ones([2, 64, 3, 3]), rows(0, 0.5), key));
    expect(new Set(row(out, 0))).toEqual(new Set([1]));
    const second = row(out, 1);
    for (let c = 0; c < 64; c++) expect(new Set(second.slice(9 * c, 9 * c + 9)).size).toBe(1);
    expect(new Set(second)).toEqual(new Set([0, 2]));
  });

  it("cut as many holes of as many pixels as the row says, in all channels alike", async () => {
    const cut = async (seed: number) =>
      evaluate(
        (key) =>
          cutoutRows(
            Tensor.ones([3, 2, 40, 40]),
            { holes: rows(0, 1, 3), length: rows(9, 5, 4), maxHoles: 3 },
            key,
          ),
        seed,
      );
    const zeros = (out: NDArray, i: number) => row(out, i).filter((v) => v === 0).length / 2;
    const all = await Promise.all(Array.from({ length: 12 }, (_, seed) => cut(seed)));
    for (const out of all) {
      expect(zeros(out, 0)).toBe(0);
      expect(zeros(out, 1)).toBeLessThanOrEqual(25);
      expect(zeros(out, 2)).toBeLessThanOrEqual(48);
      expect(row(out, 1).slice(0, 1600)).toEqual(row(out, 1).slice(1600));
    }
    expect(Math.max(...all.map((out) => zeros(out, 1)))).toBe(25);
    expect(Math.max(...all.map((out) => zeros(out, 2)))).toBeGreaterThan(30);
  });

  it("leave an image as it is at strength 0, and turn hues about the grey axis", async () => {
    const none = rows(0, 0, 0);
    const jitter = { brightness: none, contrast: none, saturation: none, hue: none };
    const same = await evaluate((key) => colourJitter(constant(images), jitter, key));
    same.data.forEach((v, i) => void expect(Number(v)).toBeCloseTo(Number(images.data[i]), 5));
    const grey = NDArray.full([3, 3, 6, 6], 0.4);
    const turned = await evaluate((key) => colourJitter(constant(grey), { hue: rows(0.5, 0.5, 0.5) }, key));
    for (const v of turned.data) expect(v).toBeCloseTo(0.4, 3);
    const other = await evaluate((key) => colourJitter(constant(images), { hue: rows(0.5, 0.5, 0.5) }, key));
    expect(
      Math.max(...Array.from(other.data as Float32Array, (v, i) => Math.abs(v - Number(images.data[i])))),
    ).toBeGreaterThan(0.05);
  });

  it("keep the mean of an image when its contrast changes", async () => {
    const grey = new NDArray(
      Float32Array.from({ length: 27 }, (_, i) => (i % 9) / 9),
      [1, 3, 3, 3],
    );
    const out = await evaluate((key) => colourJitter(constant(grey), { contrast: rows(1) }, key));
    const mean = (a: NDArray) => (a.data as Float32Array).reduce((s, v) => s + v, 0) / a.size;
    expect(mean(out)).toBeCloseTo(mean(grey), 3);
    expect(row(out, 0)).not.toEqual(row(grey, 0));
  });
});

describe("networks", () => {
  const cnn = (n: number) =>
    hyperCnn({ channels: [3, 4, 5, 6], size: 8, classes: 3, hyperparameters: n, dropout: ["a", "b", "c"] });
  const gru = (n: number) =>
    hyperGru({ vocabulary: 7, size: 5, hyperparameters: n, dropout: { output: "out" } });
  const lambda = NDArray.from([[0.5, -1, 2]]);
  const inputs = {
    cnn: random.uniform(random.key(3), [2, 3, 8, 8]),
    gru: random.integers(random.key(4), [2, 6], 0, 7),
  };

  it.each([
    ["cnn", cnn],
    ["gru", gru],
  ] as const)("%s frozen is the network of ordinary layers", async (name, make) => {
    const [tuned, plain] = [make(3), make(0)];
    const params = tree.map((w) => louder(w as NDArray), tuned.init(random.key(5)));
    const frozen = await freezeAt(params, NDArray.from([0.5, -1, 2]));
    expect(tree.paths(frozen)).toEqual(tree.paths(plain.init(random.key(5))));
    const run = compile((p: unknown, q: unknown, x: Tensor, l: Tensor) => [
      tuned.apply(p, { x, lambda: l, values: {} }),
      plain.apply(q, { x, lambda: l, values: {} }),
    ]);
    const [a, b] = await run(params as never, frozen as never, inputs[name], lambda);
    await run.dispose();
    a!.data.forEach((v, i) => void expect(Number(v)).toBeCloseTo(Number(b!.data[i]), 4));
  });

  it("name a hyperparameter that is missing, and one that they have", () => {
    const tell = () =>
      cnn(0).apply(
        tree.map((w) => constant(w as NDArray), cnn(0).init(random.key(0))),
        { x: constant(inputs.cnn), lambda: Tensor.zeros([1, 1]), values: { d: rows(0.1, 0.1) } },
        { training: true, key: constant(random.key(0)) },
      );
    expect(tell).toThrow('there is no hyperparameter "a" among d');
  });
});

/** Gates and biases that can be seen. */
function louder(w: NDArray): NDArray {
  return new NDArray(
    Float32Array.from(w.data as Float32Array, (v) => 3 * v),
    w.shape,
  );
}
