import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { MethodContext } from "../../experiment/method.ts";
import { combine } from "../../nn/combine.ts";
import { dense } from "../../nn/dense.ts";
import { mlp } from "../../nn/mlp.ts";
import { layerNorm } from "../../nn/normalisation.ts";
import { exportModel } from "../../onnx/export.ts";
import { importModel } from "../../onnx/import.ts";
import { FreshNames } from "../../onnx/node-editor.ts";
import type { Draft } from "../../onnx/schema.ts";
import { ndarrayToTensor } from "../../onnx/tensors.ts";
import { decodeMessage, encodeMessage } from "../../onnx/wire.ts";
import { compile } from "../../runtime/compile.ts";
import { Session } from "../../runtime/session.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import method from "./apply.ts";
import type { TowerParams } from "./bundle.ts";
import { chainFeatures, chainKinds, chainTower, towerNodes } from "./tower-nodes.ts";

const numbers = (a: NDArray): number[] => Array.from(a.data as Float32Array, Number);

function contextOf(x?: NDArray, y?: NDArray): MethodContext {
  const examples = x && { x, y: y ?? NDArray.zeros([x.shape[0]!, 1]) };
  return {
    key: random.key(0),
    seed: 0,
    device: "cpu",
    signal: new AbortController().signal,
    log: () => {},
    progress: { start: () => ({ update: () => {}, done: () => {} }) },
    train: examples,
    validation: examples && { ...examples },
  };
}

const optionsOf = (given: object = {}) => method.options.parse(given);

async function outputOf(bytes: Uint8Array, feeds: Record<string, NDArray>): Promise<NDArray> {
  const session = await Session.create(bytes, { threads: 1 });
  const out = await session.run(feeds);
  await session.dispose();
  return Object.values(out)[0]!;
}

function figure(figures: readonly { name: string; value: number | string }[], name: string): number {
  return Number(figures.find((f) => f.name === name)!.value);
}

const net = mlp({ sizes: [6, 32, 16, 3], activation: "tanh" });
const file = exportModel(net, net.init(random.key(1)), { x: ["batch", 6] });
const x = random.normal(random.key(2), [1500, 6]);

describe("an MLP: everything is bundled into one matrix", () => {
  const result = method.run(importModel(file), optionsOf({ features: 128 }), contextOf(x));

  it("agrees with the original on most examples", async () => {
    const { figures, check } = await result;
    expect(figure(figures, "held-out R2 to the original's output")).toBeGreaterThan(0.95);
    expect(figure(figures, "held-out agreement of the largest output")).toBeGreaterThan(0.9);
    expect(check!.largestDifference).toBeGreaterThan(0);
  });

  it("runs in ONNX Runtime with any batch, under the old names", async () => {
    const { model } = await result;
    const made = importModel(model!);
    expect(made.inputs.map((p) => [p.name, p.shape])).toEqual([["x", ["batch", 6]]]);
    expect(made.outputs.map((p) => p.name)).toEqual(["output"]);
    for (const rows of [1, 7]) {
      const part = new NDArray(x.data.slice(0, 6 * rows), [rows, 6]);
      expect((await outputOf(model!, { x: part })).shape).toEqual([rows, 3]);
    }
  });

  it("has none of the old weights, and as many trainables as it says", async () => {
    const { model, figures } = await result;
    expect(importModel(model!).parameters.some((p) => p.name.startsWith("layers/"))).toBe(false);
    expect(figure(figures, "trainables of these, before")).toBe(7 * 32 + 33 * 16 + 17 * 3);
    const wide = String(figures.find((f) => f.name === "features")!.value).startsWith("waves") ? 2 : 1;
    expect(figure(figures, "trainables of these, after")).toBe((128 * wide + 1) * 3);
  });

  it("is the same from the same seed", async () => {
    const again = await method.run(importModel(file), optionsOf({ features: 128 }), contextOf(x));
    expect(again.model).toEqual((await result).model);
  });

  it("is planned as it is done", () => {
    const { touched, untouched } = method.plan(importModel(file), optionsOf());
    expect(touched.map((t) => t.path)).toEqual(["layers/0/kernel", "layers/1/kernel", "layers/2/kernel"]);
    expect(touched.map((t) => t.what)).toEqual([
      "dense 6 -> 32, Tanh: becomes random features, bundled with what follows",
      "dense 32 -> 16, Tanh: becomes random features, bundled with what follows",
      "dense 16 -> 3: bundled into the matrix of the features before it",
    ]);
    expect(untouched).toEqual([]);
  });

  it("keeps the first layers where it is told to", async () => {
    const { untouched } = method.plan(importModel(file), optionsOf({ from: 1 }));
    expect(untouched.find((u) => u.path === "layers/0/kernel")!.why).toContain("the first 1 layers");
    const { model } = await method.run(importModel(file), optionsOf({ from: 1, kind: "relu" }), contextOf(x));
    const kept = importModel(model!).init();
    expect(kept["layers/0/kernel"]).toEqual(importModel(file).init()["layers/0/kernel"]);
    expect(kept["layers/1/kernel"]).toBeUndefined();
  });
});

describe("a residual block with a normalisation", () => {
  const block = combine(
    {
      norm: layerNorm({ size: 8 }),
      up: dense({ inputs: 8, outputs: 24 }),
      down: dense({ inputs: 24, outputs: 8 }),
      head: dense({ inputs: 8, outputs: 2 }),
    },
    (run, t: Tensor) => {
      const h = t.add(run.down(run.up(run.norm(t)).gelu()));
      return run.head(h).softmax();
    },
  );
  const params = block.init(random.key(3));
  const bytes = exportModel(block, params, { tokens: ["batch", 5, 8] });
  const tokens = random.normal(random.key(4), [300, 5, 8]);

  it("says what stays, and why, naming the operator", () => {
    const { touched, untouched } = method.plan(importModel(bytes), optionsOf());
    expect(touched.map((t) => t.path)).toEqual(["up/kernel", "down/kernel"]);
    const why = Object.fromEntries(untouched.map((u) => [u.path, u.why]));
    expect(why["head/kernel"]).toMatch(/\(Softmax\) follows it: there are features for Relu, Sin/);
    expect(why["norm/scale"] ?? why["norm/gamma"] ?? Object.values(why)[0]).toContain("only dense layers");
  });

  it("replaces the feed-forward part and nothing else", async () => {
    const { model, figures } = await method.run(importModel(bytes), optionsOf(), contextOf(tokens));
    const [old, made] = [importModel(bytes).init(), importModel(model!).init()];
    for (const name of ["head/kernel", "head/bias"]) expect(made[name]).toEqual(old[name]);
    expect(made["up/kernel"]).toBeUndefined();
    expect(figure(figures, "held-out R2 to the original's output")).toBeGreaterThan(0.8);
    const few = new NDArray(tokens.data.slice(0, 80), [2, 5, 8]);
    expect((await outputOf(model!, { tokens: few })).shape).toEqual([2, 5, 2]);
  });

  it("makes up normal examples where it is given none", async () => {
    const { figures } = await method.run(importModel(bytes), optionsOf(), contextOf());
    expect(figure(figures, "held-out examples")).toBe(2048);
  });
});

describe("nodes of a tower", () => {
  it.each(chainKinds.flatMap((kind) => [1, 2, 3].map((depth) => [kind, depth] as const)))(
    "%s of depth %i compute what the traced features do",
    async (kind, depth) => {
      const chain = chainTower({ kind, inputs: 4, features: 6, depth, scale: 0.3 });
      const params = chain.tower.init(random.key(depth));
      const weights = random.normal(random.key(9), [chain.tower.outputs + 1, 2]);
      const { nodes, values } = towerNodes(chain, params, weights, {
        input: "x",
        output: "y",
        names: new FreshNames(new Set(["x", "y"])),
      });
      const port = (name: string) => ({ name, type: { tensorType: { elemType: 1 } } });
      const model: Draft<"ModelProto"> = {
        irVersion: 8,
        opsetImport: [{ domain: "", version: 7 }],
        graph: {
          name: "tower",
          node: nodes,
          initializer: Object.entries(values).map(([name, value]) => ndarrayToTensor(value, name)),
          input: [port("x")],
          output: [port("y")],
        },
      };
      const rows = random.normal(random.key(10), [5, 4]);
      const features = compile((p: Traced<TowerParams>, w: Tensor, a: Tensor) =>
        chainFeatures(chain).apply(p, a).matmul(w),
      );
      const expected = numbers(await features(params, weights, rows));
      await features.dispose();
      numbers(await outputOf(encodeMessage("ModelProto", model), { x: rows })).forEach((v, i) => {
        expect(Math.abs(v - expected[i]!)).toBeLessThan(1e-4 * Math.max(1, Math.abs(expected[i]!)));
      });
    },
  );
});

describe("activations that the file spells out", () => {
  const curves = {
    "gelu by erf": (t: Tensor) => t.div(Math.SQRT2).erf().add(1).mul(t).mul(0.5),
    "gelu by tanh": (t: Tensor) => t.pow(3).mul(0.044715).add(t).mul(0.7978846).tanh().add(1).mul(t.mul(0.5)),
    silu: (t: Tensor) => t.mul(t.sigmoid()),
  };
  it.each(Object.entries(curves))("%s is one layer", async (_, activation) => {
    const made = mlp({ sizes: [6, 16, 3], activation });
    const bytes = exportModel(made, made.init(random.key(1)), { x: ["batch", 6] });
    const { touched } = method.plan(importModel(bytes), optionsOf());
    expect(touched.map((t) => t.path)).toEqual(["layers/0/kernel", "layers/1/kernel"]);
    const { model } = await method.run(importModel(bytes), optionsOf({ kind: "relu" }), contextOf(x));
    expect(
      importModel(model!)
        .operators.map((o) => o.name)
        .sort(),
    ).toEqual(["Add", "MatMul", "Relu"]);
  });
});

describe("files of other kinds", () => {
  /** relu(x A) B with a shared constant node, as an old exporter writes it: IR version 3, initialisers as inputs, a batch of 4. */
  const old = () => {
    const [a, b] = [random.normal(random.key(1), [3, 8]), random.normal(random.key(2), [8, 2])];
    const input = (name: string, dims: number[]) => ({
      name,
      type: { tensorType: { elemType: 1, shape: { dim: dims.map((dimValue) => ({ dimValue })) } } },
    });
    return encodeMessage("ModelProto", {
      irVersion: 3,
      opsetImport: [{ domain: "", version: 8 }],
      graph: {
        name: "old",
        node: [
          { opType: "MatMul", input: ["x", "A"], output: ["xa"], name: "first" },
          { opType: "Relu", input: ["xa"], output: ["h"], name: "relu" },
          { opType: "MatMul", input: ["h", "B"], output: ["y"], name: "second" },
        ],
        initializer: [ndarrayToTensor(a, "A"), ndarrayToTensor(b, "B")],
        input: [input("x", [4, 3]), input("A", [3, 8]), input("B", [8, 2])],
        output: [input("y", [4, 2])],
      },
    });
  };

  it("one of IR version 3 with a fixed batch", async () => {
    const data = random.normal(random.key(3), [402, 3]);
    const { model, figures } = await method.run(importModel(old()), optionsOf(), contextOf(data));
    const made = decodeMessage("ModelProto", model!);
    expect(made.graph!.input.map((i) => i.name)).not.toContain("A");
    expect(importModel(model!).inputs.map((p) => p.name)).toEqual(["x"]);
    expect(figure(figures, "held-out examples")).toBe(400);
    expect((await outputOf(model!, { x: new NDArray(data.data.slice(0, 12), [4, 3]) })).shape).toEqual([
      4, 2,
    ]);
  });

  it("with an activation that has no features: the node is named", () => {
    const selu = mlp({ sizes: [3, 4, 2], activation: "selu" });
    const bytes = exportModel(selu, selu.init(random.key(1)), { x: ["n", 3] });
    expect(() => method.plan(importModel(bytes), optionsOf())).toThrow(
      /^snnk: there is no dense layer with an activation to replace: layers\/0\/kernel: node "[^"]+" \(Selu\) follows it/,
    );
  });

  it("too few examples", async () => {
    const few = random.normal(random.key(1), [5, 6]);
    await expect(method.run(importModel(file), optionsOf(), contextOf(few))).rejects.toThrow(
      "5 rows are too few to fit 64 features to",
    );
  });

  it("accuracies where there are classes", async () => {
    const labels = new NDArray(
      BigInt64Array.from({ length: 1500 }, (_, i) => BigInt(i % 3)),
      [1500],
    );
    const { figures } = await method.run(importModel(file), optionsOf(), contextOf(x, labels));
    expect(figures.map((f) => f.name)).toContain("held-out accuracy, after");
  });
});

const folder = process.env.PAPERWEIGHT_DATA && join(process.env.PAPERWEIGHT_DATA, "onnx-models");
describe.skipIf(!folder || !existsSync(folder))(
  `files of others${folder ? "" : " (skipped: PAPERWEIGHT_DATA is not set)"}`,
  () => {
    const open = (name: string) => importModel(readFileSync(join(folder!, name, "model.onnx")));

    it("BERT: feed-forward parts of all blocks and the pooler", async () => {
      const model = open("bert-toy");
      const ids = (seed: number, high: number) => random.integers(random.key(seed), [200, 12], 0, high);
      const inputs = {
        input_ids: ids(1, 99),
        token_type_ids: ids(2, 2),
        input_mask: new NDArray(new BigInt64Array(2400).fill(1n), [200, 12]),
      };
      const context = contextOf(ids(1, 99));
      const examples = { x: inputs, y: NDArray.zeros([200, 1]) };
      const { model: bytes, figures } = await method.run(model, optionsOf(), {
        ...context,
        train: examples,
        validation: { ...examples },
      });
      expect(figure(figures, "replaced layers")).toBeGreaterThanOrEqual(12);
      expect(figure(figures, "held-out R2 to the original's output")).toBeGreaterThan(0.9);
      expect(importModel(bytes!).operators.find((o) => o.name === "Softmax")!.count).toBe(5);
    });

    it("a PyTorch CNN: its dense layers", async () => {
      const { figures } = await method.run(open("cnn-mnist-pytorch"), optionsOf(), contextOf());
      expect(figure(figures, "replaced layers")).toBe(2);
    });
  },
);
