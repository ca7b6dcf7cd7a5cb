import { describe, expect, test } from "vitest";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../ndarray.ts";
import { type Shape, sizeOf, stridesOf } from "../shape.ts";
import { apply, applyAll, Tensor } from "../tensor.ts";
import { grad } from "../transforms.ts";
import { batchNorm, groupNorm, instanceNorm, layerNorm, rmsNorm } from "./index.ts";

const shape: Shape = [3, 4, 2, 3];
const x = array(shape, 1);
const perChannel = [array([4], 2), array([4], 3)] as const;

function array(of: Shape, seed: number): NDArray {
  return new NDArray(
    Float64Array.from({ length: sizeOf(of) }, (_, i) => Math.sin(seed + i * i + 0.7 * i)),
    of,
  );
}

interface Moments {
  readonly mean: number;
  readonly variance: number;
  readonly power: number;
}

/** x normalised by the moments of the elements that a key puts into one class with it. */
function normalised(
  key: (index: readonly number[]) => string,
  f: (value: number, moments: Moments, index: readonly number[]) => number,
): NDArray {
  const strides = stridesOf(shape);
  const at = (i: number) => shape.map((d, a) => Math.floor(i / strides[a]!) % d);
  const values = Array.from(x.data, Number);
  const classes = new Map<string, number[]>();
  values.forEach((_, i) => {
    const name = key(at(i));
    classes.set(name, [...(classes.get(name) ?? []), i]);
  });
  const momentsOf = (members: readonly number[]): Moments => {
    const mean = (g: (v: number) => number) =>
      members.reduce((sum, i) => sum + g(values[i]!), 0) / members.length;
    const centre = mean((v) => v);
    return { mean: centre, variance: mean((v) => (v - centre) ** 2), power: mean((v) => v * v) };
  };
  const moments = new Map([...classes].map(([k, members]) => [k, momentsOf(members)]));
  const data = values.map((v, i) => f(v, moments.get(key(at(i)))!, at(i)));
  return new NDArray(Float64Array.from(data), shape);
}

const affine =
  (
    scale: (index: readonly number[]) => number,
    bias: (index: readonly number[]) => number,
    epsilon: number,
  ) =>
  (v: number, { mean, variance }: Moments, index: readonly number[]) =>
    ((v - mean) / Math.sqrt(variance + epsilon)) * scale(index) + bias(index);

const one = () => 1;
const zero = () => 0;
const scaleAt = (index: readonly number[]) => Number(perChannel[0].data[index[1]!]);
const biasAt = (index: readonly number[]) => Number(perChannel[1].data[index[1]!]);

type Norm = (x: Tensor, scale: Tensor, bias: Tensor) => Tensor;

const norms: Record<string, [Norm, NDArray]> = {
  "layerNorm over the last axis": [
    (t) => layerNorm(t),
    normalised(([a, b, c]) => `${a},${b},${c}`, affine(one, zero, 1e-5)),
  ],
  "layerNorm over the axes from the second": [
    (t, scale, bias) => layerNorm(t, { axis: 1, scale: column(scale), bias: column(bias), epsilon: 0.1 }),
    normalised(([a]) => `${a}`, affine(scaleAt, biasAt, 0.1)),
  ],
  "groupNorm of two groups": [
    (t, scale, bias) => groupNorm(t, 2, { scale, bias }),
    normalised(([a, b]) => `${a},${b! >> 1}`, affine(scaleAt, biasAt, 1e-5)),
  ],
  GroupNormalization: [
    (t, scale, bias) => apply("GroupNormalization", [t, scale, bias], { num_groups: 2 }),
    normalised(([a, b]) => `${a},${b! >> 1}`, affine(scaleAt, biasAt, 1e-5)),
  ],
  instanceNorm: [(t) => instanceNorm(t), normalised(([a, b]) => `${a},${b}`, affine(one, zero, 1e-5))],
  InstanceNormalization: [
    (t, scale, bias) => apply("InstanceNormalization", [t, scale, bias], { epsilon: { float: 0.01 } }),
    normalised(([a, b]) => `${a},${b}`, affine(scaleAt, biasAt, 0.01)),
  ],
  "batchNorm by the batch": [
    (t, scale, bias) => batchNorm(t, scale, bias, { training: true, epsilon: 0.01 }).y,
    normalised(([, b]) => `${b}`, affine(scaleAt, biasAt, 0.01)),
  ],
  "batchNorm by given statistics": [
    (t, scale, bias) => batchNorm(t, scale, bias, { mean: bias, variance: scale.abs() }),
    normalised(one as never, (v, _, index) =>
      affine(scaleAt, biasAt, 1e-5)(
        v,
        { mean: biasAt(index), variance: Math.abs(scaleAt(index)), power: 0 },
        index,
      ),
    ),
  ],
  rmsNorm: [
    (t, scale) => rmsNorm(t, { axis: 1, scale: column(scale), epsilon: 0.1 }),
    normalised(
      ([a]) => `${a}`,
      (v, { power }, index) => (v / Math.sqrt(power + 0.1)) * scaleAt(index),
    ),
  ],
  RMSNormalization: [
    (t) => apply("RMSNormalization", [t, Tensor.ones([3], t.dtype)]),
    normalised(
      ([a, b, c]) => `${a},${b},${c}`,
      (v, { power }) => v / Math.sqrt(power + 1e-5),
    ),
  ],
  LRN: [
    (t) => apply("LRN", [t], { size: 3, alpha: { float: 0.7 }, beta: { float: 0.6 }, bias: { float: 1.3 } }),
    normalised(one as never, (v, _, [a, b, c, d]) => {
      const square = (channel: number) =>
        channel < 0 || channel > 3 ? 0 : Number(x.data[((a! * 4 + channel) * 2 + c!) * 3 + d!]) ** 2;
      return v / (1.3 + (0.7 / 3) * (square(b! - 1) + square(b!) + square(b! + 1))) ** 0.6;
    }),
  ],
  LpNormalization: [
    (t) => apply("LpNormalization", [t], { axis: 1 }),
    normalised(
      ([a, , c, d]) => `${a},${c},${d}`,
      (v, { power }) => v / Math.sqrt(4 * power),
    ),
  ],
};

function column(t: Tensor): Tensor {
  return t.reshape([4, 1, 1]);
}

function distance(a: NDArray, b: NDArray): number {
  expect(a.shape).toEqual(b.shape);
  const [p, q] = [a, b].map((t) => t.cast("float64").data as Float64Array);
  return Math.max(...p!.map((e, k) => Math.abs(e - q![k]!)));
}

test("every norm is its definition", async () => {
  const run = compile((t: Tensor, scale: Tensor, bias: Tensor) =>
    Object.values(norms).map(([norm]) => norm(t, scale, bias)),
  );
  for (const dtype of ["float64", "float32"] as const) {
    const found = await run(x.cast(dtype), perChannel[0].cast(dtype), perChannel[1].cast(dtype));
    Object.entries(norms).forEach(([name, [, expected]], i) => {
      expect(distance(found[i]!, expected), `${name} in ${dtype}`).toBeLessThan(
        dtype === "float64" ? 1e-12 : 1e-5,
      );
    });
  }
  await run.dispose();
});

test("ONNX Runtime's float32 kernels compute the gradients that float64 does", async () => {
  const run = compile((t: Tensor, scale: Tensor, bias: Tensor) =>
    Object.values(norms).map(([norm]) =>
      grad(([a, b, c]: Tensor[]) => norm(a!, b!, c!).add(0.5).square().cumsum(-1).sum())([t, scale, bias]),
    ),
  );
  const exact = await run(x, ...perChannel);
  const native = await run(x.cast("float32"), perChannel[0].cast("float32"), perChannel[1].cast("float32"));
  await run.dispose();
  native.forEach((list, i) => {
    list.forEach((g, k) => {
      const scale = Math.max(1, distance(exact[i]![k]!, NDArray.zeros(g.shape)));
      expect(distance(g, exact[i]![k]!) / scale, Object.keys(norms)[i]).toBeLessThan(1e-5);
    });
  });
});

test("batchNorm returns the statistics of the batch; BatchNormalization mixes them into running ones", async () => {
  const run = compile((t: Tensor, scale: Tensor, bias: Tensor) => {
    const { y, mean, variance } = batchNorm(t, scale, bias, { training: true });
    const old = { mean: bias.add(1), variance: scale.abs() };
    const [z, runningMean, runningVariance] = applyAll(
      "BatchNormalization",
      [t, scale, bias, old.mean, old.variance],
      { training_mode: 1, momentum: { float: 0.25 } },
      3,
    );
    return [
      z!.sub(y),
      runningMean!.sub(old.mean.mul(0.25).add(mean.mul(0.75))),
      runningVariance!.sub(old.variance.mul(0.25).add(variance.mul(0.75))),
    ];
  });
  for (const dtype of ["float64", "float32"] as const) {
    const differences = await run(x.cast(dtype), perChannel[0].cast(dtype), perChannel[1].cast(dtype));
    for (const d of differences) {
      expect(distance(d, NDArray.zeros(d.shape))).toBeLessThan(dtype === "float64" ? 1e-14 : 1e-6);
    }
  }
  await run.dispose();
});

test("a large mean does not drown a small spread", async () => {
  const far = new NDArray(
    Float32Array.from({ length: 64 }, (_, i) => 4096 + ((i * 7) % 16) / 16),
    [1, 1, 64],
  );
  const run = compile((t: Tensor) => {
    const ones = Tensor.ones([1]);
    return [layerNorm(t), groupNorm(t, 1), batchNorm(t, ones, ones.mul(0), { training: true }).y];
  });
  const results = await run(far);
  await run.dispose();
  const values = Array.from(far.data, Number);
  const mean = values.reduce((a, b) => a + b, 0) / 64;
  const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / 64 + 1e-5);
  const expected = new NDArray(
    Float64Array.from(values, (v) => (v - mean) / deviation),
    [1, 1, 64],
  );
  for (const y of results) expect(distance(y, expected)).toBeLessThan(2e-3);
});

test("the gradient of a norm does not see a shift or a stretch of its input", async () => {
  const run = compile((t: Tensor) => {
    const f = (u: Tensor) => layerNorm(u, { epsilon: 0 }).square().cumsum(-1).sum();
    const g = grad(f)(t);
    return { shift: g.sum(-1), stretch: g.mul(t).sum(-1) };
  });
  const { shift, stretch } = await run(x);
  await run.dispose();
  for (const v of [...shift.data, ...stretch.data]) expect(Math.abs(Number(v))).toBeLessThan(1e-12);
});

test("a slice of zeros has length 0: LpNormalization keeps it and its gradient is 0", async () => {
  const run = compile((t: Tensor) => {
    const f = (u: Tensor) => apply("LpNormalization", [u]);
    return { y: f(t), dx: grad((u: Tensor) => f(u).sum())(t) };
  });
  const { y, dx } = await run(
    NDArray.from([
      [0, 0],
      [3, 4],
    ]),
  );
  await run.dispose();
  expect(y.toNested()).toEqual([
    [0, 0],
    [expect.closeTo(0.6), expect.closeTo(0.8)],
  ]);
  expect((dx.toNested() as number[][])[0]).toEqual([0, 0]);
});

describe("what does not fit is named", () => {
  const t = Tensor.input([2, 6, 4]);
  const wrong = Tensor.input([5]);

  test.each([
    [
      () => layerNorm(t, { scale: wrong }),
      /scale and bias must broadcast to \[4\]: the shape from axis 2 on/,
    ],
    [() => layerNorm(t, { axis: 3 }), /axis 3 is outside a shape of 3 axes/],
    [() => groupNorm(t, 4), /6 channels do not split into 4 equal groups/],
    [() => groupNorm(t, 3, { bias: wrong }), /bias must have the shape \[6\]: one element for each channel/],
    [() => batchNorm(t, wrong, wrong, { training: true }), /scale must have the shape \[6\]/],
    [
      () => batchNorm(t, Tensor.input([6]), Tensor.input([6]), { mean: wrong, variance: wrong }),
      /scale, bias, mean and variance must have the shape \[6\]/,
    ],
  ])("%#", (f, message) => {
    expect(f).toThrow(message);
  });
});
