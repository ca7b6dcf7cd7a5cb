import { describe, expect, it } from "vitest";
import { compile } from "../runtime/compile.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { grad } from "../tensor/transforms.ts";
import type { Traced } from "../tensor/tree.ts";
import * as nn from "./index.ts";

type Matrix = number[][];
const dtype = "float64";
const options = { size: 3, hidden: 4, experts: 3, activation: "relu", dtype } as const;
const x = random.normal(random.key(1), [6, 3], dtype);

/** Every vector through its experts, one by one; an expert serves first choices first, then second ones. */
function reference(p: nn.MixtureParams, vectors: Matrix, choices: number, room: number): Matrix {
  const times = (v: number[], k: Matrix) => k[0]!.map((_, j) => v.reduce((s, a, i) => s + a * k[i]![j]!, 0));
  const routes = vectors.map((v) => {
    const e = times(v, p.router.toNested() as Matrix).map((s) => Math.exp(s));
    const all = e.reduce((a, b) => a + b, 0);
    return e
      .map((s, expert) => ({ expert, share: s / all }))
      .sort((a, b) => b.share - a.share)
      .slice(0, choices);
  });
  const load = [0, 0, 0];
  const out = vectors.map(() => [0, 0, 0]);
  for (let c = 0; c < choices; c++)
    vectors.forEach((v, n) => {
      const { expert, share } = routes[n]![c]!;
      if (load[expert]!++ >= room) return;
      const scale = choices === 1 ? share : share / routes[n]!.reduce((s, r) => s + r.share, 0);
      const hidden = times(v, (p.up.toNested() as Matrix[])[expert]!).map((h) => Math.max(0, h));
      times(hidden, (p.down.toNested() as Matrix[])[expert]!).forEach((y, i) => (out[n]![i]! += scale * y));
    });
  return out;
}

describe("mixture", () => {
  it.each([
    ["two experts each", { choices: 2 }, 6],
    ["one expert, by its probability", { choices: 1 }, 6],
    ["room for 2 of each first choice", { choices: 1, capacity: 1 }, 2],
    ["room for 3 vectors, first choices first", { choices: 2, capacity: 0.75 }, 3],
  ])("%s", async (_, more, room) => {
    const model = nn.mixture({ ...options, ...more });
    const params = model.init(random.key(2));
    const y = (
      await compile((p: Traced<nn.MixtureParams>, t: Tensor) => model.apply(p, t))(params, x)
    ).toNested() as Matrix;
    reference(params, x.toNested() as Matrix, more.choices, room).forEach((row, n) =>
      row.forEach((v, i) => expect(y[n]![i], `[${n}, ${i}]`).toBeCloseTo(v, 10)),
    );
  });

  it("trains the router and the experts", async () => {
    const model = nn.mixture(options);
    const slope = compile((p: Traced<nn.MixtureParams>, t: Tensor) =>
      grad((q: typeof p) => model.apply(q, t).square().sum())(p),
    );
    const g = await slope(model.init(random.key(2)), x);
    for (const leaf of [g.router, g.up, g.down]) expect([...leaf.data].some((v) => v !== 0)).toBe(true);
  });

  it("its balance is 1 where all experts are alike, and their number where one does it all", async () => {
    const model = nn.mixture(options);
    const params = model.init(random.key(2));
    const balance = compile((r: Tensor, t: Tensor) =>
      model.balance({ router: r } as Traced<nn.MixtureParams>, t),
    );
    const ones = NDArray.full([4, 3], 1, dtype);
    const toFirst = NDArray.from(
      [
        [100, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
      ],
      dtype,
    );
    expect((await balance(NDArray.zeros([3, 3], dtype), ones)).item()).toBeCloseTo(1, 12);
    expect((await balance(toFirst, ones)).item()).toBeCloseTo(3, 12);
    expect(params.up.shape).toEqual([3, 3, 4]);
  });

  it("says what does not fit", () => {
    expect(() => nn.mixture({ ...options, choices: 4 })).toThrow("choices is 4, there are 3 experts");
    expect(() => nn.mixture({ ...options, capacity: 0 })).toThrow("capacity is 0");
  });
});
