import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DType } from "./dtype.ts";
import { NDArray, type Nested } from "./ndarray.ts";

describe("NDArray.from", () => {
  test("numbers are float32, booleans bool, bigints int64, unless said otherwise", () => {
    expect(NDArray.from([1, 2]).dtype).toBe("float32");
    expect(NDArray.from([true]).dtype).toBe("bool");
    expect(NDArray.from([1n]).dtype).toBe("int64");
    expect(NDArray.from([1, 2], "float64").data).toEqual(Float64Array.of(1, 2));
    expect(NDArray.from([1, 2], "int64").data).toEqual(BigInt64Array.of(1n, 2n));
    expect(NDArray.from([0, 3], "bool").data).toEqual(Uint8Array.of(0, 1));
  });

  test("shapes: a scalar, nesting, empty rows", () => {
    expect(NDArray.from(5).shape).toEqual([]);
    expect(NDArray.from([[1, 2, 3]]).shape).toEqual([1, 3]);
    expect(NDArray.from([]).shape).toEqual([0]);
    expect(NDArray.from([[], []]).shape).toEqual([2, 0]);
  });

  test("a typed array keeps its type and is not copied", () => {
    const data = Float64Array.of(1, 2);
    expect(NDArray.from(data).data).toBe(data);
    expect(NDArray.from(Int32Array.of(3)).dtype).toBe("int32");
    expect(NDArray.from(Uint8Array.of(3)).dtype).toBe("uint8");
    expect(NDArray.from(data, "float32").data).toEqual(Float32Array.of(1, 2));
  });

  test("toNested gives back what from was given", () => {
    const nested = fc
      .array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 3 })
      .chain((shape) =>
        shape.reduceRight<fc.Arbitrary<unknown>>(
          (inner, d) => fc.array(inner, { minLength: d, maxLength: d }),
          fc.integer({ min: -9, max: 9 }),
        ),
      )
      .filter((v) => !JSON.stringify(v).includes("[]"));
    fc.assert(
      fc.property(nested, (v) => {
        expect(NDArray.from(v as Nested).toNested()).toEqual(v);
      }),
      { seed: 1 },
    );
  });

  test("ragged rows are refused, the first one named", () => {
    expect(() => NDArray.from([[1, 2], [3]])).toThrow(
      "NDArray.from: ragged input: values[1] should be 2 entries, as its neighbours are",
    );
    expect(() => NDArray.from([[1], 2])).toThrow("values[1] should be 1 entries");
    expect(() => NDArray.from([1, [2]])).toThrow("values[1] should be a number");
  });
});

describe("the constructor refuses", () => {
  test("a shape that the data does not fill", () => {
    expect(() => new NDArray(Float32Array.of(1, 2), [3])).toThrow(
      "the shape [3] takes 3 elements, the data has 2",
    );
  });
  test("sizes that are no whole numbers", () => {
    expect(() => new NDArray(Float32Array.of(1), [-1])).toThrow("-1 is no size in the shape [-1]");
    expect(() => new NDArray(Float32Array.of(1), [0.5])).toThrow("0.5 is no size");
  });
  test("a dtype that lives in another typed array", () => {
    expect(() => new NDArray(Float32Array.of(1), [1], "float64")).toThrow(
      "float64 is held in Float64Array, the data is Float32Array",
    );
  });
});

describe("cast", () => {
  test("toward zero from float to int; bigints both ways", () => {
    const x = NDArray.from([-1.7, 0.5, 2.9]);
    expect(x.cast("int32").toNested()).toEqual([-1, 0, 2]);
    expect(x.cast("int64").toNested()).toEqual([-1n, 0n, 2n]);
    expect(x.cast("int64").cast("float64").toNested()).toEqual([-1, 0, 2]);
  });
  test("nonzero is true, and so is NaN", () => {
    expect(NDArray.from([0, 0.1, NaN, -0]).cast("bool").toNested()).toEqual([false, true, true, false]);
  });
  test("float16 bits are not taken for numbers", () => {
    const half = new NDArray(Uint16Array.of(0x3c00), [1], "float16");
    expect(() => half.cast("float32")).toThrow("float16 is carried as raw bits");
    expect(half.cast("float16").data).toEqual(Uint16Array.of(0x3c00));
  });
  test("a cast to the same dtype is a copy", () => {
    const x = NDArray.from([1, 2]);
    const y = x.cast("float32");
    expect(y.toNested()).toEqual([1, 2]);
    expect(y.data).not.toBe(x.data);
  });
});

test.each(["float32", "float64", "int64", "int32", "uint8", "bool"] as DType[])(
  "zeros and full of %s",
  (dtype) => {
    expect(Array.from(NDArray.zeros([2, 2], dtype).data, Number)).toEqual([0, 0, 0, 0]);
    expect(Array.from(NDArray.full([3], 1, dtype).data, Number)).toEqual([1, 1, 1]);
  },
);

test("reshape shares the data, one size may be -1", () => {
  const x = NDArray.from([1, 2, 3, 4, 5, 6]);
  expect(x.reshape([2, -1]).toNested()).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  expect(x.reshape([2, 3]).data).toBe(x.data);
  expect(() => x.reshape([4, -1])).toThrow("1.5 is no size");
});

test("item is for one element", () => {
  expect(NDArray.from([[7n]]).item()).toBe(7);
  expect(() => NDArray.from([1, 2]).item()).toThrow(
    "takes an array of one element, this one has the shape [2]",
  );
});

test("a donated array is empty and says so", () => {
  const x = NDArray.from([1, 2]);
  const y = x.donate();
  expect(y.toNested()).toEqual([1, 2]);
  expect(x.isDonated).toBe(true);
  for (const use of [
    () => x.toNested(),
    () => x.copy(),
    () => x.reshape([2]),
    () => x.cast("int64"),
    () => x.donate(),
  ]) {
    expect(use).toThrow(
      "this float32[2] was donated to a compiled function: use the array that the call returned",
    );
  }
});

test("structuredClone keeps the three fields", () => {
  const { data, shape, dtype } = structuredClone(NDArray.from([[1, 2]]));
  expect(new NDArray(data, shape, dtype).toNested()).toEqual([[1, 2]]);
});
