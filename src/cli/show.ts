import { join } from "node:path";
import { formatBytes, formatDuration } from "../experiment/format.ts";
import { workerOf } from "../experiment/lock.node.ts";
import { toReadableJson } from "../experiment/result.ts";
import { loadRun, type Run } from "../experiment/run-folder.node.ts";
import { claimsText, tableText } from "../report/terminal.ts";
import { harmless, paint, type TextStyle, wrap } from "../report/text.ts";
import { findRun, shortPath } from "./find-run.ts";
import { type Io, styleOf } from "./io.ts";

/** `paperweight show <run>`. */
export async function show(io: Io, name: string, { json }: { json?: boolean }): Promise<number> {
  const run = await loadRun(findRun(name, io.cwd));
  io.stdout.write(json === true ? runJson(run) : `${runText(run, io.cwd, styleOf(io, io.stdout))}\n`);
  return 0;
}

/** The one document of `run --json` and `show --json`. */
export function runJson({ path, record, config, result, files }: Run): string {
  return `${toReadableJson({ path, run: record, config, result: result ?? null, files })}\n`;
}

/** A run in the terminal: what ran, its claims, its tables, where its files are. */
export function runText(run: Run, cwd: string, style: TextStyle): string {
  const { record, result } = run;
  const dim = (text: string): string => paint(style, "dim", text);
  const head = `${paint(style, "bold", record.paper)}  ${record.preset}, seed ${record.seed}${record.changes.map((c) => `, ${harmless(c)}`).join("")}`;
  const lines = [
    head,
    dim(
      `${stateText(run)} · ${formatDuration(record.duration)} · ${record.device} · ${record.started.slice(0, 16).replace("T", " ")} UTC`,
    ),
  ];
  if (record.error !== undefined && record.status === "failed") {
    lines.push(...wrap(harmless(record.error), style.width).map((l) => paint(style, "red", l)));
  }
  if (result !== undefined) {
    lines.push("", claimsText(result.claims, style));
    for (const table of result.tables) lines.push("", tableText(table, style));
  }
  lines.push("", ...fileLines(run, cwd, style));
  return lines.join("\n");
}

function stateText({ record, path }: Run): string {
  if (record.status !== "running") return record.status;
  const pid = workerOf(path);
  return pid === undefined ? "killed (go on with --resume)" : `running (process ${pid})`;
}

function fileLines({ path, files }: Run, cwd: string, style: TextStyle): string[] {
  const short = shortPath(path, cwd);
  const models = files.filter((f) => f.name.endsWith(".onnx"));
  const report = files.some((f) => f.name === "report.html");
  const label = (text: string): string => paint(style, "dim", text.padEnd(8));
  return [
    ...(report ? [`${label("report")}${join(short, "report.html")}`] : [`${label("folder")}${short}`]),
    ...models.map(
      (m) => `${label("model")}${join(short, m.name)}  ${paint(style, "dim", formatBytes(m.bytes))}`,
    ),
  ];
}
