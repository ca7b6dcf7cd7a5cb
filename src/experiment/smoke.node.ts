import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseConfig } from "./config.ts";
import type { RunObserver } from "./context.ts";
import type { Experiment } from "./define.ts";
import { messageOf } from "./errors.ts";
import { execute } from "./execute.node.ts";
import type { ExperimentResult } from "./result.ts";
import { loadRun, RunFolder } from "./run-folder.node.ts";

/** A finished run of the smoke preset: what it returned, what it wrote. */
export interface SmokeRun {
  readonly result: ExperimentResult;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly seconds: number;
  /** Stage, progress and metrics events seen. */
  readonly events: number;
}

/** The smoke preset's runs that the conformance suite compares; each is run when first asked for, in a temporary folder. */
export function smokeRuns(experiment: Experiment) {
  const first = once(() => inFolder((folder) => whole(experiment, folder, 0)));
  const again = once(() => inFolder((folder) => whole(experiment, folder, 0)));
  const otherSeed = once(() => inFolder((folder) => whole(experiment, folder, 1)));
  const stoppedAndResumed = (
    observer: RunObserver,
    signal: AbortSignal,
    status: "interrupted" | "failed",
  ): Promise<SmokeRun> =>
    inFolder(async (out) => {
      const folder = await createFolder(experiment, out, 0);
      const outcome = await execute(experiment, folder, { signal, observer });
      if (outcome.status !== status) {
        const instead =
          outcome.status === "done"
            ? "it ran to its end"
            : `it ended as ${outcome.status}: ${messageOf(outcome.error)}`;
        throw new Error(
          `the run should have been ${status} halfway, but ${instead}: hand context.signal to fit, or look at it between steps`,
        );
      }
      const { record } = await loadRun(folder.path);
      if (record.status !== status)
        throw new Error(`run.json says ${record.status} after the run was ${status}`);
      return finish(experiment, await RunFolder.open(folder.path));
    });
  return { first, again, otherSeed, stoppedAndResumed };
}

async function whole(experiment: Experiment, out: string, seed: number): Promise<SmokeRun> {
  return finish(experiment, await createFolder(experiment, out, seed));
}

function createFolder(experiment: Experiment, out: string, seed: number): Promise<RunFolder> {
  const config = parseConfig(experiment, experiment.presets.smoke);
  return RunFolder.create(out, {
    paper: experiment.paper.slug,
    preset: "smoke",
    seed,
    device: "cpu",
    changes: [],
    config,
  });
}

async function finish(experiment: Experiment, folder: RunFolder): Promise<SmokeRun> {
  let result: ExperimentResult | undefined;
  const keeping: Experiment = {
    ...experiment,
    run: async (config, context) => {
      result = await experiment.run(config, context);
      return result;
    },
  };
  let events = 0;
  const count = (): void => void events++;
  const observer: RunObserver = {
    metrics: count,
    stage: count,
    progress: () => ({ update: count, done: () => {} }),
  };
  const start = performance.now();
  const outcome = await execute(keeping, folder, { signal: new AbortController().signal, observer });
  if (outcome.status !== "done") throw outcome.error;
  const seconds = (performance.now() - start) / 1000;
  const names = readdirSync(folder.path, { withFileTypes: true }).filter((f) => f.isFile());
  const files = new Map(names.map((f) => [f.name, new Uint8Array(readFileSync(join(folder.path, f.name)))]));
  return { result: result!, files, seconds, events };
}

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "paperweight-check-"));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
