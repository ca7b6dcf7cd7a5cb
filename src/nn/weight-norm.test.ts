import { Matrix, SVD } from "ml-matrix";
import { describe, expect, it } from "vitest";
import { compile } from "../runtime/compile.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Traced } from "../tensor/tree.ts";
import * as nn from "./index.ts";

const model = nn.mlp({ sizes: [3, 4, 2], activation: "tanh", dtype: "float64" });
const params = model.init(random.key(1));
const values = (a: NDArray) => [...a.data].map(Number);

async function weights<Z>(p: nn.Parametrization<Z, nn.MlpParams>, z: Z): Promise<nn.MlpParams> {
  return (await compile((t: Traced<Z>) => p.weights(t))(z as never)) as nn.MlpParams;
}

function largestSingularValue(w: NDArray): number {
  return new SVD(Matrix.from1DArray(w.shape[0]!, w.size / w.shape[0]!, values(w)), { autoTranspose: true })
    .diagonal[0]!;
}

describe("weightNorm", () => {
  const norm = nn.weightNorm<nn.MlpParams>();
  const z = norm.init(random.key(2), params);

  it("gives the weights of the model at first", async () => {
    const found = await weights(norm, z);
    values(found.layers[0]!.kernel).forEach((v, i) =>
      expect(v).toBeCloseTo(values(params.layers[0]!.kernel)[i]!, 12),
    );
    expect(found.layers[0]!.bias).toEqual(params.layers[0]!.bias);
  });

  it("the lengths are the lengths, whatever the directions", async () => {
    const length = { ...z.length, "layers/1/kernel": NDArray.from([2, 5], "float64") };
    const [a, b] = (
      (await weights(norm, { ...z, length })).layers[1]!.kernel.toNested() as number[][]
    ).reduce(([p, q], row) => [p! + row[0]! ** 2, q! + row[1]! ** 2], [0, 0]);
    expect(Math.sqrt(a!)).toBeCloseTo(2, 12);
    expect(Math.sqrt(b!)).toBeCloseTo(5, 12);
  });

  it("takes the first axis of a convolution as its outputs, and says when nothing is selected or has no direction", async () => {
    const conv = nn.conv({ inputs: 2, outputs: 3, kernel: 2 });
    const lengths = nn.weightNorm<nn.ConvParams>().init(random.key(2), conv.init(random.key(3))).length;
    expect(lengths.kernel!.shape).toEqual([3]);
    const nothing = { layers: [{ kernel: NDArray.zeros([2, 3]), bias: NDArray.zeros([3]) }] };
    expect(() => nn.weightNorm<nn.MlpParams>().init(random.key(2), nothing)).toThrow("have no direction");
    expect(() => nn.weightNorm<nn.MlpParams>(() => false).init(random.key(2), params)).toThrow(
      "no weight is selected",
    );
  });
});

describe("spectralNorm", () => {
  const norm = nn.spectralNorm<nn.MlpParams>({ bound: 2 });
  const z = norm.init(random.key(2), params);

  it("gives every matrix the norm of the bound, and leaves biases", async () => {
    const found = await weights(norm, z);
    for (const l of found.layers) expect(largestSingularValue(l.kernel)).toBeCloseTo(2, 5);
    expect(found.layers[0]!.bias).toEqual(params.layers[0]!.bias);
  });

  it("in training a step goes on with the iteration, and records its vectors", async () => {
    const other = model.init(random.key(9));
    let state = { ...z, weights: other };
    const step = compile((t: Traced<typeof state>) => {
      const left: Record<string, Tensor> = {};
      const paths = new Map(Object.entries(t.frozen.left).map(([path, leaf]) => [leaf, path]));
      norm.weights(t, { training: true, record: (leaf, next) => (left[paths.get(leaf)!] = next) });
      return left;
    });
    for (let i = 0; i < 60; i++) state = { ...state, frozen: { left: await step(state) } };
    for (const l of (await weights(norm, state)).layers)
      expect(largestSingularValue(l.kernel)).toBeCloseTo(2, 5);
  });
});
