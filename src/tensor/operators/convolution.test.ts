import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { convReference, convTransposeReference, type Geometry } from "../../../test/reference/spatial.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../ndarray.ts";
import { type Shape, sizeOf } from "../shape.ts";
import { apply, Tensor } from "../tensor.ts";
import { grad } from "../transforms.ts";
import { conv, convTranspose } from "./index.ts";

interface Config extends Geometry {
  readonly kernel: Shape;
  readonly sizes: Shape;
  readonly batch: number;
  readonly groups: number;
  /** In each group, of what comes in and what goes out. */
  readonly channels: readonly [number, number];
  readonly extra: readonly number[];
}

const configs = fc.integer({ min: 1, max: 3 }).chain((rank) => {
  const each = <T>(element: fc.Arbitrary<T>) => fc.array(element, { minLength: rank, maxLength: rank });
  const small = fc.integer({ min: 1, max: 3 });
  const pads = each(fc.tuple(fc.nat(2), fc.nat(2)));
  return fc
    .record({
      kernel: each(small),
      stride: each(small),
      dilation: each(fc.integer({ min: 1, max: 2 })),
      pads,
      room: each(fc.nat(4)),
      batch: fc.integer({ min: 1, max: 2 }),
      groups: small,
      channels: fc.tuple(small, small),
      extra: each(fc.nat(2)),
    })
    .map(
      ({ room, ...c }): Config => ({
        ...c,
        sizes: room.map((r, a) => {
          const span = (c.kernel[a]! - 1) * c.dilation[a]! + 1;
          return Math.max(1, span + r - c.pads[a]![0] - c.pads[a]![1]);
        }),
        extra: c.extra.map((e, a) => Math.min(e, c.stride[a]! - 1)),
      }),
    );
});
const sample = fc.sample(configs, { numRuns: 60, seed: 7 });

/** Of the configurations of ConvTranspose, those that leave something. */
const transposable = sample.filter((c) =>
  c.sizes.every((n, a) => {
    const full = c.stride[a]! * (n - 1) + (c.kernel[a]! - 1) * c.dilation[a]! + 1 + c.extra[a]!;
    return full - c.pads[a]![0] - c.pads[a]![1] >= 1;
  }),
);

function array(shape: Shape, seed: number): NDArray {
  return new NDArray(
    Float64Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(seed + i * i + 0.7 * i)),
    shape,
  );
}

const options = (c: Config) => ({
  stride: c.stride,
  dilation: c.dilation,
  padding: c.pads,
  groups: c.groups,
});

/** The largest difference of two elements. */
function distance(a: NDArray, b: NDArray): number {
  const [p, q] = [a, b].map((t) => t.cast("float64").data as Float64Array);
  return Math.max(...p!.map((e, k) => Math.abs(e - q![k]!)));
}

/** Run all cases in one graph and compare: to 1e-12 in float64, to 1e-5 in float32. */
async function compare(
  f: (index: number, x: Tensor, w: Tensor, bias: Tensor) => Tensor,
  inputs: readonly NDArray[][],
  expected: readonly NDArray[],
) {
  for (const dtype of ["float64", "float32"] as const) {
    const run = compile((list: Tensor[][]) => list.map(([x, w, b], i) => f(i, x!, w!, b!)));
    const results = (await run(inputs.map((arrays) => arrays.map((a) => a.cast(dtype))))) as NDArray[];
    await run.dispose();
    results.forEach((y, i) => {
      expect(y.shape).toEqual(expected[i]!.shape);
      expect(distance(y, expected[i]!), `case ${i} in ${dtype}`).toBeLessThan(
        dtype === "float64" ? 1e-12 : 1e-5,
      );
    });
  }
}

test("conv is the sum over kernel and channels, in 1 to 3 dimensions", async () => {
  const inputs = sample.map((c, i) => [
    array([c.batch, c.groups * c.channels[0], ...c.sizes], i),
    array([c.groups * c.channels[1], c.channels[0], ...c.kernel], i + 0.5),
    array([c.groups * c.channels[1]], i + 0.25),
  ]);
  await compare(
    (i, x, kernel, bias) => conv(x, kernel, { ...options(sample[i]!), bias }),
    inputs,
    sample.map((c, i) => convReference(inputs[i]![0]!, inputs[i]![1]!, inputs[i]![2]!, c.groups, c)),
  );
});

test("convTranspose spreads each element over a kernel, in 1 to 3 dimensions", async () => {
  const inputs = transposable.map((c, i) => [
    array([c.batch, c.groups * c.channels[0], ...c.sizes], i),
    array([c.groups * c.channels[0], c.channels[1], ...c.kernel], i + 0.5),
    array([c.groups * c.channels[1]], i + 0.25),
  ]);
  expect(transposable.length).toBeGreaterThan(20);
  await compare(
    (i, x, kernel, bias) => {
      const c = transposable[i]!;
      return convTranspose(x, kernel, { ...options(c), outputPadding: c.extra, bias });
    },
    inputs,
    transposable.map((c, i) =>
      convTransposeReference(inputs[i]![0]!, inputs[i]![1]!, inputs[i]![2]!, c.groups, c.extra, c),
    ),
  );
});

/** The gradients of a sum, weighted so that each element counts differently. */
function gradients(f: (x: Tensor, w: Tensor) => Tensor): (x: Tensor, w: Tensor) => Tensor[] {
  return (x, w) =>
    grad((both: Tensor[]) => {
      const y = f(both[0]!, both[1]!);
      const weights = array(y.shape, 0.5).cast(y.dtype);
      return y.mul(weights).sum();
    })([x, w]) as Tensor[];
}

test("ONNX Runtime's float32 kernels compute the gradients that float64 does", async () => {
  const f = (list: Tensor[][]) =>
    list.flatMap(([x, w, v], i) => {
      const c = sample[i]!;
      const back = transposable.includes(c)
        ? gradients((a, b) => convTranspose(a, b, { ...options(c), outputPadding: c.extra }))(x!, v!)
        : [];
      return [...gradients((a, b) => conv(a, b, options(c)))(x!, w!), ...back];
    });
  const inputs = sample
    .slice(0, 25)
    .map((c, i) => [
      array([c.batch, c.groups * c.channels[0], ...c.sizes], i),
      array([c.groups * c.channels[1], c.channels[0], ...c.kernel], i + 0.5),
      array([c.groups * c.channels[0], c.channels[1], ...c.kernel], i + 0.5),
    ]);
  const run = compile(f);
  const exact = await run(inputs);
  const native = await run(inputs.map((arrays) => arrays.map((a) => a.cast("float32"))));
  await run.dispose();
  native.forEach((g, i) => expect(distance(g, exact[i]!), `gradient ${i}`).toBeLessThan(1e-4));
});

test("the gradient of a large kernel: each element's is what a kernel of this element alone picks up", async () => {
  const [size, places, groups] = [9, 4, 2];
  const units = Float32Array.from({ length: groups * size ** 4 }, (_, i) =>
    (i % size ** 4) % (size * size + 1) === 0 ? 1 : 0,
  );
  const options = { stride: 2, dilation: [1, 2], padding: [0, [8, 7]], groups } as const;
  const run = compile((x: Tensor, each: Tensor) => {
    const [, dk] = gradients((a, b) => conv(a, b, options))(x, each.slice([0, groups]));
    const weights = array([1, groups, places, places], 0.5)
      .cast("float32")
      .reshape([groups, 1, places, places]);
    const picked = conv(x, each, options).reshape([groups, size * size, places, places]);
    return { dk: dk!, expected: picked.mul(weights).sum([2, 3]).reshape([groups, 1, size, size]) };
  });
  const each = new NDArray(units, [groups * size * size, 1, size, size]);
  const { dk, expected } = await run(array([1, groups, 15, 8], 3).cast("float32"), each);
  await run.dispose();
  expect(distance(dk, expected)).toBeLessThan(1e-5);
});

describe("padding in words", () => {
  const x = Tensor.input([1, 2, 7, 8]);
  const kernel = Tensor.input([4, 2, 3, 2]);

  test("same keeps ceil(size / stride) places", () => {
    expect(conv(x, kernel, { padding: "same" }).shape).toEqual([1, 4, 7, 8]);
    expect(conv(x, kernel, { padding: "same", stride: [2, 3] }).shape).toEqual([1, 4, 4, 3]);
    expect(conv(x, kernel, { padding: "same", dilation: 2 }).shape).toEqual([1, 4, 7, 8]);
  });

  test("valid pads nothing", () => {
    expect(conv(x, kernel, { padding: "valid" }).shape).toEqual([1, 4, 5, 7]);
  });

  test("same multiplies the size of a transposed convolution by the stride", () => {
    const back = Tensor.input([2, 4, 3, 2]);
    expect(convTranspose(x, back, { padding: "same", stride: 2 }).shape).toEqual([1, 4, 14, 16]);
    expect(convTranspose(x, back, { padding: "same", stride: 3 }).shape).toEqual([1, 4, 21, 24]);
  });
});

test("auto_pad and output_shape of imported nodes mean what ONNX Runtime does", async () => {
  const forms = [
    ["Conv", { auto_pad: "SAME_UPPER", strides: [2, 2] }],
    ["Conv", { auto_pad: "SAME_LOWER", strides: [2, 1] }],
    ["Conv", { auto_pad: "SAME_UPPER", dilations: [2, 1] }],
    ["Conv", { auto_pad: "VALID", strides: [3, 2] }],
    ["ConvTranspose", { auto_pad: "SAME_UPPER", strides: [2, 2] }],
    ["ConvTranspose", { auto_pad: "SAME_LOWER", strides: [2, 2] }],
    ["ConvTranspose", { auto_pad: "VALID", strides: [3, 2] }],
    ["ConvTranspose", { output_shape: [12, 13], strides: [2, 2] }],
    ["ConvTranspose", { output_shape: [12, 13], auto_pad: "SAME_UPPER", strides: [2, 2] }],
    ["ConvTranspose", { output_shape: [12, 13], auto_pad: "SAME_LOWER", strides: [2, 2] }],
  ] as const;
  const outputs = (x: Tensor, kernel: Tensor) =>
    forms.map(([op, attributes]) => apply(op, [x, kernel], attributes));
  const run = compile(outputs);
  const [x, kernel] = [array([1, 2, 6, 7], 1), array([2, 2, 3, 2], 2)];
  const exact = await run(x, kernel);
  const native = await run(x.cast("float32"), kernel.cast("float32"));
  const shapes = outputs(Tensor.input(x.shape), Tensor.input(kernel.shape)).map((t) => t.shape);
  await run.dispose();
  native.forEach((y, i) => {
    expect(y.shape, JSON.stringify(forms[i])).toEqual(shapes[i]);
    y.data.forEach((e, k) =>
      expect(Number(e), JSON.stringify(forms[i])).toBeCloseTo(Number(exact[i]!.data[k]), 4),
    );
  });
});

describe("what does not fit is named", () => {
  const x = Tensor.input([1, 6, 8, 8]);

  test.each([
    [() => conv(x, Tensor.input([4, 3, 3, 3])), /x has 6 channels, the kernel takes 3: they must agree/],
    [
      () => conv(x, Tensor.input([4, 2, 3, 3]), { groups: 2 }),
      /6 channels, the kernel takes 2 in each of 2 groups/,
    ],
    [
      () => conv(x, Tensor.input([4, 2, 3, 3]), { groups: 3 }),
      /first size 4 of the kernel does not split into 3 groups/,
    ],
    [() => conv(x, Tensor.input([4, 6, 3])), /the kernel has 3 axes, x has 4/],
    [() => conv(x, Tensor.input([4, 6, 9, 3])), /reaches over 9, spatial axis 0 has only 8 with its padding/],
    [
      () => conv(x, Tensor.input([4, 6, 3, 3]), { bias: Tensor.input([3]) }),
      /bias has shape \[3\], the result has 4 channels/,
    ],
    [
      () => conv(x, Tensor.input([4, 6, 3, 3]), { stride: [1, 2, 3] }),
      /stride is one number or one for each of 2 axes, not 3/,
    ],
    [() => conv(x, Tensor.input([4, 6, 3, 3]), { stride: 0 }), /strides are 2 whole numbers from 1/],
    [() => conv(x, Tensor.input([4, 6, 3, 3]), { padding: -1 }), /pads are 4 whole numbers from 0/],
    [
      () => conv(Tensor.input([6, 8]), Tensor.input([4, 6])),
      /takes \[N, C, \*sizes\] with 1 to 3 spatial axes, not 2/,
    ],
    [
      () => convTranspose(x, Tensor.input([4, 3, 3, 3])),
      /x has 6 channels, the kernel takes 4: they must agree/,
    ],
    [
      () => convTranspose(x, Tensor.input([6, 3, 2, 2]), { outputPadding: 1 }),
      /output padding 1 of spatial axis 0 must be less than the stride 1/,
    ],
    [() => convTranspose(x, Tensor.input([6, 3, 1, 1]), { padding: 4 }), /leaves nothing of \[8, 8\]/],
  ])("%#", (f, message) => {
    expect(f).toThrow(message);
  });
});
