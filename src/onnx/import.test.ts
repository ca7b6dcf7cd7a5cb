import { describe, expect, test } from "vitest";
import { file, float, graph, int, node, runFile, withGraphs } from "../../test/onnx-file.ts";
import { compile } from "../runtime/compile.ts";
import { loadModel } from "../runtime/load-model.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import { Tensor } from "../tensor/tensor.ts";
import { grad } from "../tensor/transforms.ts";
import { exportModel } from "./export.ts";
import { type ImportedModel, importModel } from "./import.ts";
import { createMessage, decodeMessage } from "./wire.ts";

const dense = file({
  inputs: { x: ["batch", 2] },
  outputs: { y: ["batch", 2] },
  nodes: [node("MatMul", ["x", "w"], ["h"]), node("Add", ["h", "b"], ["s"]), node("Relu", ["s"], ["y"])],
  weights: {
    w: float([
      [1, 2],
      [3, 4],
    ]),
    b: float([-5, 0.5]),
  },
  extra: {
    metadataProps: [createMessage("StringStringEntryProto", { key: "author", value: "somebody" })],
    docString: "a dense layer",
  },
});
const x = float([
  [1, 1],
  [0, 2],
]);

/** What the model's expression gives in ONNX Runtime. */
async function traced(
  model: ImportedModel,
  inputs: Record<string, NDArray>,
): Promise<Record<string, NDArray>> {
  const run = compile((p: Record<string, Tensor>, x: Record<string, Tensor>) => model.applyAll(p, x), {
    threads: 1,
  });
  try {
    return (await run(model.init(), inputs)) as Record<string, NDArray>;
  } finally {
    await run.dispose();
  }
}

/** The trace gives the bits of the file. */
async function agrees(bytes: Uint8Array, inputs: Record<string, NDArray>): Promise<Record<string, NDArray>> {
  const outputs = await traced(importModel(bytes), inputs);
  expect(outputs).toEqual(await runFile(bytes, inputs));
  return outputs;
}

describe("a file as a model", () => {
  const model = importModel(dense);

  test("its weights are the float initialisers, its inputs what has no value", () => {
    expect(model.init()).toEqual({
      w: float([
        [1, 2],
        [3, 4],
      ]),
      b: float([-5, 0.5]),
    });
    expect(model.inputs).toEqual([
      { name: "x", type: "tensor(float)", dtype: "float32", shape: ["batch", 2] },
    ]);
    expect(model.outputs.map((p) => p.name)).toEqual(["y"]);
    expect(model.header).toMatchObject({ producerName: "a test", irVersion: 8 });
    expect(model.operators).toEqual(
      ["MatMul", "Add", "Relu"].map((name) => ({ name, count: 1, gradient: "yes" })),
    );
  });

  test("it computes what the file computes, with inputs in order or by name", async () => {
    const wanted = [
      [0, 6.5],
      [1, 8.5],
    ];
    expect((await agrees(dense, { x })).y!.toNested()).toEqual(wanted);
    const run = compile((p: Record<string, Tensor>, t: Tensor) => model.apply(p, t), { threads: 1 });
    expect((await run(model.init(), x)).toNested()).toEqual(wanted);
    await run.dispose();
  });

  test("it is differentiated as any other function of weights", async () => {
    const slope = compile(
      grad((p: Record<string, Tensor>, t: Tensor) => model.apply(p, t).sum()),
      { threads: 1 },
    );
    const { w, b } = await slope(model.init(), x);
    expect([w!.toNested(), b!.toNested()]).toEqual([
      [
        [0, 1],
        [2, 3],
      ],
      [1, 2],
    ]);
    await slope.dispose();
  });

  test("what init gives is the caller's: the file stays as it is", () => {
    const mine = model.init();
    (mine.w!.data as Float32Array).fill(0);
    expect(model.init().w!.toNested()).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  test("weights and inputs that do not fit are named", () => {
    const { w } = model.init();
    expect(() => model.apply({ w: w! }, x)).toThrow('the weight "b" is missing');
    expect(() => model.apply({ ...model.init(), b: float([1]) }, x)).toThrow(
      'model: the input "b" is float32[2], it was given float32[1]: axis 0 differs',
    );
    expect(() => model.apply(model.init(), float([[1, 2, 3]]))).toThrow("axis 1 differs");
    expect(() => model.apply(model.init(), int([[1, 2]]))).toThrow("the element types differ");
    expect(() => model.apply(model.init(), { z: x })).toThrow('it has no input "z": there are "x"');
    expect(() => importModel(dense, { output: "z" })).toThrow('no output "z": there are "y"');
  });
});

describe("the way back", () => {
  const model = importModel(dense);

  test("unchanged weights give the file, byte for byte", () => {
    expect(exportModel(model, model.init())).toEqual(dense);
  });

  test("new weights change nothing but the initialisers", async () => {
    const tuned = { ...model.init(), b: float([10, 20]) };
    const bytes = exportModel(model, tuned);
    const [before, after] = [dense, bytes].map((b) => decodeMessage("ModelProto", b));
    expect(after!.graph!.initializer.map((t) => t.name)).toEqual(["w", "b"]);
    expect({ ...after, graph: { ...after!.graph, initializer: [] } }).toEqual({
      ...before,
      graph: { ...before!.graph, initializer: [] },
    });
    expect(importModel(bytes).init()).toEqual(tuned);
    expect((await runFile(bytes, { x })).y!.toNested()).toEqual([
      [14, 26],
      [16, 28],
    ]);
  });

  test("with sizes for its inputs it is written anew, as the engine sees it", async () => {
    const bytes = exportModel(model, model.init(), { x: ["batch", 2] });
    expect(decodeMessage("ModelProto", bytes).opsetImport).toMatchObject([{ domain: "", version: 21 }]);
    expect((await runFile(bytes, { x })).output!.toNested()).toEqual([
      [0, 6.5],
      [1, 8.5],
    ]);
  });

  test("weights keep the field that held them", () => {
    const proto = decodeMessage("ModelProto", dense);
    const typed = proto.graph!.initializer[1]!;
    typed.floatData = Float32Array.of(-5, 0.5);
    delete typed.rawData;
    const bytes = file({ outputs: {}, nodes: [], extra: proto });
    const again = decodeMessage(
      "ModelProto",
      exportModel(importModel(bytes), { ...model.init(), b: float([1, 2]) }),
    );
    expect(again.graph!.initializer[1]).toMatchObject({ name: "b", floatData: Float32Array.of(1, 2) });
    expect(again.graph!.initializer[1]!.rawData).toBeUndefined();
  });

  test("weights that are not the file's are named", () => {
    const { w, b } = model.init() as { w: NDArray; b: NDArray };
    expect(() => exportModel(model, { w })).toThrow('export: the weight "b" is missing');
    expect(() => exportModel(model, { w, b, c: b })).toThrow(
      'export: the file has no weight "c": it has w, b',
    );
    expect(() => exportModel(model, { w, b: b.cast("float64") })).toThrow(
      'export: the weight "b" is float32[2] in the file, this one is float64[2]',
    );
  });
});

describe("shape arithmetic", () => {
  // The exporters' way to flatten all but the batch: Reshape(x, Concat(Gather(Shape(x), 0), -1)).
  const flattened = file({
    inputs: { x: ["batch", "rows", 2] },
    outputs: { y: undefined },
    nodes: [
      node("Shape", ["x"], ["shape"]),
      node("Gather", ["shape", "zero"], ["n"], { axis: 0 }),
      node("Unsqueeze", ["n", "axes"], ["n1"]),
      node("Concat", ["n1", "rest"], ["target"], { axis: 0 }),
      node("Reshape", ["x", "target"], ["y"]),
    ],
    weights: { zero: int(0), axes: int([0]), rest: int([-1]) },
  });

  test("is resolved while tracing, for any batch", async () => {
    const model = importModel(flattened);
    for (const n of [1, 3]) {
      const y = model.apply({}, Tensor.input([n, 4, 2]));
      expect(y.shape).toEqual([n, 8]);
      expect(y.node.op).toBe("Reshape");
    }
    await agrees(flattened, { x: NDArray.zeros([3, 4, 2]) });
  });

  test("a name that stands for two sizes is an error", () => {
    const two = file({
      inputs: { a: ["n"], b: ["n"] },
      outputs: { y: undefined },
      nodes: [node("Add", ["a", "b"], ["y"])],
    });
    expect(() => importModel(two).apply({}, float([1, 2]), float([1]))).toThrow('"n" is 2 elsewhere');
  });

  test("a batch size that the file fixed is opened on demand, in its Reshapes too", async () => {
    const fixed = file({
      inputs: { x: [1, 2, 2] },
      outputs: { y: [1, 4] },
      nodes: [node("Reshape", ["x", "target"], ["y"])],
      weights: { target: int([1, 4]) },
    });
    expect(() => importModel(fixed).apply({}, NDArray.zeros([3, 2, 2]))).toThrow("axis 0 differs");
    const open = importModel(fixed, { inputs: { x: ["batch", 2, 2] } });
    expect(open.apply({}, Tensor.input([3, 2, 2])).shape).toEqual([3, 4]);
  });
});

describe("subgraphs", () => {
  const branches = (condition: string, weights: Record<string, NDArray> = {}) =>
    file({
      inputs: { x: [2], on: ["bool", []] },
      outputs: { y: [2] },
      nodes: [
        node("Mul", ["x", "x"], ["square"]),
        withGraphs(node("If", [condition], ["y"]), {
          then_branch: graph({ outputs: { a: [2] }, nodes: [node("Add", ["square", "x"], ["a"])] }),
          else_branch: graph({ outputs: { a: [2] }, nodes: [node("Neg", ["square"], ["a"])] }),
        }),
      ],
      weights,
    });
  const x = float([2, 3]);

  test("the branch of a constant condition is part of the graph", async () => {
    for (const [on, wanted] of [
      [true, [6, 12]],
      [false, [-4, -9]],
    ] as const) {
      const model = importModel(branches("c", { c: NDArray.from(on) }));
      expect(model.apply({}, { x: Tensor.input([2]) }).node.op).toBe(on ? "Add" : "Neg");
      const y = (await traced(model, { x })).y!;
      expect(y.toNested()).toEqual(wanted);
    }
    const bound = importModel(branches("on")).apply({}, Tensor.input([2]), NDArray.from(true));
    expect(bound.node.op).toBe("Add");
  });

  test("else it stays, and what its branches capture goes with it", async () => {
    for (const on of [true, false]) await agrees(branches("on"), { x, on: NDArray.from(on) });
  });

  test("only the derivative is an error, and it names the node", () => {
    const model = importModel(branches("on"));
    const slope = grad((t: Tensor) => model.apply({}, t, Tensor.input([], "bool")).sum());
    expect(() => slope(Tensor.input([2]))).toThrow('cannot differentiate through node "the If" (If)');
  });

  const counted = (limit: string, weights: Record<string, NDArray>) =>
    file({
      inputs: { x: [2], n: ["int64", []] },
      outputs: { last: [2], all: undefined },
      nodes: [
        withGraphs(node("Loop", [limit, "", "x"], ["last", "all"]), {
          body: graph({
            inputs: { i: ["int64", []], going: ["bool", []], h: [2] },
            outputs: { still: ["bool", []], next: [2], seen: [2] },
            nodes: [
              node("Identity", ["going"], ["still"]),
              node("Add", ["h", "x"], ["next"]),
              node("Neg", ["next"], ["seen"]),
            ],
          }),
        }),
      ],
      weights,
    });

  test("a loop of a known number of steps is unrolled, and has a derivative", async () => {
    const bytes = counted("three", { three: int(3) });
    const { last, all } = await agrees(bytes, { x, n: int(0) });
    expect([last!.toNested(), all!.shape]).toEqual([
      [8, 12],
      [3, 2],
    ]);
    const slope = compile(
      grad((t: Tensor) => importModel(bytes).apply({}, t).sum()),
      { threads: 1 },
    );
    expect((await slope(x)).toNested()).toEqual([4, 4]);
    await slope.dispose();
  });

  test("a loop of any number of steps runs, if nothing depends on its shape", async () => {
    const model = importModel(counted("n", {}));
    const run = compile((t: Tensor, n: Tensor) => model.apply({}, t, n), { threads: 1 });
    expect((await run(x, int(2))).toNested()).toEqual([6, 9]);
    await run.dispose();
    expect(() => model.applyAll({}, Tensor.input([2]), Tensor.input([], "int64"))).toThrow(
      'model: node "the Loop" (Loop): the type of its result "all" is not known before it runs',
    );
  });

  test("a scan is unrolled", async () => {
    const bytes = file({
      inputs: { h: [2], xs: [3, 2] },
      outputs: { last: [2], all: [3, 2] },
      nodes: [
        withGraphs(
          node("Scan", ["h", "xs"], ["last", "all"], { num_scan_inputs: 1, scan_input_directions: [1] }),
          {
            body: graph({
              inputs: { a: [2], b: [2] },
              outputs: { c: [2], d: [2] },
              nodes: [node("Mul", ["a", "b"], ["c"]), node("Identity", ["c"], ["d"])],
            }),
          },
        ),
      ],
    });
    await agrees(bytes, {
      h: x,
      xs: float([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
    });
  });
});

describe("functions of the file", () => {
  const scaled = createMessage("FunctionProto", {
    name: "Scaled",
    domain: "mine",
    input: ["a"],
    output: ["b"],
    attribute: ["alpha"],
    opsetImport: [createMessage("OperatorSetIdProto", { domain: "", version: 12 })],
    node: [
      // Of opset 12: the axes of a squeeze are an attribute.
      node("Squeeze", ["a"], ["s"], { axes: [0] }),
      {
        ...node("LeakyRelu", ["s"], ["b"]),
        attribute: [createMessage("AttributeProto", { name: "alpha", type: 1, refAttrName: "alpha" })],
      },
    ],
  });

  test("are inlined, each with its own opset and attributes", async () => {
    const bytes = file({
      imports: { mine: 1 },
      functions: [scaled],
      inputs: { x: [1, 2] },
      outputs: { y: [2] },
      nodes: [
        node("Scaled", ["x"], ["h"], { alpha: { float: 0.5 } }, "mine"),
        node("Unsqueeze", ["h", "axes"], ["u"]),
        node("Scaled", ["u"], ["y"], {}, "mine"),
      ],
      weights: { axes: int([0]) },
    });
    const { y } = await traced(importModel(bytes), { x: float([[-2, 3]]) });
    expect(Array.from(y!.data, Number)).toEqual([Math.fround(-1 * Math.fround(0.01)), 3]);
  });

  test("that call themselves are an error", () => {
    const endless = { ...scaled, node: [node("Scaled", ["a"], ["b"], {}, "mine")] };
    const bytes = file({
      imports: { mine: 1 },
      functions: [endless],
      inputs: { x: [1] },
      outputs: { y: [1] },
      nodes: [node("Scaled", ["x"], ["y"], {}, "mine")],
    });
    expect(() => importModel(bytes)).toThrow("calls functions more than 50 deep");
  });
});

describe("what the engine does not know", () => {
  const trees = file({
    imports: { "ai.onnx.ml": 3 },
    inputs: { x: ["n", 2] },
    outputs: { y: ["n", 2] },
    nodes: [
      node("Relu", ["x"], ["h"]),
      node("Scaler", ["h"], ["y"], { offset: { floats: [1, 2] }, scale: { floats: [2, 3] } }, "ai.onnx.ml"),
    ],
  });

  test("runs anyway, in the opset of its domain", async () => {
    const { y } = await agrees(trees, { x: float([[3, 4]]) });
    expect(y!.toNested()).toEqual([[4, 6]]);
    expect(importModel(trees).operators).toContainEqual({
      name: "ai.onnx.ml.Scaler",
      count: 1,
      gradient: "unknown",
    });
  });

  test("shapes that depend on data are for the file as a whole", async () => {
    const places = file({
      inputs: { x: [4] },
      outputs: { y: ["int64", [1, "found"]] },
      nodes: [node("NonZero", ["x"], ["y"])],
    });
    const model = importModel(places);
    expect(() => model.apply({}, Tensor.input([4]))).toThrow(
      'model: node "the NonZero" (NonZero): the type of its result "y"',
    );
    const session = await loadModel(model, { threads: 1 });
    expect((await session.run({ x: float([0, 1, 0, 2]) })).y!.toNested()).toEqual([[1n, 3n]]);
    await session.dispose();
  });

  test("sequences are lists while tracing", async () => {
    await agrees(
      file({
        inputs: { x: [5, 2] },
        outputs: { y: undefined },
        nodes: [
          node("SplitToSequence", ["x", "two"], ["parts"], { axis: 0 }),
          node("SequenceAt", ["parts", "last"], ["end"]),
          node("SequenceInsert", ["parts", "end", "first"], ["more"]),
          node("ConcatFromSequence", ["more"], ["y"], { axis: 0 }),
        ],
        weights: { two: int(2), last: int(-1), first: int(0) },
      }),
      { x: random.normal(random.key(0), [5, 2]) },
    );
  });
});

describe("dropout", () => {
  const dropping = importModel(
    file({
      inputs: { x: [1000] },
      outputs: { y: [1000] },
      nodes: [node("Dropout", ["x", "ratio"], ["h"]), node("Dropout", ["h", "ratio"], ["y"])],
      weights: { ratio: float(0.25) },
    }),
  );
  const ones = NDArray.full([1000], 1);

  test("keeps everything unless the model is trained", () => {
    const input = Tensor.input([1000]);
    expect(dropping.apply(dropping.init(), input)).toBe(input);
    expect(dropping.apply(dropping.init(), input, { training: false, key: random.key(1) })).toBe(input);
  });

  test("drops by the key, scales what is left, and draws anew at each place", async () => {
    const run = compile(
      (t: Tensor, key: Tensor) => dropping.apply(dropping.init(), t, { training: true, key }),
      { threads: 1 },
    );
    const [a, again, b] = await Promise.all([1, 1, 2].map((seed) => run(ones, random.key(seed))));
    expect(a).toEqual(again);
    expect(a).not.toEqual(b);
    const kept = [...(a!.data as Float32Array)].filter((v) => v !== 0);
    expect(new Set(kept)).toEqual(new Set([Math.fround(Math.fround(1 / 0.75) / 0.75)]));
    expect(kept.length / 1000).toBeCloseTo(0.75 ** 2, 1);
    await run.dispose();
  });

  test("without a key it cannot be trained", () => {
    expect(() => dropping.apply(dropping.init(), ones, { training: true })).toThrow("pass a key");
  });
});

test("weights to fine-tune are told from what belongs to the formula", () => {
  const model = importModel(
    file({
      inputs: { x: [1, 2, 3] },
      outputs: { y: undefined },
      nodes: [
        node("BatchNormalization", ["x", "scale", "shift", "mean", "var"], ["n"]),
        node("Clip", ["n", "", "six"], ["c"]),
        node("Add", ["c", "eps"], ["y"]),
      ],
      weights: {
        scale: float([1, 1]),
        shift: float([0, 0]),
        mean: float([0, 0]),
        var: float([1, 1]),
        six: float(6),
        eps: float(1e-5),
      },
    }),
  );
  expect(model.parameters.filter((p) => p.trainable).map((p) => p.name)).toEqual(["scale", "shift"]);
  expect(model.parameters.find((p) => p.name === "mean")).toMatchObject({
    shape: [2],
    dtype: "float32",
    uses: [{ operator: "BatchNormalization", node: "the BatchNormalization", input: 3 }],
  });
});
