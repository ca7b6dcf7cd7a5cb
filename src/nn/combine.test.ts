import { describe, expect, it } from "vitest";
import { compile } from "../runtime/compile.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import { Tensor } from "../tensor/tensor.ts";
import * as tree from "../tensor/tree.ts";
import * as nn from "./index.ts";

const key = random.key(1);
const times = (factor: number): nn.Model<{ factor: NDArray }> => ({
  init: () => ({ factor: NDArray.from([factor]) }),
  apply: ({ factor }, x) => x.mul(factor),
});
const x = NDArray.from([1, -2]);

describe("combine", () => {
  const model = nn.combine(
    { a: times(2), list: [times(3), times(5)], absent: undefined as nn.Model<unknown> | undefined },
    (run, input: Tensor) => run.list.reduce((h, f) => f(h), run.absent?.(input) ?? run.a(run.a(input))),
  );

  it("has the weights of the parts at their places, and runs the parts with them", async () => {
    const params = model.init(key);
    expect(tree.paths(params)).toEqual(["a/factor", "list/0/factor", "list/1/factor"]);
    expect((await compile(model.apply)(params, x)).toNested()).toEqual([60, -120]);
  });

  it("gives each part, and each call of a part, a key of its own", () => {
    const keys: (Tensor | undefined)[] = [];
    const spy: nn.Model<unknown> = {
      init: () => ({}),
      apply: (_, input, context) => {
        keys.push(context?.key);
        return input;
      },
    };
    const twice = nn.combine({ a: spy, b: spy }, (run, input: Tensor) => run.b(run.a(run.a(input))));
    const input = Tensor.input([1]);
    twice.apply(twice.init(key) as never, input, { key: Tensor.input([2], "uint32") });
    expect(new Set(keys).size).toBe(3);
    twice.apply(twice.init(key) as never, input, { training: true });
    expect(keys.slice(3)).toEqual([undefined, undefined, undefined]);
  });

  it("gives different parts different first weights", () => {
    const two = nn.combine(
      { a: nn.dense({ inputs: 1, outputs: 1 }), b: nn.dense({ inputs: 1, outputs: 1 }) },
      (run, input: Tensor) => run.b(run.a(input)),
    );
    const { a, b } = two.init(key);
    expect(a.kernel.toNested()).not.toEqual(b.kernel.toNested());
  });
});

it("sequential runs layers in order, residual adds the input or its shortcut", async () => {
  const chain = nn.sequential(
    times(2),
    nn.layer((h) => h.relu()),
    times(-3),
  );
  const params = chain.init(key);
  expect(tree.paths(params)).toEqual(["layers/0/factor", "layers/2/factor"]);
  expect((await compile(chain.apply)(params, x)).toNested()).toEqual([-6, -0]);

  const plain = nn.residual(chain);
  expect((await compile(plain.apply)(plain.init(key), x)).toNested()).toEqual([-5, -2]);
  const projected = nn.residual(times(2), times(10));
  expect((await compile(projected.apply)(projected.init(key), x)).toNested()).toEqual([12, -24]);
});
