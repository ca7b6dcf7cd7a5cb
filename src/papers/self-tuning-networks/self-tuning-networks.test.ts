import { Matrix } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { evaluate, expectClose } from "../../../test/fixtures/self-tuning.ts";
import { checkExperiment } from "../../experiment/check.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import { conv } from "../../tensor/operators/convolution.ts";
import * as random from "../../tensor/random.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { grad } from "../../tensor/transforms.ts";
import type { Traced } from "../../tensor/tree.ts";
import * as tree from "../../tensor/tree.ts";
import experiment from "./experiment.ts";
import { constrainedTensor, entropy as entropyOf } from "./hyperparameters.ts";
import {
  bestResponse,
  constrained,
  countNumbers,
  type HyperParams,
  type Hyperparameter,
  hyperConv,
  hyperDense,
  inverseSoftplus,
  rowDropout,
  softplus,
  unconstrained,
} from "./self-tuning-networks.ts";
import { gatedWeights, gatesAt, linearResponse, ridge } from "./theory.ts";

const constant = (nested: Parameters<typeof NDArray.from>[0]) =>
  Tensor.constant(NDArray.from(nested, "float64"));

/** The literal layer of the specification; kernels are [in, out] here, transposes of its matrices. */
const literal: HyperParams = {
  elementary: {
    kernel: NDArray.from(
      [
        [1, 0],
        [2, 1],
      ],
      "float64",
    ),
    bias: NDArray.from([0.1, 0.2], "float64"),
  },
  hyper: {
    kernel: NDArray.from(
      [
        [0.5, 1],
        [0, -1],
      ],
      "float64",
    ),
    bias: NDArray.from([1, -1], "float64"),
  },
  gates: {
    kernel: NDArray.from([[[0.1, -0.3]], [[0.2, 0.4]]], "float64"),
    bias: NDArray.from(
      [
        [0.5, 0],
        [0, 0.5],
      ],
      "float64",
    ),
  },
};

describe("1. the hyper-layer", () => {
  const layer = hyperDense({ inputs: 2, outputs: 2, hyperparameters: 2 });
  const [x, lambda] = [[[1, 3]], [[1, -2]]];

  it("has the output [7.45, 6.4] of the literal example", async () => {
    const y = await evaluate(() =>
      layer.apply(asTensors(literal), { x: constant(x), lambda: constant(lambda) }),
    );
    expectClose(y, NDArray.from([[7.45, 6.4]], "float64"), 1e-6);
    expect(0.1 * 1 + 0.2 * -2).toBeCloseTo(-0.3);
  });

  it("equals the layer with the explicit matrix W(lambda)", async () => {
    const y = await evaluate(() => {
      const { kernel, bias } = bestResponse<HyperParams["elementary"]>({ hyperparameters: 2 }).weights(
        asTensors(literal),
      )(constant(lambda));
      return constant(x).matmul(kernel).add(bias!);
    });
    expectClose(y, NDArray.from([[7.45, 6.4]], "float64"), 1e-6);
  });

  it("as a convolution equals the convolution with the explicit gated kernel", async () => {
    const options = { inputs: 3, outputs: 4, kernel: 3, padding: 1, hyperparameters: 2 };
    const hyper = hyperConv(options);
    const params = hyper.init(random.key(0));
    for (const gate of Object.values(params.gates)) scale(gate, 100);
    const images = random.normal(random.key(1), [2, 3, 5, 5]);
    const l = NDArray.from([[0.7, -1.2]]);
    const run = compile((p: Traced<HyperParams>, i: Tensor, t: Tensor) => {
      const { kernel, bias } = bestResponse<HyperParams["elementary"]>({ hyperparameters: 2 }).weights(p)(t);
      return [hyper.apply(p, { x: i, lambda: t }), conv(i, kernel, { padding: 1, bias: bias! })];
    });
    const [a, b] = await run(params as never, images, l);
    await run.dispose();
    expectClose(a!, b!, 1e-5);
  });

  it("multiplies its elementary part by the official code's scale where it is asked for", async () => {
    const scaled = hyperDense({ inputs: 2, outputs: 2, hyperparameters: 2, elementaryScale: true });
    expect(scaled.init(random.key(0)).scale!.toNested()).toBe(1);
    const y = await evaluate(() =>
      scaled.apply(
        { ...asTensors(literal), scale: constant(0) },
        { x: constant(x), lambda: constant(lambda) },
      ),
    );
    // 7.45 and 6.4 without W_e x + b_e = [7.1, 3.2]
    expectClose(y, NDArray.from([[0.35, 3.2]], "float64"), 1e-6);
  });
});

describe("2. lambda", () => {
  const layer = hyperDense({ inputs: 3, outputs: 4, hyperparameters: 2 });
  const params = layer.init(random.key(0));
  for (const gate of Object.values(params.gates)) scale(gate, 100);
  const x = random.normal(random.key(1), [5, 3]);
  const run = compile((p: Traced<HyperParams>, i: Tensor, l: Tensor) => layer.apply(p, { x: i, lambda: l }));

  it("= 0 gives the elementary layer", async () => {
    const plain = compile((p: Traced<HyperParams>, i: Tensor) =>
      i.matmul(p.elementary.kernel).add(p.elementary.bias!),
    );
    expectClose(await run(params as never, x, NDArray.zeros([5, 2])), await plain(params as never, x), 1e-6);
  });

  it("of each example gives what example-by-example evaluation gives", async () => {
    const lambda = random.normal(random.key(2), [5, 2]);
    const all = await run(params as never, x, lambda);
    for (let row = 0; row < 5; row++) {
      const part = (a: NDArray, n: number) => new NDArray(a.data.slice(row * n, (row + 1) * n), [1, n]);
      expectClose(await run(params as never, part(x, 3), part(lambda, 2)), part(all, 4), 1e-5);
    }
  });

  it("of the wrong length is an error of one line", () => {
    const tell = () =>
      layer.apply(asTensors(params), { x: Tensor.input([1, 3]), lambda: Tensor.input([1, 3]) });
    expect(tell).toThrow(
      "self-tuning: lambda is [1, 3], the gates are for 2 hyperparameters: give [rows, 2]",
    );
  });
});

describe("3. transforms", () => {
  const rate: Hyperparameter = { name: "rate", range: [0, 0.9], init: 0.05 };

  it("have the literal values", async () => {
    expect(unconstrained(rate, 0.05)).toBeCloseTo(-2.833213, 6);
    expect(inverseSoftplus(0.5)).toBeCloseTo(-0.432752, 6);
    expect((await evaluate(() => entropyOf(Tensor.full([4], 0.5)))).item()).toBeCloseTo(2.903165, 5);
  });

  it("come back from a round trip, on the host and in the graph", async () => {
    const ranges = [
      [0, 0.9],
      [2, Infinity],
      [-Infinity, 3],
      [-Infinity, Infinity],
    ] as const;
    for (const range of ranges) {
      const h = { name: "h", range, init: 2.5 };
      for (const value of range[1] === 0.9 ? [1e-3, 0.4, 0.899] : [2.01, 2.4, 2.99]) {
        const l = unconstrained(h, value);
        expect(constrained(h, l)).toBeCloseTo(value, 6);
        const y = await evaluate(() => constrainedTensor(h, Tensor.constant(NDArray.scalar(l, "float64"))));
        expect(y.item()).toBeCloseTo(value, 6);
      }
    }
    expect(softplus(inverseSoftplus(30))).toBeCloseTo(30, 6);
  });

  it("floor discrete values, and never reach the upper end", async () => {
    const holes: Hyperparameter = { name: "holes", range: [0, 4], init: 1, discrete: true };
    expect([0, 1, 2, 3].map((v) => constrained(holes, unconstrained(holes, v)))).toEqual([0, 1, 2, 3]);
    expect(constrained(holes, 1e3)).toBe(3);
    const y = await evaluate(() => constrainedTensor(holes, constant([-1e3, unconstrained(holes, 1), 1e3])));
    expect(y.toNested()).toEqual([0, 1, 3]);
  });
});

describe("4. parameters", () => {
  it("of a hyper-layer are o (2 i + n) + o (2 + n)", () => {
    const [i, o, n] = [7, 5, 3];
    const params = hyperDense({ inputs: i, outputs: o, hyperparameters: n }).init(random.key(0));
    expect(countNumbers(params)).toBe(o * (2 * i + n) + o * (2 + n));
    const images = hyperConv({ inputs: 2, outputs: o, kernel: 3, hyperparameters: n }).init(random.key(0));
    expect(countNumbers(images)).toBe(o * (2 * 18 + n) + o * (2 + n));
  });

  it("start within 1 / sqrt(fan in), the gates as N(0, 0.01^2)", () => {
    const { elementary, hyper, gates } = hyperDense({ inputs: 100, outputs: 400, hyperparameters: 5 }).init(
      random.key(0),
    );
    for (const array of [elementary.kernel, elementary.bias!, hyper.kernel!, hyper.bias!]) {
      const largest = Math.max(...(array.data as Float32Array));
      expect(largest).toBeLessThanOrEqual(0.1);
      expect(largest).toBeGreaterThan(0.095);
    }
    const g = gates.kernel!.data as Float32Array;
    expect(Math.sqrt(g.reduce((s, v) => s + v * v, 0) / g.length)).toBeCloseTo(0.01, 3);
  });
});

describe("5. the exact best response of a linear network", () => {
  const draw = (key: number, rows: number, columns: number) =>
    Matrix.from1DArray(
      rows,
      columns,
      Array.from(random.normal(random.key(key), [rows, columns], "float64").data, Number),
    );

  it("is ridge regression", () => {
    const [x, t] = [draw(0, 20, 5), draw(1, 20, 1)];
    const response = linearResponse(x, t);
    for (const lambda of [-2, 0, 3]) {
      expect(
        gatedWeights(response, lambda)
          .sub(ridge(x, t, lambda))
          .abs()
          .max(),
      ).toBeLessThan(1e-8);
    }
  });

  it("has gates 0.8 and 0.5 for the singular values 2 and 1 at lambda = 0", () => {
    expect(gatesAt([2, 1], 0)[0]).toBeCloseTo(0.8, 12);
    expect(gatesAt([2, 1], 0)[1]).toBeCloseTo(0.5, 12);
  });
});

describe("8. dropout with a rate for each example", () => {
  const rates = [0, 0.1, 0.5, 0.9];
  const x = NDArray.full([4, 20_000], 1);
  const run = compile((t: Tensor, p: Tensor, key: Tensor) => rowDropout(t, p, key), { threads: 1 });

  it("keeps 1 - p of each row, scaled by 1 / (1 - p)", async () => {
    const out = await run(x, NDArray.from(rates), random.key(0));
    rates.forEach((p, row) => {
      const values = Array.from(out.data.slice(row * 20_000, (row + 1) * 20_000) as Float32Array);
      const kept = values.filter((v) => v !== 0);
      expect(Math.abs(kept.length / 20_000 - (1 - p))).toBeLessThan(0.015);
      for (const v of new Set(kept)) expect(v).toBeCloseTo(1 / (1 - p), 4);
    });
  });

  it("lets no gradient reach the rates", async () => {
    const slope = compile((t: Tensor, p: Tensor, key: Tensor) =>
      grad((q: Tensor) => rowDropout(t, q, key).square().sum())(p),
    );
    expect((await slope(x, NDArray.from(rates), random.key(0))).toNested()).toEqual([0, 0, 0, 0]);
    await slope.dispose();
  });

  it("takes no rate that is declared to be one for all", () => {
    expect(() => rowDropout(Tensor.input([4, 2]), Tensor.input([1]), Tensor.input([2], "uint32"))).toThrow(
      "rowDropout: the strength is [1] for 4 examples: give one number for each",
    );
  });
});

describe("the experiment", () => {
  for (const check of checkExperiment(experiment)) it(check.name, check.run);
});

function asTensors<T>(params: T): Traced<T> {
  return tree.map((w) => Tensor.constant(w as NDArray), params) as unknown as Traced<T>;
}

function scale(array: NDArray, by: number): void {
  for (let i = 0; i < array.size; i++) array.data[i] = Number(array.data[i]) * by;
}
