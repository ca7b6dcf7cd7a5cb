import { describe, expect, it } from "vitest";
import { backend } from "#backend";
import type { NDArray } from "../tensor/ndarray.ts";
import { batchNorm } from "../tensor/operators/batch-normalisation.ts";
import { conv } from "../tensor/operators/convolution.ts";
import { concat } from "../tensor/operators/movement.ts";
import * as random from "../tensor/random.ts";
import { reachable } from "../tensor/rewrite.ts";
import { Tensor } from "../tensor/tensor.ts";
import { grad } from "../tensor/transforms.ts";
import { blockConvolutions } from "./blocked-layout.ts";
import { compile } from "./compile.ts";

type Tensors = readonly Tensor[];
const normal = (seed: number, shape: number[]) => random.normal(random.key(seed), shape);

const numbers = (a: NDArray) => Array.from(a.data as Iterable<number>);

/** The largest difference, relative to the largest value, of what runs with blocks to the plain graph in float64. */
async function difference(fn: (...x: Tensor[]) => Tensors, arrays: NDArray[]): Promise<number> {
  const blocked = await compile((...x: Tensor[]) => fn(...x))(...arrays);
  const exact = await compile((...x: Tensor[]) => fn(...x))(...arrays.map((a) => a.cast("float64")));
  const off = blocked.map((b, i) => {
    const [e, off] = [exact[i]! as NDArray, b as NDArray];
    const scale = Math.max(...numbers(e).map(Math.abs), 1e-30);
    return Math.max(...numbers(off).map((v, j) => Math.abs(v - numbers(e)[j]!) / scale));
  });
  return Math.max(...off);
}

/** Operators by name with their counts, of the arranged graph. */
function operatorsOf(fn: (...x: Tensor[]) => Tensors, arrays: NDArray[], block = 8): Record<string, number> {
  const inputs = arrays.map((a) => Tensor.input(a.shape, a.dtype));
  const counts: Record<string, number> = {};
  for (const { name } of reachable(blockConvolutions(fn(...inputs), block)))
    counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

const lossGradients =
  (f: (...x: Tensor[]) => Tensor, weight: NDArray) =>
  (...x: Tensor[]): Tensors => {
    const all = (args: Tensors) =>
      f(...args)
        .mul(Tensor.constant(weight).cast(x[0]!.dtype))
        .sum();
    return [f(...x), ...(grad(all as never) as unknown as (x: Tensors) => Tensors)(x)];
  };

describe("blocked convolutions keep values and gradients", () => {
  const cases: [string, (...x: Tensor[]) => Tensor, number[][], number[]][] = [
    [
      "3x3, from few channels",
      (x, k) => conv(x, k, { padding: 1 }),
      [
        [2, 3, 6, 7],
        [16, 3, 3, 3],
      ],
      [2, 16, 6, 7],
    ],
    [
      "3x3",
      (x, k) => conv(x, k, { padding: 1 }),
      [
        [2, 32, 6, 7],
        [16, 32, 3, 3],
      ],
      [2, 16, 6, 7],
    ],
    [
      "stride and dilation",
      (x, k) => conv(x, k, { stride: 2, dilation: [1, 2] }),
      [
        [2, 16, 9, 9],
        [32, 16, 3, 3],
      ],
      [2, 32, 4, 3],
    ],
    [
      "16 examples",
      (x, k) => conv(x, k!, { padding: [[1, 0], 2] }),
      [
        [16, 3, 5, 4],
        [32, 3, 3, 3],
      ],
      [16, 32, 4, 6],
    ],
    [
      "16 examples, stride, dilation and an end that no window reaches",
      (x, k) => conv(x, k!, { stride: [2, 1], dilation: [1, 2], padding: [1, 0] }),
      [
        [16, 16, 6, 6],
        [16, 16, 3, 2],
      ],
      [16, 16, 3, 4],
    ],
    ["bias", (x, k, b) => conv(x, k, { bias: b! }), [[1, 16, 5, 5], [16, 16, 3, 3], [16]], [1, 16, 3, 3]],
    [
      "groups",
      (x, k) => conv(x, k, { groups: 2 }),
      [
        [2, 32, 5, 5],
        [64, 16, 3, 3],
      ],
      [2, 64, 3, 3],
    ],
    [
      "depthwise",
      (x, k) => conv(x, k, { groups: 32 }),
      [
        [2, 32, 5, 5],
        [32, 1, 3, 3],
      ],
      [2, 32, 3, 3],
    ],
    [
      "channels that do not fit",
      (x, k) => conv(x, k),
      [
        [2, 12, 5, 5],
        [20, 12, 3, 3],
      ],
      [2, 20, 3, 3],
    ],
    [
      "mixed groups that do not fit",
      (x, k) => conv(x, k, { groups: 4 }),
      [
        [2, 16, 5, 5],
        [16, 4, 3, 3],
      ],
      [2, 16, 3, 3],
    ],
    [
      "a residual block with batch normalisation",
      (x, k, l, s, b) => {
        const y = batchNorm(conv(x, k!, { padding: 1 }), s!, b!, { training: true }).y.relu();
        const z = batchNorm(conv(y, l!, { padding: 1 }), s!, b!, { training: true }).y;
        return z.add(x).relu();
      },
      [[3, 16, 5, 5], [16, 16, 3, 3], [16, 16, 3, 3], [16], [16]],
      [3, 16, 5, 5],
    ],
    [
      "activations, scalars, means, pointwise and what leaves the layout in the middle",
      (x, k, l) => {
        const y = conv(x, k!, { padding: 1 }).mul(0.1).sigmoid().sub(0.3);
        const turned = concat([y.slice(undefined, [8, 16]), y.slice(undefined, [0, 8])], 1).tanh();
        return conv(turned.add(y), l!)
          .sub(y.mean([0, 2, 3], { keepDims: true }))
          .div(y.sum([2, 3], { keepDims: true }).exp());
      },
      [
        [2, 16, 4, 4],
        [16, 16, 3, 3],
        [16, 16, 1, 1],
      ],
      [2, 16, 4, 4],
    ],
  ];
  for (const [name, f, shapes, result] of cases) {
    it(name, async () => {
      const arrays = shapes.map((s, i) => normal(i, s));
      expect(await difference(lossGradients(f, normal(99, result)), arrays)).toBeLessThan(2e-5);
    });
  }
});

describe("the layout", () => {
  const x = normal(1, [2, 16, 6, 6]);
  const k = normal(2, [16, 16, 3, 3]);
  const c = normal(3, [16, 1, 1]);

  it("is kept through a stack of convolutions, activations and factors for each channel", () => {
    const stack = (x: Tensor, k: Tensor, c: Tensor) => {
      let y = x;
      for (let i = 0; i < 4; i++) y = conv(y, k, { padding: 1 }).mul(c).add(c).relu().add(y);
      return [y];
    };
    const nchwc = "com.microsoft.nchwc.";
    expect(operatorsOf(stack, [x, k, c])).toMatchObject({
      [`${nchwc}ReorderInput`]: 1,
      [`${nchwc}ReorderOutput`]: 1,
      [`${nchwc}Conv`]: 4,
      Relu: 4,
      Add: 8,
    });
  });

  it("is not begun by a pointwise convolution, a float64 one or one of another rank", () => {
    const plain = (fn: (...x: Tensor[]) => Tensors, arrays: NDArray[]) =>
      expect(Object.keys(operatorsOf(fn, arrays)).some((name) => name.includes("nchwc"))).toBe(false);
    plain((x, k) => [conv(x, k)], [x, normal(4, [16, 16, 1, 1])]);
    plain((x, k) => [conv(x, k)], [x.cast("float64"), k.cast("float64")]);
    plain((x, k) => [conv(x, k)], [normal(5, [1, 16, 9]), normal(6, [16, 16, 3])]);
  });

  it("is never part of the graph that a compiled function shows", () => {
    const graph = compile((x: Tensor, k: Tensor) => conv(x, k)).graph(x, k);
    expect(graph.opsetImport!.map((o) => o!.domain)).toEqual([""]);
  });

  it("has the block that the processor asks for", async () => {
    expect([1, 8, 16]).toContain(await backend.channelBlock());
  });
});
