import { isDeepStrictEqual } from "node:util";
import { encodeSafetensors } from "../onnx/safetensors.ts";
import { type Config, parseConfig } from "./config.ts";
import { createContext, type RunObserver } from "./context.ts";
import type { Experiment } from "./define.ts";
import { messageOf } from "./errors.ts";
import { versions } from "./machine.node.ts";
import { type ExperimentResult, type ModelFiles, problemsOf } from "./result.ts";
import { loadRun, type Run, RunFolder } from "./run-folder.node.ts";

export interface ExecuteOptions {
  readonly signal: AbortSignal;
  readonly observer?: RunObserver;
  /** Makes report.html of the finished run. */
  readonly report?: (run: Run, experiment: Experiment) => Promise<string>;
}

/** How an attempt at a run ended; an error beside `failed` is the experiment's own. */
export interface Outcome {
  readonly status: "done" | "failed" | "interrupted";
  readonly error?: unknown;
}

/**
 * Run an experiment in its folder, from the start or from where it stopped, and leave the folder complete: result, models,
 * report, and the status in run.json. The folder's lock is released.
 */
export async function execute(
  experiment: Experiment,
  folder: RunFolder,
  o: ExecuteOptions,
): Promise<Outcome> {
  const start = performance.now();
  const before = folder.record.duration;
  const duration = (): number => before + (performance.now() - start) / 1000;
  try {
    await runInto(experiment, folder, o, duration);
    return { status: "done" };
  } catch (error) {
    const status = o.signal.aborted ? "interrupted" : "failed";
    const failure = status === "failed" ? { error: messageOf(error) } : {};
    await folder.update({ status, duration: duration(), ...failure }).catch(() => {});
    return { status, error };
  } finally {
    folder.release();
  }
}

async function runInto(
  experiment: Experiment,
  folder: RunFolder,
  o: ExecuteOptions,
  duration: () => number,
): Promise<void> {
  const { store, record } = folder;
  const { seed, preset, device } = record;
  const config = parseConfig(experiment, (await loadRun(folder.path)).config);
  const observer = o.observer === undefined ? {} : { observer: o.observer };
  const { context, flush } = await createContext({
    store,
    seed,
    preset,
    device,
    signal: o.signal,
    ...observer,
  });
  let result: ExperimentResult;
  try {
    result = await experiment.run(config as never, context);
  } finally {
    flush();
  }
  const problem = problemsOf(result)[0];
  if (problem !== undefined) throw new Error(problem);
  await writeResult(folder, result);
  const worked = { status: "done", duration: duration() } as const;
  if (o.report !== undefined) {
    const done: Run = await loadRun(folder.path);
    const shown = { ...done, record: { ...done.record, ...worked } };
    await store.write("report.html", new TextEncoder().encode(await o.report(shown, experiment)));
  }
  await folder.update({ ...worked, finished: new Date().toISOString() });
  folder.removeResumeState();
}

async function writeResult(folder: RunFolder, { models, ...rest }: ExperimentResult): Promise<void> {
  const files: Record<string, ModelFiles> = {};
  for (const [name, model] of Object.entries(models)) {
    files[name] = {
      onnx: `${name}.onnx`,
      ...(model.weights === undefined ? {} : { weights: `${name}.safetensors` }),
      example: `${name}.example.safetensors`,
    };
    await folder.store.write(`${name}.onnx`, model.onnx);
    if (model.weights !== undefined)
      await folder.store.write(`${name}.safetensors`, encodeSafetensors({ ...model.weights }));
    const { inputs, outputs } = model.example;
    const prefix = (p: string, tree: typeof inputs) =>
      Object.entries(tree).map(([k, v]) => [`${p}/${k}`, v] as const);
    const example = Object.fromEntries([...prefix("inputs", inputs), ...prefix("outputs", outputs)]);
    await folder.store.write(`${name}.example.safetensors`, encodeSafetensors(example));
  }
  await folder.writeJson("result.json", { ...rest, models: files });
}

/**
 * Take up a run that stopped. Refused where its paper, version or configuration is not what this program would run: the result
 * would be a mixture.
 */
export async function resume(
  path: string,
  experimentOf: (slug: string) => Promise<Experiment>,
): Promise<{ folder: RunFolder; experiment: Experiment }> {
  const folder = await RunFolder.open(path);
  try {
    const { record } = folder;
    if (record.status === "done") throw new Error(`the run ${record.id} is done`);
    const now = versions();
    for (const name of ["paperweight", "onnxruntime-node"] as const) {
      if (now[name] !== record.versions[name]) {
        const text = `${record.id} was started with ${name} ${record.versions[name]}, this is ${now[name]}`;
        throw new Error(`${text}: a resumed run would mix the two; start it again`);
      }
    }
    const experiment = await experimentOf(record.paper);
    const { config } = await loadRun(path);
    if (!isDeepStrictEqual(parseConfig(experiment, config) as Config, config)) {
      throw new Error(
        `${record.id}: its config.json is not what the experiment's schema makes of it: start it again`,
      );
    }
    await folder.update({ status: "running", resumed: record.resumed + 1 });
    return { folder, experiment };
  } catch (error) {
    folder.release();
    throw error;
  }
}
