import { describe, expect, it } from "vitest";
import { column, constants, expectClose, run, values } from "../../../test/fixtures/snnk.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type * as tree from "../../tensor/tree.ts";
import { projectionRows } from "./projection.ts";
import { arcCosineKernel, randomFeatures, type SnnkKind } from "./random-features.ts";
import { spectrumValue, tabulatedSpectrum } from "./spectrum.ts";

const G = NDArray.from([
  [1, 0],
  [0, 1],
  [1, -1],
]);

describe("1. the literal cosine and sine features", () => {
  const x = NDArray.from([[0.3, -0.2]]);
  const [kernel, bias] = [column([0.5, 0.1]), NDArray.from([0.3])];
  const of = (kind: "cos" | "sin") => {
    const f = randomFeatures({ inputs: 2, features: 3, kind });
    const draws = f.init(random.key(0), G);
    return run(
      (a: Tensor, w: Tensor, b: Tensor) => {
        const [phi, psi] = [f.phi(constants(draws), a), f.psi(constants(draws), w, b)];
        return { phi, psi, product: phi.matmul(psi) };
      },
      x,
      kernel,
      bias,
    );
  };

  it("Phi, Psi_cos and their product", async () => {
    const { phi, psi, product } = await of("cos");
    expectClose(values(phi), [0.588606, 0.603843, 0.5407, 0.182077, -0.122405, 0.295386], 2e-6);
    expectClose(values(psi), [0.798518, 0.535263, 0.722529, -0.247011, -0.165576, -0.223504], 2e-6);
    expect(product.item()).toBeCloseTo(1.093171, 5);
    expect(Math.cos(0.3 * 0.5 - 0.2 * 0.1 + 0.3)).toBeCloseTo(0.908966, 6);
  });

  it("the sine's estimate", async () => {
    expect((await of("sin")).product.item()).toBeCloseTo(0.659521, 5);
  });
});

describe("2. the relu features and the arc-cosine kernel", () => {
  const estimate = async (rows: NDArray, x: readonly number[], w: readonly number[]) => {
    const f = randomFeatures({ inputs: 2, features: rows.shape[0]!, kind: "relu" });
    const out = await run(
      (g: Tensor, a: Tensor, b: Tensor) => f.phi({ projection: g }, a).matmul(f.psi({ projection: g }, b)),
      rows,
      NDArray.from([[...x]]),
      column(w),
    );
    return out.item();
  };

  it("literal: 0.116667", async () => {
    expect(await estimate(G, [0.3, -0.2], [0.5, 0.1])).toBeCloseTo(0.116667, 5);
  });

  const cases = [
    [[0.5, -1.5], 0.0853874],
    [[2, -1], 5 / (2 * Math.PI)],
    [[1, 2], 2.5],
    [[-1, -2], 0],
  ] as const;

  it.each(cases)("the kernel of (1, 2) and %j is %f", (w, value) => {
    expect(arcCosineKernel([1, 2], w)).toBeCloseTo(value, 6);
  });

  it("Monte Carlo with 200,000 rows", async () => {
    const rows = projectionRows(random.key(3), 200_000, 2);
    for (const [w, value] of cases) {
      const error = Math.abs((await estimate(rows, [1, 2], w)) - value);
      expect(error).toBeLessThan(value === 2.5 ? 0.02 * 2.5 : 0.02);
    }
  });
});

it("3. relu features are positively homogeneous: K(ax, bw) = a b K(x, w)", async () => {
  const f = randomFeatures({ inputs: 5, features: 40, kind: "relu" });
  const draws = f.init(random.key(1));
  const x = random.normal(random.key(2), [6, 5], "float64");
  const w = random.normal(random.key(3), [5, 4], "float64");
  const rows = draws.projection.cast("float64");
  const [k, scaled] = await run(
    (g: Tensor, a: Tensor, b: Tensor) => {
      const of = (p: Tensor, q: Tensor) => f.phi({ projection: g }, p).matmul(f.psi({ projection: g }, q));
      return [of(a, b), of(a.mul(2.5), b.mul(0.7))] as const;
    },
    rows,
    x,
    w,
  );
  expectClose(
    values(scaled),
    values(k).map((v) => 2.5 * 0.7 * v),
    1e-6,
  );
});

/** Norm 0.8, in d dimensions. */
function point(seed: number, d: number, norm = 0.8): number[] {
  const v = values(random.normal(random.key(seed), [d], "float64"));
  const length = Math.hypot(...v);
  return v.map((a) => (norm * a) / length);
}

function meanAndError(list: readonly number[]): [mean: number, error: number] {
  const mean = list.reduce((a, b) => a + b, 0) / list.length;
  const variance = list.reduce((a, b) => a + (b - mean) ** 2, 0) / (list.length - 1);
  return [mean, Math.sqrt(variance / list.length)];
}

/** Independent estimates of f(w.x + b). */
async function estimates(
  o: { kind: SnnkKind; d: number; features: number; draws: number; M?: number },
  x: readonly number[],
  w: readonly number[],
  b: number | undefined,
): Promise<number[]> {
  const f = randomFeatures({ inputs: o.d, features: o.features, kind: o.kind, M: o.M });
  const one = compile((draws: tree.Traced<ReturnType<typeof f.init>>, a: Tensor, k: Tensor, bias: Tensor) =>
    f.phi(draws, a).matmul(f.psi(draws, k, b === undefined ? undefined : bias)),
  );
  const out: number[] = [];
  for (let i = 0; i < o.draws; i++)
    out.push(
      (
        await one(
          f.init(random.fold(random.key(77), i)),
          NDArray.from([[...x]]),
          column(w),
          NDArray.from([b ?? 0]),
        )
      ).item(),
    );
  await one.dispose();
  return out;
}

describe("4. unbiased: the mean of 400 draws is within 4 standard errors", () => {
  const [x, w] = [point(5, 16), point(6, 16)];
  const dot = x.reduce((sum, v, i) => sum + v * w[i]!, 0);
  const logistic = (z: number) => 1 / (1 + Math.exp(-z));
  const spectrum = tabulatedSpectrum(logistic, { range: 4, terms: 16 });
  it.each([
    ["cos", "cos", 0.3, Math.cos(dot + 0.3)],
    ["sin", "sin", 0.3, Math.sin(dot + 0.3)],
    ["exp", "exp", 0, Math.exp(dot)],
    ["exp with a bias", "exp", 0.3, Math.exp(dot + 0.3)],
    ["gaussian", "gaussian", 0.3, Math.exp(-((dot + 0.3) ** 2) / 2)],
    ["a tabulated sigmoid", { spectrum }, 0.3, logistic(dot + 0.3)],
  ] as const)("%s", async (_, kind, b, truth) => {
    const [mean, error] = meanAndError(await estimates({ kind, d: 16, features: 64, draws: 400 }, x, w, b));
    expect(Math.abs(mean - truth)).toBeLessThan(4 * error);
    expect(error).toBeLessThan(0.5);
  });
});

describe("5. any M is unbiased: the mean of 4,000 draws of 64 features is exp(x.w)", () => {
  const [x, w] = [point(8, 4), point(9, 4)];
  const truth = Math.exp(x.reduce((sum, v, i) => sum + v * w[i]!, 0));
  it.each([0, 0.1, 0.5])("M = %f", async (M) => {
    const [mean, error] = meanAndError(
      await estimates({ kind: "exp", d: 4, features: 64, draws: 4000, M }, x, w, undefined),
    );
    expect(Math.abs(mean - truth)).toBeLessThan(4 * error);
  });

  it("for waves too", async () => {
    const cos = Math.cos(Math.log(truth));
    const [mean, error] = meanAndError(
      await estimates({ kind: "cos", d: 4, features: 64, draws: 1000, M: 0.1 }, x, w, undefined),
    );
    expect(Math.abs(mean - cos)).toBeLessThan(4 * error);
  });
});

describe("6. orthogonal rows", () => {
  it("are orthogonal in each block, also where the last block is cut", () => {
    const rows = projectionRows(random.key(4), 11, 4, { orthogonal: true });
    expect(rows.shape).toEqual([11, 4]);
    const unit = Array.from({ length: 11 }, (_, r) => {
      const v = values(rows).slice(4 * r, 4 * r + 4);
      return v.map((a) => a / Math.hypot(...v));
    });
    for (let a = 0; a < 11; a++)
      for (let b = 0; b < a; b++) {
        const dot = unit[a]!.reduce((sum, v, i) => sum + v * unit[b]![i]!, 0);
        if (Math.floor(a / 4) === Math.floor(b / 4)) expect(Math.abs(dot)).toBeLessThan(1e-5);
      }
  });

  it("have no preferred sign: the mean of Q_11 over 2,000 draws is within 0.05 of 0", () => {
    const list = Array.from({ length: 2000 }, (_, i) => {
      const v = values(projectionRows(random.key(i), 1, 4, { orthogonal: true }));
      return v[0]! / Math.hypot(...v);
    });
    expect(Math.abs(meanAndError(list)[0])).toBeLessThan(0.05);
  });
});

describe("tabulated spectra", () => {
  it.each([
    ["tanh", Math.tanh],
    ["sigmoid", (z: number) => 1 / (1 + Math.exp(-z))],
    [
      "gelu, by tanh",
      (z: number) => 0.5 * z * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3))),
    ],
  ])("%s is met within its range", (_, f) => {
    const spectrum = tabulatedSpectrum(f, { range: 4, terms: 48 });
    for (let z = -4; z <= 4; z += 0.25)
      expect(Math.abs(spectrumValue(spectrum, z) - f(z))).toBeLessThan(2e-3);
  });
});
