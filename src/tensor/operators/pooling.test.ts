import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Geometry, poolReference } from "../../../test/reference/spatial.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../ndarray.ts";
import { type Shape, sizeOf } from "../shape.ts";
import { apply, applyAll, Tensor } from "../tensor.ts";
import { grad } from "../transforms.ts";
import { averagePool, globalAveragePool, globalMaxPool, maxPool } from "./index.ts";

interface Config extends Geometry {
  readonly kernel: Shape;
  readonly shape: Shape;
  readonly ceil: boolean;
}

/** Windows that cover an element each, as ONNX Runtime wants the padding: smaller than the kernel. */
const configs = fc.integer({ min: 1, max: 3 }).chain((rank) => {
  const each = <T>(element: fc.Arbitrary<T>) => fc.array(element, { minLength: rank, maxLength: rank });
  const small = fc.integer({ min: 1, max: 3 });
  return fc
    .record({
      kernel: each(small),
      stride: each(small),
      dilation: each(fc.integer({ min: 1, max: 2 })),
      fill: each(fc.tuple(fc.nat(2), fc.nat(2))),
      room: each(fc.nat(4)),
      ceil: fc.boolean(),
      outer: fc.tuple(small, small),
    })
    .map(
      ({ room, outer, fill, ...c }): Config => ({
        ...c,
        pads: fill.map(
          (p, a) => [Math.min(p[0], c.kernel[a]! - 1), Math.min(p[1], c.kernel[a]! - 1)] as const,
        ),
        shape: [...outer, ...room.map((r, a) => (c.kernel[a]! - 1) * c.dilation[a]! + 1 + r)],
      }),
    );
});
const sample = fc.sample(configs, { numRuns: 40, seed: 11 });

const inputs = sample.map(({ shape }, i) => {
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, k) => Math.sin(i + k * k + 0.7 * k));
  return new NDArray(data, shape);
});

const optionsOf = (c: Config) => ({
  stride: c.stride,
  dilation: c.dilation,
  padding: c.pads,
  ceil: c.ceil,
});

function distance(a: NDArray, b: NDArray): number {
  const [p, q] = [a, b].map((t) => t.cast("float64").data as Float64Array);
  return Math.max(...p!.map((e, k) => Math.abs(e - q![k]!)));
}

/** What is pooled from the elements of a window, and how. */
const pools: Record<
  string,
  [(x: Tensor, c: Config) => Tensor, (elements: readonly number[], padded: number) => number]
> = {
  "maxPool is the largest element of each window": [
    (x, c) => maxPool(x, c.kernel, optionsOf(c)),
    (elements) => Math.max(...elements),
  ],
  "averagePool is the mean over the elements": [
    (x, c) => averagePool(x, c.kernel, optionsOf(c)),
    (elements) => elements.reduce((a, b) => a + b, 0) / elements.length,
  ],
  "averagePool with countPadding is the mean over elements and padding": [
    (x, c) => averagePool(x, c.kernel, { ...optionsOf(c), countPadding: true }),
    (elements, padded) => elements.reduce((a, b) => a + b, 0) / padded,
  ],
  "LpPool is the norm of the elements": [
    (x, c) =>
      apply("LpPool", [x], {
        kernel_shape: c.kernel,
        strides: c.stride,
        dilations: c.dilation,
        pads: [...c.pads.map((p) => p[0]), ...c.pads.map((p) => p[1])],
        ceil_mode: c.ceil ? 1 : 0,
      }),
    (elements) => Math.hypot(...elements),
  ],
};

test.each(Object.entries(pools))("%s", async (_, [pool, of]) => {
  const run = compile((list: Tensor[]) => list.map((x, i) => pool(x, sample[i]!)));
  for (const dtype of ["float64", "float32"] as const) {
    const results = (await run(inputs.map((x) => x.cast(dtype)))) as NDArray[];
    results.forEach((y, i) => {
      const c = sample[i]!;
      const expected = poolReference(inputs[i]!, c.kernel, c.ceil, c, of);
      expect(y.shape).toEqual(expected.shape);
      expect(distance(y, expected), `${dtype}, ${JSON.stringify(c)}`).toBeLessThan(
        dtype === "float64" ? 1e-12 : 1e-5,
      );
    });
  }
  await run.dispose();
});

test("ONNX Runtime's float32 kernels compute the gradients that float64 does", async () => {
  const run = compile((list: Tensor[]) =>
    list.slice(0, 15).flatMap((x, i) => {
      const c = sample[i]!;
      const pooled = (t: Tensor) => {
        const y = maxPool(t, c.kernel, optionsOf(c)).add(averagePool(t, c.kernel, optionsOf(c)));
        return y.mul(y.cumsum(-1)).sum();
      };
      return [grad(pooled)(x)];
    }),
  );
  const exact = (await run(inputs)) as NDArray[];
  const native = (await run(inputs.map((x) => x.cast("float32")))) as NDArray[];
  await run.dispose();
  native.forEach((g, i) => {
    expect(distance(g, exact[i]!)).toBeLessThan(1e-4);
  });
});

describe("equal elements", () => {
  const dx = async (f: (x: Tensor) => Tensor) => {
    const run = compile((x: Tensor) => grad((t: Tensor) => f(t).sum())(x));
    const g = await run(NDArray.zeros([1, 1, 2, 4]));
    await run.dispose();
    return g.toNested();
  };

  test("the first one of a window gets the gradient of maxPool", async () => {
    expect(await dx((x) => maxPool(x, 2))).toEqual([
      [
        [
          [1, 0, 1, 0],
          [0, 0, 0, 0],
        ],
      ],
    ]);
  });

  test("they share the gradient of globalMaxPool", async () => {
    expect(await dx((x) => globalMaxPool(x).mul(8))).toEqual([
      [
        [
          [1, 1, 1, 1],
          [1, 1, 1, 1],
        ],
      ],
    ]);
  });

  test("zeros have the gradient 0 of a norm", async () => {
    expect(await dx((x) => apply("LpPool", [x], { kernel_shape: [2, 2] }))).toEqual([
      [
        [
          [0, 0, 0, 0],
          [0, 0, 0, 0],
        ],
      ],
    ]);
  });
});

test("global pools are reductions over the spatial axes", async () => {
  const run = compile((x: Tensor) => [
    globalAveragePool(x).sub(x.mean([2, 3], { keepDims: true })),
    globalMaxPool(x).sub(x.max([2, 3], { keepDims: true })),
    apply("GlobalLpPool", [x], { p: 3 }).sub(
      x
        .abs()
        .pow(3)
        .sum([2, 3], { keepDims: true })
        .pow(1 / 3),
    ),
  ]);
  const x = new NDArray(
    Float64Array.from({ length: 36 }, (_, i) => Math.sin(i * i)),
    [2, 3, 2, 3],
  );
  for (const array of [x, x.cast("float32")]) {
    for (const difference of await run(array)) {
      for (const d of difference.data) expect(Math.abs(Number(d))).toBeLessThan(1e-6);
    }
  }
  await run.dispose();
});

test("MaxUnpool puts what a MaxPool took back to its places", async () => {
  const run = compile((x: Tensor) => {
    const attributes = { kernel_shape: [2, 2], strides: [2, 2] };
    const [values, places] = applyAll("MaxPool", [x], attributes, 2);
    return apply("MaxUnpool", [values, places], attributes);
  });
  const x = NDArray.from([
    [
      [
        [1, 5, 2, 0],
        [3, 4, 7, 6],
      ],
    ],
  ]);
  const back = [
    [
      [
        [0, 5, 0, 0],
        [0, 0, 7, 0],
      ],
    ],
  ];
  expect((await run(x)).toNested()).toEqual(back);
  expect((await run(x.cast("float64"))).toNested()).toEqual(back);
  await run.dispose();
});

test("a pool of a long axis takes no matrix", () => {
  const x = Tensor.input([1, 1, 100_000]);
  const dx = compile((t: Tensor) => grad((u: Tensor) => averagePool(u, 2).square().sum())(t));
  const { graph } = dx.graph(NDArray.zeros(x.shape));
  expect(graph!.node!.map((n) => n.opType)).not.toContain("MatMul");
});

test.each([
  [() => maxPool(Tensor.input([3, 4]), 2), /takes \[N, C, \*sizes\] with 1 to 3 spatial axes, not 2 axes/],
  [() => maxPool(Tensor.input([1, 1, 4, 4]), [2, 2, 2]), /kernel_shape is \[2, 2, 2\].* for 2 spatial axes/],
  [() => averagePool(Tensor.input([1, 1, 3]), 5), /reaches over 5, spatial axis 0 has only 3/],
  [() => globalMaxPool(Tensor.input([3, 4])), /takes \[N, C, \*sizes\], not 2 axes/],
  [
    () => grad((x: Tensor) => maxPool(x, 2, { padding: 1, dilation: 2 }).sum())(Tensor.input([1, 1, 1])),
    /some windows lie in the padding only: pad less/,
  ],
])("what does not fit is named: %#", (f, message) => {
  expect(f).toThrow(message);
});
