import { describe, expect, it, vi } from "vitest";
import { checkExperiment } from "../../experiment/check.ts";
import { type Activation, activation as functionOf } from "../../nn/activations.ts";
import { parameterCount, trainable } from "../../nn/frozen.ts";
import { losses } from "../../nn/index.ts";
import { type MlpParams, mlp } from "../../nn/mlp.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import { layerNorm } from "../../tensor/operators/normalisation.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { grad } from "../../tensor/transforms.ts";
import * as tree from "../../tensor/tree.ts";
import { encodeInput, gaussianToUnit, toUnit } from "./encoding.ts";
import experiment from "./experiment.ts";
import { type Hypernetwork, type HyperParams, hypernetwork, scaleReport } from "./mip-hypernetworks.ts";

const primary = mlp({ sizes: [144, 32, 32, 32, 32, 10], activation: "relu" });
const params = primary.init(random.key(0));
const shape = { inputs: { angle: [1] }, hidden: [16, 64, 128] };
const mip = hypernetwork(shape);
const standard = hypernetwork({ ...shape, encoding: "none", residual: "none" });
const activated = (activation: Activation) =>
  hypernetwork({ ...shape, encoding: "none", residual: "none", activation });

type Omega = HyperParams<MlpParams>;

/** All predicted weights at each gamma, as one vector for each. */
async function predict(hyper: Hypernetwork, omega: Omega, gammas: readonly number[]): Promise<number[][]> {
  const run = compile((w: tree.Traced<Omega>, angle: Tensor) => hyper.apply<MlpParams>(w, { angle }), {
    threads: 1,
  });
  const rows: number[][] = [];
  for (const g of gammas)
    rows.push(flat((await run(omega as never, NDArray.from([g]))) as unknown as MlpParams));
  await run.dispose();
  return rows;
}

function flat(weights: unknown): number[] {
  return (tree.leaves(weights) as NDArray[]).flatMap((a) => Array.from(a.data as Float32Array));
}

const norm = (v: readonly number[]) => Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
const scaled = (v: readonly number[], c: number) => v.map((x) => c * x);
const relative = (a: readonly number[], b: readonly number[]) => norm(a.map((x, i) => x - b[i]!)) / norm(b);

/** The mean square of numbers whose mean is 0, as a standard deviation. */
const std = (v: readonly number[]) => norm(v) / Math.sqrt(v.length);

describe("1. a standard hypernetwork at initialisation", () => {
  const omega = standard.init(random.key(1), params);

  it("is homogeneous: h(c gamma) = c h(gamma)", async () => {
    const gamma = 0.3;
    const [one, ...others] = await predict(standard, omega, [gamma, 0.05 * gamma, 0.5 * gamma, 3 * gamma]);
    for (const [i, c] of [0.05, 0.5, 3].entries())
      expect(relative(others[i]!, scaled(one!, c))).toBeLessThan(1e-5);
  });

  it("predicts 20 times larger weights at 1 than at 0.05, and none at 0", async () => {
    const [zero, small, large] = await predict(standard, omega, [0, 0.05, 1]);
    expect(Math.abs(norm(large!) / norm(small!) - 20)).toBeLessThanOrEqual(1e-3);
    expect(zero!.every((w) => w === 0)).toBe(true);
  });
});

describe("2. with other activations it is not homogeneous", () => {
  it.each(["tanh", "gelu"] as const)("%s", async (activation) => {
    const hyper = activated(activation);
    const omega = hyper.init(random.key(1), params);
    const [half, one] = await predict(hyper, omega, [0.5, 1]);
    expect(relative(half!, scaled(one!, 0.5))).toBeGreaterThan(0.01);
  });
});

describe("3. the cos-sin code", () => {
  const encode = compile((gamma: Tensor) => {
    const code = encodeInput(gamma, "cos-sin");
    const normOf = (g: Tensor) => encodeInput(g, "cos-sin").square().sum();
    return { code, squares: code.square().sum(-1), slope: grad(normOf)(gamma) };
  });

  it.each([
    [0, [1, 0]],
    [1, [0, 1]],
    [0.25, [0.92388, 0.382683]],
    [0.5, [Math.SQRT1_2, Math.SQRT1_2]],
  ])("of %f is %j", async (gamma, expected) => {
    const { code } = await encode(NDArray.from([[gamma]]));
    expected.forEach((v, i) => expect(Math.abs(Number(code.data[i]) - v)).toBeLessThanOrEqual(1e-6));
  });

  it.each([1, 2, 8])("has the squared norm k for k = %i, with gradient 0", async (k) => {
    const { squares, slope } = await encode(random.uniform(random.key(k), [1000, k]));
    expect(squares.data.every((s) => Math.abs(Number(s) - k) <= 1e-5)).toBe(true);
    expect(slope.data.every((s) => Math.abs(Number(s)) <= 1e-6)).toBe(true);
  });

  it("is the cosines of all inputs, then the sines", async () => {
    const { code } = await encode(NDArray.from([[0, 1]]));
    [1, 0, 0, 1].forEach((v, i) => expect(Number(code.data[i])).toBeCloseTo(v, 6));
  });
});

describe("4. MIP at initialisation", () => {
  it("predicts weights of one size for every gamma, theta_0 and h both counting", async () => {
    const omega = mip.init(random.key(1), params);
    const [small, large] = await predict(mip, omega, [0.05, 1]);
    const ratio = norm(large!) / norm(small!);
    expect(ratio).toBeGreaterThanOrEqual(0.8);
    expect(ratio).toBeLessThanOrEqual(1.25);
    const theta0 = flat(omega.residual);
    const share = norm(large!.map((w, i) => w - theta0[i]!)) / norm(theta0);
    expect(Number.isFinite(share)).toBe(true);
    expect(share).toBeGreaterThan(0.02);
  });
});

describe("5. theta_0 is a trainable leaf", () => {
  const omega = mip.init(random.key(1), params);

  it("is all that is predicted where the last kernel is 0, exactly", async () => {
    const bare = { ...omega, output: { kernel: NDArray.zeros(omega.output.kernel.shape) } };
    for (const weights of await predict(mip, bare, [0, 0.3, 1]))
      expect(weights).toEqual(flat(omega.residual));
  });

  it("has the sum of the gradients of the predicted weights as its gradient", async () => {
    const x = random.normal(random.key(2), [3, 5, 144]);
    const labels = NDArray.from([
      [0n, 1n, 2n, 3n, 4n],
      [5n, 6n, 7n, 8n, 9n],
      [0n, 2n, 4n, 6n, 8n],
    ]);
    const both = compile((w: tree.Traced<Omega>, angle: Tensor, images: Tensor, y: Tensor) => {
      const loss = (theta: tree.Traced<MlpParams>) => losses.crossEntropy(primary.apply(theta, images), y);
      const theta = mip.apply<MlpParams>(w, { angle });
      return {
        ofResidual: grad((v: tree.Traced<Omega>) => loss(mip.apply<MlpParams>(v, { angle })))(w).residual,
        ofWeights: tree.map((g) => (g as Tensor).sum(0), grad(loss)(theta)),
      };
    });
    const out = await both(omega as never, NDArray.from([[0.1], [0.5], [0.9]]), x, labels);
    expect(relative(flat(out.ofResidual), flat(out.ofWeights))).toBeLessThan(1e-6);
    expect(Object.keys(trainable(omega))).toContain("residual/layers/0/kernel");
  });
});

describe("6. initial values", () => {
  const omega = mip.init(random.key(3), params);
  const within5Percent = (actual: number, expected: number) =>
    expect(Math.abs(actual / expected - 1)).toBeLessThan(0.05);

  it("the block of an output of n_j weights has the deviation sqrt(2 / n_j)", () => {
    const { data, shape: size } = omega.output.kernel;
    const [rows, columns] = size as [number, number];
    let offset = 0;
    for (const leaf of tree.leaves(params) as NDArray[]) {
      const block = Array.from({ length: rows * leaf.size }, (_, i) =>
        Number(data[Math.floor(i / leaf.size) * columns + offset + (i % leaf.size)]),
      );
      if (block.length >= 2000) within5Percent(std(block), Math.sqrt(2 / leaf.size));
      offset += leaf.size;
    }
    expect(offset).toBe(columns);
  });

  it("hidden kernels have the deviation sqrt(2 / outputs)", () => {
    within5Percent(std(flat(omega.layers[2]!.kernel)), Math.sqrt(2 / 128));
  });

  it("kernels of theta_0 have the deviation sqrt(2 / inputs); biases are 0 exactly", () => {
    within5Percent(std(flat(omega.residual.layers[0]!.kernel)), Math.sqrt(2 / 144));
    for (const layer of [...omega.layers, ...omega.residual.layers])
      expect(layer.bias.data.every((b) => b === 0)).toBe(true);
  });

  it("layers of the same size start with the same draws in every form", () => {
    const other = standard.init(random.key(3), params);
    const shared = ({ layers, output }: Omega) => flat([layers.slice(1), output]);
    const [a, b] = [shared(other), shared(omega)];
    expect(a.length).toBe(b.length);
    expect(a.every((w, i) => w === b[i])).toBe(true);
  });
});

it("7. LayerNorm destroys a scalar input: every gamma above 0 gives the same weights", async () => {
  const leaky = functionOf("leakyRelu");
  const trap = activated((h) => leaky(h.shape.at(-1) === 16 ? layerNorm(h, { epsilon: 0 }) : h));
  const omega = trap.init(random.key(1), params);
  const [one, ...others] = await predict(trap, omega, [1, 0.01, 0.3, 0.7]);
  expect(norm(one!)).toBeGreaterThan(0);
  for (const weights of others) expect(relative(weights, one!)).toBeLessThan(1e-4);
});

describe("8. batches and counts", () => {
  it("a batch of gammas gives the trees of each one, vectors as [G, 1, n]", async () => {
    const omega = mip.init(random.key(1), params);
    const gammas = [0, 0.2, 0.7, 1];
    const run = compile((w: tree.Traced<Omega>, angle: Tensor) => mip.apply<MlpParams>(w, { angle }));
    const batched = await run(omega as never, NDArray.from(gammas.map((g) => [g])));
    expect(batched.layers[0]!.kernel.shape).toEqual([4, 144, 32]);
    expect(batched.layers[0]!.bias.shape).toEqual([4, 1, 32]);
    const each = await predict(mip, omega, gammas);
    each.forEach((expected, g) => {
      const own = tree.map((a) => {
        const size = a.size / 4;
        return NDArray.from((a.data as Float32Array).slice(g * size, (g + 1) * size));
      }, batched);
      flat(own).forEach((w, i) => expect(Math.abs(w - expected[i]!)).toBeLessThanOrEqual(1e-6));
    });
  });

  it("runs nn.mlp by batched products as it runs one network at a time", async () => {
    const omega = mip.init(random.key(1), params);
    const x = random.normal(random.key(2), [3, 5, 144]);
    const angle = NDArray.from([[0.1], [0.5], [0.9]]);
    const both = compile((w: tree.Traced<Omega>, a: Tensor, images: Tensor) => ({
      batched: primary.apply(mip.apply<MlpParams>(w, { angle: a }), images),
      each: mip.conditioned(primary).apply(w, { gamma: { angle: a }, x: images }),
    }));
    const { batched, each } = await both(omega as never, angle, x);
    expect(each.shape).toEqual([3, 5, 10]);
    expect(relative(flat(each), flat(batched))).toBeLessThan(1e-5);
  });

  it("the primary of T1 has 8138 weights, the standard hypernetwork 1 059 242, MIP 16 more", () => {
    expect(mip.flatOutputSize(params)).toBe(8138);
    expect(parameterCount(standard.init(random.key(1), params))).toBe(1_059_242);
    expect(parameterCount(mip.init(random.key(1), params))).toBe(1_059_258);
  });
});

describe("9. from trained weights", () => {
  it("theta_0 is the given tree, to the bit", () => {
    const trained = primary.init(random.key(77));
    expect(flat(mip.fromPretrained(random.key(1), trained).residual)).toEqual(flat(trained));
    const option = hypernetwork({ ...shape, residual: "pretrained" });
    expect(flat(option.init(random.key(1), trained).residual)).toEqual(flat(trained));
  });
});

describe("a frozen residual", () => {
  const partial = hypernetwork({ ...shape, only: (path) => path.endsWith("kernel") });
  const omega = partial.init(random.key(1), params);
  const frozen = partial.freezeResidual(omega);

  it("is no longer trained, but weights that are not predicted are", () => {
    const names = Object.keys(trainable(frozen));
    expect(names.some((n) => n.includes("residual"))).toBe(false);
    expect(names.filter((n) => n.startsWith("rest/"))).toEqual(
      [0, 1, 2, 3, 4].map((l) => `rest/layers/${l}/bias`),
    );
  });

  it("gives the same weights, and thaws to the same tree", async () => {
    const a = await predict(partial, omega, [0.4]);
    const b = await predict(partial, frozen as never, [0.4]);
    expect(b).toEqual(a);
    expect(partial.unfreezeResidual(frozen)).toEqual(omega);
  });

  it("`only` leaves the others as they are for every gamma", async () => {
    const [a, b] = await predict(partial, omega, [0, 1]);
    const biases = (v: readonly number[]) => v.slice(144 * 32, 144 * 32 + 32);
    expect(biases(a!)).toEqual(flat(params.layers[0]!.bias));
    expect(biases(b!)).toEqual(biases(a!));
    expect(partial.flatOutputSize(params)).toBe(8138 - 4 * 32 - 10);
  });
});

describe("ranges as [0, 1]", () => {
  const value = async (f: (x: Tensor) => Tensor, xs: number[]) =>
    Array.from((await compile(f)(NDArray.from(xs))).data, Number);

  it.each([
    ["linear", (x: Tensor) => toUnit(x, { low: -2, high: 2 }), [-2, 0, 2], [0, 0.5, 1]],
    [
      "logarithmic",
      (x: Tensor) => toUnit(x, { low: 1e-4, high: 1, scale: "log" }),
      [1e-4, 1e-2, 1],
      [0, 0.5, 1],
    ],
    ["Gaussian", gaussianToUnit, [-8, 0, 1, 8], [0, 0.5, 0.8413447, 1]],
  ] as const)("%s", async (_, f, xs, expected) => {
    const out = await value(f, [...xs]);
    expected.forEach((v, i) => expect(out[i]).toBeCloseTo(v, 5));
  });

  it("refuses ranges that are none", () => {
    expect(() => toUnit({} as Tensor, { low: 1, high: 1 })).toThrow("the range 1 to 1 is none");
    expect(() => toUnit({} as Tensor, { low: 0, high: 1, scale: "log" })).toThrow("as a log scale needs");
  });
});

describe("errors in one line", () => {
  const two = hypernetwork({ inputs: { b: [2], a: [1] }, hidden: [4] });
  const small = mlp({ sizes: [2, 1], activation: "relu" });
  const weights = two.init(random.key(0), small.init(random.key(0)));
  const run = (gamma: Record<string, NDArray>) =>
    compile((w: tree.Traced<typeof weights>, g: Record<string, Tensor>) => two.apply<MlpParams>(w, g))(
      weights as never,
      gamma,
    );
  const zeros = (...sizes: number[]) => NDArray.zeros(sizes);

  it.each([
    ["a missing input", { a: zeros(1) }, 'the input "b" is missing: give a, b'],
    ["an unknown one", { a: zeros(1), b: zeros(2), c: zeros(1) }, '"c" is none of the inputs: give a, b'],
    [
      "a wrong shape",
      { a: zeros(1), b: zeros(3) },
      'the input "b" has the shape [3]: give [2], or [G, 2] for G examples',
    ],
    [
      "unequal batches",
      { a: zeros(4, 1), b: zeros(3, 2) },
      'the input "a" has a batch of 4 and "b" a batch of 3: give all inputs the same batch',
    ],
    [
      "another dtype",
      { a: NDArray.zeros([1], "float64"), b: zeros(2) },
      'the input "a" is float64 and the weights are float32',
    ],
  ])("%s", async (_, gamma, message) => {
    await expect(run(gamma as never)).rejects.toThrow(message);
  });

  it("nothing to predict, integers, too many weights", () => {
    const init = (p: unknown, only?: (path: string) => boolean) =>
      hypernetwork({ ...shape, ...(only === undefined ? {} : { only }) }).init(random.key(0), p);
    expect(() => init(params, () => false)).toThrow("no weight is predicted");
    expect(() => init({ table: NDArray.zeros([3], "int64") })).toThrow(
      'the weight "table" is int64: only floats can be predicted',
    );
    expect(() => init({ a: zeros(1), b: NDArray.zeros([1], "float64") })).toThrow(
      '"b" is float64 and "a" float32',
    );
    const large = { shape: [50_000_001], dtype: "float32" };
    expect(() =>
      init({ large: new Proxy(zeros(1), { get: (t, k) => Reflect.get(k in large ? large : t, k) }) }),
    ).toThrow("50000001 weights are too many to predict (at most 50000000)");
    expect(() => hypernetwork({ ...shape, inputs: {} })).toThrow("inputs is empty");
    expect(() => hypernetwork({ ...shape, hidden: [0] })).toThrow("hidden has 0");
  });

  it("warns once of values outside [0, 1]", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const hyper = hypernetwork(shape);
    hyper.at({ angle: 0.5 });
    expect(warn).not.toHaveBeenCalled();
    hyper.at({ angle: 1.5 });
    hyper.at({ angle: -1 });
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]![0]).toContain('the input "angle" has values from 0 to 1.5, outside [0, 1]');
    warn.mockRestore();
  });

  it("a batch of gammas whose examples have no such axis", async () => {
    const model = mip.conditioned(primary);
    const f = compile((w: tree.Traced<Omega>, angle: Tensor, x: Tensor) =>
      model.apply(w, { gamma: { angle }, x }),
    );
    await expect(
      f(mip.init(random.key(1), params) as never, NDArray.zeros([3, 1]), NDArray.zeros([2, 5, 144])),
    ).rejects.toThrow("3 gammas, and an input of the model with the shape [2, 5, 144]");
  });
});

it("the scale report shows proportional weights in a standard hypernetwork, equal ones in MIP", async () => {
  const task = {
    loss: (w: tree.Traced<MlpParams>, x: Tensor) => primary.apply(w, x).square().mean(),
    batch: () => random.normal(random.key(4), [8, 144]),
    threads: 1,
  };
  const of = async (hyper: Hypernetwork) =>
    scaleReport(hyper, hyper.init(random.key(1), params), [0.1, 0.2, 1], task);
  const [a, b, c] = await of(standard);
  expect(b!.weightNorm / a!.weightNorm).toBeCloseTo(2, 4);
  expect(c!.deltaNorm / a!.deltaNorm).toBeCloseTo(10, 4);
  const ours = await of(mip);
  expect(ours[2]!.weightNorm / ours[0]!.weightNorm).toBeCloseTo(1, 1);
  expect(ours.every((r) => r.gradNorm > 0 && Number.isFinite(r.loss))).toBe(true);
});

describe("the experiment", () => {
  for (const check of checkExperiment(experiment)) it(check.name, check.run);
});
