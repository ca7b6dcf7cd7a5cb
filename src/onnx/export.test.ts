import { describe, expect, it } from "vitest";
import { compile } from "../runtime/compile.ts";
import { Session } from "../runtime/session.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { exportModel } from "./export.ts";
import { decodeMessage } from "./wire.ts";

const params = { layers: [{ kernel: random.normal(random.key(0), [4, 3]), bias: NDArray.from([1, 2, 3]) }] };
type Params = { layers: { kernel: Tensor; bias: Tensor }[] };
const dense = { apply: (p: Params, x: Tensor) => x.matmul(p.layers[0]!.kernel).add(p.layers[0]!.bias) };

/** The exported file must compute what the model computes, at sizes that no trace had. */
async function agrees(
  model: { apply: (p: Params, ...x: Tensor[]) => Tensor },
  spec: Record<string, readonly (number | string)[]>,
  inputs: Record<string, NDArray>,
) {
  const session = await Session.create(exportModel(model, params, spec));
  const own = compile((p: Params, ...x: Tensor[]) => model.apply(p, ...x));
  const { output } = await session.run(inputs);
  const expected = await own(params, ...Object.values(inputs));
  expect(output!.shape).toEqual(expected.shape);
  for (const [i, v] of Array.from(output!.data as Float32Array).entries())
    expect(v).toBeCloseTo(Number(expected.data[i]), 5);
  await Promise.all([session.dispose(), own.dispose()]);
}

describe("exportModel", () => {
  it("names weights by their paths, inputs as asked, and keeps the batch symbolic", () => {
    const { graph, opsetImport } = decodeMessage(
      "ModelProto",
      exportModel(dense, params, { x: ["batch", 4] }),
    );
    expect(opsetImport).toMatchObject([{ version: 21 }]);
    expect(graph!.initializer.map((t) => t.name)).toEqual(["layers/0/kernel", "layers/0/bias"]);
    const sizes = (v: (typeof graph & object)["input"][number]) =>
      v.type!.tensorType!.shape!.dim.map((d) => d.dimParam ?? d.dimValue);
    expect(graph!.input.map((v) => [v.name, sizes(v)])).toEqual([["x", ["batch", 4]]]);
    expect(graph!.output.map((v) => [v.name, sizes(v)])).toEqual([["output", ["batch", 3]]]);
  });

  const x = random.normal(random.key(1), [6, 4]);

  it("runs at any batch size", async () => {
    await agrees(dense, { x: ["batch", 4] }, { x });
    await agrees(dense, { x: ["batch", 4] }, { x: random.normal(random.key(1), [1, 4]) });
  });

  it("computes shapes that depend on the batch: reshape, expand, slice, a product of two", async () => {
    const flat = {
      apply: (p: Params, t: Tensor) =>
        dense.apply(p, t.reshape([t.shape[0]! * 2, 4])).reshape([t.shape[0]!, 2, 3]),
    };
    await agrees(flat, { x: ["batch", 2, 4] }, { x: random.normal(random.key(2), [5, 2, 4]) });
    const expanded = { apply: (p: Params, t: Tensor) => p.layers[0]!.bias.expand([t.shape[0]!, 3]).mul(2) };
    await agrees(expanded, { x: ["batch", 4] }, { x });
    const cut = { apply: (_: Params, t: Tensor) => t.slice([1, t.shape[0]! - 1]) };
    await agrees(cut, { x: ["batch", 4] }, { x });
    const two = { apply: (_: Params, t: Tensor) => t.reshape([t.shape[0]! * t.shape[1]!, 4]).mul(3) };
    await agrees(two, { x: ["batch", "length", 4] }, { x: random.normal(random.key(2), [3, 7, 4]) });
  });

  it("a mean over the batch stays a mean over the batch", async () => {
    await agrees({ apply: (_, t) => t.mean(0) }, { x: ["batch", 4] }, { x });
  });

  it("refuses a number that no formula of the sizes gives", () => {
    const scaled = { apply: (_: Params, t: Tensor) => t.mul(1 / Math.sqrt(t.shape[0]!)) };
    expect(() => exportModel(scaled, params, { x: ["batch", 4] })).toThrow(
      "a constant float32[] depends on a symbolic dimension",
    );
    const even = { apply: (_: Params, t: Tensor) => t.slice([0, Math.floor(t.shape[0]! / 2)]) };
    expect(() => exportModel(even, params, { x: ["batch", 4] })).toThrow("no multiple of their product");
  });
});
