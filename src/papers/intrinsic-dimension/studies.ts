/** The measurements behind the claims: what is trained on what, and how well. */
import type { Context } from "../../experiment/context.ts";
import { parameterCount } from "../../nn/frozen.ts";
import { cartPoleWeights, learnCartPole } from "./cartpole.ts";
import type { Config, RealConfig } from "./config.ts";
import { fullyConnected, paperLenet, smallConv } from "./nets.ts";
import { balancePole, POLICY_WEIGHTS } from "./pole.ts";
import { type Curve, referenceOf, type ToyCurve } from "./results.ts";
import { digits, firstExamples, lazily, noise, permutedPixels, shuffledLabels, studyKey } from "./tasks.ts";
import { leastToyLoss, trainToy } from "./toy.ts";
import { trainDirectly } from "./train.ts";
import { type CompressedRun, curveOf } from "./trial.ts";

const PIXELS = 144;

/** (a) The toy problem, by training and by least squares. */
export function toyStudy(context: Context, o: Config["toy"]): Promise<ToyCurve[]> {
  return context.stage("toy problem", async () => {
    const curves: ToyCurve[] = [];
    for (const projection of o.projections) {
      const points = [];
      for (const dimension of o.dimensions) {
        context.signal.throwIfAborted();
        const key = studyKey(context, "toy");
        const least = dimension === 0 ? 385 : await leastToyLoss(projection, dimension, key);
        const loss = dimension === 0 ? 385 : await trainToy(projection, dimension, key);
        context.metrics({ dimension, loss });
        points.push({ dimension, loss, least });
      }
      curves.push({ projection, points });
    }
    return curves;
  });
}

/** What the studies on segdigits share. */
export function onDigits(context: Context, c: Config) {
  const task = lazily(() => digits(studyKey(context, "segdigits"), c));
  const permuted = lazily(() => permutedPixels(studyKey(context, "pixels"), task()));
  const net = (n: { depth: number; width: number }, inputs = PIXELS) => fullyConnected({ inputs, ...n });
  const nameOf = (n: { depth: number; width: number }) => `FC ${n.depth} x ${n.width}`;
  const reference = referenceOf(c.networks.nets);
  const common = { ...c.networks, rate: c.rate, directRate: c.directRate, threads: 1, task };

  return {
    /** (b) One task, many networks. */
    async networks() {
      const curves: Curve[] = [];
      let compressed: CompressedRun | null = null;
      for (const n of c.networks.nets) {
        const done = await curveOf(context, {
          ...common,
          name: nameOf(n),
          model: net(n),
          seeds: n.seeds,
          keys: nameOf(n),
          compressed: n === reference,
        });
        curves.push(done.curve);
        compressed ??= done.compressed;
      }
      return { curves, compressed: compressed!, model: net(reference) };
    },

    /** Small networks, trained directly. */
    small() {
      return context.stage("small networks", async () => {
        const results = [];
        for (const n of c.networks.small) {
          const model = net(n);
          const key = studyKey(context, `small ${nameOf(n)}`);
          const { train, test } = task();
          const { steps, batch } = c.networks;
          const { signal, device } = context;
          const { evaluate } = await trainDirectly(model, {
            ...{ data: train, steps, batch, key, signal, device, threads: 1 },
            learningRate: c.directRate,
          });
          const accuracy = await evaluate(test);
          const weights = parameterCount(model.init(key));
          context.metrics({ weights, accuracy });
          results.push({ name: nameOf(n), weights, accuracy });
        }
        return results;
      });
    },

    /** (c) The other projections. */
    async projections(o: NonNullable<Config["projections"]>) {
      const curves: Curve[] = [];
      for (const projection of ["sparse", "fastfood"] as const) {
        const { curve } = await curveOf(context, {
          ...{ ...common, ...o, projection, model: net(reference) },
          name: `${nameOf(reference)}, ${projection}`,
          keys: nameOf(reference),
          directRate: undefined,
        });
        curves.push({ ...curve, name: projection });
      }
      return curves;
    },

    /** (d) Permuted pixels, for a net that knows of neighbours and for one that does not. */
    async permuted(o: NonNullable<Config["permuted"]>) {
      const conv = { ...common, ...o, model: smallConv(), keys: "conv", seeds: 1 };
      const raw = await curveOf(context, { ...conv, name: "conv, raw pixels" });
      const mixed = await curveOf(context, { ...conv, name: "conv, permuted pixels", task: permuted });
      const fc = await curveOf(context, {
        ...common,
        name: `${nameOf(reference)}, permuted pixels`,
        model: net(reference),
        keys: nameOf(reference),
        seeds: 1,
        task: permuted,
      });
      return [raw.curve, mixed.curve, fc.curve];
    },

    /** (e) Few images, with true and with shuffled labels. */
    async labels(o: NonNullable<Config["labels"]>) {
      const few = lazily(() => firstExamples(task().train, o.images));
      const shared = { ...common, ...o, model: net(reference), keys: "labels", seeds: 1, batch: o.images };
      const without = { ...shared, directRate: undefined };
      const right = await curveOf(context, { ...without, name: "true labels", task: few });
      const wrong = await curveOf(context, {
        ...without,
        name: "shuffled labels",
        task: () => shuffledLabels(studyKey(context, "shuffled labels"), few()),
      });
      return [right.curve, wrong.curve];
    },

    /** (e) Random labels of random inputs: the more there are, the more dimensions they take. */
    async random(o: NonNullable<Config["random"]>) {
      const results = [];
      for (const examples of o.examples) {
        const { curve } = await curveOf(context, {
          ...common,
          ...o,
          name: `${examples} random labels`,
          model: net(reference, o.inputs),
          task: () => noise(studyKey(context, "noise"), examples, o.inputs),
          keys: "noise nets",
          seeds: 1,
          batch: examples,
          directRate: undefined,
        });
        results.push({ ...curve, examples });
      }
      return results;
    },
  };
}

/** (f) Balancing a pole. */
export async function poleStudy(context: Context, o: NonNullable<Config["pole"]>): Promise<Curve> {
  const metrics = await context.stage("pole", async () => {
    const progress = context.progress.start({ label: "pole", total: o.iterations });
    const scores = await balancePole({
      ...o,
      key: studyKey(context, "pole"),
      signal: context.signal,
      onIteration: (step, meanReturn) => {
        progress.update({ step, meanReturn });
        context.metrics({ iteration: step, meanReturn });
      },
    });
    progress.done();
    return scores;
  });
  return { name: "pole", weights: POLICY_WEIGHTS, dimensions: o.dimensions, direct: [], metrics };
}

/** CartPole by deep Q-learning: the metric is the mean of the last 100 returns. */
export async function cartPoleStudy(context: Context, o: NonNullable<Config["cartpole"]>): Promise<Curve[]> {
  const curves: Curve[] = [];
  for (const { width, dimensions } of o.nets) {
    const metrics: number[][] = [];
    for (let seed = 0; seed < o.seeds; seed++) {
      const row: number[] = [];
      for (const dimension of dimensions) {
        const name = `CartPole, width ${width}, d = ${dimension}, seed ${seed}`;
        row.push(
          await context.stage(name, async () => {
            const progress = context.progress.start({ label: name, total: o.episodes });
            const mean = await learnCartPole({
              ...{ width, dimension, episodes: o.episodes, learningRate: o.rate },
              key: studyKey(context, `cartpole ${width}`, seed),
              signal: context.signal,
              onEpisode: (step, meanReturn) => progress.update({ step, meanReturn }),
            });
            progress.done();
            context.metrics({ dimension, seed, meanReturn: mean });
            return mean;
          }),
        );
      }
      metrics.push(row);
    }
    const weights = cartPoleWeights(width);
    curves.push({ name: `CartPole, width ${width}`, weights, dimensions, direct: [], metrics });
  }
  return curves;
}

/** The paper's networks on MNIST or CIFAR-10. */
export async function realStudy(context: Context, name: "mnist" | "cifar10", o: RealConfig) {
  const raw = lazily(async () => (await import("./real.node.ts")).openImages(name, o.images));
  const task = o.permuted
    ? lazily(async () => permutedPixels(studyKey(context, "pixels"), await raw()))
    : raw;
  const [channels, inputs] = name === "mnist" ? ([1, 784] as const) : ([3, 3072] as const);
  const curves: Curve[] = [];
  const compressed: CompressedRun[] = [];
  for (const n of o.nets) {
    const fc = n.net === "fc";
    const done = await curveOf(context, {
      ...{ ...o, ...n, task, threads: 1, line: 0.9 * o.baseline },
      name: `${name}, ${fc ? `FC ${inputs}-200-200-10` : "LeNet"}${o.permuted ? ", permuted pixels" : ""}`,
      model: fc ? fullyConnected({ inputs, depth: 2, width: 200 }) : paperLenet(channels),
      keys: `${name} ${n.net}`,
      compressed: true,
    });
    curves.push(done.curve);
    if (done.compressed !== null) compressed.push(done.compressed);
  }
  return { curves, compressed };
}
