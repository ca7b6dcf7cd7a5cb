import { describe, expect, test } from "vitest";
import { compile } from "../runtime/compile.ts";
import { Session } from "../runtime/session.ts";
import { NDArray } from "../tensor/ndarray.ts";
import { split } from "../tensor/operators/index.ts";
import { apply, applyUnknown, Tensor } from "../tensor/tensor.ts";
import { emitModel } from "./emit.ts";

const port = (name: string, tensor: Tensor) => ({ name, tensor });

describe("emitModel", () => {
  const [x, w] = [Tensor.input([2, 3]), Tensor.input([3])];
  const value = NDArray.from([1, 2, 3]);

  test("inputs, outputs and weights bear the names of their ports", () => {
    const y = x.mul(w);
    const { graph } = emitModel({
      inputs: [port("data", x)],
      outputs: [port("scaled", y)],
      weights: [{ ...port("layer/scale", w), value }],
    });
    expect(graph!.input!.map((i) => i.name)).toEqual(["data"]);
    expect(graph!.output!.map((o) => o.name)).toEqual(["scaled"]);
    expect(graph!.initializer!.map((i) => i.name)).toEqual(["layer/scale"]);
    expect(graph!.node).toHaveLength(1);
    expect(graph!.node![0]).toMatchObject({
      opType: "Mul",
      input: ["data", "layer/scale"],
      output: ["scaled"],
    });
  });

  test("states the opset, and the domains of other operators", () => {
    const custom = applyUnknown("Gelu", "com.microsoft", [x], {}, [x])[0]!;
    const model = emitModel({ inputs: [port("x", x)], outputs: [port("y", custom)] });
    expect(model.irVersion).toBe(10);
    expect(model.opsetImport).toEqual([
      { domain: "", version: 21 },
      { domain: "com.microsoft", version: 1 },
    ]);
  });

  test("sizes are those of the tensor, or symbolic, or unknown", () => {
    const { graph } = emitModel({
      inputs: [{ ...port("x", x), sizes: ["batch", undefined] }],
      outputs: [port("y", x.exp())],
    });
    const dims = (v: unknown) =>
      (v as { type: { tensorType: { shape: { dim: unknown[] } } } }).type.tensorType.shape.dim;
    expect(dims(graph!.input![0])).toEqual([{ dimParam: "batch" }, {}]);
    expect(dims(graph!.output![0])).toEqual([{ dimValue: 2 }, { dimValue: 3 }]);
  });

  test("equal constants are written once, -0 and 0 are not equal", () => {
    const y = x.mul(2).add(x.exp().mul(2)).add(x.mul(0)).add(x.mul(-0));
    const { graph } = emitModel({ inputs: [port("x", x)], outputs: [port("y", y)] });
    expect(graph!.initializer).toHaveLength(3);
  });

  test("names that ports have are not given to others", () => {
    const y = x.exp();
    const names = ["value_0", "constant_0"];
    const { graph } = emitModel({ inputs: [port(names[0]!, x)], outputs: [port(names[1]!, y.sin().mul(3))] });
    const all = [
      ...graph!.node!.flatMap((n) => n.output!),
      ...graph!.initializer!.map((i) => i.name!),
      names[0]!,
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  test("ports of one name are refused", () => {
    expect(() => emitModel({ inputs: [port("x", x)], outputs: [port("x", x.exp())] })).toThrow(
      'emit: two inputs, outputs or weights are named "x": give each its own',
    );
  });

  test("missing optional inputs are empty names, none at the end", () => {
    const [low, high] = [Tensor.constant(0), undefined];
    const clips = [apply("Clip", [x, low, high]), apply("Clip", [x, undefined, low])];
    const { graph } = emitModel({ inputs: [port("x", x)], outputs: clips.map((c, i) => port(`y${i}`, c)) });
    expect(graph!.node!.map((n) => n.input)).toEqual([
      ["x", "constant_0"],
      ["x", "", "constant_0"],
    ]);
  });

  test("attributes of every kind", () => {
    const attributes = {
      integer: 3,
      text: "é",
      integers: [1, -2],
      real: { float: 0.5 },
      reals: { floats: [0.5, 2] },
      texts: { strings: ["a", "b"] },
      array: { tensor: value },
      raw: { proto: { name: "raw", type: 2, i: 7 } },
    };
    const odd = applyUnknown("Odd", "x", [x], attributes, [x])[0]!;
    const { graph } = emitModel({ inputs: [port("x", x)], outputs: [port("y", odd)] });
    const utf8 = (s: string) => new TextEncoder().encode(s);
    expect(graph!.node![0]!.attribute).toMatchObject([
      { name: "integer", type: 2, i: 3 },
      { name: "text", type: 3, s: utf8("é") },
      { name: "integers", type: 7, ints: [1, -2] },
      { name: "real", type: 1, f: 0.5 },
      { name: "reals", type: 6, floats: Float32Array.of(0.5, 2) },
      { name: "texts", type: 8, strings: [utf8("a"), utf8("b")] },
      { name: "array", type: 4, t: { dims: [3] } },
      { name: "raw", type: 2, i: 7 },
    ]);
    const hosted = applyUnknown("Odd", "x", [x], { f: { host: () => 1 } }, [x])[0]!;
    expect(() => emitModel({ inputs: [port("x", x)], outputs: [port("y", hosted)] })).toThrow(
      'the attribute "f" holds a JavaScript value and cannot be written',
    );
  });

  test("an output that is an input, a weight, a constant or another output runs", async () => {
    const y = x.exp();
    const model = emitModel({
      inputs: [port("x", x)],
      outputs: [
        port("same", x),
        port("weight", w),
        port("constant", Tensor.constant([5])),
        port("y", y),
        port("again", y),
      ],
      weights: [{ ...port("w", w), value }],
    });
    const session = await Session.create(model, { threads: 1 });
    const out = await session.run({ x: NDArray.zeros([2, 3]) });
    await session.dispose();
    expect(out.same!.toNested()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(out.weight!.toNested()).toEqual([1, 2, 3]);
    expect(out.constant!.toNested()).toEqual([5]);
    expect(out.y!.toNested()).toEqual(out.again!.toNested());
  });

  test("several outputs of one operator, some of them results", async () => {
    const f = compile((t: Tensor) => {
      const [a, , c] = split(t, [1, 2, 1]);
      return [c!, a!.exp()];
    });
    const [c, a] = await f(NDArray.from([0, 1, 2, 3]));
    expect([c!.toNested(), a!.toNested()]).toEqual([[3], [1]]);
  });
});
