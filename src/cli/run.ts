import { resolve } from "node:path";
import { didNotHold } from "../experiment/claims.ts";
import { presetOf, resolveConfig } from "../experiment/config.ts";
import { type DeviceName, deviceNames } from "../experiment/context.ts";
import type { Experiment } from "../experiment/define.ts";
import { messageOf, UsageError } from "../experiment/errors.ts";
import { execute, type Outcome, resume } from "../experiment/execute.node.ts";
import { suggestion } from "../experiment/nearest.ts";
import { loadRun, type Run, RunFolder } from "../experiment/run-folder.node.ts";
import type { PaperEntry } from "../papers/index.ts";
import { quote } from "../report/command.ts";
import { reportHtml } from "../report/html.ts";
import { paint } from "../report/text.ts";
import { exitCodes } from "./exit-codes.ts";
import { findRun, shortPath } from "./find-run.ts";
import { type Io, styleOf } from "./io.ts";
import { openInBrowser } from "./open.ts";
import { ProgressLine } from "./progress.ts";
import { loadExperiment, paperOf } from "./registry.ts";
import { runJson, runText } from "./show.ts";

export interface RunOptions {
  readonly preset?: string;
  readonly seed?: string;
  readonly set?: readonly string[];
  readonly device?: string;
  readonly out?: string;
  readonly resume?: string;
  readonly json?: boolean;
  readonly open?: boolean;
  readonly strict?: boolean;
  readonly quiet?: boolean;
}

/** `paperweight run <paper>`: a new run, or `--resume` of one that stopped. */
export async function run(
  io: Io,
  papers: readonly PaperEntry[],
  slug: string | undefined,
  o: RunOptions,
): Promise<number> {
  if (o.resume !== undefined) return resumeRun(io, papers, slug, o);
  if (slug === undefined)
    throw new UsageError("name a paper: paperweight run <paper>; paperweight list shows what there is");
  const entry = paperOf(papers, slug);
  const preset = presetOf(o.preset ?? "quick");
  const seed = seedOf(o.seed ?? "0");
  const device = deviceOf(o.device ?? "cpu");
  const experiment = await entry.load();
  const changes = [...(o.set ?? [])];
  const config = resolveConfig(experiment, preset, changes);
  const folder = await RunFolder.create(resolve(io.cwd, o.out ?? "runs"), {
    paper: slug,
    preset,
    seed,
    device,
    changes,
    config,
  });
  return work(io, experiment, folder, o);
}

async function resumeRun(
  io: Io,
  papers: readonly PaperEntry[],
  slug: string | undefined,
  o: RunOptions,
): Promise<number> {
  const own = (["preset", "seed", "set", "device", "out"] as const).find((k) => o[k] !== undefined);
  if (own !== undefined)
    throw new UsageError(`--resume goes on with the run's own settings: leave out --${own}`);
  const path = findRun(o.resume!, io.cwd);
  const { record } = await loadRun(path);
  if (slug !== undefined && slug !== record.paper)
    throw new UsageError(`${record.id} is a run of ${record.paper}, not of ${slug}`);
  if (record.status === "done") {
    if (o.quiet !== true && o.json !== true) io.stderr.write(`${record.id} is done already\n`);
    return finish(io, path, o);
  }
  const { folder, experiment } = await resume(path, (name) => loadExperiment(papers, name));
  return work(io, experiment, folder, o);
}

async function work(io: Io, experiment: Experiment, folder: RunFolder, o: RunOptions): Promise<number> {
  const silent = o.quiet === true || o.json === true;
  const short = shortPath(folder.path, io.cwd);
  if (!silent) {
    const { record } = folder;
    const dim = paint(styleOf(io, io.stderr), "dim", `→ ${short}`);
    io.stderr.write(
      `${record.resumed > 0 ? "resuming " : ""}${record.paper}, ${record.preset}, seed ${record.seed}  ${dim}\n`,
    );
  }
  const outcome = await executeInterruptibly(io, experiment, folder, silent, reportHtml);
  const again = `paperweight run --resume ${quote(short)}`;
  if (outcome.status === "interrupted")
    throw new Stopped(`interrupted; go on with: ${again}`, exitCodes.interrupted);
  if (outcome.status === "failed")
    throw new Stopped(
      `${experiment.paper.slug} failed: ${messageOf(outcome.error)} (finished stages are kept: ${again})`,
      exitCodes.failed,
      outcome.error,
    );
  return finish(io, folder.path, o);
}

/** A run that ended before its result: the message for the user, the exit code. */
export class Stopped extends Error {
  override readonly name = "Stopped";
  readonly exitCode: number;

  constructor(message: string, exitCode: number, cause?: unknown) {
    super(message, { cause });
    this.exitCode = exitCode;
  }
}

/** Execute with progress on stderr. The first interrupt stops at the next step, the second ends the process. */
export async function executeInterruptibly(
  io: Io,
  experiment: Experiment,
  folder: RunFolder,
  silent: boolean,
  report?: (run: Run, experiment: Experiment) => Promise<string>,
): Promise<Outcome> {
  const controller = new AbortController();
  const line = silent ? undefined : new ProgressLine(io);
  const stopListening = io.onInterrupt(() => {
    if (controller.signal.aborted) io.exit(exitCodes.interrupted);
    controller.abort(new Error("interrupted"));
    line?.log("stopping at the next step (interrupt again to stop at once)");
  });
  try {
    const options = {
      signal: controller.signal,
      ...(line === undefined ? {} : { observer: line }),
      ...(report === undefined ? {} : { report }),
    };
    return await execute(experiment, folder, options);
  } finally {
    stopListening();
    line?.clear();
  }
}

async function finish(io: Io, path: string, o: RunOptions): Promise<number> {
  const done = await loadRun(path);
  if (o.json === true) io.stdout.write(runJson(done));
  else if (o.quiet !== true) io.stdout.write(`\n${runText(done, io.cwd, styleOf(io, io.stdout))}\n`);
  if (o.open === true)
    openInBrowser(resolve(path, "report.html"), (problem) => io.stderr.write(`paperweight: ${problem}\n`));
  const missed = done.result?.claims.filter(didNotHold) ?? [];
  if (o.strict !== true || missed.length === 0) return exitCodes.done;
  io.stderr.write(`paperweight: --strict: ${missed.map((c) => `${c.id} ${c.verdict}`).join(", ")}\n`);
  return exitCodes.claimDidNotHold;
}

function seedOf(text: string): number {
  const seed = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(seed)) return seed;
  throw new UsageError(`--seed ${text}: a seed is a whole number from 0`);
}

export function deviceOf(text: string): DeviceName {
  if ((deviceNames as readonly string[]).includes(text)) return text as DeviceName;
  throw new UsageError(`there is no device "${text}": ${suggestion(text, deviceNames)}`);
}
