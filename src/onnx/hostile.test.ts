import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { file, float, graph, int, node, withGraphs } from "../../test/onnx-file.ts";
import { NDArray } from "../tensor/ndarray.ts";
import { Tensor } from "../tensor/tensor.ts";
import { importModel } from "./import.ts";
import type { ModelProto, TensorProto } from "./schema.ts";
import { createMessage, decodeMessage, encodeMessage } from "./wire.ts";

const relu = (input: string, output: string) => node("Relu", [input], [output]);
const simple = { inputs: { x: [2] }, outputs: { y: [2] } };

/** A file with something changed after it was made. */
function changed(bytes: Uint8Array, change: (model: ModelProto) => void): Uint8Array {
  const model = decodeMessage("ModelProto", bytes);
  change(model);
  return encodeMessage("ModelProto", model);
}

const withWeight = file({
  ...simple,
  nodes: [node("Add", ["x", "w"], ["y"])],
  weights: { w: float([1, 2]) },
});
const weight = (change: (tensor: TensorProto) => void) =>
  changed(withWeight, (model) => change(model.graph!.initializer[0]!));

describe("a graph that is none is refused in one line", () => {
  const refused: [string, Uint8Array, string][] = [
    ["bytes of something else", new TextEncoder().encode("{}"), "ONNX data, byte"],
    ["nothing", new Uint8Array(0), "model: it has no graph"],
    [
      "nodes in a circle",
      file({ ...simple, nodes: [node("Add", ["x", "b"], ["a"]), relu("a", "b"), relu("b", "y")] }),
      'model: node "the Add" (Add) depends on its own result: a graph must not have cycles',
    ],
    [
      "a node that takes its own result",
      file({ ...simple, nodes: [relu("y", "y")] }),
      "depends on its own result",
    ],
    [
      "a result given twice",
      file({ ...simple, nodes: [relu("x", "y"), relu("x", "y")] }),
      'model: "y" is given twice, again by node "the Relu" (Relu): names must differ in one graph',
    ],
    ["a result that is an input", file({ ...simple, nodes: [relu("x", "x")] }), '"x" is given twice'],
    [
      "a value that nothing gives",
      file({ ...simple, nodes: [node("Add", ["x", "z"], ["y"])] }),
      'model: node "the Add" (Add) takes "z", which nothing in the graph gives: the file is damaged',
    ],
    ["an output that nothing gives", file({ ...simple, nodes: [] }), `output "y" is computed by no node`],
    [
      "a subgraph that captures what is not there",
      file({
        ...simple,
        nodes: [
          withGraphs(node("If", ["on"], ["y"]), {
            then_branch: graph({ outputs: { a: [2] }, nodes: [relu("nowhere", "a")] }),
            else_branch: graph({ outputs: { a: [2] }, nodes: [relu("x", "a")] }),
          }),
        ],
        weights: { on: NDArray.from(true) },
      }),
      'takes "nowhere", which nothing in the graph gives',
    ],
    [
      "a weight with fewer bytes than its shape",
      weight((t) => t.dims.splice(0, 1, 2 ** 40)),
      `tensor "w": float32 [${2 ** 40}] takes ${2 ** 42} bytes, the file holds 8`,
    ],
    [
      "a weight with a negative size",
      weight((t) => t.dims.splice(0, 1, -2)),
      "-2 is no size in the shape [-2]",
    ],
    [
      "a weight with more elements than can be counted",
      weight((t) => t.dims.splice(0, 1, 2 ** 30, 2 ** 30)),
      "has more elements than any file",
    ],
  ];
  test.each(refused)("%s", (_, bytes, message) => {
    expect(() => importModel(bytes)).toThrow(message);
    try {
      importModel(bytes);
    } catch (error) {
      expect((error as Error).message).not.toContain("\n");
    }
  });
});

describe("what lies elsewhere", () => {
  const external = (entries: Record<string, string>) =>
    weight((t) => {
      delete t.rawData;
      t.dataLocation = 1;
      t.externalData = Object.entries(entries).map(([key, value]) =>
        createMessage("StringStringEntryProto", { key, value }),
      );
    });

  test("is asked of the caller, by place and length", () => {
    const asked: unknown[] = [];
    const model = importModel(external({ location: "w.bin", offset: "16" }), {
      readExternal: (range) => {
        asked.push(range);
        return new Uint8Array(Float32Array.of(3, 4).buffer);
      },
    });
    expect(model.init().w!.toNested()).toEqual([3, 4]);
    expect(asked).toEqual([{ location: "w.bin", offset: 16, length: 8 }]);
  });

  test("without a reader, the weight and the file are named", () => {
    expect(() => importModel(external({ location: "w.bin" })).init()).toThrow('external file "w.bin"');
  });

  test.each(["../w.bin", "/etc/passwd", "a/../../w", "C:\\w", "a//b", ""])(
    "%j is no place for it",
    (location) => {
      const never = { readExternal: () => expect.fail("asked") };
      expect(() => importModel(external({ location }), never).init()).toThrow(
        "is not a plain path below the model's folder",
      );
    },
  );

  test("a length that does not fit the shape is not read", () => {
    expect(() => importModel(external({ location: "w.bin", length: String(2 ** 40) })).init()).toThrow(
      "takes 8 bytes, the external length is",
    );
  });
});

describe("order and repetition that do no harm", () => {
  test("nodes in any order", () => {
    const model = importModel(
      file({ ...simple, nodes: [relu("b", "y"), relu("a", "b"), node("Neg", ["x"], ["a"])] }),
    );
    const y = model.apply({}, Tensor.input([2]));
    expect([y.node.op, y.node.inputs[0]!.node.op, y.node.inputs[0]!.node.inputs[0]!.node.op]).toEqual([
      "Relu",
      "Relu",
      "Neg",
    ]);
  });

  test("a stored value given twice counts as ONNX Runtime counts it: the last", () => {
    const bytes = changed(withWeight, (model) => {
      model.graph!.initializer.push({ ...model.graph!.initializer[0]!, rawData: new Uint8Array(8) });
    });
    expect(importModel(bytes).init().w!.toNested()).toEqual([0, 0]);
  });

  test("names that JavaScript has a use for", () => {
    const model = importModel(
      file({
        inputs: { constructor: [2] },
        outputs: { toString: [2] },
        nodes: [node("Add", ["constructor", "__proto__"], ["toString"])],
        weights: Object.fromEntries([["__proto__", float([1, 2])]]),
      }),
    );
    const params = model.init();
    expect(Object.keys(params)).toEqual(["__proto__"]);
    expect(Object.keys(model.applyAll(params, Tensor.input([2])))).toEqual(["toString"]);
    expect(importModel(model.withWeights(params)).parameters).toEqual(model.parameters);
  });
});

describe("too much", () => {
  test("loops that unroll without end stay loops", () => {
    const inner = (body: ReturnType<typeof graph>) =>
      withGraphs(node("Loop", ["many", "", "h"], ["k"]), { body });
    const step = graph({
      inputs: { i: ["int64", []], going: ["bool", []], g: [2] },
      outputs: { still: ["bool", []], next: [2] },
      nodes: [node("Identity", ["going"], ["still"]), relu("g", "next")],
    });
    const outer = graph({
      inputs: { j: ["int64", []], on: ["bool", []], h: [2] },
      outputs: { more: ["bool", []], k: [2] },
      nodes: [node("Identity", ["on"], ["more"]), inner(step)],
    });
    const bytes = file({
      ...simple,
      nodes: [withGraphs(node("Loop", ["many", "", "x"], ["z"]), { body: outer }), relu("z", "y")],
      weights: { many: int(500) },
    });
    expect(importModel(bytes).apply({}, Tensor.input([2])).node.inputs[0]!.node.op).toBe("Loop");
  });

  test("a sparse weight is not made dense beyond measure", () => {
    const sparse = createMessage("SparseTensorProto", {
      dims: [2 ** 20, 2 ** 20],
      values: createMessage("TensorProto", {
        name: "s",
        dims: [1],
        dataType: 1,
        floatData: Float32Array.of(1),
      }),
      indices: createMessage("TensorProto", { dims: [1], dataType: 7, int64Data: BigInt64Array.of(5n) }),
    });
    const bytes = changed(
      file({ ...simple, nodes: [node("Add", ["x", "s"], ["y"])], weights: { s: float([1]) } }),
      (m) => {
        m.graph!.initializer = [];
        m.graph!.sparseInitializer = [sparse];
      },
    );
    expect(() => importModel(bytes).apply({}, Tensor.input([2]))).toThrow('sparse tensor "s": it would take');
  });
});

test("damaged files give an error of one line or a model, never anything else", () => {
  const bytes = withWeight;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (edits) => {
        const damaged = bytes.slice();
        for (const [at, value] of edits) damaged[at] = value;
        try {
          const model = importModel(damaged);
          model.apply(model.init(), ...model.inputs.map(() => Tensor.input([2])));
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          expect((error as Error).message).not.toMatch(/\n|undefined|is not a function|Cannot read/);
        }
      },
    ),
    { numRuns: 500, seed: 1 },
  );
});
