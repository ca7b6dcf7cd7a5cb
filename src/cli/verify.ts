import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseConfig } from "../experiment/config.ts";
import { messageOf } from "../experiment/errors.ts";
import { versions } from "../experiment/machine.node.ts";
import { toReadableJson } from "../experiment/result.ts";
import { loadRun, type Run, RunFolder } from "../experiment/run-folder.node.ts";
import type { PaperEntry } from "../papers/index.ts";
import { paint } from "../report/text.ts";
import { comparisonText, filesText } from "./compare.ts";
import { compareRuns } from "./comparison.ts";
import { exitCodes } from "./exit-codes.ts";
import { findRun } from "./find-run.ts";
import { type Io, styleOf } from "./io.ts";
import { loadExperiment } from "./registry.ts";
import { executeInterruptibly, Stopped } from "./run.ts";

export interface VerifyOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `paperweight verify <run>`: run it again with its seed and configuration, in a temporary folder, and compare every byte. */
export async function verify(
  io: Io,
  papers: readonly PaperEntry[],
  name: string,
  o: VerifyOptions,
): Promise<number> {
  const old = await loadRun(findRun(name, io.cwd));
  if (old.record.status !== "done")
    throw new Error(
      `${old.record.id} is not done (${old.record.status}): finish it with --resume, then verify`,
    );
  const temporary = mkdtempSync(join(tmpdir(), "paperweight-verify-"));
  try {
    const again = await runAgain(io, papers, old, temporary, o.quiet === true || o.json === true);
    const comparison = await compareRuns(old, again);
    const { identical } = comparison;
    if (o.json === true)
      io.stdout.write(`${toReadableJson({ run: old.record.id, versions: versions(), ...comparison })}\n`);
    else if (o.quiet !== true) {
      const style = styleOf(io, io.stdout);
      const verdict = identical ? paint(style, "green", "✓ verified") : paint(style, "red", "✗ not the same");
      io.stdout.write(
        `\n${verdict}  ${identical ? filesText(comparison) : `\n\n${comparisonText(old, again, comparison, style)}`}\n`,
      );
    }
    return identical ? exitCodes.done : exitCodes.failed;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

async function runAgain(
  io: Io,
  papers: readonly PaperEntry[],
  old: Run,
  out: string,
  silent: boolean,
): Promise<Run> {
  const { paper, preset, seed, device, changes } = old.record;
  const experiment = await loadExperiment(papers, paper);
  const config = parseConfig(experiment, old.config);
  const folder = await RunFolder.create(out, { paper, preset, seed, device, changes, config });
  if (!silent) io.stderr.write(`running ${old.record.id} again\n`);
  const outcome = await executeInterruptibly(io, experiment, folder, silent);
  if (outcome.status === "interrupted")
    throw new Stopped("interrupted; nothing was verified", exitCodes.interrupted);
  if (outcome.status === "failed")
    throw new Stopped(
      `${paper} failed when run again: ${messageOf(outcome.error)}`,
      exitCodes.failed,
      outcome.error,
    );
  return loadRun(folder.path);
}
