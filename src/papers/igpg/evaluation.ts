import type { MlpParams } from "../../nn/mlp.ts";
import { gaussianModel, meanModel, nearestModel } from "./baselines.ts";
import type { WeightGenerator } from "./generator.ts";
import { copyMeasure } from "./memorisation.ts";
import { type Family, type Repetition, requestsFor, type Wanted, withFreshSamples } from "./studies.ts";
import { relativeErrors, type WeightTokenizer } from "./tokenizer.ts";
import { netOf, testMany } from "./zoo.ts";

/** The generators of one repetition. */
export interface Priors {
  readonly autoregressive: WeightGenerator;
  readonly factorised: WeightGenerator;
  readonly staged: WeightGenerator | null;
}

/** Accuracies of ways to get weights, one for each request: task after task. */
export interface Accuracies {
  readonly autoregressive: readonly number[];
  readonly "autoregressive, temperature 1": readonly number[];
  readonly "autoregressive, fresh examples": readonly number[];
  readonly "wrong condition": readonly number[];
  readonly factorised: readonly number[];
  readonly "factorised, temperature 0.05": readonly number[];
  readonly "nearest condition": readonly number[];
  readonly "mean weights": readonly number[];
  readonly Gaussian: readonly number[];
  readonly "random first weights": readonly number[];
  /** Of the last architecture only. */
  readonly "in stages": readonly number[] | null;
}

export interface FamilyResult {
  readonly widths: readonly number[];
  readonly zoo: readonly number[];
  readonly reconstruction: readonly number[];
  readonly accuracy: Accuracies;
  /** Of each task: mean accuracies. */
  readonly tasks: readonly { readonly task: string; readonly zoo: number; readonly generated: number }[];
  readonly copies: {
    /** d1 / d0 of each sample. */
    readonly ratios: readonly number[];
    /** The share of samples whose tokens are those of a zoo model. */
    readonly exact: number;
  };
  /** Log-likelihood of the zoo's models, nats per token, under their own and another task's condition. */
  readonly likelihood: { readonly right: number; readonly wrong: number };
  /** Mean relative reconstruction error of each array. */
  readonly tensorErrors: Readonly<Record<string, number>>;
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** Another task: five further on, as there are six half-planes. */
const otherTask = (task: number, count: number) => (task + (count > 5 ? 5 : 1)) % count;

/** All that is measured on one architecture. */
export function evaluateFamily(
  r: Repetition,
  family: Family,
  index: number,
  tokenizer: WeightTokenizer,
  priors: Priors,
): Promise<FamilyResult> {
  const { widths, models } = family;
  return r.stage(`evaluation ${widths.join("-")}`, async () => {
    const like = models[0]!.params;
    const tests = r.config.tasks.map((_, task) => r.testSet(task));
    const test = (list: readonly MlpParams[], tasks: readonly { task: number }[]) =>
      testMany(
        widths,
        list,
        tasks.map((t) => tests[t.task]!),
      );
    const tokens = await tokenizer.encodeAll(models.map((m) => m.params));
    const rebuilt = await tokenizer.decodeAll(tokens, like);
    const requests = requestsFor(r, index);
    const key = r.key("sampling", index);
    const { temperature } = r.config;
    const draw = async (g: WeightGenerator, list: readonly Wanted[], at: number) =>
      await g.generateEach(list, { temperature: at, key });

    const drawn = await priors.autoregressive.sampleTokens(requests, { temperature, key });
    const generated = await tokenizer.decodeAll(drawn, like);
    const misled = requests.map((q) => {
      const task = otherTask(q.task, tests.length);
      return { ...q, sample: r.sample(task), instruction: r.instruction(task, widths) };
    });
    const ofTask = (task: number) => models.filter((m) => m.task === task);
    const baseline = (make: (q: Wanted, i: number) => MlpParams) => test(requests.map(make), requests);
    const net = netOf(widths);
    const conditions = models.map((m) => ({
      params: m.params,
      vector: priors.autoregressive.conditionVector(m),
    }));
    const accuracy: Accuracies = {
      autoregressive: await test(generated, requests),
      "autoregressive, temperature 1": await test(await draw(priors.autoregressive, requests, 1), requests),
      "autoregressive, fresh examples": await test(
        await draw(priors.autoregressive, withFreshSamples(r, index, requests), temperature),
        requests,
      ),
      "wrong condition": await test(await draw(priors.autoregressive, misled, temperature), requests),
      factorised: await test(await draw(priors.factorised, requests, 1), requests),
      "factorised, temperature 0.05": await test(await draw(priors.factorised, requests, 0.05), requests),
      "nearest condition": await baseline((q) =>
        nearestModel(conditions, priors.autoregressive.conditionVector(q)),
      ),
      "mean weights": await baseline((q) => meanModel(ofTask(q.task).map((m) => m.params))),
      Gaussian: await baseline((q, i) =>
        gaussianModel(
          ofTask(q.task).map((m) => m.params),
          r.key("gaussian", index, i),
        ),
      ),
      "random first weights": await baseline((_, i) => net.init(r.key("random", index, i))),
      "in stages":
        priors.staged && index === r.config.architectures.length - 1
          ? await test(await draw(priors.staged, requests, temperature), requests)
          : null,
    };
    return {
      widths,
      zoo: models.map((m) => m.accuracy),
      reconstruction: await test(rebuilt, models),
      accuracy,
      tasks: r.config.tasks.map((task, t) => ({
        task,
        zoo: meanOf(ofTask(t).map((m) => m.accuracy)),
        generated: meanOf(accuracy.autoregressive.filter((_, i) => requests[i]!.task === t)),
      })),
      copies: copiesOf(family, rebuilt, tokens, { requests, generated, drawn }),
      likelihood: await likelihoodOf(r, family, priors.autoregressive, tokens),
      tensorErrors: meanErrors(models.map((m, i) => relativeErrors(m.params, rebuilt[i]!).arrays)),
    };
  });
}

function copiesOf(
  { models }: Family,
  rebuilt: readonly MlpParams[],
  tokens: readonly Int32Array[],
  o: {
    readonly requests: readonly Wanted[];
    readonly generated: readonly MlpParams[];
    readonly drawn: readonly Int32Array[];
  },
): FamilyResult["copies"] {
  const known = new Set(tokens.map((t) => t.join()));
  const tasks = [...new Set(o.requests.map((q) => q.task))];
  const ratios = tasks.flatMap((task) => {
    const group = models.flatMap((m, i) =>
      m.task === task ? [{ params: rebuilt[i]!, start: m.start }] : [],
    );
    const { nearest, apart } = copyMeasure(
      o.generated.filter((_, i) => o.requests[i]!.task === task),
      group,
    );
    return nearest.map((d) => d / apart);
  });
  return { ratios, exact: meanOf(o.drawn.map((t) => (known.has(t.join()) ? 1 : 0))) };
}

async function likelihoodOf(
  r: Repetition,
  { models, widths }: Family,
  generator: WeightGenerator,
  tokens: readonly Int32Array[],
): Promise<FamilyResult["likelihood"]> {
  const length = tokens[0]!.length;
  const perToken = async (list: readonly (typeof models)[number][]) =>
    meanOf(await generator.logLikelihoods(list)) / length;
  const misled = models.map((m) => {
    const task = otherTask(m.task, r.config.tasks.length);
    return { ...m, sample: r.sample(task), instruction: r.instruction(task, widths) };
  });
  return { right: await perToken(models), wrong: await perToken(misled) };
}

function meanErrors(errors: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  return Object.fromEntries(
    Object.keys(errors[0]!).map((path) => [path, meanOf(errors.map((e) => e[path]!))]),
  );
}

/** How much of the codebook the zoo's tokens use, and how evenly: exp of their entropy. */
export async function codebookUse(
  tokenizer: WeightTokenizer,
  zoo: readonly MlpParams[],
): Promise<{ used: number; perplexity: number; codebook: number }> {
  const counts = new Map<number, number>();
  for (const tokens of await tokenizer.encodeAll(zoo)) {
    for (const t of tokens) counts.set(t, (counts.get(t) ?? 0) + 1);
  }
  const total = [...counts.values()].reduce((a, b) => a + b, 0);
  const entropy = [...counts.values()].reduce((h, n) => h - (n / total) * Math.log(n / total), 0);
  return { used: counts.size, perplexity: Math.exp(entropy), codebook: tokenizer.state.sizes.codebook };
}
