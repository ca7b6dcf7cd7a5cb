import type { DeviceName } from "../experiment/context.ts";
import type { PresetName } from "../experiment/define.ts";

/** What a command line needs to repeat a run. */
export interface Repeatable {
  readonly paper: string;
  readonly preset: PresetName;
  readonly seed: number;
  readonly device: DeviceName;
  readonly changes: readonly string[];
}

/** The command that runs the same again, ready to paste into a shell. */
export function commandOf(run: Repeatable): string {
  const words = ["npx paperweight run", run.paper, "--preset", run.preset, "--seed", String(run.seed)];
  if (run.device !== "cpu") words.push("--device", run.device);
  for (const change of run.changes) words.push("--set", quote(change));
  return words.join(" ");
}

/** A word as a POSIX shell reads it back. */
export function quote(word: string): string {
  return /^[\w.,:=/@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
