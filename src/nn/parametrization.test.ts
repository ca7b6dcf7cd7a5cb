import { describe, expect, it } from "vitest";
import { compile } from "../runtime/compile.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import { Tensor } from "../tensor/tensor.ts";
import { grad, straightThrough } from "../tensor/transforms.ts";
import * as tree from "../tensor/tree.ts";
import * as nn from "./index.ts";

/** Intrinsic dimension: theta0 + P z, the projection drawn anew from a key in every graph. */
function subspace<P>(
  dimension: number,
): nn.Parametrization<{ z: NDArray; frozen: { theta0: P; key: NDArray } }, P> {
  return {
    init: (key, params) => ({ z: NDArray.zeros([dimension]), frozen: { theta0: params, key } }),
    weights: ({ z, frozen }) => {
      let count = 0;
      return nn.mapTrainable((w) => {
        const projection = random.normal(random.fold(frozen.key, count++), [w.size, dimension]);
        return w.add(projection.matmul(z).reshape(w.shape));
      }, frozen.theta0);
    },
  };
}

/** Pruning: mask * w. */
function masked<P>(
  keep: (path: string) => number,
): nn.Parametrization<{ weights: P; frozen: { mask: Record<string, NDArray> } }, P> {
  return {
    init: (_key, params) => {
      const all = Object.entries(nn.trainable(params)) as [string, NDArray][];
      const mask = Object.fromEntries(all.map(([path, w]) => [path, NDArray.full(w.shape, keep(path))]));
      return { weights: params, frozen: { mask } };
    },
    weights: ({ weights, frozen }) => nn.mapTrainable((w, path) => w.mul(frozen.mask[path]!), weights),
  };
}

/** Low-rank fine-tuning: w + a b for every matrix. */
function lowRank<P>(
  rank: number,
): nn.Parametrization<{ delta: Record<string, { a: NDArray; b: NDArray }>; frozen: { base: P } }, P> {
  return {
    init: (key, params) => {
      const matrices = (Object.entries(nn.trainable(params)) as [string, NDArray][]).filter(
        ([, w]) => w.rank === 2,
      );
      const pair = (w: NDArray, i: number) => ({
        a: random.normal(random.fold(key, i), [w.shape[0]!, rank]),
        b: NDArray.zeros([rank, w.shape[1]!]),
      });
      const delta = Object.fromEntries(matrices.map(([path, w], i) => [path, pair(w, i)]));
      return { delta, frozen: { base: params } };
    },
    weights: ({ delta, frozen }) =>
      nn.mapTrainable((w, path) => {
        const d = delta[path];
        return d === undefined ? w : w.add(d.a.matmul(d.b));
      }, frozen.base),
  };
}

/** Quantization: round(w / s) s, with a straight-through gradient. */
function rounded<P>(step: number): nn.Parametrization<P, P> {
  return {
    init: (_key, params) => params,
    weights: (w) => nn.mapTrainable((x) => straightThrough(x.div(step).round().mul(step), x), w),
  };
}

const model = nn.mlp({ sizes: [2, 4, 1], activation: "tanh" });
const params = model.init(random.key(3));
const x = NDArray.from([
  [1, 2],
  [-1, 0.5],
]);

async function weightsOf<Z>(parametrization: nn.Parametrization<Z, nn.MlpParams>, z: Z) {
  const run = compile((traced: tree.Traced<Z>) => parametrization.weights(traced));
  return (await run(z as never)) as nn.MlpParams;
}

describe("weights(init(params)) are the weights of the model", () => {
  it.each<[string, nn.Parametrization<never, nn.MlpParams>]>([
    ["subspace", subspace(3)],
    ["mask of ones", masked(() => 1)],
    ["low-rank difference", lowRank(1)],
  ] as never)("%s", async (_, parametrization) => {
    const z = parametrization.init(random.key(1), params);
    expect(await weightsOf(parametrization, z)).toEqual(params);
  });

  it("and away from there they are what the formula says", async () => {
    const bias = await weightsOf(
      masked((path) => (path.endsWith("bias") ? 0 : 1)),
      {
        weights: tree.map((w) => NDArray.full(w.shape, 2), params) as nn.MlpParams,
        frozen: {
          mask: tree.toRecord(
            masked((p) => (p.endsWith("bias") ? 0 : 1)).init(random.key(0), params).frozen.mask,
          ),
        },
      },
    );
    expect([...bias.layers[0]!.bias.data]).toEqual([0, 0, 0, 0]);
    expect([...bias.layers[1]!.kernel.data]).toEqual([2, 2, 2, 2]);

    const delta = lowRank<nn.MlpParams>(1).init(random.key(1), params);
    const entry = delta.delta["layers/1/kernel"]!;
    const moved = {
      ...delta,
      delta: { ...delta.delta, "layers/1/kernel": { ...entry, b: NDArray.from([[1]]) } },
    };
    const kernel = (await weightsOf(lowRank(1), moved)).layers[1]!.kernel;
    for (let i = 0; i < 4; i++)
      expect(kernel.data[i]).toBeCloseTo(
        (params.layers[1]!.kernel.data[i] as number) + (entry.a.data[i] as number),
        6,
      );
  });
});

describe("a reparametrized model", () => {
  const run = async <Z>(m: nn.Model<Z>, z: Z) => {
    const f = compile((p: tree.Traced<Z>, input: Tensor) => m.apply(p, input));
    return (f as never as (z: Z, x: NDArray) => Promise<NDArray>)(z, x);
  };

  it("is the model itself at first, and so is a stack of parametrizations", async () => {
    const key = random.key(9);
    const stack = nn.reparametrize(nn.reparametrize(model, lowRank(2)), subspace(5));
    const inner = random.split(random.split(key)[0]!)[0]!;
    expect(await run(stack, stack.init(key))).toEqual(await run(model, model.init(inner)));
  });

  it("trains only what is not frozen, through every layer of the stack", () => {
    const stack = nn.reparametrize(
      nn.reparametrize(model, lowRank(2)),
      masked(() => 1),
    );
    const z = stack.init(random.key(9));
    expect(Object.keys(nn.trainable(z))).toEqual([
      "weights/delta/layers/0/kernel/a",
      "weights/delta/layers/0/kernel/b",
      "weights/delta/layers/1/kernel/a",
      "weights/delta/layers/1/kernel/b",
    ]);
    expect(Object.keys(z.frozen.mask)).toEqual(
      Object.keys(nn.trainable(z)).map((p) => p.replace("weights/", "")),
    );
  });

  it("a straight-through gradient passes the rounding", async () => {
    const quantized = nn.reparametrize(model, rounded(0.5));
    const both = compile((p: tree.Traced<nn.MlpParams>, input: Tensor) => ({
      weights: rounded<nn.MlpParams>(0.5).weights(p),
      slope: grad((q: typeof p) => quantized.apply(q, input).sum())(p),
    }));
    const { weights, slope } = await both(params, x);
    for (const v of weights.layers[0]!.kernel.data) expect(Number(v) % 0.5).toBeCloseTo(0, 12);
    expect([...slope.layers[1]!.bias.data]).toEqual([2]);
    expect(slope.layers[0]!.kernel.data.some((v) => v !== 0)).toBe(true);
  });

  it("gives random models and parametrizations different keys", () => {
    const seen: (Tensor | undefined)[] = [];
    const noisy: nn.Model<NDArray> = {
      init: () => NDArray.zeros([1]),
      apply: (p, _x, context) => {
        seen.push(context?.key);
        return p;
      },
    };
    const same: nn.Parametrization<NDArray, NDArray> = {
      init: (_key, p) => p,
      weights: (z, context) => {
        seen.push(context?.key);
        return z;
      },
    };
    const input = Tensor.input([1]);
    nn.reparametrize(noisy, same).apply(input, input, { key: Tensor.input([2], "uint32") });
    expect(seen[0]).toBeInstanceOf(Tensor);
    expect(seen[0]).not.toBe(seen[1]);
    nn.reparametrize(noisy, same).apply(input, input);
    expect(seen.slice(2)).toEqual([undefined, undefined]);
  });
});
