/** A prior that some tasks are hidden from, and that sees several descriptions of the others. */
import { meanOf } from "./evaluation.ts";
import type { WeightGenerator } from "./generator.ts";
import { type Repetition, requestsFor, type Wanted, withFreshSamples, type ZooModel } from "./studies.ts";
import { drawTask } from "./tasks.ts";
import { netOf, testMany, trainMany } from "./zoo.ts";

/** How nets of unseen tasks learn from generated and from random first weights, and how known tasks fare by new examples. */
export interface HeldOutResult {
  readonly tasks: readonly string[];
  /** Mean accuracies over architectures, tasks and samples. */
  readonly curve: readonly { readonly step: number; readonly generated: number; readonly random: number }[];
  /** Mean accuracy on the known tasks, each described by examples drawn anew: by priors that saw one and several descriptions. */
  readonly fresh: { readonly one: number; readonly several: number };
}

/** The zoo without the hidden tasks, with samples for several descriptions. */
export function knownModels(r: Repetition, zoo: readonly ZooModel[]): ZooModel[] {
  const { tasks, descriptions } = r.config.heldOut!;
  return zoo
    .filter((m) => !tasks.includes(r.config.tasks[m.task]!))
    .map((m) => ({ ...m, sample: r.sample(m.task, descriptions) }));
}

/** `all` is the prior that saw every task, `unaware` the one that did not. */
export function heldOutStudy(
  r: Repetition,
  all: WeightGenerator,
  unaware: WeightGenerator,
): Promise<HeldOutResult> {
  return r.stage("unseen tasks", async () => {
    const { heldOut, architectures, tasks } = r.config;
    const hidden = heldOut!.tasks.map((t) => tasks.indexOf(t));
    const known = [...tasks.keys()].filter((t) => !hidden.includes(t));
    const curves: { step: number; generated: number[]; random: number[] }[][] = [];
    const [one, several]: [number[], number[]] = [[], []];
    for (const index of architectures.keys()) {
      curves.push(await tuningCurves(r, index, hidden, unaware));
      const requests = withFreshSamples(r, index, requestsFor(r, index, known));
      one.push(...(await accuracyOf(r, index, requests, all)));
      several.push(...(await accuracyOf(r, index, requests, unaware)));
    }
    const curve = curves[0]!.map(({ step }, i) => ({
      step,
      generated: meanOf(curves.flatMap((c) => c[i]!.generated)),
      random: meanOf(curves.flatMap((c) => c[i]!.random)),
    }));
    return { tasks: heldOut!.tasks, curve, fresh: { one: meanOf(one), several: meanOf(several) } };
  });
}

async function accuracyOf(
  r: Repetition,
  index: number,
  requests: readonly Wanted[],
  generator: WeightGenerator,
): Promise<number[]> {
  const o = { temperature: r.config.temperature, key: r.key("fresh sampling", index) };
  const nets = await generator.generateEach(requests, o);
  return await testMany(
    r.config.architectures[index]!,
    nets,
    requests.map((q) => r.testSet(q.task)),
  );
}

/** Accuracies of one architecture's nets while they are trained on the hidden tasks. */
async function tuningCurves(
  r: Repetition,
  index: number,
  hidden: readonly number[],
  generator: WeightGenerator,
) {
  const { heldOut, architectures, net, temperature } = r.config;
  const widths = architectures[index]!;
  const requests = requestsFor(r, index, hidden);
  const generated = await generator.generateEach(requests, { temperature, key: r.key("unseen", index) });
  const random = requests.map((_, i) => netOf(widths).init(r.key("scratch", index, i)));
  const data = requests.map((q, i) => drawTask(r.task(q.task), r.key("tuning", index, i), net.points));
  const o = {
    widths,
    steps: heldOut!.steps,
    learningRate: net.learningRate,
    test: { data: requests.map((q) => r.testSet(q.task)), every: heldOut!.every },
    signal: r.context.signal,
  };
  const fromGenerated = (await trainMany(generated, data, o)).curve;
  const fromRandom = (await trainMany(random, data, o)).curve;
  return fromGenerated.map(({ step, accuracy }, i) => ({
    step,
    generated: accuracy,
    random: fromRandom[i]!.accuracy,
  }));
}
