import {
  CholeskyDecomposition,
  EigenvalueDecomposition,
  inverse,
  Matrix,
  QrDecomposition,
  SVD,
  solve as solveMatrix,
} from "ml-matrix";
import { describe, expect, it, test } from "vitest";
import { evaluate } from "../../../test/evaluate.ts";
import { any, check, checkGradients, fixed, type GradientCase } from "../../../test/gradient-check.ts";
import { NDArray } from "../ndarray.ts";
import { tril, triu } from "../operators/movement.ts";
import * as random from "../random.ts";
import { reachable } from "../rewrite.ts";
import { Tensor } from "../tensor.ts";
import { grad } from "../transforms.ts";
import * as linalg from "./index.ts";
import { identity } from "./matrices.ts";

type Real = "float32" | "float64";
const epsilon = { float32: 2 ** -23, float64: 2 ** -52 } as const;
const draw = (shape: number[], dtype: Real, seed = 1) => random.normal(random.key(seed), shape, dtype);

/** Well conditioned: positive definite, triangular, square. */
const positive = (x: Tensor) => x.matmul(x.swapAxes()).div(x.shape.at(-1)!).add(eye(x));
const lowerOf = (x: Tensor) => tril(x, -1).div(x.shape.at(-1)!).add(eye(x));
const square = (x: Tensor) => x.div(Math.sqrt(x.shape.at(-1)!) * 3).add(eye(x));
const eye = (x: Tensor) => identity(x.shape.at(-1)!, x.dtype);

async function largest(f: (x: Tensor) => Tensor, x: NDArray): Promise<number> {
  const [y] = await evaluate((t) => f(t).abs().max(), x);
  return y!.item();
}

/** What must be 0, for a batch drawn at random. */
const residuals: readonly (readonly [string, (x: Tensor) => Tensor])[] = [
  [
    "cholesky: l l^T = a",
    (x) => {
      const l = linalg.cholesky(positive(x));
      return l.matmul(l.swapAxes()).sub(positive(x));
    },
  ],
  ["cholesky: nothing above the diagonal", (x) => triu(linalg.cholesky(positive(x)), 1)],
  [
    "cholesky, upper: l^T",
    (x) => linalg.cholesky(positive(x), { upper: true }).sub(linalg.cholesky(positive(x)).swapAxes()),
  ],
  [
    "triangularInverse: l x = 1",
    (x) =>
      lowerOf(x)
        .matmul(linalg.triangularInverse(lowerOf(x)))
        .sub(eye(x)),
  ],
  [
    "triangularInverse, upper, reads the upper triangle only",
    (x) => {
      const a = lowerOf(x).swapAxes();
      return linalg
        .triangularInverse(a.add(tril(x, -1)), { upper: true })
        .matmul(a)
        .sub(eye(x));
    },
  ],
  [
    "triangularSolve: l x = b",
    (x) =>
      lowerOf(x)
        .matmul(linalg.triangularSolve(lowerOf(x), x))
        .sub(x),
  ],
  [
    "triangularSolve, transposed: l^T x = b",
    (x) =>
      lowerOf(x)
        .swapAxes()
        .matmul(linalg.triangularSolve(lowerOf(x), x, { transpose: true }))
        .sub(x),
  ],
  [
    "solvePositiveDefinite: a x = b",
    (x) =>
      positive(x)
        .matmul(linalg.solvePositiveDefinite(positive(x), x))
        .sub(x),
  ],
  [
    "solve: a x = b",
    (x) =>
      square(x)
        .matmul(linalg.solve(square(x), x))
        .sub(x),
  ],
  ["qr: q r = a", (x) => linalg.qr(x).q.matmul(linalg.qr(x).r).sub(x)],
  ["qr: q^T q = 1", (x) => linalg.qr(x).q.swapAxes().matmul(linalg.qr(x).q).sub(eye(x))],
  [
    "qr: r has nothing below a positive diagonal",
    (x) => tril(linalg.qr(x).r, -1).add(linalg.qr(x).r.mul(eye(x)).neg().relu()),
  ],
  [
    "polarFactor: u^T u = 1",
    (x) =>
      linalg
        .polarFactor(square(x))
        .swapAxes()
        .matmul(linalg.polarFactor(square(x)))
        .sub(eye(x)),
  ],
  [
    "polarFactor: u^T a is symmetric",
    (x) => {
      const p = linalg.polarFactor(square(x)).swapAxes().matmul(square(x));
      return p.sub(p.swapAxes());
    },
  ],
  [
    "inverseSquareRoot: s a s = 1, s symmetric",
    (x) => {
      const s = linalg.inverseSquareRoot(positive(x));
      return s.matmul(positive(x)).matmul(s).sub(eye(x)).abs().add(s.sub(s.swapAxes()).abs());
    },
  ],
];

describe.each(["float32", "float64"] as const)("residuals in %s", (dtype) => {
  it.each(residuals)("%s", async (_, residual) => {
    for (const shape of [
      [1, 1],
      [3, 2, 5, 5],
      [17, 17],
      [2, 40, 40],
    ])
      expect(await largest(residual, draw(shape, dtype)), String(shape)).toBeLessThan(60 * epsilon[dtype]);
  });
});

describe("ml-matrix finds the same", () => {
  const numbers = (a: NDArray | undefined) => Array.from(a!.data as Float64Array);
  const same = (found: NDArray | undefined, expected: readonly number[]) =>
    numbers(found).forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 11));
  const n = 21;
  const x = draw([n, n], "float64");
  const b = draw([n, 2], "float64", 2);
  const one = async (f: (x: Tensor, b: Tensor) => Tensor | Tensor[]) => evaluate(f as never, x, b);

  it("cholesky, log-determinant, solution", async () => {
    const [a, l, d, y] = await one((t, r) => [
      positive(t),
      linalg.cholesky(positive(t)),
      linalg.logDeterminant(positive(t)),
      linalg.solvePositiveDefinite(positive(t), r),
    ]);
    const matrix = Matrix.from1DArray(n, n, numbers(a));
    const lower = new CholeskyDecomposition(matrix).lowerTriangularMatrix;
    same(l, lower.to1DArray());
    same(d, [lower.diagonal().reduce((sum, v) => sum + 2 * Math.log(v), 0)]);
    same(y, solveMatrix(matrix, Matrix.from1DArray(n, 2, numbers(b))).to1DArray());
  });

  it("triangular inverse and the general solution", async () => {
    const [l, z, a, y] = await one((t, r) => [
      lowerOf(t),
      linalg.triangularInverse(lowerOf(t)),
      square(t),
      linalg.solve(square(t), r),
    ]);
    same(z, inverse(Matrix.from1DArray(n, n, numbers(l))).to1DArray());
    same(
      y,
      solveMatrix(Matrix.from1DArray(n, n, numbers(a)), Matrix.from1DArray(n, 2, numbers(b))).to1DArray(),
    );
  });

  it("qr, up to the signs that make the diagonal positive", async () => {
    const tall = draw([25, 18], "float64", 3);
    const [q, r] = await evaluate((t) => [linalg.qr(t).q, linalg.qr(t).r], tall);
    const qr = new QrDecomposition(Matrix.from1DArray(25, 18, numbers(tall)));
    const [left, right] = [qr.orthogonalMatrix, qr.upperTriangularMatrix];
    const signs = right.diagonal().map(Math.sign);
    same(q, left.mulRowVector(signs).to1DArray());
    same(r, right.mulColumnVector(signs).to1DArray());
  });

  it.each([
    [9, 6],
    [6, 9],
  ])("polar factor and leading singular vectors of a matrix of %i by %i", async (rows, columns) => {
    const a = draw([rows, columns], "float64", 4);
    const [u, value, left, right] = await evaluate((t) => {
      const top = linalg.powerIteration(t, { iterations: 300 });
      return [linalg.polarFactor(t), top.value, top.left, top.right];
    }, a);
    const svd = new SVD(Matrix.from1DArray(rows, columns, numbers(a)), { autoTranspose: true });
    const [us, vs] = [svd.leftSingularVectors, svd.rightSingularVectors];
    const k = Math.min(rows, columns);
    const [ul, vl] = [us.subMatrix(0, rows - 1, 0, k - 1), vs.subMatrix(0, columns - 1, 0, k - 1)];
    same(u, ul.mmul(vl.transpose()).to1DArray());
    same(value, [svd.diagonal[0]!]);
    const sign = Math.sign(numbers(left)[0]! * us.get(0, 0));
    same(
      left,
      us.getColumn(0).map((v) => sign * v),
    );
    same(
      right,
      vs.getColumn(0).map((v) => sign * v),
    );
  });

  it("inverse square root", async () => {
    const [a, s] = await one((t) => [positive(t), linalg.inverseSquareRoot(positive(t))]);
    const { eigenvectorMatrix: v, realEigenvalues } = new EigenvalueDecomposition(
      Matrix.from1DArray(n, n, numbers(a)),
    );
    const roots = Matrix.diag(realEigenvalues.map((e) => 1 / Math.sqrt(e)));
    same(s, v.mmul(roots).mmul(v.transpose()).to1DArray());
  });
});

const shapes = fixed([2, 3, 3]);
const cases: readonly GradientCase[] = [
  check("cholesky", any, (x) => linalg.cholesky(positive(x)), shapes),
  check(
    "cholesky of what is not symmetric",
    any,
    (x) => linalg.cholesky(positive(x).add(tril(x, -1).mul(0.1))),
    shapes,
  ),
  check("logDeterminant", any, (x) => linalg.logDeterminant(positive(x)), shapes),
  check("triangularInverse", any, (x) => linalg.triangularInverse(lowerOf(x)), shapes),
  check(
    "triangularInverse, upper",
    any,
    (x) => linalg.triangularInverse(lowerOf(x).swapAxes(), { upper: true }),
    shapes,
  ),
  check("triangularSolve", any, (x, b) => linalg.triangularSolve(lowerOf(x), b), fixed([2, 3, 3], [3, 2])),
  check(
    "solvePositiveDefinite",
    any,
    (x, b) => linalg.solvePositiveDefinite(positive(x), b),
    fixed([2, 3, 3], [3]),
  ),
  check("solve", any, (x, b) => linalg.solve(square(x), b), fixed([3, 3], [2, 3, 2])),
  check("qr", any, (x) => Object.values(linalg.qr(x.add(tall(x)))), fixed([2, 4, 3])),
  check("polarFactor", any, (x) => linalg.polarFactor(x.add(tall(x)), { iterations: 14 }), fixed([2, 4, 3])),
  check("inverseSquareRoot", any, (x) => linalg.inverseSquareRoot(positive(x), { iterations: 14 }), shapes),
];
const tall = (x: Tensor) => identity(4, x.dtype).mul(4).slice(undefined, [0, 3]);

describe("gradients, of second order and forward too", () => {
  test.each(cases.map((c) => [c.name, c] as const))("%s", (_, the) => checkGradients(the, 2));

  it("of the largest singular value: left right^T", async () => {
    const a = draw([2, 5, 4], "float64");
    const top = (t: Tensor) => linalg.powerIteration(t, { iterations: 200 });
    const [slope, product] = await evaluate(
      (t) => [
        grad((u: Tensor) => top(u).value.sum())(t),
        top(t)
          .left.unsqueeze([-1])
          .mul(top(t).right.unsqueeze([-2])),
      ],
      a,
    );
    (slope!.data as Float64Array).forEach((v, i) => expect(v).toBeCloseTo(Number(product!.data[i]), 14));
    const step = 1e-6;
    const moved = (by: number) =>
      new NDArray(
        (a.data as Float64Array).map((v, i) => (i === 7 ? v + by : v)),
        a.shape,
      );
    const [up] = await evaluate((t) => top(t).value.sum(), moved(step));
    const [down] = await evaluate((t) => top(t).value.sum(), moved(-step));
    expect((up!.item() - down!.item()) / (2 * step)).toBeCloseTo(Number(slope!.data[7]), 8);
  });
});

describe("graphs", () => {
  const nodes = (f: (x: Tensor) => Tensor, n: number) =>
    reachable([f(Tensor.input([n, n]))]).filter((node) => node.value === undefined).length;
  const slope = (f: (x: Tensor) => Tensor) => grad((x: Tensor) => f(x).square().sum());

  it.each([
    ["cholesky", linalg.cholesky, 10],
    ["triangularInverse", linalg.triangularInverse, 1],
    ["qr", (x: Tensor) => linalg.qr(x).q, 15],
    ["polarFactor", linalg.polarFactor, 1],
    ["inverseSquareRoot", linalg.inverseSquareRoot, 1],
  ] as const)("%s grows by few nodes for a column, its gradient by few more", (_, f, each) => {
    expect(nodes(f as never, 256)).toBeLessThan(each * 256);
    expect(nodes(slope(f as never), 256)).toBeLessThan(nodes(f as never, 256) + 500);
  });
});

describe("errors", () => {
  const a = Tensor.input([2, 3, 4]);
  it.each([
    [
      () => linalg.cholesky(a),
      "cholesky of float32[2, 3, 4]: it takes square matrices, the last two sizes are 3 and 4",
    ],
    [() => linalg.qr(a), "as many rows as columns or more, not 3 and 4: transpose it"],
    [() => linalg.polarFactor(Tensor.input([3])), "give it two axes or more"],
    [() => linalg.triangularInverse(Tensor.input([3, 3], "int64")), "it takes float32 or float64"],
    [
      () => linalg.solve(Tensor.input([3, 3]), Tensor.input([4, 2])),
      "the right side needs 3 rows, as the matrix has, not 4",
    ],
    [
      () => linalg.powerIteration(a, { iterations: 0 }),
      "powerIteration: iterations is 0: use a whole number from 1",
    ],
  ])("%#", (f, message) => {
    expect(f).toThrow(message);
    expect(f).not.toThrow("\n");
  });

  it("what is not positive definite gives NaN", async () => {
    const [l] = await evaluate(
      (x) => linalg.cholesky(x),
      NDArray.from([
        [1, 2],
        [2, 1],
      ]),
    );
    expect(l!.data[3]).toBeNaN();
  });
});
