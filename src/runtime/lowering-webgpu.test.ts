import { describe, expect, it } from "vitest";
import { NDArray } from "../tensor/ndarray.ts";
import { concat, split } from "../tensor/operators/movement.ts";
import { reachable } from "../tensor/rewrite.ts";
import { Tensor } from "../tensor/tensor.ts";
import { compile } from "./compile.ts";
import { lowerForWebGpu } from "./lowering-webgpu.ts";

describe("what WebGPU has too few buffers for", () => {
  const sizes = Array.from({ length: 60 }, (_, i) => 1 + (i % 3));
  const total = sizes.reduce((a, b) => a + b);
  const x = NDArray.from(
    Array.from({ length: 2 }, (_, r) => Array.from({ length: total }, (_, c) => r * total + c)),
  );
  const parts = (t: Tensor) => split(t, sizes, 1);

  it("is a Split into many parts: each is a Slice", async () => {
    const plain = await compile((t: Tensor) => [...parts(t)])(x);
    const lowered = await compile((t: Tensor) => lowerForWebGpu([...parts(t)]))(x);
    expect(lowered).toEqual(plain);
    const nodes = reachable(lowerForWebGpu([...parts(Tensor.input([2, total], "float32"))]));
    expect(nodes.map((n) => n.op)).not.toContain("Split");
  });

  it("is a Concat of many: it is one of Concats", async () => {
    const together = (t: Tensor) => concat([...parts(t)].reverse(), 1);
    expect(await compile((t: Tensor) => lowerForWebGpu([together(t)])[0]!)(x)).toEqual(
      await compile(together)(x),
    );
    const nodes = reachable(lowerForWebGpu([together(Tensor.input([2, total], "float32"))]));
    for (const n of nodes.filter((n) => n.op === "Concat")) expect(n.inputs.length).toBeLessThan(8);
  });
});
