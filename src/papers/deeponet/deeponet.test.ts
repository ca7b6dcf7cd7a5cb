import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkExperiment } from "../../experiment/check.ts";
import { mlp } from "../../nn/mlp.ts";
import { randomSource } from "../../pde/random-source.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import * as tree from "../../tensor/tree.ts";
import { readAligned } from "./aligned.node.ts";
import { alignedTriples } from "./aligned.ts";
import { DeepONet, type DeepONetParams, type OperatorModel, type StackedParams } from "./deeponet.ts";
import experiment from "./experiment.ts";
import { fitOperator } from "./fit-operator.ts";
import { antiderivative } from "./problems.ts";

const sizes = { sensors: 7, queryDim: 2, latent: 5, branch: [6], trunk: [6, 6] };
const u = random.normal(random.key(1), [4, 7]);
const y = random.uniform(random.key(2), [4, 2]);

async function run<P>(net: OperatorModel<P>, params: P, cartesian = false, us = u, ys = y): Promise<NDArray> {
  const apply = cartesian ? net.applyCartesian : net.apply;
  const f = compile((p: tree.Traced<P>, a: Tensor, b: Tensor) => apply(p, a, b));
  const out = await f(params as never, us, ys);
  await f.dispose();
  return out;
}

function expectClose(a: NDArray, b: NDArray, tolerance = 1e-6) {
  expect(a.shape).toEqual(b.shape);
  a.data.forEach((v, i) => {
    expect(Math.abs(Number(v) - Number(b.data[i]))).toBeLessThan(
      tolerance * Math.max(1, Math.abs(Number(v))),
    );
  });
}

/** The array with a function of each element and its index. */
function mapped(a: NDArray, f: (v: number, i: number) => number): NDArray {
  return new NDArray(Float32Array.from(a.data as Float32Array, f), a.shape);
}

type MlpTree = { layers: { kernel: NDArray; bias: NDArray }[] };

/** The params with another last layer of a net. */
function withLast(
  params: DeepONetParams,
  net: "branch" | "trunk",
  change: (layer: MlpTree["layers"][0]) => MlpTree["layers"][0],
) {
  const { layers } = params[net] as MlpTree;
  return { ...params, [net]: { layers: [...layers.slice(0, -1), change(layers.at(-1)!)] } };
}

describe("the network", () => {
  const net = DeepONet(sizes);
  const params = { ...net.init(random.key(0)), bias: NDArray.from([0.25]) };

  it("is bilinear: the output less b_0 scales with the branch", async () => {
    const scaled = withLast(params, "branch", (l) => ({
      kernel: mapped(l.kernel, (v) => 3 * v),
      bias: mapped(l.bias, (v) => 3 * v),
    }));
    const [once, thrice] = [await run(net, params), await run(net, scaled)];
    expectClose(
      mapped(once, (v) => 3 * (v - 0.25)),
      mapped(thrice, (v) => v - 0.25),
    );
  });

  it("does not change when the channels of branch and trunk are permuted together", async () => {
    const order = [3, 0, 4, 1, 2];
    const permuted = (l: MlpTree["layers"][0]) => ({
      kernel: mapped(l.kernel, (_, i) => Number(l.kernel.data[i - (i % 5) + order[i % 5]!])),
      bias: mapped(l.bias, (_, i) => Number(l.bias.data[order[i]!])),
    });
    const both = withLast(withLast(params, "branch", permuted), "trunk", permuted);
    expectClose(await run(net, both), await run(net, params));
  });

  it("activates the last layer of the trunk, not that of the branch", async () => {
    const only = (which: "branch" | "trunk") => {
      const other = which === "branch" ? "trunk" : "branch";
      return Array.from({ length: 5 }, (_, k) =>
        withLast({ ...params, bias: NDArray.from([0]) }, other, (l) => ({
          kernel: NDArray.zeros(l.kernel.shape),
          bias: mapped(l.bias, (_, i) => (i === k ? 1 : 0)),
        })),
      );
    };
    const features = async (which: "branch" | "trunk") => {
      const us = random.normal(random.key(3), [200, 7]);
      const ys = random.uniform(random.key(4), [200, 2], { low: -1, high: 1 });
      const columns = await Promise.all(only(which).map((p) => run(net, p, false, us, ys)));
      return columns.flatMap((c) => Array.from(c.data as Float32Array));
    };
    expect(Math.min(...(await features("trunk")))).toBeGreaterThanOrEqual(0);
    const branch = await features("branch");
    expect(Math.min(...branch)).toBeLessThan(0);
    expect(Math.max(...branch)).toBeGreaterThan(0);
  });

  it("evaluates the Cartesian product as it evaluates rows", async () => {
    const grid = await run(net, params, true);
    expect(grid.shape).toEqual([4, 4]);
    const rows = await run(net, params);
    expectClose(
      rows,
      new NDArray(
        Float32Array.from([0, 5, 10, 15], (i) => Number(grid.data[i])),
        [4, 1],
      ),
    );
  });

  it("takes a batch of one", async () => {
    const one = await run(
      net,
      params,
      false,
      new NDArray(u.data.slice(0, 7), [1, 7]),
      new NDArray(y.data.slice(0, 2), [1, 2]),
    );
    expect(one.shape).toEqual([1, 1]);
    expect(one.item()).toBeCloseTo(Number((await run(net, params)).data[0]), 6);
  });

  it("has several outputs on request, the same by rows and by the Cartesian product", async () => {
    const several = DeepONet({ ...sizes, outputs: 3 });
    const p = several.init(random.key(5));
    const [rows, grid] = [await run(several, p), await run(several, p, true)];
    expect(rows.shape).toEqual([4, 3]);
    expect(grid.shape).toEqual([4, 4, 3]);
    expect(Number(grid.data[(1 * 4 + 1) * 3 + 2])).toBeCloseTo(Number(rows.data[5]), 5);
  });
});

describe("parameter counts", () => {
  const count = (o: object) =>
    tree
      .leaves(
        DeepONet({ sensors: 100, queryDim: 1, latent: 40, branch: [40], trunk: [40, 40], ...o }).init(
          random.key(0),
        ),
      )
      .reduce<number>((n, a) => n + (a as NDArray).size, 0);

  it("unstacked, m = 100, widths 40: 9041", () => {
    expect(count({})).toBe(9041);
    expect(count({ bias: false })).toBe(9040);
  });

  it("stacked: p nets of one output each; without bias, also without their last biases", () => {
    const nets = 40 * (100 * 40 + 40 + 40 + 1);
    const trunk = 40 + 40 + 2 * (40 * 40 + 40);
    expect(count({ stacked: true })).toBe(nets + trunk + 1);
    expect(count({ stacked: true, bias: false })).toBe(nets - 40 + trunk);
  });
});

it("a stacked net of row slices of an unstacked one gives the same outputs", async () => {
  const unstacked = DeepONet(sizes);
  const params = unstacked.init(random.key(6));
  const [hidden, last] = (params.branch as MlpTree).layers;
  const repeated = (a: NDArray, shape: number[]) =>
    new NDArray(
      Float32Array.from({ length: 5 * a.size }, (_, i) => Number(a.data[i % a.size])),
      shape,
    );
  const branch: StackedParams = {
    layers: [
      { kernel: repeated(hidden!.kernel, [5, 7, 6]), bias: repeated(hidden!.bias, [5, 1, 6]) },
      {
        kernel: new NDArray(
          Float32Array.from({ length: 30 }, (_, i) =>
            Number(last!.kernel.data[(i % 6) * 5 + Math.floor(i / 6)]),
          ),
          [5, 6, 1],
        ),
        bias: new NDArray(last!.bias.data.slice(), [5, 1, 1]),
      },
    ],
  };
  const stacked = DeepONet({ ...sizes, stacked: true });
  expectClose(await run(stacked, { ...params, branch }), await run(unstacked, params));
});

describe("errors say what does not fit", () => {
  const net = DeepONet(sizes);
  const params = net.init(random.key(0));

  it.each([
    [
      "sensor count",
      NDArray.zeros([4, 6]),
      y,
      "u have the shape [4, 6], they must be [count, 7] (sensors is 7)",
    ],
    [
      "query dimension",
      u,
      NDArray.zeros([4, 3]),
      "y have the shape [4, 3], they must be [count, 2] (queryDim is 2)",
    ],
    ["pairs", u, NDArray.zeros([3, 2]), "4 functions but 3 queries: apply pairs them; use applyCartesian"],
  ])("%s", async (_, us, ys, message) => {
    await expect(run(net, params, false, us, ys)).rejects.toThrow(message);
  });

  it("one-dimensional input to applyCartesian", async () => {
    await expect(run(net, params, true, u, NDArray.zeros([2]))).rejects.toThrow("y have the shape [2]");
  });

  it("branch and trunk of different latent sizes", async () => {
    const own = { init: () => ({}), apply: (_: object, x: Tensor) => x };
    const odd = DeepONet({ ...sizes, branch: own });
    await expect(run(odd, odd.init(random.key(0)))).rejects.toThrow(
      "the branch gives 7 features and the trunk 5: both must give latent = 5",
    );
  });
});

describe("fitOperator", () => {
  const data = (seed: number) =>
    antiderivative().generate(randomSource(random.key(seed)), {
      sensors: 20,
      functions: 100,
      queriesPerFunction: 1,
    });
  const net = DeepONet({ sensors: 20, queryDim: 1, latent: 10, branch: [10], trunk: [10] });

  it("learns: the loss falls to a fifth in 200 steps", async () => {
    const { history } = await fitOperator(net, data(1), { steps: 200 });
    expect(history.at(-1)![1]).toBeLessThan(history[0]![1] / 5);
    expect(history.at(-1)![0]).toBe(200);
  });

  it("takes any model of functions and queries for branch and trunk", async () => {
    const own = mlp({ sizes: [20, 10], activation: "tanh" });
    const mixed = DeepONet({ sensors: 20, queryDim: 1, latent: 10, branch: own, trunk: [10] });
    const { params } = await fitOperator(mixed, data(1), { steps: 3 });
    expect(tree.paths(params)).toContain("branch/layers/0/kernel");
  });

  it("refuses triples that do not fit, and targets that are not finite, naming the first row", async () => {
    const other = DeepONet({ sensors: 30, queryDim: 1, latent: 10, branch: [10], trunk: [10] });
    await expect(fitOperator(other, data(1), { steps: 1 })).rejects.toThrow(
      "the triples have 20 sensors and queries of 1, the model takes 30 and 1",
    );
    const bad = data(1);
    bad.s[7] = Number.POSITIVE_INFINITY;
    await expect(fitOperator(net, bad, { steps: 1 })).rejects.toThrow("the target of row 7 is Infinity");
  });

  it("stops with the reason of its signal", async () => {
    const controller = new AbortController();
    controller.abort(new Error("enough"));
    await expect(fitOperator(net, data(1), { steps: 5, signal: controller.signal })).rejects.toThrow(
      "enough",
    );
  });
});

describe("the public aligned data", () => {
  const arrays = {
    branch: NDArray.from([
      [1, 2, 3],
      [4, 5, 6],
    ]),
    trunk: NDArray.from([[0.5], [1]]),
    y: NDArray.from([
      [10, 20],
      [30, 40],
    ]),
  };

  it("becomes one triple for each function and query", () => {
    const t = alignedTriples(arrays, "file");
    expect([t.count, t.sensors, t.queryDim, t.functions]).toEqual([4, 3, 1, 2]);
    expect([...t.u.subarray(6, 9), ...t.y, ...t.s]).toEqual([4, 5, 6, 0.5, 1, 0.5, 1, 10, 20, 30, 40]);
  });

  it("is refused where its arrays do not fit together", () => {
    expect(() => alignedTriples({ ...arrays, y: NDArray.from([[1, 2, 3]]) }, "file")).toThrow(
      "y is [1, 3], expected [2, 2]",
    );
    expect(() => alignedTriples({ trunk: arrays.trunk }, "file")).toThrow('it has no matrix "branch"');
  });

  const folder = process.env.PAPERWEIGHT_DATA && join(process.env.PAPERWEIGHT_DATA, "operators");
  it.skipIf(!folder)(`loads${folder ? "" : " (skipped: PAPERWEIGHT_DATA is not set)"}`, async () => {
    const { train, test } = await readAligned(folder!);
    expect([train.functions, train.count, test.functions, test.count]).toEqual([150, 15_000, 1000, 100_000]);
  });

  it("says which file is missing", async () => {
    await expect(readAligned("/nowhere")).rejects.toThrow(
      "antiderivative_aligned_train_plain.npz: there is no such file",
    );
  });
});

describe("the experiment", () => {
  for (const check of checkExperiment(experiment)) it(check.name, check.run);
});
