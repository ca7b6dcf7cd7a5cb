import { describe, expect, test } from "vitest";
import { evaluate, numbers } from "../../../test/evaluate.ts";
import type { Attributes } from "../node.ts";
import * as random from "../random.ts";
import { applyAll, type Tensor } from "../tensor.ts";
import { expandRecurrent } from "./recurrent.ts";

type Op = "LSTM" | "GRU" | "RNN";
const gates = { LSTM: 4, GRU: 3, RNN: 1 };

const cases: [Op, string, Attributes, { directions?: number; states?: boolean; peepholes?: boolean }][] = [
  ["LSTM", "forward", {}, {}],
  ["LSTM", "with states and peepholes", {}, { states: true, peepholes: true }],
  ["LSTM", "both directions", { direction: "bidirectional" }, { directions: 2, states: true }],
  ["LSTM", "coupled gates, clipped", { input_forget: 1, clip: { float: 0.4 } }, {}],
  ["GRU", "forward", {}, { states: true }],
  ["GRU", "linear before the reset, backwards", { linear_before_reset: 1, direction: "reverse" }, {}],
  ["GRU", "both directions", { direction: "bidirectional" }, { directions: 2 }],
  ["RNN", "forward", {}, { states: true }],
  ["RNN", "with relu", { activations: { strings: ["Relu"] } }, {}],
];

describe("the steps that gradients are made of compute what ONNX Runtime's kernel computes", () => {
  test.each(cases)(
    "%s %s",
    async (op, _, attributes, { directions = 1, states = false, peepholes = false }) => {
      const [time, batch, size, hidden] = [4, 2, 3, 2];
      const rows = gates[op] * hidden;
      const shapes = [
        [time, batch, size],
        [directions, rows, size],
        [directions, rows, hidden],
        [directions, 2 * rows],
        ...(states ? new Array(op === "LSTM" ? 2 : 1).fill([directions, batch, hidden]) : []),
        ...(peepholes ? [[directions, 3 * hidden]] : []),
      ] as number[][];
      const all = { hidden_size: hidden, ...attributes };
      const pair = (...[x, w, r, b, ...rest]: Tensor[]) => {
        const inputs = [x, w, r, b, undefined, ...rest];
        return [...applyAll(op, inputs, all, op === "LSTM" ? 3 : 2), ...expandRecurrent(op, inputs, all)];
      };
      const results = await evaluate(pair, ...shapes.map((s, i) => random.normal(random.key(i), s)));
      const half = results.length / 2;
      for (let i = 0; i < half; i++) {
        expect(results[half + i]!.shape).toEqual(results[i]!.shape);
        const [kernel, steps] = [numbers(results[i]!), numbers(results[half + i]!)];
        steps.forEach((v, k) => expect(v).toBeCloseTo(kernel[k]!, 5));
      }
    },
  );
});

test("weights that do not fit are an error", async () => {
  const normal = (...shape: number[]) => random.normal(random.key(0), shape);
  const run = evaluate(
    (x, w, r) => applyAll("LSTM", [x, w, r], {}, 3),
    normal(2, 1, 3),
    normal(1, 7, 3),
    normal(1, 8, 2),
  );
  await expect(run).rejects.toThrow("W must be [1, 8, 3]");
});
