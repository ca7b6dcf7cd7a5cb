import { describe, expect, it } from "vitest";
import { NDArray } from "../../tensor/ndarray.ts";
import { straightThrough } from "../../tensor/transforms.ts";
import * as tree from "../../tensor/tree.ts";
import { mapTrainable, parameterCount } from "../frozen.ts";
import { mlp } from "../mlp.ts";
import type { Parametrization } from "../parametrization.ts";
import { spectralNorm } from "../spectral-norm.ts";
import { weightNorm } from "../weight-norm.ts";
import { type CheckParams, checkParams, parametrizationChecks } from "./check.ts";
import * as parametrize from "./index.ts";

const count = parameterCount(checkParams());
const all = (path: string) => path !== "";
const filterGroups = NDArray.from(
  Array.from({ length: 24 }, (_, i) => i % 5),
  "int32",
).reshape([3, 2, 2, 2]);

type Any = Parametrization<never, CheckParams>;
/** Every parametrization that ships, and what it promises at first. */
const table: readonly (readonly [name: string, make: () => unknown, exact: boolean])[] = [
  ["prune by magnitude", () => parametrize.prune({ sparsity: 0.5 }), false],
  ["prune by magnitude over the tree", () => parametrize.prune({ sparsity: 0.5, per: "tree" }), false],
  [
    "prune with masks of ones",
    () => parametrize.prune({ masks: { "layers/0/kernel": NDArray.full([5, 4], 1) } }),
    true,
  ],
  ["lowRank", () => parametrize.lowRank({ rank: 2 }), true],
  ["lowRank of one weight", () => parametrize.lowRank({ rank: 1, only: "layers/*/kernel" }), true],
  ["delta", () => parametrize.delta(), true],
  ["shared in clusters", () => parametrize.shared({ clusters: 4 }), false],
  ["shared in as many clusters as weights", () => parametrize.shared({ clusters: 24 }), true],
  ["shared in groups", () => parametrize.shared({ groups: { "filter/kernel": filterGroups } }), false],
  ["fakeQuantise, symmetric", () => parametrize.fakeQuantise({ bits: 4 }), false],
  ["fakeQuantise by channel", () => parametrize.fakeQuantise({ bits: 3, per: "channel" }), false],
  ["fakeQuantise, asymmetric", () => parametrize.fakeQuantise({ bits: 2, symmetric: false }), false],
  ["fakeQuantise, learned scale", () => parametrize.fakeQuantise({ bits: 3, learnScale: true }), false],
  [
    "fakeQuantise, learned scales",
    () => parametrize.fakeQuantise({ bits: 3, learnScale: true, per: "channel" }),
    false,
  ],
  ["randomSubspace", () => parametrize.randomSubspace({ dimension: 3 }), true],
  ["randomSubspace, dense", () => parametrize.randomSubspace({ dimension: 3, projection: "dense" }), true],
  ["weightNorm", () => weightNorm(), false],
  ["spectralNorm", () => spectralNorm({ select: (path, shape) => all(path) && shape.length === 2 }), false],
  [
    "compose",
    () =>
      parametrize.compose(
        parametrize.prune({ sparsity: 0.5 }),
        parametrize.fakeQuantise({ bits: 6 }),
        parametrize.lowRank({ rank: 2 }),
        parametrize.randomSubspace({ dimension: 5 }),
      ),
    false,
  ],
];

describe.each(table)("%s", (_, make, exact) => {
  it.each(parametrizationChecks.map((c) => [c.name, c] as const))("%s", async (_name, check) => {
    await check.run({ make: make as () => Any, params: checkParams(), exact });
  });
});

describe.each([["zero", false] as const, ["first", false] as const])("generated, from %s", (from, exact) => {
  it.each(parametrizationChecks.map((c) => [c.name, c] as const))("%s", async (_name, check) => {
    // A generator has the dtype that it was built with.
    const make = (dtype: "float32" | "float64") => {
      const generator = mlp({ sizes: [4, 6, Math.ceil(count / 8)], activation: "tanh", dtype });
      return parametrize.generated<CheckParams, unknown>({
        generator: generator as never,
        embedding: [8, 4],
        from,
      });
    };
    const of = (params: CheckParams) =>
      make(params.layers[0]!.bias.dtype as "float64") as Parametrization<unknown, CheckParams>;
    const fitting = (): Parametrization<unknown, CheckParams> => ({
      init: (key, params) => of(params).init(key, params),
      weights: (z, context) => make("float32").weights(z as never, context),
    });
    await check.run({ make: fitting, params: checkParams(), exact });
  });
});

describe("the suite refuses", () => {
  const fails = (p: () => Parametrization<unknown, CheckParams>, message: string) =>
    expect(parametrize.checkParametrization(p)).rejects.toThrow(message);

  it("a wrong gradient", () =>
    fails(
      () => ({
        init: (_key, params) => params,
        weights: (z) =>
          mapTrainable((w) => straightThrough(w, w.mul(1.001)).mul(w).div(w.abs().add(1)), z) as never,
      }),
      "at first",
    ));

  it("first weights that are others", () =>
    fails(
      () => ({ init: (_key, params) => params, weights: (z) => mapTrainable((w) => w.mul(2), z) as never }),
      "it gives exactly the first weights",
    ));

  it("hidden state", () =>
    fails(() => {
      let first: CheckParams | undefined;
      return {
        init: (_key, params) => {
          first = params;
          return params;
        },
        weights: (z) =>
          mapTrainable((w, path) => {
            const held = first === undefined ? undefined : tree.toRecord(first)[path];
            return held === undefined || held.dtype !== w.dtype ? w : w.add(held).sub(held);
          }, z) as never,
      };
    }, "it keeps nothing outside its values"));

  it("what is not trained and not frozen", () =>
    fails(
      () => ({
        init: (_key, params) => ({ params, step: NDArray.scalar(0, "int32") }),
        weights: (z) => (z as { params: never }).params,
      }),
      '"step" is int32: keep what is not trained under the name "frozen"',
    ));

  it("weights that nothing reaches", () =>
    fails(
      () => ({
        init: (_key, params) => ({ free: NDArray.zeros([1]), frozen: { params } }),
        weights: (z) => (z as { frozen: { params: never } }).frozen.params,
      }),
      "nothing would be learned",
    ));
});
