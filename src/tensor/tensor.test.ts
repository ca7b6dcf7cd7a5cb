import { describe, expect, test } from "vitest";
import { NDArray } from "./ndarray.ts";
import { where } from "./operators/index.ts";
import { reachable } from "./rewrite.ts";
import { apply, Tensor } from "./tensor.ts";

const input = (...shape: number[]) => Tensor.input(shape, "float32");

describe("equal expressions are one", () => {
  test("the same operator on the same tensors with the same attributes", () => {
    const [x, y] = [input(2, 3), input(3)];
    expect(x.add(y).exp()).toBe(x.add(y).exp());
    expect(x.sum(1)).toBe(x.sum(-1));
    expect(x.mul(2)).toBe(x.mul(2));
    expect(x.softmax(0)).not.toBe(x.softmax(1));
    expect(x.mul(2)).not.toBe(x.mul(3));
    expect(x.sub(y)).not.toBe(y.sub(x));
    expect(x.mul(0)).not.toBe(x.mul(-0));
    expect(x.gelu("tanh")).not.toBe(x.gelu());
  });

  test("inputs are all different, even of one type", () => {
    expect(input(2)).not.toBe(input(2));
    expect(input(2).exp()).not.toBe(input(2).exp());
  });

  test("a graph is shared, not copied: 60 doublings are 60 nodes", () => {
    let x = input(2);
    for (let i = 0; i < 60; i++) x = x.add(x);
    expect(reachable([x])).toHaveLength(61);
  });
});

describe("simplifications keep the meaning", () => {
  const x = input(2, 3);
  test("neutral elements go, where shape and dtype stay", () => {
    expect(x.add(0)).toBe(x);
    expect(x.sub(0)).toBe(x);
    expect(x.mul(1)).toBe(x);
    expect(x.div(1)).toBe(x);
    expect(x.pow(1)).toBe(x);
    expect(Tensor.zeros([2, 3]).add(x)).toBe(x);
    expect(x.add(Tensor.zeros([4, 2, 3])).shape).toEqual([4, 2, 3]);
    expect(Tensor.constant(0).sub(x)).not.toBe(x);
    expect(Tensor.constant(1).div(x)).not.toBe(x);
  });
  test("0 times x is not 0: x may be NaN", () => {
    expect(x.mul(0).node.op).toBe("Mul");
  });
  test("movement: pairs cancel, nothing moves for nothing", () => {
    expect(x.transpose().transpose()).toBe(x);
    expect(x.transpose([0, 1])).toBe(x);
    expect(x.reshape([2, 3])).toBe(x);
    expect(x.reshape([6]).reshape([3, 2])).toBe(x.reshape([3, 2]));
    expect(x.expand([2, 3])).toBe(x);
    expect(x.slice([0, 2], [0, 9])).toBe(x);
    expect(x.slice([undefined, undefined, -1])).not.toBe(x);
    expect(x.cast("float32")).toBe(x);
    expect(x.neg().neg()).toBe(x);
    expect(x.unsqueeze(0).sum(0)).toBe(x.unsqueeze(0).reshape([2, 3]));
  });
  test("a constant of one value stays one number until its elements are needed", () => {
    const ones = Tensor.ones([1000, 1000]).mul(3).reshape([10, -1]).transpose();
    expect(ones.shape).toEqual([100_000, 10]);
    const constants = reachable([ones]).filter((n) => n.value !== undefined && n.value.dtype === "float32");
    expect(constants.map((n) => n.value!.size)).toEqual([1]);
    expect(constants[0]!.value!.item()).toBe(3);
  });
  test("arithmetic of constants is rounded to their dtype", () => {
    expect(Tensor.constant(0.1).add(Tensor.constant(0.2)).value!.item()).toBe(
      Math.fround(Math.fround(0.1) + Math.fround(0.2)),
    );
    expect(Tensor.constant(2.9).cast("int64").value!.item()).toBe(2);
    expect(Tensor.constant(NaN).cast("int64").value).toBeUndefined();
  });
  test("elementwise operators broadcast by themselves: an Expand before them goes", () => {
    const row = input(3);
    expect(row.expand([2, 3]).add(x)).toBe(row.add(x));
    expect(row.expand([2, 3]).mul(row.expand([2, 3])).shape).toEqual([2, 3]);
    expect(row.expand([2, 3]).exp().node.inputs[0]!.node.op).toBe("Expand");
  });
});

describe("numbers beside a tensor", () => {
  test("take its dtype", () => {
    expect(Tensor.input([2], "float64").mul(0.5).dtype).toBe("float64");
    expect(Tensor.input([2], "int64").add(1).dtype).toBe("int64");
    expect(where(Tensor.input([2], "bool"), 1, Tensor.input([2], "float64")).dtype).toBe("float64");
  });
  test("anything else is refused", () => {
    expect(() => input(2).add("3" as never)).toThrow("expected a Tensor, an NDArray or a number, got string");
    expect(() => input(2).add(null as never)).toThrow("got null");
  });
});

describe("errors are one line with the operator, the operands and the caller's place", () => {
  const place = /\(\S*tensor\.test\.ts:\d+:\d+\)$/;
  const message = (f: () => unknown): string => {
    try {
      f();
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
      return (error as Error).message;
    }
    return expect.fail("nothing was thrown");
  };
  test.each([
    [
      "Add of float32[2, 3] and float32[2]: the shapes do not broadcast: aligned at the last axis, sizes must be equal or 1",
      () => input(2, 3).add(input(2)),
    ],
    [
      "Mul of float32[2] and float64[2]: float32 and float64 do not mix: cast one to the other's dtype",
      () => input(2).mul(Tensor.input([2], "float64")),
    ],
    [
      "MatMul of float32[2, 3] and float32[2, 3]: the inner sizes 3 and 2 differ",
      () => input(2, 3).matmul(input(2, 3)),
    ],
    [
      "MatMul of float32[] and float32[2]: it takes vectors and matrices, not scalars: use mul",
      () => input().matmul(input(2)),
    ],
    [
      "Reshape of float32[2, 3] and int64[2]: 6 elements do not fill the shape [4, -1]",
      () => input(2, 3).reshape([4, -1]),
    ],
    [
      'Exp of int64[2]: it takes float tensors, not int64: use cast("float32")',
      () => Tensor.input([2], "int64").exp(),
    ],
    [
      "And of float32[2] and bool[2]: it takes bool tensors, not float32: compare or cast first",
      () => input(2).and(Tensor.input([2], "bool")),
    ],
    [
      "Squeeze of float32[2, 1] and int64[1]: axis 0 has size 2, only size 1 can go",
      () => input(2, 1).squeeze(0),
    ],
    [
      "Slice of float32[4] and int64[1] and int64[1] and int64[1] and int64[1]: the step of a slice is 0: use 1 or more, or negative to go backwards",
      () => input(4).slice([0, 4, 0]),
    ],
    [
      "Nonsense of float32[2] and nothing: the operator table has no such operator",
      () => apply("Nonsense", [input(2), undefined]),
    ],
  ] as const)("%s", (wanted, f) => {
    const found = message(f);
    expect(found.replace(/ \(\S*:\d+:\d+\)$/, "")).toBe(wanted);
    expect(found).toMatch(place);
  });

  test("axes are checked", () => {
    expect(() => input(2, 3).sum(2)).toThrow("axis 2 is outside a shape of 2 axes: use -2 to 1");
    expect(() => input().sum(0)).toThrow("a scalar has no axes");
    expect(() => input(2, 3).transpose([0, 0])).toThrow("[0,0] is no order of 2 axes: name each axis once");
  });

  test("a shape that is computed is no shape", () => {
    expect(() => apply("Reshape", [input(2), Tensor.input([1], "int64")])).toThrow(
      "the shape must be a constant: shapes are static here",
    );
  });
});

test("a tensor shows its operator and type", () => {
  expect(String(input(2, 3).exp())).toBe("Tensor(Exp float32[2, 3])");
});

test("arange, zeros, ones and full", () => {
  expect(Tensor.arange(3).value!.toNested()).toEqual([0n, 1n, 2n]);
  expect(Tensor.arange(2, "float64").value!.toNested()).toEqual([0, 1]);
  expect(Tensor.full([2], 7, "float64").dtype).toBe("float64");
  expect(Tensor.constant(NDArray.from([[1, 2]])).shape).toEqual([1, 2]);
});
