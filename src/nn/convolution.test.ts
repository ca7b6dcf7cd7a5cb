import { describe, expect, it } from "vitest";
import { compile } from "../runtime/compile.ts";
import type { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import * as nn from "./index.ts";

const key = random.key(3);

type At = (...index: number[]) => number;

/** An element by its index; 0 outside. */
function at({ data, shape }: NDArray): At {
  return (...index) => {
    if (index.some((i, axis) => i < 0 || i >= shape[axis]!)) return 0;
    return Number(data[index.reduce((flat, i, axis) => flat * shape[axis]! + i, 0)]);
  };
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);

function close(found: NDArray, shape: number[], expected: (...index: number[]) => number) {
  expect(found.shape).toEqual(shape);
  const indices = shape.reduce<number[][]>(
    (all, n) => all.flatMap((i) => range(n).map((j) => [...i, j])),
    [[]],
  );
  const read = at(found);
  for (const index of indices) expect(read(...index), `[${index}]`).toBeCloseTo(expected(...index), 5);
}

const biasInit = nn.uniform(1);

describe("conv is the sum over window and channels", () => {
  it("1 axis, groups, stride and padding", async () => {
    const model = nn.conv({
      inputs: 4,
      outputs: 6,
      kernel: 3,
      axes: 1,
      groups: 2,
      stride: 2,
      padding: 1,
      biasInit,
    });
    const params = model.init(key);
    expect(params.kernel.shape).toEqual([6, 2, 3]);
    const x = random.normal(random.key(4), [2, 4, 7]);
    const [k, b, v] = [at(params.kernel), at(params.bias!), at(x)];
    close(
      await compile(model.apply)(params, x),
      [2, 6, 4],
      (n, m, i) =>
        sum(
          range(2).flatMap((c) =>
            range(3).map((d) => k(m, c, d) * v(n, Math.floor(m / 3) * 2 + c, 2 * i + d - 1)),
          ),
        ) + b(m),
    );
  });

  it("2 axes, dilation, no bias", async () => {
    const model = nn.conv({ inputs: 2, outputs: 3, kernel: [2, 3], dilation: 2, bias: false });
    const params = model.init(key);
    expect(Object.keys(params)).toEqual(["kernel"]);
    const x = random.normal(random.key(4), [1, 2, 5, 6]);
    const [k, v] = [at(params.kernel), at(x)];
    close(await compile(model.apply)(params, x), [1, 3, 3, 2], (n, m, i, j) =>
      sum(
        range(2).flatMap((c) =>
          range(2).flatMap((d) => range(3).map((e) => k(m, c, d, e) * v(n, c, i + 2 * d, j + 2 * e))),
        ),
      ),
    );
  });

  it("3 axes, the same size", async () => {
    const model = nn.conv({ inputs: 1, outputs: 2, kernel: 3, axes: 3, padding: "same", biasInit });
    const params = model.init(key);
    const x = random.normal(random.key(4), [1, 1, 3, 2, 4]);
    const [k, b, v] = [at(params.kernel), at(params.bias!), at(x)];
    const offsets = range(27).map((o) => [Math.floor(o / 9), Math.floor(o / 3) % 3, o % 3] as const);
    close(
      await compile(model.apply)(params, x),
      [1, 2, 3, 2, 4],
      (n, m, i, j, l) =>
        sum(offsets.map(([d, e, f]) => k(m, 0, d, e, f) * v(n, 0, i + d - 1, j + e - 1, l + f - 1))) + b(m),
    );
  });

  it("depthwise: each channel by itself", async () => {
    const model = nn.depthwiseConv({ channels: 3, multiplier: 2, kernel: 2 });
    const params = model.init(key);
    expect(params.kernel.shape).toEqual([6, 1, 2, 2]);
    const x = random.normal(random.key(4), [1, 3, 3, 3]);
    const [k, v] = [at(params.kernel), at(x)];
    close(await compile(model.apply)(params, x), [1, 6, 2, 2], (n, m, i, j) =>
      sum(range(4).map((o) => k(m, 0, o >> 1, o & 1) * v(n, m >> 1, i + (o >> 1), j + (o & 1)))),
    );
  });
});

it("convTranspose puts each element times the kernel at its place", async () => {
  const model = nn.convTranspose({
    inputs: 2,
    outputs: 3,
    kernel: 3,
    axes: 1,
    stride: 2,
    padding: 1,
    outputPadding: 1,
    biasInit,
  });
  const params = model.init(key);
  expect(params.kernel.shape).toEqual([2, 3, 3]);
  const x = random.normal(random.key(4), [1, 2, 4]);
  const [k, b, v] = [at(params.kernel), at(params.bias!), at(x)];
  close(
    await compile(model.apply)(params, x),
    [1, 3, 8],
    (n, m, o) =>
      sum(range(2).flatMap((c) => range(4).map((i) => v(n, c, i) * k(c, m, o + 1 - 2 * i)))) + b(m),
  );
});

it("says which options do not fit", () => {
  expect(() => nn.conv({ inputs: 3, outputs: 4, kernel: 3, groups: 2 })).toThrow(
    "inputs is 3, which does not split",
  );
  expect(() => nn.conv({ inputs: 3, outputs: 4, kernel: 3, axes: 4 })).toThrow("there are 4 spatial axes");
  expect(() => nn.conv({ inputs: 3, outputs: 4, kernel: 0 })).toThrow("kernel[0] is 0");
});

it("pools as layers", async () => {
  const x = random.normal(random.key(4), [2, 2, 4, 4]);
  const v = at(x);
  const run = compile((t: import("../tensor/tensor.ts").Tensor) => ({
    max: nn.maxPool(2).apply({}, t),
    mean: nn.averagePool([4, 2]).apply({}, t),
    all: nn.globalAveragePool().apply({}, t),
    top: nn.globalMaxPool().apply({}, t),
    flat: nn.flatten().apply({}, t),
  }));
  const y = await run(x);
  const square = (n: number, c: number) => range(16).map((o) => v(n, c, o >> 2, o & 3));
  close(y.max, [2, 2, 2, 2], (n, c, i, j) =>
    Math.max(...range(4).map((o) => v(n, c, 2 * i + (o >> 1), 2 * j + (o & 1)))),
  );
  close(y.mean, [2, 2, 1, 2], (n, c, _, j) => sum(range(8).map((o) => v(n, c, o >> 1, 2 * j + (o & 1)))) / 8);
  close(y.all, [2, 2], (n, c) => sum(square(n, c)) / 16);
  close(y.top, [2, 2], (n, c) => Math.max(...square(n, c)));
  expect(y.flat.shape).toEqual([2, 32]);
});
