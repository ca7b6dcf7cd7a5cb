import { describe, expect, test, vi } from "vitest";
import { emitModel, type ModelDraft } from "../onnx/emit.ts";
import { NDArray } from "../tensor/ndarray.ts";
import { gather } from "../tensor/operators/index.ts";
import { applyUnknown, Tensor } from "../tensor/tensor.ts";
import { grad, stopGradient } from "../tensor/transforms.ts";
import { compile } from "./compile.ts";

const from = NDArray.from;

describe("what goes in and out", () => {
  test("trees of arrays become trees of tensors and back", async () => {
    const f = compile((p: { w: Tensor[]; b: Tensor }, x: Tensor) => ({
      sum: p.w[0]!.add(p.w[1]!).add(p.b),
      list: [x.neg()],
    }));
    const out = await f({ w: [from([1, 2]), from([10, 20])], b: from(100) }, from([3]));
    expect(out.sum.toNested()).toEqual([111, 122]);
    expect(out.list[0]!.toNested()).toEqual([-3]);
  });

  test("numbers are float32 scalars, and no new number is a new trace", async () => {
    const body = vi.fn((x: Tensor, rate: Tensor) => x.mul(rate));
    const f = compile(body);
    expect((await f(from([1, 2]), 3)).toNested()).toEqual([3, 6]);
    expect((await f(from([1, 2]), 0.5)).toNested()).toEqual([0.5, 1]);
    expect(body).toHaveBeenCalledTimes(1);
  });

  test("an input that nothing depends on may be there", async () => {
    const f = compile((x: Tensor, _unused: Tensor) => x.exp());
    expect((await f(from([0]), from([1, 2, 3]))).toNested()).toEqual([1]);
    expect(f.graph(from([0]), from([1, 2, 3])).graph!.input).toHaveLength(1);
  });

  test("a result may be an input, a constant, computed twice, or no tensor at all", async () => {
    const f = compile((x: Tensor) => {
      const y = x.exp();
      return { x, constant: Tensor.constant([7, 8]), y, again: y, stopped: stopGradient(y), name: "f", n: 3 };
    });
    const out = await f(from([0, 0]));
    expect(out.x.toNested()).toEqual([0, 0]);
    expect(out.constant.toNested()).toEqual([7, 8]);
    expect([out.y, out.again, out.stopped].map((a) => a.toNested())).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
    expect([out.name, out.n]).toEqual(["f", 3]);
  });

  test("a returned input is a copy", async () => {
    const x = from([1, 2]);
    const y = await compile((t: Tensor) => t)(x);
    expect(y.data).not.toBe(x.data);
    expect(y.toNested()).toEqual([1, 2]);
  });

  test("constants alone, empty arrays, every dtype", async () => {
    expect((await compile(() => Tensor.ones([2]).exp())()).toNested()).toEqual([
      Math.fround(Math.E),
      Math.fround(Math.E),
    ]);
    expect((await compile((x: Tensor) => x.exp())(NDArray.zeros([0, 3]))).shape).toEqual([0, 3]);
    for (const dtype of [
      "float32",
      "float64",
      "int64",
      "int32",
      "int16",
      "int8",
      "uint64",
      "uint32",
      "uint16",
      "uint8",
      "bool",
    ] as const) {
      const y = await compile((x: Tensor) => x.transpose())(from([[1, 0]], dtype));
      expect([y.dtype, y.shape, Array.from(y.data, Number)]).toEqual([dtype, [2, 1], [1, 0]]);
    }
  });
});

describe("one trace for each signature", () => {
  const traced = () => {
    const body = vi.fn((x: unknown, ..._rest: unknown[]) =>
      (Array.isArray(x) ? (x[0] as Tensor) : (x as Tensor)).add(0.5 as never),
    );
    return { body, f: compile(body as never) as unknown as (...args: unknown[]) => Promise<NDArray> };
  };

  test("other values are not another signature, other shapes and dtypes are", async () => {
    const { body, f } = traced();
    await f(from([1, 2]));
    await f(from([3, 4]));
    expect(body).toHaveBeenCalledTimes(1);
    await f(from([1, 2, 3]));
    await f(from([[1, 2]]));
    await f(from([1, 2], "float64"));
    await f(from([1, 2]));
    expect(body).toHaveBeenCalledTimes(4);
  });

  test.each([
    ["strings", "a", "b"],
    ["true and the string true", true, "true"],
    ["undefined and null", undefined, null],
    ["1n and the string 1", 1n, "1"],
    ["an empty array and an empty object", [], {}],
    ["a list and a record of the same paths", { l: ["s"] }, { l: { 0: "s" } }],
    ["keys with separators", { "a/b": "s" }, { a: { b: "s" } }],
    ["instances of classes", new Date(0), new Date(0)],
  ])("static values are told apart: %s", async (_, a, b) => {
    const { body, f } = traced();
    const x = from([1]);
    await f(x, a);
    await f(x, b);
    expect(body).toHaveBeenCalledTimes(2);
    await f(x, a);
    await f(x, b);
    expect(body).toHaveBeenCalledTimes(2);
  });

  test("functions with the same source are not the same function", async () => {
    const scale = (by: number) => (x: Tensor) => x.mul(by);
    const f = compile((x: Tensor, g: (x: Tensor) => Tensor) => g(x));
    expect((await f(from([1]), scale(2))).item()).toBe(2);
    expect((await f(from([1]), scale(3))).item()).toBe(3);
  });
});

describe("donate", () => {
  const step = () => compile((p: Tensor, x: Tensor) => ({ p: p.add(x), twice: p.mul(2) }), { donate: [0] });

  test("the memory of used-up arrays is written again", async () => {
    const f = step();
    const x = from([1, 1]);
    const start = from([1, 2]);
    const [first, memory] = [start, start.data];
    const second = (await f(first, x)).p;
    const third = (await f(second, x)).p;
    expect(third.data).toBe(memory);
    expect(third.toNested()).toEqual([3, 4]);
    const kept = second.isDonated;
    expect(kept).toBe(true);
    expect((await f(third, x)).p.toNested()).toEqual([4, 5]);
  });

  test("a long run allocates two buffers", async () => {
    const f = step();
    let p = from([0, 0]);
    const seen = new Set<unknown>([p.data]);
    for (let i = 0; i < 20; i++) {
      p = (await f(p, from([1, 2]))).p;
      seen.add(p.data);
    }
    expect(p.toNested()).toEqual([20, 40]);
    expect(seen.size).toBe(2);
  });

  test("a used-up array is refused", async () => {
    const f = step();
    const p = from([1, 2]);
    await f(p, from([1, 1]));
    await expect(f(p, from([1, 1]))).rejects.toThrow(
      "compile: an argument float32[2] was donated to an earlier call: pass the array that the call returned, or a copy() made before",
    );
    await expect(step()(from([1, 1]), p)).rejects.toThrow("was donated to an earlier call");
  });

  test("two calls at once cannot both have one array, or one memory", async () => {
    const f = step();
    const p = from([1, 2]);
    const [a, b] = await Promise.allSettled([f(p, from([1, 1])), f(p, from([1, 1]))]);
    expect(a.status).toBe("fulfilled");
    expect(String((b as PromiseRejectedResult).reason)).toContain("was donated to an earlier call");
    const outs = await Promise.all([1, 2, 3, 4].map((v) => f(from([v, v]), from([0, 0]))));
    expect(outs.map((o) => o.p.toNested())).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
    ]);
    expect(new Set(outs.map((o) => o.p.data)).size).toBe(4);
  });

  test("one array may stand in several places", async () => {
    const f = compile(
      (s: { p: Tensor; average: Tensor }, x: Tensor) => ({ p: s.p.add(x), average: s.average.mul(0.5) }),
      { donate: [0] },
    );
    const p = from([2, 4]);
    const out = await f({ p, average: p }, p);
    expect([out.p.toNested(), out.average.toNested()]).toEqual([
      [4, 8],
      [1, 2],
    ]);
    const next = await f({ p: out.p, average: out.average }, from([1, 1]));
    expect([next.p.toNested(), next.average.toNested()]).toEqual([
      [5, 9],
      [0.5, 1],
    ]);
  });

  test("what fits no output is left alone", async () => {
    const f = compile((x: Tensor) => x.sum(), { donate: [0] });
    const x = from([1, 2]);
    await f(x);
    expect(x.isDonated).toBe(false);
  });

  test("a graph that cannot be loaded takes nothing", async () => {
    const f = compile((x: Tensor) => applyUnknown("NoSuchOperator", "", [x], {}, [x])[0]!, { donate: [0] });
    const x = from([1, 2]);
    await expect(f(x)).rejects.toThrow("cannot load");
    expect(x.toNested()).toEqual([1, 2]);
  });

  test("an argument that is not there is refused", async () => {
    await expect(compile((x: Tensor) => x.neg(), { donate: [1] })(from([1]))).rejects.toThrow(
      "compile: donate names argument 1, there are 1",
    );
  });
});

describe("calls and sessions", () => {
  test("calls may run at once", async () => {
    const f = compile((x: Tensor) => x.mul(2));
    const outs = await Promise.all(Array.from({ length: 20 }, (_, i) => f(from([i]))));
    expect(outs.map((o) => o.item())).toEqual(Array.from({ length: 20 }, (_, i) => 2 * i));
  });

  test("dispose waits for running calls; later ones are errors", async () => {
    const f = compile((x: Tensor) => x.matmul(x).sum());
    const running = f(NDArray.full([200, 200], 0.5));
    await f.dispose();
    expect((await running).item()).toBe(200 * 200 * 50);
    await expect(f(from([[1]]))).rejects.toThrow("compile: this function was disposed: compile it again");
    await f.dispose();
  });

  test("a graph that never ran has nothing to dispose of", async () => {
    const f = compile((x: Tensor) => applyUnknown("NoSuchOperator", "", [x], {}, [x])[0]!);
    expect(f.graph(from([1])).graph!.node![0]!.opType).toBe("NoSuchOperator");
    await f.dispose();
  });

  test("float64 is lowered for the CPU, not for other devices, and not in what is exported", () => {
    const x = NDArray.zeros([2], "float64");
    const operators = (model: ModelDraft) => model.graph!.node!.map((n) => n.opType);
    const gelu = (t: Tensor) => t.gelu();
    expect(operators(compile(gelu).graph(x))).not.toContain("Gelu");
    expect(operators(compile(gelu, { device: "cuda" }).graph(x))).toEqual(["Gelu"]);
    const t = Tensor.input([2], "float64");
    const ports = { inputs: [{ name: "x", tensor: t }], outputs: [{ name: "y", tensor: gelu(t) }] };
    expect(operators(emitModel(ports))).toEqual(["Gelu"]);
  });

  test("results are the same to the last bit from call to call", async () => {
    const f = compile((w: Tensor, x: Tensor) => grad((w: Tensor) => x.matmul(w).tanh().sum())(w) as Tensor);
    const values = (n: number) => from(Array.from({ length: n * n }, (_, i) => Math.sin(i))).reshape([n, n]);
    const [w, x] = [values(64), values(64)];
    const first = await f(w, x);
    for (let i = 0; i < 5; i++) expect((await f(w, x)).data).toEqual(first.data);
  });

  test("the gradient of a gather is exact where an index occurs ten thousand times, with more threads than cores", async () => {
    const n = 10_000;
    const rows = NDArray.zeros([n], "int64");
    const f = compile((w: Tensor, rows: Tensor) => grad((w: Tensor) => gather(w, rows).sum())(w) as Tensor, {
      threads: 8,
    });
    const g = await f(NDArray.zeros([2, 64]), rows);
    expect(new Set(g.data as Float32Array)).toEqual(new Set([n, 0]));
  });
});

describe("errors", () => {
  test("of ONNX Runtime are one line that says what was under way", async () => {
    const unknown = compile((x: Tensor) => applyUnknown("NoSuchOperator", "", [x], {}, [x])[0]!);
    await expect(unknown(from([1]))).rejects.toThrow(
      /^ONNX Runtime cannot load the model on cpu: .*NoSuchOperator.*$/,
    );
    await unknown.dispose();
    const outside = compile((x: Tensor, i: Tensor) => gather(x, i));
    await expect(outside(from([1, 2]), from([5n]))).rejects.toThrow(/^ONNX Runtime failed: .*Gather.*$/);
    expect((await outside(from([1, 2]), from([1n]))).toNested()).toEqual([2]);
  });

  test("a tensor of another traced function", async () => {
    const stray = Tensor.input([2]);
    await expect(compile((x: Tensor) => x.add(stray))(from([1, 2]))).rejects.toThrow(
      "compile: the result depends on a tensor float32[2] that is no argument of the function: a tensor of one traced function cannot be used in another; pass it as an argument",
    );
  });

  test("symbolic tensors and bare typed arrays as arguments", async () => {
    const f = compile((p: { x: Tensor }) => p.x.neg());
    await expect(f({ x: Tensor.input([1]) as never })).rejects.toThrow(
      'compile: argument "0/x" is a symbolic Tensor',
    );
    await expect(f({ x: Float32Array.of(1) as never })).rejects.toThrow(
      'compile: argument "0/x" is a Float32Array: compiled functions take NDArrays, wrap it in NDArray.from',
    );
  });

  test("of the traced function come through", async () => {
    await expect(compile((x: Tensor) => x.reshape([7]))(from([1]))).rejects.toThrow(
      "Reshape of float32[1] and int64[1]: 1 elements do not fill the shape [7]",
    );
  });
});
