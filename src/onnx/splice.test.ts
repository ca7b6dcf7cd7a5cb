import { describe, expect, it } from "vitest";
import { NDArray } from "../tensor/ndarray.ts";
import type { ModelProto, NodeProto } from "./schema.ts";
import { spliceNodes, withOutputs } from "./splice.ts";
import { ndarrayToTensor } from "./tensors.ts";
import { createMessage } from "./wire.ts";

const node = (opType: string, input: string[], output: string[]): NodeProto =>
  createMessage("NodeProto", { opType, input, output });
const port = (name: string) => createMessage("ValueInfoProto", { name });
const value = (name: string) => ndarrayToTensor(NDArray.from([1]), name);

/** y = relu(x + a) * a - b. */
function model(irVersion: number): ModelProto {
  return createMessage("ModelProto", {
    irVersion,
    graph: createMessage("GraphProto", {
      node: [
        node("Add", ["x", "a"], ["s"]),
        node("Relu", ["s"], ["r"]),
        node("Mul", ["r", "a"], ["m"]),
        node("Sub", ["m", "b"], ["y"]),
      ],
      initializer: [value("a"), value("b"), value("unused")],
      input: [port("x"), ...(irVersion < 4 ? [port("a"), port("b")] : [])],
      output: [port("y")],
      valueInfo: [port("s"), port("m")],
    }),
  });
}

const names = (list: readonly { name?: string | undefined }[]) => list.map((v) => v.name);

describe("spliceNodes", () => {
  it("puts new nodes where the old ones were, and takes away what only those used", () => {
    const before = model(8);
    const [add, relu, , sub] = before.graph!.node as [NodeProto, NodeProto, NodeProto, NodeProto];
    const neg = node("Neg", ["m"], ["y"]);
    const { graph } = spliceNodes(before, { remove: new Set([sub]), insert: [neg], values: {} });
    expect(graph!.node).toEqual([add, relu, before.graph!.node[2], neg]);
    expect(names(graph!.initializer)).toEqual(["a", "unused"]);
    const shared = spliceNodes(before, {
      remove: new Set([add]),
      insert: [node("Neg", ["x"], ["s"])],
      values: {},
    });
    expect(names(shared.graph!.initializer)).toEqual(["a", "b", "unused"]);
    expect(before).toEqual(model(8));
  });

  it("drops what was said of values that are gone, and adds initialisers", () => {
    const before = model(8);
    const remove = new Set(before.graph!.node.slice(0, 2));
    const insert = [node("Mul", ["x", "c"], ["r"])];
    const { graph } = spliceNodes(before, { remove, insert, values: { c: NDArray.from([2]) } });
    expect(names(graph!.valueInfo)).toEqual(["m"]);
    expect(names(graph!.initializer)).toEqual(["a", "b", "unused", "c"]);
  });

  it("keeps initialisers among the inputs where the file is older than IR version 4", () => {
    const before = model(3);
    const remove = new Set([before.graph!.node[3]!]);
    const insert = [node("Add", ["m", "c"], ["y"])];
    const { graph } = spliceNodes(before, { remove, insert, values: { c: NDArray.from([2]) } });
    expect(names(graph!.input)).toEqual(["x", "a", "c"]);
  });

  it("refuses to leave a value without a node", () => {
    const before = model(8);
    const remove = new Set([before.graph!.node[0]!]);
    expect(() => spliceNodes(before, { remove, insert: [], values: {} })).toThrow('"s" is still used');
  });
});

it("withOutputs keeps what is declared and names the rest", () => {
  expect(names(withOutputs(model(8), ["m", "y"]).graph!.output)).toEqual(["m", "y"]);
});
