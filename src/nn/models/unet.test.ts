import { describe, expect, it } from "vitest";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Traced } from "../../tensor/tree.ts";
import * as tree from "../../tensor/tree.ts";
import * as nn from "../index.ts";

const key = random.key(0);

/** 0.05 sin(1 + k), k counted in the layout [out, in, ...]; plus 1 for the gains of GroupNorm. */
function filled(weight: NDArray, path: string): NDArray {
  const wave = (k: number) => 0.05 * Math.sin(1 + k) + (path.endsWith("scale") ? 1 : 0);
  const data = Float64Array.from({ length: weight.size }, (_, k) => wave(k));
  const dense = path.endsWith("kernel") && weight.rank === 2;
  if (dense) {
    const [inputs, outputs] = weight.shape as [number, number];
    data.forEach((_, k) => {
      data[k] = wave((k % outputs) * inputs + Math.floor(k / outputs));
    });
  }
  return NDArray.from(data).reshape(weight.shape).cast(weight.dtype);
}

const images = (dtype: "float32" | "float64") => {
  const at = (k: number) => Math.cos(0.3 * (Math.floor(k / 16) % 16) + 0.5 * (k % 16) + Math.floor(k / 256));
  return NDArray.from(Float64Array.from({ length: 512 }, (_, k) => at(k)))
    .reshape([2, 1, 16, 16])
    .cast(dtype);
};
const t = NDArray.from([10, 500], "int64");
const label = NDArray.from([3, 8], "int64");

/** Mean absolute values, in float64 from an independent implementation. */
const golden = {
  in0: 0.043533882,
  d0: 0.11205452,
  d1: 0.276855462,
  mid: 0.478105517,
  u1: 0.544066649,
  up: 0.034195352,
  u0: 0.229349569,
};

describe("unet", () => {
  it.each([
    ["32 channels, 8 classes", { channels: 32, classes: 8 }, 478_404],
    ["32 channels, no labels", { channels: 32 }, 477_828],
    ["16 channels, 8 classes", { channels: 16, classes: 8 }, 132_804],
  ])("has as many weights as it should: %s", (_, options, count) => {
    expect(nn.parameterCount(nn.unet(options).init(key))).toBe(count);
  });

  it.each([
    ["float64", 7],
    ["float32", 3],
  ] as const)("agrees with the reference, stage by stage, in %s", async (dtype, digits) => {
    const model = nn.unet({ channels: 32, classes: 8, dtype });
    const params = tree.mapWithPath((w, path) => filled(w as NDArray, path), model.init(key)) as never;
    type Params = Traced<ReturnType<typeof model.init>>;
    const run = compile((p: Params, input: nn.UnetInput) => ({
      y: model.apply(p, input),
      features: model.features(p, input),
    }));
    const { y, features } = await run(params, { x: images(dtype), t, label });
    const size = (a: NDArray) => [...a.data].reduce((s: number, v) => s + Math.abs(Number(v)), 0) / a.size;
    for (const [name, expected] of Object.entries(golden))
      expect(size(features[name as keyof typeof golden]), name).toBeCloseTo(expected, digits);
    expect(y.shape).toEqual([2, 1, 16, 16]);
    expect([...y.data].reduce((s: number, v) => s + Number(v), 0) / 512).toBeCloseTo(0.0318985598, digits);
    expect(size(y)).toBeCloseTo(0.1439312613, digits);
    expect(Number(y.data[0])).toBeCloseTo(-0.0377807659, digits);
    expect(Number(y.data[256 + 5 * 16 + 11])).toBeCloseTo(-0.2971677261, digits);
  });

  it("starts at 0, and takes attention kernels for each example", async () => {
    const model = nn.unet({ channels: 8, embed: 8, dtype: "float64" });
    const first = model.init(key);
    type Params = ReturnType<typeof model.init>;
    const run = compile((p: Traced<Params>, input: nn.UnetInput) => model.apply(p, input));
    const input = { x: images("float64"), t };
    expect([...(await run(first, input)).data].every((v) => Math.abs(Number(v)) === 0)).toBe(true);

    const params = tree.mapWithPath((w, path) => filled(w as NDArray, path), first) as unknown as Params;
    const twice = tree.mapWithPath((leaf, path) => {
      const w = leaf as NDArray;
      if (!/attention\/\w+\/kernel/.test(path)) return w;
      return NDArray.from(Float64Array.from([...w.data, ...w.data], Number)).reshape([2, ...w.shape]);
    }, params) as unknown as Params;
    const [a, b] = [await run(params, input), await run(twice, input)];
    a.data.forEach((v, i) => expect(Number(b.data[i])).toBeCloseTo(Number(v), 12));
  });

  it("says what does not fit", async () => {
    expect(() => nn.unet({ channels: 12 })).toThrow("channels is 12, which does not split into 8 groups");
    const model = nn.unet({ channels: 8, classes: 2 });
    const params = model.init(key);
    const run = compile((p: Traced<typeof params>, input: nn.UnetInput) => model.apply(p, input));
    await expect(run(params, { x: images("float32"), t })).rejects.toThrow("is given no label");
  });
});
