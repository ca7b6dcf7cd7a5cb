import { describe, expect, it } from "vitest";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { lbfgs } from "./index.ts";
import { wolfeSearch } from "./line-search.ts";

const rosenbrock = (x: Tensor): Tensor => {
  const n = x.size;
  const [head, tail] = [x.slice([0, n - 1]), x.slice([1, n])];
  return tail.sub(head.square()).square().mul(100).add(head.neg().add(1).square()).sum();
};

describe("lbfgs", () => {
  it.each([2, 10])("finds the minimum of Rosenbrock's function of %i variables to 1e-8", async (n) => {
    const params = { x: NDArray.full([n], -1.2, "float64") };
    const out = await lbfgs({ params, loss: (p) => rosenbrock(p.x) });
    for (const v of out.params.x.data) expect(Math.abs(Number(v) - 1)).toBeLessThan(1e-8);
    expect(out.stopped).toBe("gradient");
    expect(out.gradient).toBeLessThan(1e-8);
    expect(out.steps).toBeLessThan(120);
    expect([...params.x.data]).toEqual(new Array(n).fill(-1.2));
  });

  it("solves least squares: the gradient X^T (X w - y) is 0", async () => {
    const [kx, ky] = random.split(random.key(0));
    const x = random.normal(kx!, [30, 6], "float64");
    const y = random.normal(ky!, [30], "float64");
    const out = await lbfgs({
      params: NDArray.zeros([6], "float64"),
      data: { x, y },
      loss: (w, data) => data.x.matmul(w).sub(data.y).square().sum(),
    });
    const w = [...out.params.data].map(Number);
    const residual = Array.from({ length: 30 }, (_, i) =>
      w.reduce((s, v, j) => s + v * Number(x.data[i * 6 + j]), -Number(y.data[i])),
    );
    for (let j = 0; j < 6; j++) {
      const normal = residual.reduce((s, r, i) => s + r * Number(x.data[i * 6 + j]), 0);
      expect(Math.abs(normal)).toBeLessThan(1e-8);
    }
  });

  it("leaves frozen values alone, and float32 ends where its precision does", async () => {
    const params = { w: NDArray.from([5]), frozen: { goal: NDArray.from([2]) } };
    const out = await lbfgs({
      params,
      tolerance: 0,
      loss: (p) => p.w.sub(p.frozen.goal).square().square().add(1).sum(),
    });
    expect(out.stopped).toBe("precision");
    expect(out.loss).toBe(1);
    expect(out.params.w.item()).toBeCloseTo(2, 1);
    expect(out.params.frozen.goal).toBe(params.frozen.goal);
  });

  it("stops after its steps, or when told to", async () => {
    const params = NDArray.full([4], -1.2, "float64");
    const seen: number[] = [];
    const few = await lbfgs({ params, loss: rosenbrock, steps: 3, onStep: ({ loss }) => seen.push(loss) });
    expect(few).toMatchObject({ stopped: "steps", steps: 3 });
    expect(seen).toHaveLength(3);
    expect(seen[2]).toBe(few.loss);
    const gone = await lbfgs({ params, loss: rosenbrock, signal: AbortSignal.abort() });
    expect(gone).toMatchObject({ stopped: "aborted", steps: 0 });
  });

  it("refuses to start where the loss is not finite", async () => {
    await expect(lbfgs({ params: NDArray.from([-1]), loss: (x) => x.log().sum() })).rejects.toThrow(
      "the loss is NaN at the first weights",
    );
  });
});

describe("the line search", () => {
  it.each([
    ["a far minimum", (t: number) => [(t - 50) ** 2, 2 * (t - 50)], 1],
    ["a first step far too long", (t: number) => [(t - 1) ** 2, 2 * (t - 1)], 1000],
    [
      "a wall of infinity",
      (t: number) => (t > 3 ? [Number.POSITIVE_INFINITY, Number.NaN] : [-t, -1 + (t / 3) ** 30]),
      16,
    ],
    ["waves", (t: number) => [Math.cos(3 * t) - 0.3 * t - 1, -3 * Math.sin(3 * t) - 0.3], 2],
  ] as const)("fulfils the strong Wolfe conditions: %s", async (_, f, first) => {
    const [value, slope] = f(0) as [number, number];
    const found = await wolfeSearch(
      async (at) => {
        const [v, s] = f(at) as [number, number];
        return { at, value: v, slope: s };
      },
      { at: 0, value, slope },
      first,
    );
    expect(found!.value).toBeLessThanOrEqual(value + 1e-4 * found!.at * slope);
    expect(Math.abs(found!.slope)).toBeLessThanOrEqual(-0.9 * slope);
  });
});
