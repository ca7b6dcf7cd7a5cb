import { describe, expect, it } from "vitest";
import { emitModel } from "../onnx/emit.ts";
import { NDArray } from "../tensor/ndarray.ts";
import { Tensor } from "../tensor/tensor.ts";
import { byOperator, profileModel, readProfile } from "./profile.node.ts";

const node = (name: string, operator: string, ts: number, dur: number) => ({
  cat: "Node",
  name: `${name}_kernel_time`,
  ts,
  dur,
  args: { op_name: operator, activation_size: "32", parameter_size: "8", output_size: "16", node_index: "0" },
});
const run = (ts: number, dur: number) => ({ cat: "Session", name: "model_run", ts, dur });

describe("readProfile", () => {
  it("takes medians over the runs after the first ones, in the order of execution", () => {
    const events = [
      run(0, 900),
      node("a", "MatMul", 10, 800),
      run(1000, 50),
      node("a", "MatMul", 1001, 30),
      node("b", "Add", 1031, 10),
      run(2000, 70),
      node("a", "MatMul", 2001, 50),
      node("b", "Add", 2051, 12),
    ];
    const profile = readProfile(JSON.stringify(events), 1);
    expect(profile.runs).toBe(2);
    expect(profile.seconds).toBeCloseTo(60e-6, 12);
    expect(profile.nodes.map((n) => [n.name, n.operator, n.read, n.weights, n.written])).toEqual([
      ["a", "MatMul", 32, 8, 16],
      ["b", "Add", 32, 8, 16],
    ]);
    expect(profile.nodes[0]!.seconds).toBeCloseTo(40e-6, 12);
    expect(profile.nodes[1]!.seconds).toBeCloseTo(11e-6, 12);
  });

  it("sums a node that runs several times in a run", () => {
    const events = [run(0, 100), node("a", "Add", 1, 10), node("a", "Add", 20, 20), node("a", "Add", 50, 30)];
    expect(readProfile(JSON.stringify(events)).nodes[0]!.seconds).toBeCloseTo(60e-6, 12);
  });

  it("refuses a profile without runs to look at", () => {
    expect(() => readProfile(JSON.stringify([run(0, 1)]), 1)).toThrow(
      "profile: it has 1 runs, of which 1 warm up: make more",
    );
  });
});

describe("byOperator", () => {
  it("sums nodes of one operator, the slowest operator first", () => {
    const base = { read: 0, weights: 0, written: 0 };
    const nodes = [
      { name: "a", operator: "Add", seconds: 1, ...base },
      { name: "b", operator: "MatMul", seconds: 5, ...base },
      { name: "c", operator: "Add", seconds: 2, ...base },
    ];
    expect(byOperator(nodes)).toEqual([
      { operator: "MatMul", nodes: 1, seconds: 5 },
      { operator: "Add", nodes: 2, seconds: 3 },
    ]);
  });
});

describe("profileModel", () => {
  it("names the operators that ran and the bytes they moved", async () => {
    const x = Tensor.input([4, 3]);
    const w = Tensor.input([3, 2]);
    const graph = emitModel({
      inputs: [
        { name: "x", tensor: x },
        { name: "w", tensor: w },
      ],
      outputs: [{ name: "y", tensor: x.matmul(w).tanh() }],
    });
    const profile = await profileModel(
      graph,
      { x: NDArray.full([4, 3], 1), w: NDArray.full([3, 2], 1) },
      { runs: 3, threads: 1 },
    );
    expect(profile.runs).toBe(3);
    expect(profile.nodes.map((n) => [n.operator, n.read, n.written])).toEqual([
      ["MatMul", 4 * (12 + 6), 4 * 8],
      ["Tanh", 4 * 8, 4 * 8],
    ]);
  });
});
