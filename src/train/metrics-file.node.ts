import { readFileSync, statSync, truncateSync } from "node:fs";
import { AppendFile } from "./append-file.node.ts";
import { fileError } from "./file-error.node.ts";
import type { Logger } from "./logger.ts";

const NEWLINE = 10;

/**
 * A line of JSON for each record: `{"step":100,"time":"2026-11-24T21:26:27.000Z","loss":0.31,"eval/accuracy":0.92}`. Lines are written
 * at most once a second and before every checkpoint; numbers that JSON lacks are the texts "NaN", "Infinity" and "-Infinity".
 *
 * A resumed training goes on after the lines of its checkpoint: a line that a kill tore and those of later steps are cut off, and
 * come again. A training that starts anew begins the file anew.
 *
 * ```ts
 * await fit({ ..., log: [metricsFile("runs/metrics.jsonl")] });
 * ```
 */
export function metricsFile(path: string): Logger {
  const file = new AppendFile(path, "metrics");
  return {
    start: (step) => {
      try {
        cutAfter(path, step);
      } catch (error) {
        throw (error as NodeJS.ErrnoException).code === undefined
          ? error
          : fileError("read", "metrics", path, error);
      }
    },
    log: (step, values) => {
      const line = JSON.stringify({ step, time: new Date().toISOString(), ...values }, (_, v: unknown) =>
        typeof v === "number" && !Number.isFinite(v) ? String(v) : v,
      );
      file.add(new TextEncoder().encode(`${line}\n`));
    },
    flush: () => file.flush(),
    close: () => file.flush(),
  };
}

/** Leave the lines up to a step. */
function cutAfter(path: string, step: number): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isFile()) return;
  const bytes = readFileSync(path);
  let kept = 0;
  let lines = 0;
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, start) + 1;
    const torn = end === 0;
    if (torn && (lines > 0 || mayBeTorn(bytes[start]!))) break;
    const at = torn ? undefined : stepOf(bytes.subarray(start, end));
    if (at === undefined)
      throw new Error(
        `fit: line ${lines + 1} of ${path} is no record of a training: name another file for the metrics`,
      );
    lines++;
    start = end;
    if (at <= step) kept = end;
  }
  if (kept < bytes.length) truncateSync(path, kept);
}

/** The first byte of a line of ours, or of a disk that lost power. */
function mayBeTorn(byte: number): boolean {
  return byte === "{".charCodeAt(0) || byte === 0;
}

function stepOf(line: Uint8Array): number | undefined {
  try {
    const { step } = JSON.parse(new TextDecoder().decode(line)) as { step?: unknown };
    return typeof step === "number" ? step : undefined;
  } catch {
    return undefined;
  }
}
