import { expect, it } from "vitest";
import { compile } from "../runtime/compile.ts";
import type { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import { apply, type Tensor } from "../tensor/tensor.ts";
import type { Traced } from "../tensor/tree.ts";
import * as nn from "./index.ts";

type Matrix = number[][];
const options = { inputs: 2, size: 3, dtype: "float64" } as const;
const x = random.normal(random.key(1), [2, 4, 2], "float64");
const params: nn.GruParams = {
  ...nn.gru(options).init(random.key(2)),
  bias: random.normal(random.key(3), [9], "float64"),
  recurrentBias: random.normal(random.key(4), [9], "float64"),
};

it("gru is its recurrence written out", async () => {
  const y = (await compile(nn.gru(options).apply)(params, x)).toNested() as Matrix[];
  const affine = (v: number[], kernel: NDArray, bias: NDArray) => {
    const k = kernel.toNested() as Matrix;
    return k[0]!.map((_, j) => v.reduce((s, a, i) => s + a * k[i]![j]!, Number(bias.data[j])));
  };
  const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
  (x.toNested() as Matrix[]).forEach((sequence, n) => {
    let h = [0, 0, 0];
    sequence.forEach((input, t) => {
      const a = affine(input, params.kernel, params.bias);
      const b = affine(h, params.recurrent, params.recurrentBias);
      h = h.map((before, i) => {
        const [r, z] = [sigmoid(a[i]! + b[i]!), sigmoid(a[i + 3]! + b[i + 3]!)];
        return (1 - z) * Math.tanh(a[i + 6]! + r * b[i + 6]!) + z * before;
      });
      h.forEach((v, i) => expect(y[n]![t]![i]).toBeCloseTo(v, 12));
    });
  });
});

it("gruCell is one step of it", async () => {
  const cell = nn.gruCell(options);
  const run = compile((p: Traced<nn.GruParams>, sequence: Tensor) => {
    const at = (t: number) => sequence.slice(undefined, [t, t + 1]).squeeze(1);
    const zero = apply("Identity", [at(0).slice(undefined, [0, 1]).mul(0).expand([2, 3])]);
    return {
      cell: cell.apply(p, { x: at(1), h: cell.apply(p, { x: at(0), h: zero }) }),
      all: nn.gru(options).apply(p, sequence),
    };
  });
  const out = await run(params, x);
  const all = out.all.toNested() as Matrix[];
  (out.cell.toNested() as Matrix).forEach((row, n) =>
    row.forEach((v, i) => expect(v).toBeCloseTo(all[n]![1]![i]!, 12)),
  );
});
