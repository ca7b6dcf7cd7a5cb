import { describe, expect, test } from "vitest";
import { broadcastShapes, normalAxes, normalAxis, sizeOf, stridesOf } from "./shape.ts";

test("size and strides", () => {
  expect(sizeOf([])).toBe(1);
  expect(sizeOf([2, 0, 3])).toBe(0);
  expect(stridesOf([2, 3, 4])).toEqual([12, 4, 1]);
  expect(stridesOf([])).toEqual([]);
});

describe("broadcastShapes", () => {
  test.each([
    [
      [[2, 3], [3]],
      [2, 3],
    ],
    [
      [
        [2, 1],
        [1, 3],
      ],
      [2, 3],
    ],
    [[[], [2]], [2]],
    [[[1], [0]], [0]],
    [
      [[5, 1, 4], [3, 1], []],
      [5, 3, 4],
    ],
    [[], []],
  ] as const)("%j is %j", (shapes, wanted) => expect(broadcastShapes(...shapes)).toEqual(wanted));

  test.each([[[[2], [3]]], [[[2, 3], [2]]], [[[0], [2]]]] as const)("%j do not fit", (shapes) =>
    expect(broadcastShapes(...shapes)).toBeUndefined(),
  );
});

describe("axes", () => {
  test("count from the end where they are negative", () => {
    expect(normalAxis(-1, 3)).toBe(2);
    expect(normalAxes([-1, 0], 3)).toEqual([0, 2]);
    expect(normalAxes(undefined, 2)).toEqual([0, 1]);
    expect(normalAxes(-2, 2)).toEqual([0]);
    expect(normalAxes([], 2)).toEqual([]);
  });
  test("outside the shape, of scalars, fractions and repetitions are refused", () => {
    expect(() => normalAxis(2, 2)).toThrow("axis 2 is outside a shape of 2 axes: use -2 to 1");
    expect(() => normalAxis(-3, 2)).toThrow("axis -3 is outside");
    expect(() => normalAxis(0, 0)).toThrow("a scalar has no axes");
    expect(() => normalAxis(0.5, 2)).toThrow("axis 0.5 is outside");
    expect(() => normalAxes([0, -2], 2)).toThrow("axis 0 is named twice");
  });
});
