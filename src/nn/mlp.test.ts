import { describe, expect, it } from "vitest";
import { compile } from "../runtime/compile.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import * as tree from "../tensor/tree.ts";
import * as nn from "./index.ts";

const key = random.key(1);

describe("dense", () => {
  const layer = nn.dense({ inputs: 2, outputs: 3 });
  const params = {
    kernel: NDArray.from([
      [1, 2, 3],
      [4, 5, 6],
    ]),
    bias: NDArray.from([10, 20, 30]),
  };
  const run = compile((p: tree.Traced<nn.DenseParams>, x: Tensor) => layer.apply(p, x));

  it("is x kernel + bias, for any shape of x", async () => {
    const matrix = await run(
      params,
      NDArray.from([
        [1, 1],
        [2, 0],
      ]),
    );
    expect(matrix.toNested()).toEqual([
      [15, 27, 39],
      [12, 24, 36],
    ]);
    expect((await run(params, NDArray.from([1, 1]))).toNested()).toEqual([15, 27, 39]);
    expect((await run(params, NDArray.from([[[2, 0]]]))).toNested()).toEqual([[[12, 24, 36]]]);
    const bare = compile(nn.dense({ inputs: 2, outputs: 3, bias: false }).apply);
    expect((await bare({ kernel: params.kernel }, NDArray.from([[1, 1]]))).toNested()).toEqual([[5, 7, 9]]);
  });

  it("with a kernel and a bias for each example is the layer of each", async () => {
    const [kernel, bias] = [random.normal(key, [2, 2, 3]), random.normal(random.key(2), [2, 3])];
    const x = random.normal(random.key(3), [2, 4, 2]);
    const row = (a: NDArray, g: number) =>
      new NDArray(a.data.slice((g * a.size) / 2, ((g + 1) * a.size) / 2) as Float32Array, a.shape.slice(1));
    const all = await run({ kernel, bias }, x);
    for (const g of [0, 1]) {
      const own = await run({ kernel: row(kernel, g), bias: row(bias, g) }, row(x, g));
      for (const [i, v] of row(all, g).data.entries()) expect(v).toBeCloseTo(Number(own.data[i]), 5);
    }
  });

  it("is one Gemm for matrices", () => {
    const graph = run.graph(params, NDArray.zeros([4, 2]));
    expect(graph.graph!.node!.map((n) => n!.opType)).toEqual(["Gemm"]);
  });

  it("says which sizes do not fit", async () => {
    await expect(run(params, NDArray.zeros([4, 3]))).rejects.toThrow("[4, 3] does not end in 2");
    expect(() => nn.dense({ inputs: 0, outputs: 3 })).toThrow("inputs is 0");
  });
});

describe("mlp", () => {
  it("names its weights layers/0/kernel, ...; the same key gives the same ones", () => {
    const model = nn.mlp({ sizes: [2, 5, 1], activation: "tanh" });
    const params = model.init(key);
    expect(tree.paths(params)).toEqual([
      "layers/0/kernel",
      "layers/0/bias",
      "layers/1/kernel",
      "layers/1/bias",
    ]);
    expect(params.layers.map((l) => l.kernel.shape)).toEqual([
      [2, 5],
      [5, 1],
    ]);
    expect(model.init(key)).toEqual(params);
    expect(model.init(random.key(2))).not.toEqual(params);
  });

  it("has the activation between layers and the output activation at the end", async () => {
    const model = nn.mlp({
      sizes: [1, 1, 1],
      activation: (x) => x.relu(),
      outputActivation: "sigmoid",
      kernelInit: nn.constant(-2),
      biasInit: nn.ones,
      dtype: "float64",
    });
    const run = compile(model.apply);
    const out = await run(model.init(key), NDArray.from([[-1], [3]], "float64"));
    const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
    expect(out.data[0]).toBeCloseTo(sigmoid(-2 * 3 + 1), 12);
    expect(out.data[1]).toBeCloseTo(sigmoid(1), 12);
  });

  it("without bias; and what is wrong with sizes and names", () => {
    const model = nn.mlp({ sizes: [2, 3, 1], activation: "relu", bias: false });
    expect(tree.paths(model.init(key))).toEqual(["layers/0/kernel", "layers/1/kernel"]);
    expect(() => nn.mlp({ sizes: [2], activation: "relu" })).toThrow("sizes has 1 entries");
    expect(() => nn.activation("relux" as "relu")).toThrow('there is no "relux"');
  });
});

it("every named activation runs and is 0 at 0, or what it should be", async () => {
  const at0: Partial<Record<nn.ActivationName, number>> = { sigmoid: 0.5, softplus: Math.LN2 };
  const names = Object.keys(nn.activations) as nn.ActivationName[];
  const run = compile((x: Tensor) => Object.fromEntries(names.map((n) => [n, nn.activations[n](x)])));
  const out = await run(NDArray.from([0]));
  for (const name of names) expect(out[name]!.item(), name).toBeCloseTo(at0[name] ?? 0, 6);
});
