import { describe, expect, test } from "vitest";
import { evaluate } from "../../test/evaluate.ts";
import { NDArray } from "./ndarray.ts";
import { split } from "./operators/index.ts";
import { erase, reachable, rewrite, substitute } from "./rewrite.ts";
import { applyUnknown, Tensor } from "./tensor.ts";
import { stopGradient, straightThrough } from "./transforms.ts";

describe("reachable", () => {
  test("lists every node once, inputs first", () => {
    const x = Tensor.input([2]);
    const y = x.exp();
    const nodes = reachable([y.add(y.sin()), y]);
    expect(nodes.map((n) => n.op)).toEqual(["Input", "Exp", "Sin", "Add"]);
  });
  test("is not deep: 20,000 operators in a row", () => {
    let x = Tensor.input([1]);
    for (let i = 0; i < 20_000; i++) x = x.sin();
    expect(reachable([x])).toHaveLength(20_001);
  });
});

describe("rewrite", () => {
  test("without a change gives the very same tensors", () => {
    const x = Tensor.input([4]);
    const [a, b] = split(x.exp(), 2);
    expect(rewrite([a!, b!, x], () => undefined)).toEqual([a, b, x]);
  });

  test("replaces an operator wherever it stands, and builds the rest anew", async () => {
    const f = (x: Tensor) =>
      rewrite([x.sin().add(x.mul(x.sin()))], (node, [t]) => (node.op === "Sin" ? [t!.cos()] : undefined))[0]!;
    const [y] = await evaluate(f, NDArray.from([0.5], "float64"));
    expect(y!.item()).toBeCloseTo(Math.cos(0.5) * 1.5, 14);
  });

  test("keeps several outputs in their places", () => {
    const x = Tensor.input([4]);
    const y = Tensor.input([4]);
    const [, second] = split(x, [1, 3]);
    const [moved] = substitute([second!], [x], [y]);
    expect(moved).toBe(split(y, [1, 3])[1]);
  });

  test("keeps operators that the table does not have", () => {
    const [x, z] = [Tensor.input([2]), Tensor.input([2])];
    const [y] = applyUnknown("Strange", "com.example", [x], { k: 1 }, [{ shape: [5], dtype: "float32" }]);
    const [moved] = substitute([y!], [x], [z]);
    expect([moved!.node.op, moved!.node.domain, moved!.shape, moved!.node.inputs[0]]).toEqual([
      "Strange",
      "com.example",
      [5],
      z,
    ]);
  });
});

test("substitute puts other tensors in the place of inputs", () => {
  const [x, y] = [Tensor.input([2]), Tensor.input([2])];
  expect(substitute([x.exp().add(x)], [x], [y])).toEqual([y.exp().add(y)]);
  expect(substitute([x], [x], [y])).toEqual([y]);
});

test("erase takes out what matters only to differentiation", () => {
  const x = Tensor.input([2]);
  expect(erase([stopGradient(x.exp()).mul(straightThrough(x.round(), x))])[0]).toBe(x.exp().mul(x.round()));
});
