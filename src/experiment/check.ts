import { z } from "zod";
import { optionsOf, parseConfig, resolveConfig } from "./config.ts";
import type { RunObserver } from "./context.ts";
import { type Experiment, presetNames } from "./define.ts";
import { messageOf, UsageError } from "./errors.ts";
import { readLines } from "./metrics.ts";
import { modelProblem } from "./model-check.node.ts";
import { problemsOf } from "./result.ts";
import { type SmokeRun, smokeRuns } from "./smoke.node.ts";
import { chartToSvg } from "./svg.ts";

/** One named requirement. `run` throws an error of one line where the experiment does not meet it. */
export interface ExperimentCheck {
  readonly name: string;
  run(): Promise<void>;
}

/**
 * What every experiment must fulfil, as a list of checks for a test file:
 * `for (const check of checkExperiment(experiment)) it(check.name, check.run)`. They run the smoke preset several times.
 * `seconds` is how long one smoke run may take (default 60).
 */
export function checkExperiment(experiment: Experiment, { seconds = 60 } = {}): ExperimentCheck[] {
  const runs = smokeRuns(experiment);
  return [
    { name: "states its paper in full", run: async () => checkPaper(experiment) },
    {
      name: "has three presets that its schema accepts, each with its duration",
      run: async () => checkPresets(experiment),
    },
    { name: "describes every configuration key", run: async () => checkDescriptions(experiment) },
    {
      name: "rejects unknown configuration keys at every level, naming the nearest",
      run: async () => checkUnknownKeys(experiment),
    },
    {
      name: "rejects a value of the wrong type, naming its key",
      run: async () => checkWrongTypes(experiment),
    },
    {
      name: `runs its smoke preset within ${seconds} s`,
      run: async () => checkTime(await runs.first(), seconds),
    },
    { name: "does its work in stages", run: async () => checkStages(await runs.first()) },
    {
      name: "returns sound claims, tables and model names",
      run: async () => checkResult(await runs.first()),
    },
    { name: "draws every chart", run: async () => checkCharts(await runs.first()) },
    {
      name: "hands out models that ONNX Runtime loads and that reproduce their examples",
      run: async () => checkModels(await runs.first()),
    },
    {
      name: "gives the same files for the same seed",
      run: async () => same(await runs.first(), await runs.again()),
    },
    {
      name: "gives another result for another seed",
      run: async () => differs(await runs.first(), await runs.otherSeed()),
    },
    {
      name: "stops when interrupted, and ends bit-identical when resumed",
      run: async () => checkInterrupted(runs),
    },
    {
      name: "is marked as failed by an error, and ends bit-identical when resumed",
      run: async () => checkFailing(runs),
    },
  ];
}

function demand(condition: boolean, problem: string): asserts condition {
  if (!condition) throw new Error(problem);
}

function checkPaper({ paper }: Experiment): void {
  for (const key of ["slug", "title", "venue", "published", "family", "abstract"] as const) {
    demand(paper[key].trim() !== "", `paper.${key} is empty`);
  }
  demand(
    /^[a-z][a-z0-9-]*$/.test(paper.slug),
    `paper.slug "${paper.slug}": use small letters, digits and dashes`,
  );
  demand(paper.authors.length > 0, "paper.authors is empty");
  demand(
    paper.arxiv === null || /^(\d{4}\.\d{4,5}|[a-z-]+\/\d{7})$/.test(paper.arxiv),
    `paper.arxiv "${paper.arxiv}" is no arXiv number`,
  );
  const date = new Date(paper.published);
  demand(
    /^\d{4}-\d{2}-\d{2}$/.test(paper.published) && !Number.isNaN(date.getTime()),
    `paper.published "${paper.published}" is no date like 2019-10-08`,
  );
}

function checkPresets(experiment: Experiment): void {
  for (const name of presetNames) {
    const preset = experiment.presets[name];
    const parsed = parseConfig(experiment, preset);
    const missing = Object.keys(parsed).find((k) => !Object.hasOwn(preset, k));
    demand(missing === undefined, `preset ${name} leaves out ${missing}: presets are complete`);
    demand(experiment.durations[name].trim() !== "", `durations.${name} is empty`);
  }
  const keys = optionsOf(experiment).map((o) => o.key);
  for (const [key, { why }] of Object.entries(experiment.paperValues ?? {})) {
    demand(keys.includes(key), `paperValues.${key}: there is no such configuration key`);
    demand(why.trim() !== "", `paperValues.${key}: say why our value differs`);
  }
}

function checkDescriptions(experiment: Experiment): void {
  const bare = optionsOf(experiment).filter((o) => o.description.trim() === "");
  demand(
    bare.length === 0,
    `no description for ${bare.map((o) => o.key).join(", ")}: add .describe("...") to the schema`,
  );
}

/** The one-line usage error that `action` must end in. */
function usageError(action: () => unknown, what: string): string {
  try {
    action();
  } catch (error) {
    demand(error instanceof UsageError, `${what} throws ${messageOf(error)}, which is no UsageError`);
    demand(!error.message.includes("\n"), `${what}: the message has more than one line`);
    return error.message;
  }
  throw new Error(`${what} is accepted`);
}

function checkUnknownKeys(experiment: Experiment): void {
  const near = optionsOf(experiment)[0]!.key;
  const message = usageError(() => resolveConfig(experiment, "smoke", [`${near}x=1`]), `--set ${near}x=1`);
  demand(message.includes(near), `--set ${near}x=1 does not name ${near}: ${message}`);
  const walk = (value: unknown, path: readonly string[]): void => {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return;
    const changed = withKey(experiment.presets.smoke, path);
    const accepted = experiment.config.safeParse(changed).success;
    demand(
      !accepted,
      `an unknown key in ${path.join(".") || "the configuration"} is accepted: use z.strictObject there`,
    );
    for (const [k, v] of Object.entries(value)) walk(v, [...path, k]);
  };
  const nested = new Set(optionsOf(experiment).map((o) => o.key.split(".")[0]!));
  walk(
    Object.fromEntries(
      Object.entries(experiment.presets.smoke).filter(([k]) => nested.has(k) && isStructured(experiment, k)),
    ),
    [],
  );
}

/** True for objects with named properties; a z.record takes any key. */
function isStructured(experiment: Experiment, key: string): boolean {
  return optionsOf(experiment).some((o) => o.key.startsWith(`${key}.`));
}

function withKey(preset: unknown, path: readonly string[]): unknown {
  const copy = structuredClone(preset) as Record<string, unknown>;
  const target = path.reduce((at, k) => at[k] as Record<string, unknown>, copy);
  target["unheard of"] = 1;
  return copy;
}

function checkWrongTypes(experiment: Experiment): void {
  for (const { key } of optionsOf(experiment)) {
    const wrong = JSON.stringify({ wrong: ["type"] });
    const schema = experiment.config.shape[key];
    if (schema instanceof z.ZodRecord || schema instanceof z.ZodAny || schema instanceof z.ZodUnknown)
      continue;
    const message = usageError(
      () => resolveConfig(experiment, "smoke", [`${key}=${wrong}`]),
      `--set ${key}=${wrong}`,
    );
    demand(message.includes(key), `--set ${key}=${wrong} does not name its key: ${message}`);
  }
}

function checkTime(run: SmokeRun, seconds: number): void {
  demand(
    run.seconds <= seconds,
    `the smoke preset took ${run.seconds.toFixed(1)} s, more than ${seconds} s: make it smaller`,
  );
}

function checkStages({ events }: SmokeRun): void {
  demand(
    events > 1,
    "no stage, progress or metrics were seen: do the work in context.stage, so that it can be resumed",
  );
}

function checkResult({ result }: SmokeRun): void {
  demand(result.claims.length > 0, "it returns no claims");
  const problem = problemsOf(result)[0];
  demand(problem === undefined, problem ?? "");
}

async function checkCharts({ result }: SmokeRun): Promise<void> {
  for (const chart of result.charts) {
    demand(chart.title.trim() !== "" && chart.caption.trim() !== "", "a chart has no title or no caption");
    demand((await chartToSvg(chart)).startsWith("<svg"), `chart "${chart.title}" is no SVG`);
  }
}

async function checkModels({ result }: SmokeRun): Promise<void> {
  for (const [name, model] of Object.entries(result.models)) {
    demand(Object.keys(model.example.outputs).length > 0, `model ${name}: its example has no outputs`);
    const problem = await modelProblem(name, model);
    demand(problem === undefined, problem ?? "");
  }
}

/** The files that must not differ, without the times in metrics.jsonl. */
function comparable(files: ReadonlyMap<string, Uint8Array>): Map<string, string> {
  const kept = [...files].filter(([name]) => name !== "run.json" && name !== "report.html");
  return new Map(
    kept.map(([name, bytes]) => {
      const text =
        name === "metrics.jsonl"
          ? readLines(bytes)
              .map(({ time: _, ...rest }) => JSON.stringify(rest))
              .join("\n")
          : latin1(bytes);
      return [name, text];
    }),
  );
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

function differing(a: SmokeRun, b: SmokeRun): string[] {
  const [x, y] = [comparable(a.files), comparable(b.files)];
  return [...new Set([...x.keys(), ...y.keys()])].filter((name) => x.get(name) !== y.get(name)).sort();
}

function same(a: SmokeRun, b: SmokeRun): void {
  const names = differing(a, b);
  demand(names.length === 0, `the two runs differ in ${names.join(", ")}`);
}

function differs(a: SmokeRun, b: SmokeRun): void {
  demand(differing(a, b).length > 0, "seed 0 and seed 1 give the same files: use context.key");
}

async function checkInterrupted(runs: ReturnType<typeof smokeRuns>): Promise<void> {
  const whole = await runs.first();
  const controller = new AbortController();
  const halfway = atEvent(Math.ceil(whole.events / 2), () => controller.abort());
  same(whole, await runs.stoppedAndResumed(halfway, controller.signal, "interrupted"));
}

async function checkFailing(runs: ReturnType<typeof smokeRuns>): Promise<void> {
  const whole = await runs.first();
  const halfway = atEvent(Math.ceil(whole.events / 2), () => {
    throw new Error("stopped on purpose");
  });
  same(whole, await runs.stoppedAndResumed(halfway, new AbortController().signal, "failed"));
}

/** An observer that acts on the n-th stage, progress or metrics event. */
export function atEvent(n: number, act: () => void): RunObserver {
  let seen = 0;
  const event = (): void => {
    if (++seen === n) act();
  };
  return { metrics: event, stage: event, progress: () => ({ update: event, done: () => {} }) };
}
