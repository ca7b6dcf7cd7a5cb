import { describe, expect, it } from "vitest";
import { compile } from "../runtime/compile.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Traced } from "../tensor/tree.ts";
import * as nn from "./index.ts";

type Matrix = number[][];
const key = random.key(2);
const dtype = "float64";
const nested = (a: NDArray) => a.toNested() as Matrix[];
const dot = (a: number[], b: number[]) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
const times = (x: Matrix, kernel: NDArray, bias?: NDArray) => {
  const k = kernel.toNested() as unknown as Matrix;
  return x.map((row) =>
    k[0]!.map(
      (_, j) =>
        dot(
          row,
          k.map((r) => r[j]!),
        ) + Number(bias?.data[j] ?? 0),
    ),
  );
};
const softmax = (row: number[]) => {
  const e = row.map((v) => Math.exp(v));
  return e.map((v) => v / e.reduce((a, b) => a + b, 0));
};

type Weights = Record<"query" | "key" | "value" | "output", nn.LinearParams>;

/** Attention written out for one example: x attends to `memory`. */
function reference(
  p: Weights,
  x: Matrix,
  memory: Matrix,
  heads: number,
  keyHeads: number,
  seen: (i: number, j: number) => boolean,
): Matrix {
  const of = (name: keyof Weights, v: Matrix) => times(v, p[name].kernel, p[name].bias);
  const [q, k, v] = [of("query", x), of("key", memory), of("value", memory)];
  const size = q[0]!.length / heads;
  const joined = q.map((row, i) =>
    Array.from({ length: heads }, (_, h) => {
      const g = Math.floor(h / (heads / keyHeads)) * size;
      const query = row.slice(h * size, (h + 1) * size);
      const scores = k.map((r, j) =>
        seen(i, j) ? dot(query, r.slice(g, g + size)) / Math.sqrt(size) : -Infinity,
      );
      const shares = softmax(scores);
      return Array.from({ length: size }, (_, d) =>
        dot(
          shares,
          v.map((r) => r[g + d]!),
        ),
      );
    }).flat(),
  );
  return of("output", joined);
}

function close(found: unknown, expected: Matrix) {
  const rows = found as Matrix;
  expect(rows.length).toBe(expected.length);
  expected.forEach((row, i) => row.forEach((v, j) => expect(rows[i]![j], `[${i}, ${j}]`).toBeCloseTo(v, 10)));
}

const x = random.normal(random.key(5), [2, 5, 8], dtype);
const biased = { size: 8, heads: 4, dtype } as const;

describe("attention equals its definition", () => {
  const all = () => true;
  it.each([
    ["to itself", {}, all],
    ["causal", { causal: true }, (i: number, j: number) => j <= i],
    [
      "keys shared by two heads each, causal",
      { causal: true, keyHeads: 2 },
      (i: number, j: number) => j <= i,
    ],
    ["keys shared by all heads", { keyHeads: 1 }, all],
  ])("%s", async (_, options, seen) => {
    const model = nn.attention({ ...biased, ...options });
    const params = model.init(key);
    const y = await compile((p: Traced<typeof params>, t: Tensor) => model.apply(p, t))(params, x);
    nested(x).forEach((rows, n) => {
      close(
        nested(y)[n],
        reference(params, rows, rows, 4, (options as { keyHeads?: number }).keyHeads ?? 4, seen),
      );
    });
  });

  it("to a memory of another size and length, under a mask", async () => {
    const model = nn.attention({ ...biased, memorySize: 6 });
    const params = model.init(key);
    const memory = random.normal(random.key(6), [2, 3, 6], dtype);
    const mask = NDArray.from([[[[1, 1, 0]]], [[[0, 1, 0]]]]).cast("bool");
    const run = compile((p: Traced<typeof params>, input: { x: Tensor; memory: Tensor; mask: Tensor }) =>
      model.apply(p, input),
    );
    const y = await run(params, { x, memory, mask });
    [0, 1].forEach((n) => {
      const seen = (_: number, j: number) => (n === 0 ? j < 2 : j === 1);
      close(nested(y)[n], reference(params, nested(x)[n]!, nested(memory)[n]!, 4, 4, seen));
    });
  });

  it("says what does not fit", () => {
    expect(() => nn.attention({ size: 8, heads: 3 })).toThrow("does not split into 3 heads");
    expect(() => nn.attention({ size: 8, heads: 4, keyHeads: 3 })).toThrow("does not split into 3 keyHeads");
  });
});

describe("rotary positions", () => {
  const run = compile((t: Tensor) => nn.rotary(t, { theta: 100 }));

  it("turn each pair by position times frequency", async () => {
    const v = random.normal(random.key(7), [3, 4], dtype);
    const y = (await run(v)).toNested() as Matrix;
    (v.toNested() as Matrix).forEach((row, t) =>
      [0, 1].forEach((k) => {
        const angle = t * 100 ** (-k / 2);
        const [a, b] = [row[k]!, row[k + 2]!];
        expect(y[t]![k]).toBeCloseTo(a * Math.cos(angle) - b * Math.sin(angle), 12);
        expect(y[t]![k + 2]).toBeCloseTo(a * Math.sin(angle) + b * Math.cos(angle), 12);
      }),
    );
  });

  it("leave products that depend on the distance only", async () => {
    const [a, b] = [
      [0.3, -1, 2, 0.5],
      [1, 0.2, -0.7, 0.4],
    ];
    const turned = await run(NDArray.from([new Array(6).fill(a), new Array(6).fill(b)], dtype));
    const [p, q] = turned.toNested() as Matrix[];
    for (let t = 0; t + 2 < 6; t++) expect(dot(p![t]!, q![t + 2]!)).toBeCloseTo(dot(p![0]!, q![2]!), 12);
  });
});

it("swiglu is down(silu(gate x) * up x)", async () => {
  const model = nn.swiglu({ size: 8, hidden: 3, dtype });
  const params = model.init(key);
  const y = await compile(model.apply)(params, x);
  const rows = nested(x)[0]!;
  const gate = times(rows, params.gate.kernel);
  const up = times(rows, params.up.kernel);
  const hidden = gate.map((row, i) => row.map((g, j) => (g / (1 + Math.exp(-g))) * up[i]![j]!));
  close(nested(y)[0], times(hidden, params.down.kernel));
});

it("embedding looks rows up", async () => {
  const model = nn.embedding({ count: 4, size: 2 });
  const params = model.init(key);
  const ids = NDArray.from([3, 0, 3], "int64");
  const y = await compile(model.apply)(params, ids);
  const table = params.table.toNested() as Matrix;
  expect(y.toNested()).toEqual([table[3], table[0], table[3]]);
});

describe("transformer", () => {
  const model = nn.transformer({ vocabulary: 11, width: 8, depth: 2, heads: 2, hidden: 16, dtype });
  const params = model.init(key);
  const run = compile((p: Traced<typeof params>, t: Tensor) => model.apply(p, t));

  it("sees no later token", async () => {
    const logits = nested(
      await run(
        params,
        NDArray.from(
          [
            [1, 2, 3, 4],
            [1, 2, 3, 9],
          ],
          "int64",
        ),
      ),
    );
    expect(logits[0]!.slice(0, 3)).toEqual(logits[1]!.slice(0, 3));
    expect(logits[0]![3]).not.toEqual(logits[1]![3]);
  });

  it("knows positions: the order of the tokens before matters", async () => {
    const logits = nested(
      await run(
        params,
        NDArray.from(
          [
            [1, 2, 3],
            [2, 1, 3],
          ],
          "int64",
        ),
      ),
    );
    const [a, b] = [logits[0]![2]!, logits[1]![2]!];
    expect(Math.max(...a.map((v, i) => Math.abs(v - b[i]!)))).toBeGreaterThan(1e-9);
  });
});
