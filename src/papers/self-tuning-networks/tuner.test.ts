import { describe, expect, it } from "vitest";
import { evaluate, expectClose } from "../../../test/fixtures/self-tuning.ts";
import * as losses from "../../nn/losses.ts";
import { mlp } from "../../nn/mlp.ts";
import type { Model } from "../../nn/model.ts";
import { exportModel } from "../../onnx/export.ts";
import { importModel } from "../../onnx/import.ts";
import { adam } from "../../optim/adam.ts";
import { sgd } from "../../optim/sgd.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { grad } from "../../tensor/transforms.ts";
import type { Traced } from "../../tensor/tree.ts";
import * as tree from "../../tensor/tree.ts";
import { entropy as entropyOf, perturbation } from "./hyperparameters.ts";
import {
  countNumbers,
  freezeAt,
  type HyperParams,
  type Hyperparameter,
  hyperDense,
  inverseSoftplus,
  respond,
  SelfTuner,
  selfTuning,
  softplus,
} from "./self-tuning-networks.ts";

/** The literal layer of the specification; kernels are [in, out] here, transposes of its matrices. */
const literal: HyperParams = {
  elementary: {
    kernel: NDArray.from([
      [1, 0],
      [2, 1],
    ]),
    bias: NDArray.from([0.1, 0.2]),
  },
  hyper: {
    kernel: NDArray.from([
      [0.5, 1],
      [0, -1],
    ]),
    bias: NDArray.from([1, -1]),
  },
  gates: {
    kernel: NDArray.from([[[0.1, -0.3]], [[0.2, 0.4]]]),
    bias: NDArray.from([
      [0.5, 0],
      [0, 0.5],
    ]),
  },
};

describe("6. a quadratic loss", () => {
  const lambda = [0.5, -0.3, 0.8];
  const a = random.normal(random.key(3), [6, 3], "float64");
  const c = random.normal(random.key(4), [6, 1], "float64");
  const root = random.normal(random.key(5), [6, 6], "float64");

  /** Gradient descent on E[f(lambda + eps, U (lambda + eps) + b)], which six sigma points give exactly for a quadratic f. */
  async function fitResponse(sigma: number): Promise<{ u: NDArray; b: NDArray }> {
    const points = [0, 1, 2].flatMap((i) =>
      [1, -1].map((sign) => lambda.map((l, j) => l + (i === j ? sign * Math.sqrt(3) * sigma : 0))),
    );
    const at = NDArray.from(points, "float64");
    const expectation = ({ u, b }: { u: Tensor; b: Tensor }) => {
      const l = Tensor.constant(at).swapAxes();
      const r = u.matmul(l).add(b).sub(Tensor.constant(a).matmul(l)).sub(Tensor.constant(c));
      const h = Tensor.constant(root).matmul(Tensor.constant(root).swapAxes()).mul(0.05).add(eye(6));
      return r.mul(h.matmul(r)).sum(0).mean().mul(0.5);
    };
    const descend = compile(
      (p: { u: Tensor; b: Tensor }) => {
        let now = p;
        for (let i = 0; i < 20; i++) {
          const g = grad(expectation)(now);
          now = { u: now.u.sub(g.u.mul(0.2)), b: now.b.sub(g.b.mul(0.2)) };
        }
        return now;
      },
      { threads: 1 },
    );
    let p = { u: NDArray.zeros([6, 3], "float64"), b: NDArray.zeros([6, 1], "float64") };
    for (let i = 0; i < 500; i++) p = await descend(p);
    await descend.dispose();
    return p;
  }

  it.each([0.1, 1])("is fitted with the exact Jacobian for sigma = %f", async (sigma) => {
    expectClose((await fitResponse(sigma)).u, a, 1e-3);
  });

  it("is fitted at lambda alone without perturbation: U lambda + b is right, U is not", async () => {
    const { u, b } = await fitResponse(0);
    const response = (m: NDArray, offset: NDArray) =>
      Array.from({ length: 6 }, (_, i) =>
        lambda.reduce((s, l, j) => s + Number(m.data[3 * i + j]) * l, Number(offset.data[i])),
      );
    response(u, b).forEach((v, i) => void expect(v).toBeCloseTo(response(a, c)[i]!, 5));
    const off = Array.from(u.data as Float64Array, (v, i) => Math.abs(v - Number(a.data[i])));
    expect(Math.max(...off)).toBeGreaterThan(0.1);
  });
});

describe("7. steps", () => {
  const layer = hyperDense({ inputs: 3, outputs: 1, hyperparameters: 2, dtype: "float64" });
  const x = random.normal(random.key(7), [8, 3], "float64");
  const y = random.normal(random.key(8), [8, 1], "float64");
  const hyperparameters: Hyperparameter[] = [
    { name: "rate", range: [0, 0.9], init: 0.2, scale: 0.5 },
    { name: "noise", range: [0, Infinity], init: 0.1, scale: 0.7 },
  ];
  const tau = 0.01;
  const rate = 1e-3;

  function tunerOf(params: HyperParams, scaled: boolean) {
    const squares = (p: Traced<HyperParams>, told: { lambda: Tensor }) =>
      layer
        .apply(p, { x: Tensor.constant(x), lambda: told.lambda })
        .sub(Tensor.constant(y))
        .square()
        .mean();
    return new SelfTuner<HyperParams, Record<string, never>>({
      params,
      hyperparameters,
      trainLoss: (p, _, told) => squares(p, told).mul(told.values.rate!.mean().add(1)),
      // Also uses the values: no derivative may come through them.
      validLoss: (p, _, told) => squares(p, told).mul(told.values.rate!.mean().mul(0).add(1)),
      train: () => ({}),
      valid: () => ({}),
      rows: [8, 8],
      weightOptimizer: sgd({ learningRate: rate }),
      hyperOptimizer: sgd({ learningRate: rate }),
      scaleOptimizer: scaled ? sgd({ learningRate: rate }) : null,
      entropyWeight: tau,
      trainSteps: 1,
      validSteps: 1,
      warmup: 1,
      key: random.key(9),
    });
  }

  const first = layer.init(random.key(6));
  for (const gate of Object.values(first.gates)) scale(gate, 50);

  it("of validation follow the chain rule through V and C", async () => {
    const tuner = tunerOf(first, false);
    await tuner.step();
    const [params, before] = [
      tree.map((w) => (w as NDArray).copy(), tuner.params) as unknown as HyperParams,
      tuner.lambda.copy(),
    ];
    await tuner.step();
    // dF/dlambda by hand: dF/dgate (W_h x) summed over examples, times V, and likewise for C. The weights are those after the step.
    const now = tree.map((w) => (w as NDArray).copy(), tuner.params) as unknown as HyperParams;
    const expected = chainRule(now, before);
    const moved = [0, 1].map((i) => (Number(before.data[i]) - Number(tuner.lambda.data[i])) / rate);
    moved.forEach((g, i) => void expect(g).toBeCloseTo(expected[i]!, 8));
    expect(countNumbers(params)).toBe(countNumbers(first));
    await tuner.dispose();
  });

  function chainRule(p: HyperParams, lambda: NDArray): number[] {
    const [v, c] = [p.gates.kernel!, p.gates.bias!].map((g) => Array.from(g.data as Float64Array));
    const l = Array.from(lambda.data as Float64Array);
    const dot = (a: readonly number[], b: ArrayLike<number>) => a.reduce((s, n, i) => s + n * b[i]!, 0);
    const gradient = [0, 0];
    for (let row = 0; row < 8; row++) {
      const input = Array.from(x.data.slice(3 * row, 3 * row + 3) as Float64Array);
      const hidden = dot(input, p.hyper.kernel!.data as Float64Array);
      const own = dot(input, p.elementary.kernel.data as Float64Array) + Number(p.elementary.bias!.data[0]);
      const hyperBias = Number(p.hyper.bias!.data[0]);
      const output = own + dot(l, v!) * hidden + dot(l, c!) * hyperBias;
      const slope = (2 * (output - Number(y.data[row]))) / 8;
      for (const i of [0, 1]) gradient[i]! += slope * (v![i]! * hidden + c![i]! * hyperBias);
    }
    return gradient;
  }

  it("of validation leave lambda exactly as it is where V = C = 0", async () => {
    const zero = {
      ...first,
      gates: tree.map((g) => NDArray.zeros((g as NDArray).shape, "float64"), first.gates),
    };
    const tuner = tunerOf(zero as unknown as HyperParams, false);
    const before = tuner.lambda.copy();
    // The gates are trained in the training step, so the validation step alone is looked at.
    const gradient = compile((p: Traced<HyperParams>, l: Tensor) =>
      grad((t: Tensor) =>
        layer
          .apply(p, { x: Tensor.constant(x), lambda: t.unsqueeze(0) })
          .sub(Tensor.constant(y))
          .square()
          .mean(),
      )(l),
    );
    expect((await gradient(zero as never, before)).toNested()).toEqual([0, 0]);
    await gradient.dispose();
    await tuner.dispose();
  });

  it("of training change neither lambda nor sigma (9: so does the warm-up, bit for bit)", async () => {
    const tuner = tunerOf(first, true);
    const [lambda, scales] = [tuner.lambda.copy(), tuner.scales()];
    await tuner.step();
    expect(tuner.lambda.toNested()).toEqual(lambda.toNested());
    expect(tuner.scales()).toEqual(scales);
    expect(tuner.params.elementary.kernel.toNested()).not.toEqual(first.elementary.kernel.toNested());
    await tuner.step();
    expect(tuner.lambda.toNested()).not.toEqual(lambda.toNested());
    expect(tuner.scales()).not.toEqual(scales);
    await tuner.dispose();
  });

  it("change sigma by the entropy's gradient -tau / sigma dsigma/draw", async () => {
    const flat = compile((raw: Tensor) => grad((r: Tensor) => entropyOf(r.softplus()).mul(-tau))(raw));
    const raw = NDArray.from([inverseSoftplus(0.5), inverseSoftplus(0.7)], "float64");
    const gradient = (await flat(raw)).toNested() as number[];
    [0.5, 0.7].forEach((sigma, i) => {
      const sigmoid = 1 / (1 + Math.exp(-Number(raw.data[i])));
      expect(gradient[i]).toBeCloseTo((-tau / sigma) * sigmoid, 10);
    });
    await flat.dispose();
    // Responses that are 0 leave the entropy alone in the objective of a validation step.
    const silent = tree.map(
      (w) => NDArray.zeros((w as NDArray).shape, "float64"),
      first,
    ) as unknown as HyperParams;
    const tuner = tunerOf(silent, true);
    await tuner.step();
    await tuner.step();
    const after = Object.values(tuner.scales());
    [0.5, 0.7].forEach((sigma, i) => {
      const stepped = softplus(inverseSoftplus(sigma) - rate * gradient[i]!);
      expect(after[i]).toBeCloseTo(stepped, 9);
    });
    await tuner.dispose();
  });
});

describe("9. perturbations", () => {
  it("are those of one row where a hyperparameter is not per example", async () => {
    const list: Hyperparameter[] = [
      { name: "own", range: [0, 1], init: 0.5 },
      { name: "common", range: [0, 1], init: 0.5, perExample: false },
    ];
    const out = await evaluate(() =>
      perturbation(
        list,
        (r, n, shared) => random.normal(Tensor.constant(random.key(shared ? 1 : 2)), [r, n]),
        3,
      ),
    );
    const rows = out.toNested() as number[][];
    expect(new Set(rows.map((r) => r[0])).size).toBe(3);
    expect(new Set(rows.map((r) => r[1])).size).toBe(1);
  });
});

describe("selfTuning", () => {
  const x = random.normal(random.key(0), [40, 2]);
  const y = new NDArray(
    Float32Array.from({ length: 40 }, (_, i) => Number(x.data[2 * i])),
    [40, 1],
  );
  const rows = (from: number, to: number) => ({
    x: new NDArray(x.data.slice(2 * from, 2 * to), [to - from, 2]),
    y: new NDArray(y.data.slice(from, to), [to - from, 1]),
  });
  const shrink: Hyperparameter = { name: "noise", range: [0, 1], init: 0.1, perExample: false };
  const model = respond(mlp({ sizes: [2, 8, 1], activation: "tanh" }), {
    hyperparameters: 1,
    input: (t, { noise }, { key }) => t.add(random.normal(key, t.shape).mul(noise!)),
  });
  const options = { train: rows(0, 20), valid: rows(20, 40), loss: losses.mse, batch: 10 };

  it("tunes an ordinary model and freezes it to an ordinary tree", async () => {
    const tuner = selfTuning(model, {
      ...options,
      hyperparameters: [shrink],
      weightOptimizer: adam({ learningRate: 1e-2 }),
    });
    const before = await tuner.evaluate(options.valid);
    await tuner.run(60);
    expect(await tuner.evaluate(options.valid)).toBeLessThan(0.7 * before);
    expect(tuner.values().noise).not.toBeCloseTo(0.1, 6);
    expect(tuner.schedule).toHaveLength(61);
    const plain = await tuner.freeze();
    const net = mlp({ sizes: [2, 8, 1], activation: "tanh" });
    expect(tree.paths(plain)).toEqual(tree.paths(net.init(random.key(0))));
    const run = compile((p: never, t: Tensor) =>
      losses.mse(net.apply(p, t), Tensor.constant(options.valid.y)),
    );
    expect((await run(plain as never, options.valid.x)).item()).toBeCloseTo(
      await tuner.evaluate(options.valid),
      5,
    );
    await run.dispose();
    await tuner.dispose();
  });

  it("tunes a model imported from an ONNX file, its weights staying those of the file", async () => {
    const net = mlp({ sizes: [2, 8, 1], activation: "tanh" });
    const imported = importModel(exportModel(net, net.init(random.key(0)), { x: ["batch", 2] }));
    const tuned = respond(imported as Model<Record<string, NDArray>>, { hyperparameters: 1 });
    const weightDecay: Hyperparameter = { ...shrink, name: "decay" };
    const tuner = selfTuning(tuned, { ...options, hyperparameters: [weightDecay], warmup: 1 });
    const before = tuner.lambda.toNested();
    await tuner.run(3);
    expect(tuner.lambda.toNested()).not.toEqual(before);
    expect(tree.paths(await tuner.freeze())).toEqual(tree.paths(imported.init()));
    await tuner.dispose();
  });

  it("freezes every hyper-layer of a tree and keeps the rest", async () => {
    const plain = (await freezeAt({ a: literal, b: NDArray.from([3]) }, NDArray.from([1, -2]))) as {
      a: { kernel: NDArray };
      b: NDArray;
    };
    // W(lambda) = W_e + diag([-0.3, -1.1]) W_h
    expectClose(
      plain.a.kernel,
      NDArray.from([
        [0.85, -1.1],
        [2, 2.1],
      ]),
      1e-6,
    );
    expect(plain.b.toNested()).toEqual([3]);
  });

  const bad = (list: readonly Partial<Hyperparameter>[]) => () =>
    selfTuning(model, { ...options, hyperparameters: list as Hyperparameter[] });

  it.each([
    [[], "the list of hyperparameters is empty: give at least one"],
    [[shrink, shrink], 'hyperparameter "noise": there are two of this name'],
    [
      [{ ...shrink, init: 1 }],
      'hyperparameter "noise": it starts at 1, which is not strictly within its range [0, 1]',
    ],
    [[{ ...shrink, init: 2 }], "it starts at 2"],
    [[{ ...shrink, scale: 0 }], "its scale is 0: use a number above 0"],
    [
      [{ ...shrink, discrete: true, range: [0, 4], init: 4 }],
      "it is discrete and starts at 4: use a whole number from 0 to 3",
    ],
  ] as const)("says in one line what is wrong with hyperparameters (%#)", (list, message) => {
    expect(bad(list)).toThrow(message);
  });

  it("takes no validation row that is also a training row", () => {
    const shared = () => selfTuning(model, { ...options, valid: rows(19, 30), hyperparameters: [shrink] });
    expect(shared).toThrow("selfTuning: row 0 of the validation data is also in the training data");
    const same = () => selfTuning(model, { ...options, valid: options.train, hyperparameters: [shrink] });
    expect(same).toThrow("is also in the training data");
  });

  it("takes no perturbation for each example where weights are those of a whole batch", async () => {
    const tuner = selfTuning(model, { ...options, hyperparameters: [{ ...shrink, perExample: true }] });
    await expect(tuner.step()).rejects.toThrow("declare the hyperparameters perExample: false");
    await tuner.dispose();
  });
});

function eye(n: number): Tensor {
  return Tensor.constant(
    new NDArray(
      Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0)),
      [n, n],
    ),
  );
}

function scale(array: NDArray, by: number): void {
  for (let i = 0; i < array.size; i++) array.data[i] = Number(array.data[i]) * by;
}
