import { describe, expect, it } from "vitest";
import { checkExperiment } from "../../experiment/check.ts";
import { parameterCount } from "../../nn/frozen.ts";
import { heNormal } from "../../nn/initialisers.ts";
import { crossEntropy } from "../../nn/losses.ts";
import { type MlpParams, mlp } from "../../nn/mlp.ts";
import { reparametrize } from "../../nn/parametrization.ts";
import { projectionKinds, randomSubspace } from "../../nn/parametrize/subspace.ts";
import { encodeSafetensors } from "../../onnx/safetensors.ts";
import { sgd } from "../../optim/sgd.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { fit } from "../../train/fit.ts";
import { accuracy } from "../../train/metrics.ts";
import { cartPoleWeights, learnCartPole } from "./cartpole.ts";
import { compress, decompress, readCompressed } from "./compress.ts";
import experiment from "./experiment.ts";
import { descriptionLength, intrinsicDimension } from "./intrinsic-dimension.ts";
import { fullyConnected, paperLenet, smallConv } from "./nets.ts";
import { balancePole, POLICY_WEIGHTS, poleStep, standing } from "./pole.ts";
import { digits } from "./tasks.ts";
import { leastToyLoss, toyLoss, trainToy } from "./toy.ts";
import { trainInSubspaces } from "./train.ts";

describe("parameter counts (check 7)", () => {
  const fc = (inputs: number, depth: number, width: number) => fullyConnected({ inputs, depth, width });
  it.each([
    ["784-200-200-10", fc(784, 2, 200), 199_210],
    ["784-400x5-10", fc(784, 5, 400), 959_610],
    ["LeNet, MNIST", paperLenet(1), 44_426],
    ["LeNet, CIFAR-10", paperLenet(3), 62_006],
    ["3072-200-200-10", fc(3072, 2, 200), 656_810],
    ["conv net", smallConv(), 2698],
    ["FC 1 x 16", fc(144, 1, 16), 2490],
    ["FC 1 x 64", fc(144, 1, 64), 9930],
    ["FC 2 x 64", fc(144, 2, 64), 14_090],
    ["FC 3 x 64", fc(144, 3, 64), 18_250],
    ["FC 1 x 256", fc(144, 1, 256), 39_690],
  ])("%s", (_, model, count) => expect(parameterCount(model.init(random.key(0)))).toBe(count));

  it("policy", () => expect(POLICY_WEIGHTS).toBe(541));

  it.each([
    ["LeNet for MNIST", paperLenet(1), [2, 1, 28, 28]],
    ["LeNet for CIFAR-10", paperLenet(3), [2, 3, 32, 32]],
    ["conv net", smallConv(), [2, 144]],
  ])("%s gives ten logits", async (_, model, shape) => {
    const run = compile((p: unknown, x: Tensor) => model.apply(p as never, x));
    const out = (await run(model.init(random.key(0)) as never, NDArray.zeros(shape))) as NDArray;
    expect(out.shape).toEqual([2, 10]);
  });
});

describe("the toy problem (check 8)", () => {
  it("has the loss 385 at 0", async () => {
    const run = compile(toyLoss);
    expect((await run(NDArray.zeros([1000], "float64"))).item()).toBe(385);
  });

  it.each([4, 8, 9, 10, 12])("d = %i: training finds the least-squares minimum", async (dimension) => {
    const key = random.key(dimension);
    const [trained, least] = [
      await trainToy("dense", dimension, key),
      await leastToyLoss("dense", dimension, key),
    ];
    expect(Math.abs(trained - least)).toBeLessThan(Math.max(1e-3 * least, 1e-6));
    if (dimension >= 10) expect(trained).toBeLessThan(1e-8);
  });

  it("over 300 seeds the minimum at d = 4 is (1 - 4/10) 385 = 231 on average", async () => {
    let sum = 0;
    for (let seed = 0; seed < 300; seed++) sum += await leastToyLoss("dense", 4, random.key(seed));
    expect(Math.abs(sum / 300 - 231)).toBeLessThan(15);
  });

  it.each(projectionKinds)("its intrinsic dimension is 10 (%s)", async (projection) => {
    const points = [];
    for (const dimension of [4, 8, 9, 10, 11]) {
      const loss = await trainToy(projection, dimension, random.key(1));
      points.push({ dimension, metric: Math.exp(-loss), seed: 0 });
    }
    expect(intrinsicDimension(points, { baseline: 1 }).first).toBe(10);
  });
});

describe("intrinsicDimension", () => {
  const points = (rows: readonly (readonly [dimension: number, ...metrics: number[]])[]) =>
    rows.flatMap(([dimension, ...metrics]) => metrics.map((metric, seed) => ({ dimension, metric, seed })));

  it("is the first crossing of the mean, and between grid points linear in log d", () => {
    const found = intrinsicDimension(
      points([
        [400, 0.95, 0.97],
        [100, 0.8, 0.84],
        [25, 0.5, 0.5],
      ]),
      {
        baseline: 1,
      },
    );
    expect([found.first, found.below]).toEqual([400, 100]);
    const share = (0.9 - 0.82) / (0.96 - 0.82);
    expect(found.interpolated).toBeCloseTo(100 * 4 ** share, 10);
    expect(found.curve.map((c) => c.dimension)).toEqual([25, 100, 400]);
  });

  it("takes a fraction of the baseline given, own or global", () => {
    const rows = points([
      [10, 0.4],
      [20, 0.46],
      [40, 0.8],
      [80, 0.92],
    ]);
    expect(intrinsicDimension(rows, { baseline: 0.5 }).first).toBe(20);
    expect(intrinsicDimension(rows, { baseline: 1 }).first).toBe(80);
    expect(intrinsicDimension(rows, { baseline: 1, fraction: 0.8 }).first).toBe(40);
  });

  it("says null where the line is not reached, and the least dimension where that reaches it", () => {
    const never = intrinsicDimension(
      points([
        [10, 0.4],
        [20, 0.5],
      ]),
      { baseline: 1 },
    );
    expect([never.first, never.interpolated, never.bootstrapMean]).toEqual([null, null, null]);
    const at = intrinsicDimension(
      points([
        [10, 0.95],
        [20, 0.96],
      ]),
      { baseline: 1 },
    );
    expect([at.first, at.below, at.interpolated]).toEqual([10, null, 10]);
  });

  it("resamples one run for each dimension", () => {
    const sure = intrinsicDimension(
      points([
        [10, 0.5, 0.6],
        [20, 0.95, 0.92],
      ]),
      { baseline: 1 },
    );
    expect([sure.bootstrapMean, sure.bootstrapStd]).toEqual([20, 0]);
    const unsure = intrinsicDimension(
      points([
        [10, 0.5, 0.91],
        [20, 0.95, 0.92],
      ]),
      {
        baseline: 1,
        draws: 4000,
      },
    );
    expect(unsure.bootstrapMean).toBeCloseTo(15, 0);
    expect(unsure.bootstrapStd).toBeCloseTo(5, 1);
  });

  it("refuses lists that say nothing", () => {
    expect(() => intrinsicDimension(points([[10, 0.4]]), { baseline: 1 })).toThrow("give two or more");
    expect(() =>
      intrinsicDimension(
        points([
          [10, 0.4],
          [20, Number.NaN],
        ]),
        { baseline: 1 },
      ),
    ).toThrow("dimension 20, seed 0 has the metric NaN");
    expect(() =>
      intrinsicDimension(
        points([
          [10, 0.4],
          [20, 1],
        ]),
        { baseline: Number.NaN },
      ),
    ).toThrow("the baseline is NaN");
  });

  it("a solution of 750 numbers is said in 24,064 bits", () => {
    expect(descriptionLength(750)).toBe(32 * 750 + 64);
    expect(descriptionLength(10, { bitsPerNumber: 16, overheadBits: 0 })).toBe(160);
  });
});

const task = digits(random.key(3), { train: 300, test: 100 });
const net = fullyConnected({ inputs: 144, depth: 1, width: 16 });

describe("training in subspaces", () => {
  const options = { data: task.train, dimensions: [2, 20, 60], steps: 120, key: random.key(4), threads: 1 };

  it("more dimensions fit better, and the point of each is that of the curve", async () => {
    const run = await trainInSubspaces(net, { ...options, projection: "dense" });
    const metrics = (await run.evaluate(task.train)).map((m) => m.metric);
    expect(metrics[0]!).toBeLessThan(metrics[1]!);
    expect(metrics[1]!).toBeLessThan(metrics[2]!);
    const apply = compile((p: unknown, x: Tensor) => net.apply(p as never, x));
    const logits = (await apply((await run.weightsOf(20)) as never, task.train.x)) as NDArray;
    expect(accuracy(logits, task.train.y)).toBeCloseTo(metrics[1]!, 6);
    await apply.dispose();
  });

  it("a small subspace trains as it does by itself", async () => {
    const together = await trainInSubspaces(net, { ...options, projection: "dense", steps: 20 });
    const alone = await trainInSubspaces(net, {
      ...options,
      projection: "dense",
      steps: 20,
      dimensions: [20],
    });
    const [a, b] = [together.pointOf(20).z.data, alone.pointOf(20).z.data];
    for (let i = 0; i < 20; i++) expect(Number(a[i])).toBeCloseTo(Number(b[i]), 3);
  });

  it("says which dimensions there are", async () => {
    const run = await trainInSubspaces(net, { ...options, steps: 1 });
    expect(() => run.pointOf(30)).toThrow("30 was not trained: there are 2, 20, 60");
  });
});

describe("a permuted fully connected problem (check 10)", () => {
  it("has the same losses where the first kernel's rows are permuted alike", async () => {
    const model = mlp({ sizes: [144, 16, 10], activation: "relu", kernelInit: heNormal });
    const order = Array.from(random.permutation(random.key(9), 144).data, Number);
    const rows = (a: NDArray, at: number, width: number): void => {
      const from = a.data.slice();
      order.forEach((source, i) => {
        for (let j = 0; j < width; j++) a.data[at + i * width + j] = from[at + source * width + j]!;
      });
    };
    const subspace = randomSubspace<MlpParams>({ projection: "dense", dimension: 30 });
    const plain = reparametrize(model, subspace).init(random.key(1));
    const permuted = structuredCloneOf(plain);
    rows(permuted.frozen.theta0.layers[0]!.kernel, 0, 16);
    const directions = permuted.frozen.projection.directions!;
    for (let j = 0; j < 30; j++) rows(directions, j * directions.shape[1]!, 16);
    const x = task.train.x.copy();
    for (let i = 0; i < 300; i++)
      order.forEach((source, pixel) => {
        x.data[i * 144 + pixel] = task.train.x.data[i * 144 + source]!;
      });
    const [a, b] = [await losses(subspace, plain, task.train.x), await losses(subspace, permuted, x)];
    expect(a.at(-1)!).toBeLessThan(0.9 * a[0]!);
    a.forEach((loss, i) => {
      expect(Math.abs(loss - b[i]!)).toBeLessThan(1e-4);
    });

    async function losses(s: typeof subspace, start: typeof plain, images: NDArray) {
      const { history } = await fit({
        model: reparametrize(model, s),
        params: start,
        data: { x: images, y: task.train.y },
        loss: (logits, y) => crossEntropy(logits, y),
        optimizer: sgd({ learningRate: 1 }),
        steps: 50,
        batch: 300,
        evalEvery: 1,
        threads: 1,
      });
      return history.map((h) => h.loss);
    }
  });
});

/** A copy whose arrays share no memory. */
function structuredCloneOf<T>(value: T): T {
  if (value instanceof NDArray) return value.copy() as T;
  if (Array.isArray(value)) return value.map(structuredCloneOf) as T;
  return Object.fromEntries(Object.entries(value as object).map(([k, v]) => [k, structuredCloneOf(v)])) as T;
}

describe("compressed networks (check 9)", () => {
  const key = random.key(5);
  const compressed = async (projection: (typeof projectionKinds)[number]) => {
    const run = await trainInSubspaces(net, {
      ...{ data: task.train, dimensions: [20], steps: 30, key, projection, threads: 1 },
    });
    return { run, bytes: await compress(net, run.pointOf(20), { key, projection }) };
  };

  it.each(projectionKinds)(
    "%s: saved, loaded and rebuilt to the bit, from the seed and 20 numbers",
    async (projection) => {
      const { run, bytes } = await compressed(projection);
      expect(await decompress(bytes, net)).toEqual(await run.weightsOf(20));
      expect(readCompressed(bytes)).toMatchObject({ projection, key });
      expect(readCompressed(bytes).z.size).toBe(20);
      expect(bytes.length).toBeLessThan(4 * 20 + 300);
    },
  );

  it("refuses another model, another key and other files", async () => {
    const { run, bytes } = await compressed("dense");
    const other = fullyConnected({ inputs: 144, depth: 1, width: 17 });
    await expect(decompress(bytes, other)).rejects.toThrow("the model is another one");
    await expect(compress(net, run.pointOf(20), { key: random.key(6), projection: "dense" })).rejects.toThrow(
      "do not give this point's theta0",
    );
    await expect(decompress(encodeSafetensors({ z: NDArray.zeros([3]) }), net)).rejects.toThrow(
      "this is no file of a subspace",
    );
  });
});

describe("the pole", () => {
  it("falls as its equations say, from rest at an angle", async () => {
    const run = compile((s: Tensor, f: Tensor) => poleStep(s, f));
    const [angle, force] = [0.1, 3];
    const push = force / 1.1;
    const spin =
      (9.8 * Math.sin(angle) - Math.cos(angle) * push) / (0.5 * (4 / 3 - (0.1 * Math.cos(angle) ** 2) / 1.1));
    const speed = push - (0.05 * spin * Math.cos(angle)) / 1.1;
    const next = (await run(NDArray.from([[0, 0, angle, 0]]), NDArray.from([force]))) as NDArray;
    [0, 0.02 * speed, angle, 0.02 * spin].forEach((v, i) => {
      expect(Number(next.data[i])).toBeCloseTo(v, 6);
    });
  });

  it("stands within 2.4 and 12 degrees", async () => {
    const run = compile((s: Tensor) => standing(s));
    const states = [
      [2.3, 9, 0.2, 9],
      [2.5, 0, 0, 0],
      [0, 0, -0.22, 0],
    ];
    expect([...(await run(NDArray.from(states))).data]).toEqual([1, 0, 0]);
  });

  it("four dimensions do more than one", async () => {
    const scores = await balancePole({
      ...{ dimensions: [1, 4], seeds: 3, iterations: 8, population: 24, elite: 6, rollouts: 2, starts: 10 },
      horizon: 100,
      key: random.key(2),
    });
    const mean = (j: number) => scores.reduce((sum, row) => sum + row[j]!, 0) / scores.length;
    expect(mean(1)).toBeGreaterThan(mean(0));
  });
});

describe("CartPole by deep Q-learning", () => {
  it("has the weights of its network", () =>
    expect(cartPoleWeights(20)).toBe(4 * 20 + 20 + 20 * 20 + 20 + 40 + 2));

  it("learns in a subspace: later episodes last longer than the first", async () => {
    const means: number[] = [];
    const options = { width: 20, dimension: 30, episodes: 110, learningRate: 1e-2, key: random.key(0) };
    const mean = await learnCartPole({ ...options, onEpisode: (_, m) => means.push(m) });
    expect(means).toHaveLength(110);
    expect(means.at(-1)).toBe(mean);
    expect(mean).toBeGreaterThan(1.5 * means[29]!);
  });
});

describe("the experiment", () => {
  for (const check of checkExperiment(experiment)) it(check.name, check.run);
});
