import { expect, it } from "vitest";
import { tridiagonalSolver } from "./tridiagonal.ts";

const lower = Float64Array.of(99, 1, -2, 0.5, 1);
const diagonal = Float64Array.of(4, -5, 6, 4, 3);
const upper = Float64Array.of(1, 2, -1, 1, 99);

function product(x: Float64Array): Float64Array {
  return x.map(
    (v, i) => (i > 0 ? lower[i]! * x[i - 1]! : 0) + diagonal[i]! * v + (i < 4 ? upper[i]! * x[i + 1]! : 0),
  );
}

it("recovers x from A x, call after call, in place", () => {
  const solve = tridiagonalSolver(5);
  for (const x of [Float64Array.of(1, -2, 3, 0.5, 7), Float64Array.of(0, 0, 1, 0, 0)]) {
    const rhs = product(x);
    solve(lower, diagonal, upper, rhs, rhs);
    for (const [i, v] of x.entries()) expect(rhs[i]).toBeCloseTo(v, 13);
  }
});

it("solves one equation", () => {
  const out = new Float64Array(1);
  tridiagonalSolver(1)(out, Float64Array.of(4), out, Float64Array.of(2), out);
  expect(out[0]).toBe(0.5);
});

it("says which row needs pivoting", () => {
  const two = (a: number, b: number) => Float64Array.of(a, b);
  expect(() => tridiagonalSolver(2)(two(0, 1), two(1, 1), two(1, 0), two(1, 1), two(0, 0))).toThrow(
    "the pivot of row 1 is 0",
  );
});
