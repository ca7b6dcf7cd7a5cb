import { describe, expect, it } from "vitest";
import { compile } from "../runtime/compile.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { valueAndGrad } from "../tensor/transforms.ts";
import * as tree from "../tensor/tree.ts";
import * as optim from "./index.ts";

/** Gradients that depend on the weights: of sum(a w^2 / 2 + sin(w)). */
const stiffness = [0.5, 3, 20];
const slope = (w: number[]) => w.map((v, i) => stiffness[i]! * v + Math.cos(v));
const start = [1, -2, 0.3];
const STEPS = 20;

type Params = { a: NDArray; deep: { b: NDArray }[] };

function lossOf(p: tree.Traced<Params>): Tensor {
  const w = [p.a, p.deep[0]!.b];
  const a = [stiffness.slice(0, 2), stiffness.slice(2)].map((s) => NDArray.from(s, p.a.dtype));
  return w.map((t, i) => t.mul(t).mul(0.5).mul(a[i]!).add(t.sin()).sum()).reduce((x, y) => x.add(y));
}

function paramsOf(dtype: "float32" | "float64"): Params {
  return { a: NDArray.from(start.slice(0, 2), dtype), deep: [{ b: NDArray.from(start.slice(2), dtype) }] };
}

async function train(optimizer: optim.Optimizer, dtype: "float32" | "float64", steps = STEPS) {
  let params = paramsOf(dtype);
  let state = optimizer.init(params);
  const step = compile((p: tree.Traced<Params>, s: optim.TracedState) => {
    const [, gradients] = valueAndGrad(lossOf)(p);
    const made = optimizer.update(gradients, s, p as tree.Traced<Params>);
    return { params: optim.applyUpdates(p, made.updates), state: made.state };
  });
  for (let i = 0; i < steps; i++) {
    const out = await step(params, state);
    params = out.params as Params;
    state = out.state as optim.State;
  }
  await step.dispose();
  return { weights: [...params.a.data, ...params.deep[0]!.b.data].map(Number), state };
}

/** Reference implementations, one weight at a time, written from the formulas. */
type Reference = (g: number[], w: number[], step: number) => number[];

function sgdReference(rate: number, momentum: number, nesterov: boolean): Reference {
  const velocity = start.map(() => 0);
  return (g, w) =>
    w.map((v, i) => {
      velocity[i] = momentum * velocity[i]! + g[i]!;
      return v - rate * (nesterov ? g[i]! + momentum * velocity[i]! : velocity[i]!);
    });
}

function adamReference(
  rate: (t: number) => number,
  decay: number,
  eps: number,
  b1 = 0.9,
  b2 = 0.999,
): Reference {
  const m = start.map(() => 0);
  const v = start.map(() => 0);
  return (g, w, step) =>
    w.map((x, i) => {
      m[i] = b1 * m[i]! + (1 - b1) * g[i]!;
      v[i] = b2 * v[i]! + (1 - b2) * g[i]! ** 2;
      const mean = m[i]! / (1 - b1 ** (step + 1));
      const square = v[i]! / (1 - b2 ** (step + 1));
      const kept = x * (1 - rate(step) * decay);
      return kept - (rate(step) * mean) / (Math.sqrt(square) + eps);
    });
}

function clipped(limit: number, next: Reference): Reference {
  return (g, w, step) => {
    const norm = Math.hypot(...g);
    return next(norm > limit ? g.map((v) => (v * limit) / norm) : g, w, step);
  };
}

function runReference(reference: Reference): number[] {
  let w = start;
  for (let step = 0; step < STEPS; step++) w = reference(slope(w), w, step);
  return w;
}

const warm = (t: number) =>
  t < 8 ? (0.1 * t) / 8 : 0.05 * (1 + Math.cos((Math.PI * Math.min(t - 8, 10)) / 10));

describe("20 steps agree with a reference in float64", () => {
  it.each<[string, optim.Optimizer, Reference]>([
    ["sgd", optim.sgd({ learningRate: 0.02 }), sgdReference(0.02, 0, false)],
    ["sgd with momentum", optim.sgd({ learningRate: 0.02, momentum: 0.9 }), sgdReference(0.02, 0.9, false)],
    [
      "sgd with Nesterov momentum",
      optim.sgd({ learningRate: 0.02, momentum: 0.9, nesterov: true }),
      sgdReference(0.02, 0.9, true),
    ],
    [
      "sgd with weight decay",
      optim.chain(optim.weightDecay(0.3), optim.sgd({ learningRate: 0.02 })),
      (g, w) => w.map((v, i) => v - 0.02 * (g[i]! + 0.3 * v)),
    ],
    ["adam", optim.adam({ learningRate: 0.1 }), adamReference(() => 0.1, 0, 1e-8)],
    [
      "adam with a large epsilon and other betas",
      optim.adam({ learningRate: 0.1, epsilon: 0.5, beta1: 0.5, beta2: 0.9 }),
      adamReference(() => 0.1, 0, 0.5, 0.5, 0.9),
    ],
    ["adamw", optim.adamw({ learningRate: 0.1, weightDecay: 0.2 }), adamReference(() => 0.1, 0.2, 1e-8)],
    [
      "adamw with a schedule",
      optim.adamw({
        learningRate: optim.warmUp({ steps: 8, schedule: optim.cosine({ value: 0.1, steps: 10 }) }),
        weightDecay: 0.2,
      }),
      adamReference(warm, 0.2, 1e-8),
    ],
    [
      "adam after clipping",
      optim.chain(optim.clipByGlobalNorm(3), optim.adam({ learningRate: 0.1 })),
      clipped(
        3,
        adamReference(() => 0.1, 0, 1e-8),
      ),
    ],
  ])("%s", async (_, optimizer, reference) => {
    const double = await train(optimizer, "float64");
    const expected = runReference(reference);
    for (const [i, v] of double.weights.entries())
      expect(Math.abs(v - expected[i]!)).toBeLessThan(1e-12 * Math.max(1, Math.abs(expected[i]!)));
  });

  it("adam in float32 is off by rounding only: its bias corrections are formed in float64", async () => {
    const single = await train(optim.adam({ learningRate: 0.1 }), "float32", 1);
    const expected = adamReference(() => 0.1, 0, 1e-8)(slope(start), start, 0);
    for (const [i, v] of single.weights.entries()) expect(v).toBeCloseTo(expected[i]!, 6);
  });
});

describe("state", () => {
  it("is a tree of arrays; the step counts in int64", async () => {
    const { state } = await train(optim.adam({ learningRate: 0.1 }), "float32", 3);
    expect(tree.paths(state)).toEqual(["step", "mean/small:float32", "square/small:float32"]);
    expect((state as { step: NDArray }).step).toEqual(NDArray.from(3n));
    expect(tree.paths(optim.sgd({ learningRate: 1 }).init(paramsOf("float32")))).toEqual(["step"]);
  });
});

describe("weights of many sizes", () => {
  const optimizer = optim.adamw({ learningRate: 0.1, weightDecay: 0.1 });
  const weights = {
    a: random.normal(random.key(1), [3, 5]),
    b: random.normal(random.key(2), [200, 100]),
    c: random.normal(random.key(3), [7]),
    d: NDArray.scalar(2),
  };
  const step = (o: optim.Optimizer) =>
    compile((p: Record<string, Tensor>, g: Record<string, Tensor>, s: optim.TracedState) => {
      const { updates, state } = o.update(g, s, p);
      return { p: optim.applyUpdates(p, updates), state };
    });
  async function twice(params: Record<string, NDArray>) {
    const run = step(optimizer);
    const first = await run(params, params, optimizer.init(params) as never);
    return run(first.p, params, first.state as never);
  }

  it("step as each would alone, to the bit", async () => {
    const together = await twice(weights);
    expect(tree.paths(together.state)).toContain("mean/b");
    for (const [name, weight] of Object.entries(weights))
      expect(together.p[name]).toEqual((await twice({ [name]: weight })).p[name]);
  });
});

describe("clipByGlobalNorm", () => {
  const norm = compile((g: Tensor[]) => {
    const clip = optim.clipByGlobalNorm(2);
    return clip.update(g, clip.init(g) as never, g).updates;
  });
  it("leaves short gradients as they are, to the bit, and shortens long ones to the limit", async () => {
    const short = [NDArray.from([0.3, 0.4]), NDArray.from([0.1])];
    expect(await norm(short)).toEqual(short);
    const long = await norm([NDArray.from([3, 4]), NDArray.from([12])]);
    const expected = [3, 4, 12].map((v) => (v * 2) / 13);
    for (const [i, v] of [...long[0]!.data, ...long[1]!.data].entries())
      expect(v).toBeCloseTo(expected[i]!, 6);
    expect(await norm([NDArray.zeros([2]), NDArray.zeros([1])])).toEqual([
      NDArray.zeros([2]),
      NDArray.zeros([1]),
    ]);
  });
});

describe("groups", () => {
  const optimizer = optim.groups([
    { match: "deep/*/b", optimizer: "frozen" },
    { match: "**", optimizer: optim.sgd({ learningRate: 0.02, momentum: 0.9 }) },
  ]);

  it("give each weight its optimizer; frozen weights stay and have no state", async () => {
    const { weights, state } = await train(optimizer, "float64");
    const expected = runReference(sgdReference(0.02, 0.9, false));
    expect(weights[0]).toBeCloseTo(expected[0]!, 12);
    expect(weights[1]).toBeCloseTo(expected[1]!, 12);
    expect(weights[2]).toBe(start[2]);
    expect(tree.paths(state)).toEqual(["1/step", "1/momentum/a"]);
  });

  it("no gradient is computed for frozen weights", () => {
    const step = compile((p: tree.Traced<Params>, s: optim.TracedState) => {
      const gradients = valueAndGrad(lossOf)(p)[1];
      return optim.applyUpdates(p, optimizer.update(gradients, s, p).updates);
    });
    const params = paramsOf("float64");
    const nodes = step.graph(params, optimizer.init(params)).graph!.node!;
    expect(nodes.filter((n) => n!.opType === "Cos")).toHaveLength(1);
  });

  it("say which weight or group is left out", () => {
    const some = optim.groups([{ match: "a", optimizer: "frozen" }]);
    expect(() => some.init(paramsOf("float32"))).toThrow('no group matches "deep/0/b"');
    const wrong = optim.groups([
      { match: "**/bias", optimizer: "frozen" },
      { match: "**", optimizer: optim.sgd({ learningRate: 1 }) },
    ]);
    expect(() => wrong.init(paramsOf("float32"))).toThrow("no weight is left for group 0 (**/bias)");
  });
});

describe("schedules", () => {
  const at = async (schedule: optim.Schedule, steps: number[]): Promise<number[]> => {
    const run = compile((step: Tensor) => schedule(step));
    const values = await Promise.all(steps.map(async (s) => (await run(NDArray.from(s, "float64"))).item()));
    await run.dispose();
    return values;
  };
  it.each<[string, optim.Schedule, [number, number][]]>([
    [
      "constant",
      optim.constant(0.3),
      [
        [0, 0.3],
        [1e6, 0.3],
      ],
    ],
    [
      "step",
      optim.step({ value: 1, at: [10, 20], factor: 0.5 }),
      [
        [9, 1],
        [10, 0.5],
        [19, 0.5],
        [20, 0.25],
      ],
    ],
    [
      "exponential",
      optim.exponential({ value: 2, rate: 0.25, every: 10 }),
      [
        [0, 2],
        [5, 1],
        [10, 0.5],
      ],
    ],
    [
      "exponential by a staircase",
      optim.exponential({ value: 2, rate: 0.25, every: 10, staircase: true }),
      [
        [9, 2],
        [10, 0.5],
        [19, 0.5],
      ],
    ],
    [
      "cosine",
      optim.cosine({ value: 4, steps: 100 }),
      [
        [0, 4],
        [50, 2],
        [100, 0],
        [500, 0],
      ],
    ],
    [
      "cosine to an end",
      optim.cosine({ value: 4, steps: 6, end: 2 }),
      [
        [0, 4],
        [2, 3.5],
        [6, 2],
        [7, 2],
      ],
    ],
    [
      "warm-up to a number",
      optim.warmUp({ steps: 4, schedule: 8, start: 4 }),
      [
        [0, 4],
        [2, 6],
        [4, 8],
        [9, 8],
      ],
    ],
    [
      "warm-up to a schedule",
      optim.warmUp({ steps: 4, schedule: optim.cosine({ value: 8, steps: 10 }) }),
      [
        [0, 0],
        [1, 2],
        [4, 8],
        [9, 4],
        [14, 0],
      ],
    ],
  ])("%s", async (_, schedule, points) => {
    const values = await at(
      schedule,
      points.map(([s]) => s),
    );
    for (const [i, [, expected]] of points.entries()) expect(values[i]).toBeCloseTo(expected, 13);
  });
});

it("settings out of range are refused", () => {
  expect(() => optim.sgd({ learningRate: Number.NaN })).toThrow("the learning rate NaN is no finite number");
  expect(() => optim.sgd({ learningRate: 1, momentum: 1 })).toThrow("momentum is 1");
  expect(() => optim.sgd({ learningRate: 1, nesterov: true })).toThrow("nesterov needs a momentum");
  expect(() => optim.adam({ learningRate: 1, beta2: 1 })).toThrow("adam: beta2 is 1");
  expect(() => optim.adamw({ learningRate: 1, weightDecay: -1 })).toThrow("weightDecay is -1");
  expect(() => optim.clipByGlobalNorm(0)).toThrow("the limit is 0");
  expect(() => optim.cosine({ value: 1, steps: 0 })).toThrow("steps is 0");
});
