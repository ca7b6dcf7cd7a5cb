import { describe, expect, test } from "vitest";
import { evaluate, nested } from "../../test/evaluate.ts";
import { compile } from "../runtime/compile.ts";
import { NDArray, type Nested } from "./ndarray.ts";
import { concat } from "./operators/index.ts";
import { Tensor } from "./tensor.ts";
import {
  customGradient,
  grad,
  hessianVector,
  jacobian,
  jvp,
  stopGradient,
  straightThrough,
  valueAndGrad,
  vjp,
} from "./transforms.ts";

/** f of float64 arrays, as nested numbers. */
async function at(f: (...x: Tensor[]) => Tensor, ...x: readonly Nested[]): Promise<Nested> {
  const [y] = await evaluate(f, ...x.map((v) => NDArray.from(v, "float64")));
  return nested(y!);
}

type Scalar = (x: Tensor) => Tensor;
const derivative =
  (f: Scalar): Scalar =>
  (x) =>
    grad((t: Tensor) => f(t).sum())(x) as Tensor;
/** The n-th derivative. */
const nth = (f: Scalar, n: number): Scalar => (n === 0 ? f : nth(derivative(f), n - 1));

describe("grad nests to any order", () => {
  test("the derivatives of x^4 - 2x^3 + x", async () => {
    const f: Scalar = (x) => x.pow(4).sub(x.pow(3).mul(2)).add(x);
    const x = 1.5;
    const wanted = [
      x ** 4 - 2 * x ** 3 + x,
      4 * x ** 3 - 6 * x ** 2 + 1,
      12 * x ** 2 - 12 * x,
      24 * x - 12,
      24,
      0,
    ];
    for (const [n, w] of wanted.entries()) expect(await at(nth(f, n), x)).toBeCloseTo(w, 12);
  });

  test("the derivatives of sin go round", async () => {
    const wanted = [Math.sin(0.7), Math.cos(0.7), -Math.sin(0.7), -Math.cos(0.7), Math.sin(0.7)];
    for (const [n, w] of wanted.entries())
      expect(
        await at(
          nth((x) => x.sin(), n),
          0.7,
        ),
      ).toBeCloseTo(w, 14);
  });

  test("tanh obeys y'' = -2 y y'", async () => {
    const x = [-1, 0.2, 0.9];
    const [y, first, second] = (await Promise.all(
      [0, 1, 2].map((n) =>
        at(
          nth((t) => t.tanh(), n),
          x,
        ),
      ),
    )) as [number[], number[], number[]];
    second.forEach((s, i) => expect(s).toBeCloseTo(-2 * y[i]! * first[i]!, 13));
  });
});

describe("variables of nested derivatives are not confused", () => {
  test("d/dx of x d/dy (x + y) is 1", async () => {
    const f: Scalar = (x) => x.mul(grad((y: Tensor) => x.add(y))(x) as Tensor);
    expect(await at(f, 3)).toBe(3);
    expect(await at(derivative(f), 3)).toBe(1);
  });

  test("d/dx of x d/dy (x y) at y = x is 2x", async () => {
    const f: Scalar = (x) => x.mul(grad((y: Tensor) => x.mul(y))(x) as Tensor);
    expect(await at(derivative(f), 3)).toBe(6);
  });

  test("an equal expression outside of the inner function is a constant there", async () => {
    const f: Scalar = (x) => {
      const outside = x.sin();
      return grad((y: Tensor) => y.sin().mul(outside))(x) as Tensor;
    };
    expect(await at(f, 0.7)).toBeCloseTo(Math.cos(0.7) * Math.sin(0.7), 14);
    expect(await at(derivative(f), 0.7)).toBeCloseTo(Math.cos(1.4), 14);
  });

  test("one tensor as two arguments: only the first counts", async () => {
    const f = (a: Tensor, b: Tensor) => a.mul(b);
    expect(await at((x) => grad(f)(x, x) as Tensor, 3)).toBe(3);
    expect(
      await at(
        (x) =>
          vjp(f, x, x)[1](Tensor.constant(1, "float64")).reduce((a, b) =>
            (a as Tensor).add(b as Tensor),
          ) as Tensor,
        3,
      ),
    ).toBe(6);
  });
});

describe("forward mode", () => {
  const f = (a: Tensor, b: Tensor) => concat([a.matmul(b), b.sum(0).exp()]);
  const a = [1, -2];
  const b = [
    [0.5, 1],
    [2, -1],
  ];
  const da = [0.3, 0.4];
  const db = [
    [1, 0],
    [-1, 2],
  ];

  test("jvp gives the outputs and their derivative along the tangents", async () => {
    const pushed = await at((a, b, da, db) => jvp(f, [a, b], [da, db])[1], a, b, da, db);
    const wanted = [
      0.3 * 0.5 + 0.4 * 2 + 1 - 2 * -1,
      0.3 * 1 + 0.4 * -1 + 0 - 2 * 2,
      Math.exp(2.5) * 0,
      Math.exp(0) * 2,
    ];
    (pushed as number[]).forEach((p, i) => expect(p).toBeCloseTo(wanted[i]!, 13));
    expect(await at((a, b, da, db) => jvp(f, [a, b], [da, db])[0], a, b, da, db)).toEqual(await at(f, a, b));
  });

  test("<c, J v> = <J' c, v>", async () => {
    const c = [0.7, -1.1, 0.2, 0.9];
    const forward = await at((a, b, da, db, c) => jvp(f, [a, b], [da, db])[1].mul(c).sum(), a, b, da, db, c);
    const backward = await at(
      (a, b, da, db, c) => {
        const [ga, gb] = vjp(f, a, b)[1](c) as [Tensor, Tensor];
        return ga.mul(da).sum().add(gb.mul(db).sum());
      },
      a,
      b,
      da,
      db,
      c,
    );
    expect(forward).toBeCloseTo(backward as number, 13);
  });

  test("forward over reverse is the Hessian-vector product", async () => {
    const g: Scalar = (x) => x.pow(3).sum().add(x.prod());
    const [x, v] = [
      [1, 2, -1],
      [0.5, 1, 2],
    ];
    const over = await at((x, v) => jvp(grad(g) as Scalar, [x], [v])[1], x, v);
    const direct = await at((x, v) => hessianVector(g)(x, v) as Tensor, x, v);
    (over as number[]).forEach((o, i) => expect(o).toBeCloseTo((direct as number[])[i]!, 13));
  });

  test("what does not depend on the inputs has derivative 0", async () => {
    expect(await at((x, v) => jvp((t) => stopGradient(t).exp(), [x], [v])[1], [1, 2], [1, 1])).toEqual([
      0, 0,
    ]);
  });
});

describe("jacobian and Hessian", () => {
  test("of a linear map is its matrix, of any shape", async () => {
    const m = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    expect(await at((x, m) => jacobian((t) => m.matmul(t))(x), [1, 1, 1], m)).toEqual(m);
    const j = await at(
      (x) => jacobian((t) => t.transpose())(x),
      [
        [1, 2],
        [3, 4],
      ],
    );
    expect(j).toEqual([
      [
        [
          [1, 0],
          [0, 0],
        ],
        [
          [0, 0],
          [1, 0],
        ],
      ],
      [
        [
          [0, 1],
          [0, 0],
        ],
        [
          [0, 0],
          [0, 1],
        ],
      ],
    ]);
  });
  test("the Hessian is the Jacobian of the gradient", async () => {
    const q = [
      [2, 1],
      [1, 3],
    ];
    const hessian = (x: Tensor, q: Tensor) =>
      jacobian((t) => grad((z: Tensor) => z.matmul(q).mul(z).sum().mul(0.5))(t) as Tensor)(x);
    expect(await at(hessian, [5, -7], q)).toEqual(q);
  });
  test("rows that do not depend on x are 0", async () => {
    expect(
      await at((x) => jacobian((t) => concat([t.slice([0, 1]), Tensor.ones([1], "float64")]))(x), [1, 2]),
    ).toEqual([
      [1, 0],
      [0, 0],
    ]);
  });
  test("hessianVector of a tree", async () => {
    const f = (p: { a: Tensor; b: Tensor[] }) => p.a.mul(p.b[0]!).sum();
    const product = (a: Tensor, b: Tensor) => {
      const h = hessianVector(f)({ a, b: [b] }, { a: a.mul(10), b: [b.mul(100)] });
      return concat([h.a, h.b[0]!]);
    };
    expect(await at(product, [1, 2], [3, 4])).toEqual([300, 400, 10, 20]);
  });
});

describe("trees", () => {
  test("gradients have the structure of the first argument; unused leaves have gradient 0", async () => {
    const loss = (p: { w: Tensor; rest: [Tensor, Tensor] }, x: Tensor) => p.w.mul(x).add(p.rest[0]).sum();
    const run = compile((p: { w: Tensor; rest: [Tensor, Tensor] }, x: Tensor) => valueAndGrad(loss)(p, x));
    const one = (v: number[]) => NDArray.from(v);
    const [value, g] = await run({ w: one([1, 2]), rest: [one([0, 1]), one([9])] }, one([3, 4]));
    expect(value.item()).toBe(12);
    expect([g.w, ...g.rest].map((a) => a.toNested())).toEqual([[3, 4], [1, 1], [0]]);
  });

  test("arrays are taken as constants", () => {
    const g = grad((w: NDArray) => (w as unknown as Tensor).square().sum())(NDArray.from([1, 2]));
    expect(g).toBeInstanceOf(Tensor);
  });
});

describe("where the derivative is a choice", () => {
  test("relu has derivative 0 at 0, abs and sign too", async () => {
    expect(
      await at(
        derivative((x) => x.relu()),
        [0, -1, 1],
      ),
    ).toEqual([0, 0, 1]);
    expect(
      await at(
        derivative((x) => x.abs()),
        [0, -1, 1],
      ),
    ).toEqual([0, -1, 1]);
    expect(
      await at(
        derivative((x) => x.sign()),
        [0, 2],
      ),
    ).toEqual([0, 0]);
  });
  test("equal largest elements share the gradient", async () => {
    expect(
      await at(
        derivative((x) => x.max()),
        [3, 1, 3],
      ),
    ).toEqual([0.5, 0, 0.5]);
    expect(
      await at(
        derivative((x) => x.maximum(1)),
        [0, 1, 2],
      ),
    ).toEqual([0, 0.5, 1]);
  });
  test("clip has derivative 1 at its limits", async () => {
    expect(
      await at(
        derivative((x) => x.clip(-1, 1)),
        [-2, -1, 0, 1, 2],
      ),
    ).toEqual([0, 1, 1, 1, 0]);
  });
  test("x^2 and x^0 at 0", async () => {
    expect(
      await at(
        derivative((x) => x.pow(2)),
        [0, -3],
      ),
    ).toEqual([0, -6]);
    expect(
      await at(
        derivative((x) => x.pow(0)),
        [0, 2],
      ),
    ).toEqual([0, 0]);
    expect(
      await at((x, p) => grad((t: Tensor) => t.pow(p).sum())(x) as Tensor, [0, 0, 2], [0, 1, 3]),
    ).toEqual([0, 1, 12]);
  });
  test("a product with zeros has the products of the others", async () => {
    expect(
      await at(
        derivative((x) => x.prod()),
        [2, 0, 5],
      ),
    ).toEqual([0, 10, 0]);
    expect(
      await at(
        derivative((x) => x.prod()),
        [0, 0, 5],
      ),
    ).toEqual([0, 0, 0]);
  });
});

describe("derivatives of the user's own", () => {
  test("stopGradient: the value passes, the derivative does not", async () => {
    const f: Scalar = (x) => x.mul(stopGradient(x));
    expect(await at(f, [3])).toEqual([9]);
    expect(await at(derivative(f), [3])).toEqual([3]);
  });

  test("straightThrough: the value of one, the derivative of the other, to second order and forward", async () => {
    const f: Scalar = (x) => straightThrough(x.round(), x.pow(2));
    expect(await at(f, [2.7])).toEqual([3]);
    expect(await at(derivative(f), [2.7])).toEqual([5.4]);
    expect(await at(nth(f, 2), [2.7])).toEqual([2]);
    expect(await at((x, v) => jvp(f, [x], [v])[1], [2.7], [10])).toEqual([54]);
    expect(() => straightThrough(Tensor.input([2]), Tensor.input([3]))).toThrow(
      "value and stand-in must have one shape and dtype",
    );
  });

  const cube = customGradient(
    (x: Tensor) => x.mul(x).mul(x),
    (dy, _, x) => [dy.mul(x.mul(x).mul(3))],
  );
  test("customGradient, first and second order, forward and backward", async () => {
    expect(await at(cube, 2)).toBe(8);
    expect(await at(derivative(cube), 2)).toBe(12);
    expect(await at(nth(cube, 2), 2)).toBe(12);
    expect(await at(nth(cube, 3), 2)).toBe(6);
    expect(await at((x, v) => jvp(cube, [x], [v])[1], 2, 0.5)).toBe(6);
  });
  test("customGradient is believed, also about inputs that have none", async () => {
    const odd = customGradient(
      (a: Tensor, b: Tensor) => a.mul(b),
      (dy, y) => [dy.mul(y).mul(100), undefined],
    );
    expect(
      await at((a, b) => grad((p: Tensor[]) => odd(p[0]!, p[1]!).sum())([a, b])[0] as Tensor, 2, 3),
    ).toBe(600);
    expect(
      await at((a, b) => grad((p: Tensor[]) => odd(p[0]!, p[1]!).sum())([a, b])[1] as Tensor, 2, 3),
    ).toBe(0);
  });
});

describe("misuse is told in one line", () => {
  const x = Tensor.input([2, 3]);
  test.each([
    [
      "grad: the function must return a scalar, not the shape [2, 3]: reduce it by mean() or sum(), or use vjp",
      () => grad((t: Tensor) => t.exp())(x),
    ],
    ["grad: the function must return one Tensor, the loss", () => grad((() => 3) as never)(x)],
    [
      'grad: "n" is int64: only floats have derivatives; pass it as a later argument',
      () => grad((p: { n: Tensor }) => p.n)({ n: Tensor.input([], "int64") }),
    ],
    [
      'grad: "rate" is a number, not a tensor: pass it as a later argument',
      () => grad((p: { w: Tensor; rate: number }) => p.w.sum())({ w: x, rate: 3 }),
    ],
    ["jvp: the shape [3] does not match [2, 3]", () => jvp((t: Tensor) => t, [x], [Tensor.input([3])])],
    ["vjp: the shape [3] does not match [2, 3]", () => vjp((t: Tensor) => t, x)[1](Tensor.input([3]))],
  ] as const)("%s", (message, f) => expect(f).toThrow(message));
});
