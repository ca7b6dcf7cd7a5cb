import { describe, expect, it } from "vitest";
import { choleskyPacked, choleskyWithJitter, lowerTimesRows } from "./cholesky.ts";

describe("choleskyPacked", () => {
  it("gives the factor that A was made from", () => {
    // L = [[2], [6, 1], [-8, 5, 3]]
    const a = Float64Array.of(4, 12, 37, -16, -43, 98);
    expect([...choleskyPacked(a, 3)!]).toEqual([2, 6, 1, -8, 5, 3]);
  });

  it("has no factor for an indefinite or a NaN matrix", () => {
    expect(choleskyPacked(Float64Array.of(1, 2, 1), 2)).toBeUndefined();
    expect(choleskyPacked(Float64Array.of(Number.NaN), 1)).toBeUndefined();
  });
});

describe("choleskyWithJitter", () => {
  it.each([
    [0, 1e-13],
    [3e-12, 1e-11],
    [3e-8, 1e-7],
  ])(
    "[[1, 1 + %f], [., 1]] takes a jitter of %f: 1e-13 times the first power of 10 that does",
    (excess, jitter) => {
      expect(choleskyWithJitter(Float64Array.of(1, 1 + excess, 1), 2)!.jitter).toBeCloseTo(jitter, 20);
    },
  );

  it("leaves the matrix as it was, and gives up beyond 1e-6", () => {
    const a = Float64Array.of(1, 1 + 1e-5, 1);
    expect(choleskyWithJitter(a, 2)).toBeUndefined();
    expect([...a]).toEqual([1, 1 + 1e-5, 1]);
  });
});

it("lowerTimesRows multiplies every vector, in fours and singly", () => {
  const factor = Float64Array.of(2, 6, 1, -8, 5, 3);
  const z = Float64Array.from({ length: 3 * 6 }, (_, i) => (i % 7) - 3);
  const out = new Float64Array(3 * 6);
  lowerTimesRows(factor, 3, z, 6, out);
  for (let r = 0; r < 6; r++) {
    const [a, b, c] = z.slice(3 * r, 3 * r + 3) as unknown as [number, number, number];
    expect([...out.slice(3 * r, 3 * r + 3)]).toEqual([2 * a, 6 * a + b, -8 * a + 5 * b + 3 * c]);
  }
});
