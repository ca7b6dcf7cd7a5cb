/** A hypernetwork as one parametrization among others: of models from files, and with exact gradients. */
import { describe, expect, it } from "vitest";
import { mlp } from "../../nn/mlp.ts";
import { reparametrize } from "../../nn/parametrization.ts";
import { exportModel } from "../../onnx/export.ts";
import { type ImportedParams, importModel } from "../../onnx/import.ts";
import { compile } from "../../runtime/compile.ts";
import { loadModel } from "../../runtime/load-model.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { valueAndGrad } from "../../tensor/transforms.ts";
import * as tree from "../../tensor/tree.ts";
import { hypernetwork } from "./mip-hypernetworks.ts";

const options = { inputs: { angle: [1] }, hidden: [5, 7] };

describe("gradients through the parametrization, in float64", () => {
  const model = mlp({ sizes: [3, 4, 2], activation: "tanh", dtype: "float64" });
  const x = random.normal(random.key(1), [6, 3], "float64");

  it.each([
    ["MIP", {}],
    ["standard", { encoding: "none", residual: "none" }],
    ["tanh", { activation: "tanh" }],
    ["z-1-z", { encoding: "z-1-z" }],
  ] as const)("%s: they agree with finite differences", async (_, form) => {
    const generated = reparametrize(model, hypernetwork({ ...options, ...form }).at({ angle: 0.3 }));
    const omega = generated.init(random.key(2));
    const both = compile((w: tree.Traced<typeof omega>) =>
      valueAndGrad((v: typeof w) => generated.apply(v, Tensor.constant(x)).square().sum())(w),
    );
    const [, gradient] = await both(omega as never);
    const slopes = tree.toRecord(gradient) as unknown as Record<string, NDArray>;
    for (const path of Object.keys(slopes)) {
      for (const at of [0, slopes[path]!.size - 1]) {
        const h = 1e-5;
        const loss = async (step: number) => (await both(moved(omega, path, at, step) as never))[0].item();
        const difference = ((await loss(h)) - (await loss(-h))) / (2 * h);
        expect(Number(slopes[path]!.data[at])).toBeCloseTo(difference, 6);
      }
    }
  });
});

/** The tree with the number at one place of one leaf moved. */
function moved<T>(params: T, path: string, at: number, step: number): T {
  return tree.mapWithPath((leaf, p) => {
    if (p !== path) return leaf;
    const data = ((leaf as NDArray).data as Float64Array).slice();
    data[at]! += step;
    return new NDArray(data, (leaf as NDArray).shape);
  }, params) as T;
}

describe("a model from an ONNX file", () => {
  const original = mlp({ sizes: [3, 8, 2], activation: "relu" });
  const trained = original.init(random.key(5));
  const imported = importModel(exportModel(original, trained, { x: ["batch", 3] }));
  const x = random.normal(random.key(6), [4, 3]);
  const run = async <P>(apply: (p: tree.Traced<P>, input: Tensor) => Tensor, p: P) => {
    const f = compile(apply);
    return Array.from((await f(p as never, x)).data, Number);
  };

  it("is generated through reparametrize, starting from the file's weights", async () => {
    const hyper = hypernetwork({ ...options, residual: "pretrained" });
    const at = reparametrize(imported, hyper.at({ angle: 0.3 }));
    const omega = at.init(random.key(7));
    expect(omega.residual).toEqual(imported.init());
    const bare = { ...omega, output: { kernel: NDArray.zeros(omega.output.kernel.shape) } };
    const file = await run((p: tree.Traced<typeof trained>, input) => original.apply(p, input), trained);
    (await run(at.apply, bare)).forEach((v, i) => expect(v).toBeCloseTo(file[i]!, 6));
    const generated = await run(at.apply, omega);
    expect(generated.some((v, i) => Math.abs(v - file[i]!) > 1e-3)).toBe(true);
  });

  it("runs for a batch of gammas as it runs for each", async () => {
    const hyper = hypernetwork({ ...options, residual: "pretrained" });
    const conditioned = hyper.conditioned(imported);
    const omega = conditioned.init(random.key(8));
    const both = compile((w: tree.Traced<typeof omega>, angle: Tensor, input: Tensor) => ({
      batch: conditioned.apply(w, { gamma: { angle: angle.reshape([2, 1]) }, x: input }),
      second: conditioned.apply(w, {
        gamma: { angle: angle.slice([1, 2]) },
        x: input.slice([1, 2]).squeeze(0),
      }),
    }));
    const out = await both(omega as never, NDArray.from([0.2, 0.9]), random.normal(random.key(9), [2, 4, 3]));
    expect(out.batch.shape).toEqual([2, 4, 2]);
    out.second.data.forEach((v, i) => expect(Number(out.batch.data[8 + i])).toBeCloseTo(Number(v), 6));
  });

  it("at one gamma is written as a file of the old size, with the same outputs", async () => {
    const hyper = hypernetwork({ ...options, residual: "pretrained" });
    const omega = hyper.init(random.key(7), imported.init());
    const weights = await compile((w: tree.Traced<typeof omega>) =>
      hyper.at<ImportedParams>({ angle: 0.9 }).weights(w),
    )(omega as never);
    const file = exportModel(imported, weights);
    expect(file.length).toBe(imported.bytes.length);
    const session = await loadModel(importModel(file));
    const { output } = await session.run({ x });
    await session.dispose();
    const direct = await run(reparametrize(imported, hyper.at({ angle: 0.9 })).apply, omega);
    direct.forEach((v, i) => expect(Number(output!.data[i])).toBeCloseTo(v, 6));
  });
});
