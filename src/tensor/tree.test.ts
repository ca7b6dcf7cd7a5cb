import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NDArray } from "./ndarray.ts";
import { Tensor } from "./tensor.ts";
import * as tree from "./tree.ts";

const params = { layers: [{ kernel: 1, bias: 2 }, { kernel: 3 }], scale: 4 };

test("leaves and paths go in order", () => {
  expect(tree.leaves(params)).toEqual([1, 2, 3, 4]);
  expect(tree.paths(params)).toEqual(["layers/0/kernel", "layers/0/bias", "layers/1/kernel", "scale"]);
  expect(tree.leaves(5)).toEqual([5]);
  expect(tree.paths(5)).toEqual([""]);
});

test("arrays, tensors and functions are leaves, plain objects without a prototype are not", () => {
  const leaves = [NDArray.from([1]), Tensor.input([2]), Float32Array.of(1), () => 1, null, undefined, "s"];
  expect(tree.leaves(leaves as unknown)).toEqual(leaves);
  expect(tree.leaves(Object.assign(Object.create(null) as object, { a: 1 }))).toEqual([1]);
});

test("unflatten is the inverse of leaves", () => {
  const any = fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: "small" },
      fc.integer(),
      fc.array(tie("tree"), { maxLength: 3 }),
      fc.dictionary(fc.stringMatching(/^[a-c]$/), tie("tree"), { maxKeys: 3, noNullPrototype: true }),
    ),
  })).tree;
  fc.assert(
    fc.property(any, (t) => {
      expect(tree.unflatten(t, tree.leaves(t))).toEqual(t);
    }),
    { seed: 1 },
  );
  expect(() => tree.unflatten(params, [1, 2])).toThrow("tree.unflatten: the tree has 4 leaves, the list 2");
});

describe("map", () => {
  test("keeps the structure, takes further trees", () => {
    expect(tree.map((x) => Number(x) * 10, params)).toEqual({
      layers: [{ kernel: 10, bias: 20 }, { kernel: 30 }],
      scale: 40,
    });
    expect(
      tree.map(
        (x: number, y: number, z: number) => x + y + z,
        [1, { a: 2 }],
        [10, { a: 20 }],
        [100, { a: 200 }],
      ),
    ).toEqual([111, { a: 222 }]);
  });
  test("names the leaf that a further tree lacks", () => {
    const other = { layers: [{ kernel: 1, bias: 2 }, {}], scale: 4 };
    expect(() => tree.map((x) => x, params, other as typeof params)).toThrow(
      'tree.map: tree 2 has nothing at "layers/1/kernel", the first tree does',
    );
  });
  test("mapWithPath tells the path", () => {
    expect(tree.mapWithPath((x, path) => `${path}=${x}`, { a: [1, 2] })).toEqual({ a: ["a/0=1", "a/1=2"] });
  });
});

describe("records", () => {
  test("there and back", () => {
    const record = tree.toRecord(params);
    expect(record).toEqual({ "layers/0/kernel": 1, "layers/0/bias": 2, "layers/1/kernel": 3, scale: 4 });
    expect(tree.fromRecord(params, record)).toEqual(params);
  });
  test("what is missing and what is left over is named", () => {
    expect(() => tree.fromRecord({ a: 1, b: 2 }, { a: 1, c: 3, d: 4, e: 5, f: 6 })).toThrow(
      "tree.fromRecord: the leaves do not fit the tree: missing b; not in the tree c, d, e and 1 more;",
    );
  });
});

test.each([
  ["layers/0/kernel", "layers/0/kernel", true],
  ["layers/0/kernel", "layers/*/kernel", true],
  ["layers/0/1/kernel", "layers/*/kernel", false],
  ["layers/0/1/kernel", "**/kernel", true],
  ["kernel", "**/kernel", true],
  ["my-kernel", "**/kernel", false],
  ["layers/0/kernel", "layers/**", true],
  ["layers", "layers/**", true],
  ["layers2/0", "layers/**", false],
  ["a/b/c/d", "a/**/d", true],
  ["a/d", "a/**/d", true],
  ["anything/at/all", "**", true],
  ["a.b", "a*b", true],
  ["axb", "a.b", false],
  ["conv1/bias", "conv*/bias", true],
  ["[0]", "[0]", true],
] as const)("%s matches %s: %s", (path, pattern, wanted) => expect(tree.matches(path, pattern)).toBe(wanted));
