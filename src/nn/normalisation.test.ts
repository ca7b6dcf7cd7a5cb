import { describe, expect, it } from "vitest";
import { compile } from "../runtime/compile.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Traced } from "../tensor/tree.ts";
import * as nn from "./index.ts";

const key = random.key(0);
/** [2 examples, 4 channels, 3 places] */
const x = random.normal(random.key(1), [2, 4, 3], "float64");
const affine = { scale: NDArray.from([1, 2, 3, 4], "float64"), bias: NDArray.from([5, 6, 7, 8], "float64") };
const value = (n: number, c: number, i: number) => Number(x.data[n * 12 + c * 3 + i]);

function standardised(v: number, of: number[]): number {
  const mean = of.reduce((a, b) => a + b, 0) / of.length;
  const variance = of.reduce((a, b) => a + (b - mean) ** 2, 0) / of.length;
  return (v - mean) / Math.sqrt(variance + 1e-5);
}

function check(y: NDArray, expected: (n: number, c: number, i: number) => number) {
  for (let at = 0; at < 24; at++) {
    expect(Number(y.data[at])).toBeCloseTo(expected(Math.floor(at / 12), Math.floor(at / 3) % 4, at % 3), 10);
  }
}

describe("each layer normalises by the statistics of", () => {
  const options = { size: 4, dtype: "float64" } as const;

  it("groupNorm: the group of channels of an example", async () => {
    const model = nn.groupNorm({ ...options, groups: 2 });
    check(await compile(model.apply)(affine, x), (n, c, i) => {
      const first = c - (c % 2);
      const group = [0, 1, 2, 3, 4, 5].map((o) => value(n, first + Math.floor(o / 3), o % 3));
      return standardised(value(n, c, i), group) * (c + 1) + 5 + c;
    });
  });

  it("instanceNorm: the channel of an example", async () => {
    check(await compile(nn.instanceNorm(options).apply)(affine, x), (n, c, i) => {
      return (
        standardised(
          value(n, c, i),
          [0, 1, 2].map((o) => value(n, c, o)),
        ) *
          (c + 1) +
        5 +
        c
      );
    });
  });

  it("layerNorm: the last axis; rmsNorm: its mean square", async () => {
    const turned = (f: (t: Tensor) => Tensor) => (t: Tensor) => f(t.swapAxes()).swapAxes();
    const layer = compile((p: Traced<nn.NormParams>, t: Tensor) =>
      turned((h) => nn.layerNorm(options).apply(p, h))(t),
    );
    const channels = (n: number, i: number) => [0, 1, 2, 3].map((c) => value(n, c, i));
    check(
      await layer(affine, x),
      (n, c, i) => standardised(value(n, c, i), channels(n, i)) * (c + 1) + 5 + c,
    );
    const rms = compile((p: Traced<nn.ScaleParams>, t: Tensor) =>
      turned((h) => nn.rmsNorm(options).apply(p, h))(t),
    );
    check(await rms({ scale: affine.scale }, x), (n, c, i) => {
      const square = channels(n, i).reduce((a, b) => a + b * b, 0) / 4;
      return (value(n, c, i) / Math.sqrt(square + 1e-5)) * (c + 1);
    });
  });

  it("first weights leave the unit scale", () => {
    const { scale, bias } = nn.layerNorm({ size: 2 }).init(key);
    expect([scale.toNested(), bias.toNested()]).toEqual([
      [1, 1],
      [0, 0],
    ]);
  });
});

describe("batchNorm", () => {
  const model = nn.batchNorm({ size: 4, momentum: 0.75, dtype: "float64" });
  const frozen = {
    mean: NDArray.from([1, 2, 3, 4], "float64"),
    variance: NDArray.from([4, 3, 2, 1], "float64"),
  };
  const params = { ...affine, frozen };
  const channel = (c: number) => [0, 1, 2, 3, 4, 5].map((o) => value(Math.floor(o / 3), c, o % 3));

  it("in use goes by the running statistics", async () => {
    check(
      await compile((p: Traced<nn.BatchNormParams>, t: Tensor) => model.apply(p, t))(params, x),
      (n, c, i) => {
        return ((value(n, c, i) - (c + 1)) / Math.sqrt(4 - c + 1e-5)) * (c + 1) + 5 + c;
      },
    );
  });

  it("in training goes by the batch, and records statistics that move towards it", async () => {
    const step = compile((p: Traced<nn.BatchNormParams>, t: Tensor) => {
      const next = new Map<Tensor, Tensor>();
      const y = model.apply(p, t, { training: true, record: (leaf, to) => next.set(leaf, to) });
      return { y, mean: next.get(p.frozen.mean)!, variance: next.get(p.frozen.variance)! };
    });
    const { y, mean, variance } = await step(params, x);
    check(y, (n, c, i) => standardised(value(n, c, i), channel(c)) * (c + 1) + 5 + c);
    for (let c = 0; c < 4; c++) {
      const average = channel(c).reduce((a, b) => a + b, 0) / 6;
      const spread = channel(c).reduce((a, b) => a + (b - average) ** 2, 0) / 5;
      expect(Number(mean.data[c])).toBeCloseTo(0.75 * (c + 1) + 0.25 * average, 10);
      expect(Number(variance.data[c])).toBeCloseTo(0.75 * (4 - c) + 0.25 * spread, 10);
    }
  });

  it("has statistics that are not trained, and refuses a batch of one number", async () => {
    expect(Object.keys(nn.trainable(params))).toEqual(["scale", "bias"]);
    expect(nn.parameterCount(params)).toBe(8);
    const train = compile((p: Traced<nn.BatchNormParams>, t: Tensor) =>
      model.apply(p, t, { training: true }),
    );
    await expect(train(params, NDArray.zeros([1, 4], "float64"))).rejects.toThrow(
      "has one number in each channel",
    );
  });
});

describe("dropout", () => {
  const ones = NDArray.full([50, 40], 1);
  const run = (model: nn.Model<Record<string, never>>) =>
    compile((t: Tensor, k: Tensor) => model.apply({}, t, { training: true, key: k }));

  it("keeps a share of the elements and their mean, as its key says", async () => {
    const drop = run(nn.dropout(0.25));
    const y = await drop(ones, random.key(7));
    const values = [...y.data].map(Number);
    const kept = values.filter((v) => v !== 0).length;
    expect(new Set(values)).toEqual(new Set([0, Math.fround(4 / 3)]));
    expect(Math.abs(kept / 2000 - 0.75)).toBeLessThan(0.05);
    expect(await drop(ones, random.key(7))).toEqual(y);
    expect(await drop(ones, random.key(8))).not.toEqual(y);
  });

  it("stochasticDepth keeps or drops whole examples", async () => {
    const y = await run(nn.stochasticDepth(0.5))(ones, random.key(7));
    const rows = y.toNested() as number[][];
    for (const row of rows) expect(new Set(row).size).toBe(1);
    expect(new Set(rows.map((r) => r[0]))).toEqual(new Set([0, 2]));
  });

  it("does nothing when it is not training, and wants a key when it is", async () => {
    const idle = compile((t: Tensor) => nn.dropout(0.5).apply({}, t));
    expect(await idle(ones)).toEqual(ones);
    const keyless = compile((t: Tensor) => nn.dropout(0.5).apply({}, t, { training: true }));
    await expect(keyless(ones)).rejects.toThrow("dropout: the context has no key");
    expect(() => nn.dropout(1)).toThrow("rate is 1");
  });
});
