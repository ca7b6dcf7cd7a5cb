import { describe, expect, test } from "vitest";
import { evaluate } from "../../../test/evaluate.ts";
import type { DType } from "../dtype.ts";
import { NDArray } from "../ndarray.ts";
import { apply, Tensor } from "../tensor.ts";
import { where } from "./index.ts";

/** Equal, or as close as the dtype allows; NaN equals NaN. */
function close(found: number, wanted: number, dtype: DType): boolean {
  if (found === wanted || (Number.isNaN(found) && Number.isNaN(wanted))) return true;
  const digits = dtype === "float32" ? 2e-6 : 2e-14;
  return Math.abs(found - wanted) <= digits * Math.max(Math.abs(wanted), 0.1);
}

function expectClose(found: NDArray, wanted: readonly number[], what: (i: number) => string): void {
  expect(found.size).toBe(wanted.length);
  wanted.forEach((w, i) => {
    const f = Number(found.data[i]);
    if (!close(f, w, found.dtype)) expect.fail(`${what(i)} is ${f}, should be ${w} (${found.dtype})`);
  });
}

const specials = [
  0,
  -0,
  0.25,
  -0.25,
  0.5,
  -0.5,
  1,
  -1,
  1.5,
  -1.5,
  2.5,
  -2.5,
  3,
  30,
  -30,
  NaN,
  Infinity,
  -Infinity,
];
const sign = (x: number) => (x > 0 ? 1 : x < 0 ? -1 : x);
const even = (x: number) => {
  const r = Math.round(x);
  return Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : r;
};
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
/** By its series, which converges everywhere; for |x| > 6 it is 1. */
const erf = (x: number) => {
  if (Number.isNaN(x) || Math.abs(x) > 6) return Number.isNaN(x) ? x : Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
};
const clamp = (x: number, low: number, high: number) => (x < low ? low : Math.min(x, high));

/** Functions of one number, as JavaScript computes them. */
const unary: Readonly<Record<string, (x: number) => number>> = {
  Neg: (x) => -x,
  Abs: Math.abs,
  Sign: sign,
  Floor: Math.floor,
  Ceil: Math.ceil,
  Round: even,
  Sqrt: Math.sqrt,
  Reciprocal: (x) => 1 / x,
  Exp: Math.exp,
  Log: Math.log,
  Sin: Math.sin,
  Cos: Math.cos,
  Tan: Math.tan,
  Asin: Math.asin,
  Acos: Math.acos,
  Atan: Math.atan,
  Sinh: Math.sinh,
  Cosh: Math.cosh,
  Tanh: Math.tanh,
  Asinh: Math.asinh,
  Acosh: Math.acosh,
  Atanh: Math.atanh,
  Erf: erf,
  Sigmoid: sigmoid,
  Relu: (x) => (x > 0 ? x : Math.max(x, 0)),
  Softplus: softplus,
  Softsign: (x) => x / (1 + Math.abs(x)),
  Gelu: (x) => (x * (1 + erf(x * Math.SQRT1_2))) / 2,
  Elu: (x) => (x > 0 ? x : Math.expm1(x)),
  Celu: (x) => (x > 0 ? x : Math.expm1(x)),
  Selu: (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)),
  LeakyRelu: (x) => (x < 0 ? 0.01 * x : x),
  ThresholdedRelu: (x) => (x > 1 ? x : 0),
  HardSigmoid: (x) => clamp(0.2 * x + 0.5, 0, 1),
  HardSwish: (x) => x * clamp(x / 6 + 0.5, 0, 1),
  Mish: (x) => x * Math.tanh(softplus(x)),
  IsNaN: (x) => Number(Number.isNaN(x)),
  IsInf: (x) => Number(Math.abs(x) === Infinity),
};

describe.each(["float32", "float64"] as const)("of one tensor of %s", (dtype) => {
  test.each(Object.entries(unary))("%s", async (name, f) => {
    const x = NDArray.from(specials, dtype);
    const [y] = await evaluate((t: Tensor) => apply(name, [t]), x);
    expectClose(y!, specials.map(f), (i) => `${name}(${Object.is(specials[i], -0) ? "-0" : specials[i]})`);
  });
});

const mod = (a: number, b: number) => ((a % b) + b) % b;
/** Functions of two numbers; those of whole numbers are told apart below. */
const binary: Readonly<Record<string, (a: number, b: number) => number>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  Pow: (a, b) => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b),
  Min: Math.min,
  Max: Math.max,
  Equal: (a, b) => Number(a === b),
  Less: (a, b) => Number(a < b),
  LessOrEqual: (a, b) => Number(a <= b),
  Greater: (a, b) => Number(a > b),
  GreaterOrEqual: (a, b) => Number(a >= b),
};

/** Every pair of two lists, as a column against a row. */
function pairs(
  left: readonly number[],
  right: readonly number[],
  f: (a: number, b: number) => number,
): number[] {
  return left.flatMap((a) => right.map((b) => f(a, b)));
}

const column = (values: readonly number[], dtype: DType) =>
  NDArray.from(values, dtype).reshape([values.length, 1]);

describe.each(["float32", "float64"] as const)("of two tensors of %s", (dtype) => {
  const right = specials.filter((x) => Math.abs(x) !== 30);
  test.each([...Object.entries(binary), ["fmod", (a: number, b: number) => a % b] as const])(
    "%s",
    async (name, f) => {
      const g = (a: Tensor, b: Tensor) => (name === "fmod" ? a.mod(b) : apply(name, [a, b]));
      const [y] = await evaluate(g, column(specials, dtype), NDArray.from(right, dtype));
      expectClose(y!, pairs(specials, right, f), (i) => {
        return `${name}(${specials[Math.floor(i / right.length)]}, ${right[i % right.length]})`;
      });
    },
  );

  test("Sum, Mean, Min and Max of three that broadcast", async () => {
    const [a, b, c] = [
      NDArray.from([[1], [-2]], dtype),
      NDArray.from([3, -4, 5], dtype),
      NDArray.from(0.5, dtype),
    ];
    const all = await evaluate(
      (...x: Tensor[]) => ["Sum", "Mean", "Min", "Max"].map((n) => apply(n, x)),
      a,
      b,
      c,
    );
    const wanted = [
      (x: number[]) => x.reduce((s, v) => s + v, 0),
      (x: number[]) => x.reduce((s, v) => s + v, 0) / 3,
      (x: number[]) => Math.min(...x),
      (x: number[]) => Math.max(...x),
    ];
    all.forEach((y, i) =>
      expectClose(
        y,
        pairs([1, -2], [3, -4, 5], (p, q) => wanted[i]!([p, q, 0.5])),
        String,
      ),
    );
  });

  test("PRelu", async () => {
    const [y] = await evaluate(
      (x, s) => apply("PRelu", [x, s]),
      NDArray.from(
        [
          [-2, 3],
          [-1, NaN],
        ],
        dtype,
      ),
      NDArray.from([0.5, 0.25], dtype),
    );
    expectClose(y!, [-1, 3, -0.5, NaN], String);
  });

  test("Clip: limits may be missing, NaN stays", async () => {
    const x = NDArray.from([-3, -1, 0.5, 2, NaN, Infinity], dtype);
    const [both, low, high] = await evaluate((t) => [t.clip(-1, 1), t.clip(-1), t.clip(undefined, 1)], x);
    expectClose(both!, [-1, -1, 0.5, 1, NaN, 1], String);
    expectClose(low!, [-1, -1, 0.5, 2, NaN, Infinity], String);
    expectClose(high!, [-3, -1, 0.5, 1, NaN, 1], String);
  });

  test("activations with attributes", async () => {
    const x = [-4, -1, -0.5, 0.5, 1.2, 4];
    const table: [string, Record<string, number>, (x: number) => number][] = [
      ["Elu", { alpha: 0.5 }, (t) => (t > 0 ? t : 0.5 * Math.expm1(t))],
      ["Celu", { alpha: 0.5 }, (t) => (t > 0 ? t : 0.5 * Math.expm1(t / 0.5))],
      ["Selu", { alpha: 0.5, gamma: 2 }, (t) => 2 * (t > 0 ? t : 0.5 * Math.expm1(t))],
      ["LeakyRelu", { alpha: 0.25 }, (t) => (t > 0 ? t : 0.25 * t)],
      ["ThresholdedRelu", { alpha: 0.75 }, (t) => (t > 0.75 ? t : 0)],
      ["HardSigmoid", { alpha: 0.25, beta: 0.125 }, (t) => clamp(0.25 * t + 0.125, 0, 1)],
    ];
    for (const [name, attributes, f] of table) {
      const floats = Object.fromEntries(Object.entries(attributes).map(([k, v]) => [k, { float: v }]));
      const [y] = await evaluate((t) => apply(name, [t], floats), NDArray.from(x, dtype));
      expectClose(y!, x.map(f), (i) => `${name}(${x[i]})`);
    }
    const [y] = await evaluate((t) => t.gelu("tanh"), NDArray.from(x, dtype));
    expectClose(
      y!,
      x.map((t) => 0.5 * t * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (t + 0.044715 * t ** 3)))),
      String,
    );
  });
});

describe("of whole numbers and conditions", () => {
  const whole: Readonly<Record<string, (a: number, b: number) => number>> = {
    ...binary,
    Div: (a, b) => Math.trunc(a / b),
    Mod: mod,
    BitwiseAnd: (a, b) => a & b,
    BitwiseOr: (a, b) => a | b,
    BitwiseXor: (a, b) => a ^ b,
  };
  test.each(Object.entries(whole))("%s of int64", async (name, f) => {
    const [left, right] = [[-7, -2, 0, 3, 7], name === "Pow" ? [0, 1, 2] : [-3, -1, 1, 2, 5]];
    const [y] = await evaluate(
      (a, b) => apply(name, [a, b]),
      column(left, "int64"),
      NDArray.from(right, "int64"),
    );
    expectClose(
      y!,
      pairs(left, right, f),
      (i) => `${name}(${left[Math.floor(i / right.length)]}, ${right[i % right.length]})`,
    );
  });

  test("Neg, Abs, Sign and BitwiseNot of int64", async () => {
    const x = NDArray.from([-3, 0, 5], "int64");
    const all = await evaluate((t) => ["Neg", "Abs", "Sign", "BitwiseNot"].map((n) => apply(n, [t])), x);
    expect(all.map((y) => Array.from(y.data, Number))).toEqual([
      [3, 0, -5],
      [3, 0, 5],
      [-1, 0, 1],
      [2, -1, -6],
    ]);
  });

  test("int64 beyond 2^53 stays exact", async () => {
    const [y] = await evaluate((a) => a.add(a).sub(1), NDArray.from([2n ** 60n + 1n]));
    expect(y!.data[0]).toBe(2n ** 61n + 1n);
  });

  test("BitShift of uint32, with wrap-around as in Add and Mul", async () => {
    const x = NDArray.from([1, 0x80000001, 0xffffffff], "uint32");
    const two = NDArray.from([2, 2, 2], "uint32");
    const all = await evaluate(
      (a, b) => [
        apply("BitShift", [a, b], { direction: "LEFT" }),
        apply("BitShift", [a, b], { direction: "RIGHT" }),
        a.add(b),
        a.mul(b),
      ],
      x,
      two,
    );
    expect(all.map((y) => Array.from(y.data, Number))).toEqual([
      [4, 4, 0xfffffffc],
      [0, 0x20000000, 0x3fffffff],
      [3, 0x80000003, 1],
      [2, 2, 0xfffffffe],
    ]);
  });

  test("And, Or, Xor, Not, Equal and where of bool", async () => {
    const [a, b] = [NDArray.from([[false], [true]]), NDArray.from([false, true])];
    const all = await evaluate(
      (p, q) => [p.and(q), p.or(q), p.xor(q), p.equal(q), p.notEqual(q), where(p, q, q.not()), p.not()],
      a,
      b,
    );
    expect(all.map((y) => y.toNested())).toEqual([
      [
        [false, false],
        [false, true],
      ],
      [
        [false, true],
        [true, true],
      ],
      [
        [false, true],
        [true, false],
      ],
      [
        [true, false],
        [false, true],
      ],
      [
        [false, true],
        [true, false],
      ],
      [
        [true, false],
        [false, true],
      ],
      [[true], [false]],
    ]);
  });

  test("bool tensors are no numbers", () => {
    const x = Tensor.input([2], "bool");
    for (const f of [() => x.add(x), () => x.neg(), () => x.less(x), () => x.sum(), () => x.maximum(x)]) {
      expect(f).toThrow(/it takes numbers, not bool: use cast\("float32"\)/);
    }
  });

  test.each(["float32", "float64", "int64", "int32"] as const)(
    "where of %s, broadcast three ways",
    async (dtype) => {
      const [y] = await evaluate(
        (c, a, b) => where(c, a, b),
        NDArray.from([[true], [false]]),
        NDArray.from([1, 2], dtype),
        NDArray.from(3, dtype),
      );
      expect(Array.from(y!.data, Number)).toEqual([1, 2, 3, 3]);
    },
  );
});

describe("Cast", () => {
  const kinds = ["float32", "float64", "int64", "int32", "uint8", "bool"] as const;
  test.each(kinds.flatMap((from) => kinds.map((to) => [from, to] as const)))("%s to %s", async (from, to) => {
    const x = NDArray.from(from === "bool" ? [1, 0, 1] : [3, 0, 200], from);
    const [y] = await evaluate((t) => t.cast(to), x);
    expect(Array.from(y!.data, Number)).toEqual(Array.from(x.cast(to).data, Number));
  });

  test("floats go toward zero, NaN is true", async () => {
    const x = NDArray.from([-1.9, 1.9, -0.2, NaN]);
    const [whole, truth] = await evaluate((t) => [t.slice([0, 3]).cast("int64"), t.cast("bool")], x);
    expect(Array.from(whole!.data, Number)).toEqual([-1, 1, 0]);
    expect(truth!.toNested()).toEqual([true, true, true, true]);
    expect(x.cast("bool").toNested()).toEqual([true, true, true, true]);
  });
});
