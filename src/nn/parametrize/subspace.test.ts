import { describe, expect, it } from "vitest";
import { sgd } from "../../optim/sgd.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { grad } from "../../tensor/transforms.ts";
import * as tree from "../../tensor/tree.ts";
import { fit } from "../../train/fit.ts";
import { parameterCount, trainable } from "../frozen.ts";
import * as losses from "../losses.ts";
import { type MlpParams, mlp } from "../mlp.ts";
import { reparametrize } from "../parametrization.ts";
import { fastfood, fastfoodTables, powerOfTwo, walshHadamard } from "./projections/fastfood.ts";
import {
  type ProjectionKind,
  projectionKinds,
  randomSubspace,
  type Subspace,
  type SubspaceOptions,
} from "./subspace.ts";

const model = mlp({ sizes: [9, 12, 4], activation: "tanh" });
const theta0 = model.init(random.key(3));
const D = parameterCount(theta0); // 172

type Moved = Subspace<MlpParams>;

function start(options: SubspaceOptions, key = random.key(1)): Moved {
  return randomSubspace<MlpParams>(options).init(key, theta0);
}

async function weightsOf<P>(options: SubspaceOptions, z: Subspace<P>): Promise<P> {
  const run = compile((t: tree.Traced<Subspace<P>>) => randomSubspace<P>(options).weights(t));
  const out = (await run(z as never)) as P;
  await run.dispose();
  return out;
}

function flat(params: unknown): Float64Array {
  return Float64Array.from((tree.leaves(params) as NDArray[]).flatMap((a) => Array.from(a.data, Number)));
}

const at = <P>(s: Subspace<P>, values: ArrayLike<number>): Subspace<P> => ({
  ...s,
  z: new NDArray(Float32Array.from(values), [values.length]),
});

const norm = (x: ArrayLike<number>) => Math.sqrt(Array.from(x).reduce((sum, v) => sum + v * v, 0));

/** The columns of P, by unit vectors around theta0 = 0, as float64 numbers. */
async function columnsOf(projection: ProjectionKind, weights: number, dimension: number, seed = 1) {
  const options = { projection, dimension };
  const subspace = randomSubspace<NDArray>(options);
  const z = subspace.init(random.key(seed), NDArray.zeros([weights]));
  const units = NDArray.zeros([dimension, dimension]);
  for (let j = 0; j < dimension; j++) units.data[j * dimension + j] = 1;
  const run = compile((t: tree.Traced<Subspace<NDArray>>) => subspace.weightsOfEach(t));
  const out = (await run({ ...z, z: units } as never)) as unknown as NDArray[];
  await run.dispose();
  return out.map((c) => Float64Array.from(c.data as Float32Array));
}

describe.each(projectionKinds)("a %s subspace", (projection) => {
  const options = { projection, dimension: 7 };

  it("check 1: is theta0 to the bit at v = 0, in the shape of the tree", async () => {
    expect(await weightsOf(options, start(options))).toEqual(theta0);
  });

  it("check 2: is linear in v", async () => {
    const s = start(options);
    const [v, w] = [5, 6].map((k) => Array.from(random.normal(random.key(k), [7]).data, Number));
    const moved = async (x: ArrayLike<number>) => {
      const theta = flat(await weightsOf(options, at(s, x)));
      return theta.map((t, i) => t - flat(theta0)[i]!);
    };
    const [pv, pw] = [await moved(v!), await moved(w!)];
    const both = await moved(v!.map((x, i) => 2 * x - 0.5 * w![i]!));
    const error = norm(both.map((x, i) => x - 2 * pv[i]! + 0.5 * pw[i]!));
    expect(error / norm(both)).toBeLessThan(1e-5 / 5);
  });

  it("check 3: has the gradient P^T dL/dtheta", async () => {
    const columns = await columnsOf(projection, D, 7);
    const x = random.normal(random.key(7), [5, 9]);
    const loss = (p: tree.Traced<MlpParams>, input: Tensor) => model.apply(p, input).square().sum();
    const small = reparametrize(model, randomSubspace<MlpParams>(options));
    const s = at(start(options), [1, -2, 0.5, 0, 1, 3, -1]);
    const slopes = compile((z: Tensor, frozen: tree.Traced<Moved["frozen"]>, input: Tensor) => {
      const theta = randomSubspace<MlpParams>(options).weights({ z, frozen } as never);
      return {
        v: grad((c: Tensor) =>
          small
            .apply({ z: c, frozen } as never, input)
            .square()
            .sum(),
        )(z),
        theta: grad(loss)(theta, input),
      };
    });
    const out = await slopes(s.z, s.frozen as never, x);
    const dTheta = flat(out.theta);
    const expected = columns.map((c) => c.reduce((sum, p, i) => sum + p * dTheta[i]!, 0));
    const error = norm(expected.map((e, j) => e - Number((out.v as NDArray).data[j])));
    expect(error / norm(expected)).toBeLessThan(1e-5);
  });

  it("check 9: depends on its key alone", async () => {
    const one = start(options).frozen.projection;
    expect(start(options).frozen.projection).toEqual(one);
    expect(start(options, random.key(2)).frozen.projection).not.toEqual(one);
  });

  it("has the directions of a smaller one as its first", async () => {
    const [few, many] = [await columnsOf(projection, D, 3), await columnsOf(projection, D, 7)];
    for (const [j, column] of few.entries())
      expect(norm(column.map((x, i) => x - many[j]![i]!))).toBeLessThan(1e-6);
  });

  it("trains its coordinates and nothing else", async () => {
    const s = start(options);
    expect(Object.keys(trainable(s))).toEqual(["z"]);
    const data = { x: random.normal(random.key(8), [64, 9]), y: NDArray.zeros([64, 4]) };
    const { params, history } = await fit({
      model: reparametrize(model, randomSubspace<MlpParams>(options)),
      params: s,
      data,
      loss: (y, target) => losses.mse(y, target),
      optimizer: sgd({ learningRate: 0.3 }),
      steps: 40,
    });
    expect(history.at(-1)!.loss).toBeLessThan(0.95 * history[0]!.loss);
    expect(params.frozen).toEqual(s.frozen);
  });

  it("moves only what it is told to, and never what is frozen", async () => {
    const some = { ...options, only: "layers/*/kernel" };
    const s = at(start(some), [1, 2, 3, 4, 5, 6, 7]);
    const { layers } = await weightsOf(some, s);
    expect(layers.map((l) => l.bias)).toEqual(theta0.layers.map((l) => l.bias));
    expect(layers[1]!.kernel).not.toEqual(theta0.layers[1]!.kernel);
    const withState = { w: NDArray.zeros([6]), frozen: { mean: NDArray.full([3], 2) } };
    const three = { projection, dimension: 3 };
    const z = randomSubspace<typeof withState>(three).init(random.key(0), withState);
    const moved = await weightsOf(three, at(z, [1, 1, 1]));
    expect([...moved.frozen.mean.data]).toEqual([2, 2, 2]);
    expect(norm(flat(moved.w))).toBeGreaterThan(0);
  });

  it("works in float64", async () => {
    const w = NDArray.zeros([100], "float64");
    const z = randomSubspace<NDArray>(options).init(random.key(0), w);
    expect(z.z.dtype).toBe("float64");
    const one = NDArray.from([1, 0, 0, 0, 0, 0, 0], "float64");
    const out = (await weightsOf(options, { ...z, z: one })) as NDArray;
    if (projection !== "fastfood") expect(norm(out.data as Float64Array)).toBeCloseTo(1, 14);
  });
});

describe("the norms of the directions (check 4)", () => {
  it.each(["dense", "sparse"] as const)("%s: 1 over the whole tree", async (projection) => {
    for (const column of await columnsOf(projection, 1000, 20))
      expect(Math.abs(norm(column) - 1)).toBeLessThan(1e-6);
  });

  it("sparse: about sqrt(D) weights are moved, by equal amounts", async () => {
    const columns = await columnsOf("sparse", 10_000, 50);
    const counts = columns.map((c) => c.filter((x) => x !== 0).length);
    expect(counts.reduce((a, b) => a + b, 0) / 50).toBeGreaterThan(90);
    expect(counts.reduce((a, b) => a + b, 0) / 50).toBeLessThan(110);
    for (const c of columns) expect(new Set(c.map(Math.abs).filter((x) => x > 0)).size).toBe(1);
    expect(columns.flatMap((c) => [...c]).filter((x) => x < 0).length / (100 * 50)).toBeCloseTo(0.5, 1);
  });

  it("sparse: an empty direction is drawn again", async () => {
    const options = { projection: "sparse", density: 0.02, dimension: 20 } as const;
    const { values } = randomSubspace<NDArray>(options).init(random.key(0), NDArray.zeros([30])).frozen
      .projection as { values: NDArray };
    const width = values.shape[1]!;
    for (let j = 0; j < 20; j++)
      expect(norm(values.data.slice(j * width, (j + 1) * width) as Float32Array)).toBeCloseTo(1, 6);
  });

  it("fastfood with D = L: 1; with D = 1000: 1 on average", async () => {
    for (const column of await columnsOf("fastfood", 1024, 20))
      expect(Math.abs(norm(column) - 1)).toBeLessThan(1e-5);
    const norms = (await columnsOf("fastfood", 1000, 20)).map(norm);
    expect(Math.abs(norms.reduce((a, b) => a + b, 0) / 20 - 1)).toBeLessThan(0.02);
  });

  it("dense: products of two are as small as those of random directions", async () => {
    const columns = await columnsOf("dense", 1000, 20);
    const products = columns.flatMap((a, i) =>
      columns.slice(i + 1).map((b) => a.reduce((sum, x, k) => sum + x * b[k]!, 0)),
    );
    const std = norm(products) / Math.sqrt(products.length);
    expect(std * Math.sqrt(1000)).toBeGreaterThan(0.8);
    expect(std * Math.sqrt(1000)).toBeLessThan(1.2);
  });
});

describe("the Walsh-Hadamard transform (check 5)", () => {
  const run = compile((x: Tensor) => walshHadamard(x));

  it("of [1, 0, 1, 0, 0, 1, 1, 0]", async () => {
    const y = await run(NDArray.from([1, 0, 1, 0, 0, 1, 1, 0]));
    expect([...y.data]).toEqual([4, 2, 0, -2, 0, 2, 0, 2]);
  });

  it.each([2, 64, 128, 4096, 2 ** 14])("of %i numbers twice is their number times these", async (n) => {
    const x = random.normal(random.key(n), [2, n]);
    const twice = await run(await run(x));
    expect(norm(Array.from(twice.data as Float32Array, (v, i) => v / n - Number(x.data[i])))).toBeLessThan(
      1e-5 * norm(x.data as Float32Array),
    );
  });

  it("refuses other sizes", async () => {
    await expect(run(NDArray.zeros([2, 6]))).rejects.toThrow("no power of two: pad it with zeros");
  });
});

describe("Fastfood, literally (check 6)", () => {
  const literal = async (weights: number) => {
    const given = { signs: [1, -1, 1, 1], order: Int32Array.of(2, 0, 3, 1), gauss: [0.5, -1, 2, 0.25] };
    const size = { weights, dimension: 3, dtype: "float32" } as const;
    const run = compile((tables: tree.Traced<ReturnType<typeof fastfoodTables>>, z: Tensor) =>
      fastfood.apply(tables, z, size),
    );
    return [...(await run(fastfoodTables(given, size) as never, NDArray.from([[1, 2, -1]]))).data];
  };

  it.each([
    [4, [2.27777, 1.193118, -1.410048, -2.060839]],
    [3, [2.630142, 1.377693, -1.628183]],
  ])("D = %i", async (weights, expected) => {
    const found = await literal(weights);
    expect(found.length).toBe(weights);
    for (const [i, x] of expected.entries()) expect(found[i]).toBeCloseTo(x, 5);
  });

  it("the next power of two", () =>
    expect([1, 2, 3, 1000, 1024, 1025].map(powerOfTwo)).toEqual([1, 2, 4, 1024, 1024, 2048]));
});

describe("what a projection stores", () => {
  const stored = (options: SubspaceOptions, weights: number) => {
    const s = randomSubspace<NDArray>(options).init(random.key(0), NDArray.zeros([weights]));
    const arrays = Object.values(s.frozen.projection);
    return { numbers: arrays.reduce((n, a) => n + a.size, 0), trained: parameterCount(s) };
  };

  it.each([
    ["fastfood", 100, 300_000, 6],
    ["fastfood", 20_000, 300_000, 6],
    ["sparse", 300, 300_000, 2],
  ] as const)(
    "%s of d = %i: at most a few numbers for each of %i weights",
    (projection, dimension, weights, few) => {
      const { numbers, trained } = stored({ projection, dimension }, weights);
      expect(numbers).toBeLessThanOrEqual(few * weights + 2 * dimension);
      expect(trained).toBe(dimension);
    },
  );

  it.skipIf(process.env.PAPERWEIGHT_FULL !== "1").each(["fastfood", "sparse"] as const)(
    "10 million weights, %s: in memory of their order, and weights(z) runs",
    async (projection) => {
      const options = { projection, dimension: 1000 };
      const weights = 10_000_000;
      const before = process.memoryUsage().arrayBuffers;
      const z = randomSubspace<NDArray>(options).init(random.key(0), NDArray.zeros([weights]));
      const bytes = Object.values(z.frozen.projection).reduce((n, a) => n + a.data.byteLength, 0);
      expect(bytes).toBeLessThan(6 * 4 * weights);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 4 * weights);
      const point = at(
        z,
        Array.from({ length: 1000 }, (_, i) => (i === 3 ? 2 : 0)),
      );
      const theta = await weightsOf(options, point);
      expect(norm((theta as NDArray).data as Float32Array) / 2).toBeCloseTo(1, 1);
    },
  );
});

describe("says what is wrong", () => {
  it.each<[string, SubspaceOptions, string]>([
    ["a dimension of 0", { dimension: 0 }, "use a whole number from 1 to 172, the number of weights"],
    ["more than there are weights", { dimension: 173 }, "dimension is 173"],
    [
      "a pattern without a match",
      { dimension: 3, only: "head/*" },
      'no weight matches "head/*": there are layers/0/kernel',
    ],
    [
      "another kind",
      { dimension: 3, projection: "low" as never },
      'no projection "low": use dense, sparse, fastfood',
    ],
    ["a density for another kind", { dimension: 3, density: 0.1 }, 'it is for "sparse"'],
  ])("%s", (_, options, message) => {
    expect(() => start(options)).toThrow(message);
  });

  it("too much memory, and too many weights", () => {
    const many = { w: new NDArray(new Float32Array(2 ** 24 + 1), [2 ** 24 + 1]) };
    const of = (options: SubspaceOptions) => () =>
      randomSubspace<typeof many>(options).init(random.key(0), many);
    expect(of({ dimension: 100, projection: "dense" })).toThrow('takes 6.3 GiB: use "fastfood" or "sparse"');
    expect(of({ dimension: 100 })).toThrow(
      'fastfood takes up to 16777216 weights, these are 16777217: use "sparse"',
    );
  });

  it("weights that are no floats, or of several dtypes", () => {
    const mixed = { a: NDArray.zeros([3]), b: NDArray.zeros([3], "float64"), c: NDArray.zeros([2], "int64") };
    const of = (only?: string) => () =>
      randomSubspace<typeof mixed>({ dimension: 2, only }).init(random.key(0), mixed);
    expect(of()).toThrow('the weight "b" is float64, the first float32: take weights of one dtype by only');
    expect(of("c")).toThrow('the weight "c" is int64');
    expect(of("a")).not.toThrow();
  });
});
