import { join } from "node:path";
import type { Claim } from "../experiment/claims.ts";
import { UsageError } from "../experiment/errors.ts";
import { suggestion } from "../experiment/nearest.ts";
import type { PaperEntry } from "../papers/index.ts";
import { textTable } from "../report/text.ts";
import { tally } from "../report/verdict.ts";
import { runIds } from "./find-run.ts";
import { type Io, styleOf } from "./io.ts";

export interface ListOptions {
  readonly family?: string;
  readonly json?: boolean;
}

/** `paperweight list`: a line a paper, with the verdicts of its last finished run in ./runs. */
export async function list(
  io: Io,
  papers: readonly PaperEntry[],
  { family, json }: ListOptions,
): Promise<number> {
  const families = [...new Set(papers.map((p) => p.family))].sort();
  if (family !== undefined && !families.includes(family)) {
    throw new UsageError(`there is no family "${family}": ${suggestion(family, families)}`);
  }
  const shown = papers.filter((p) => family === undefined || p.family === family);
  const last = await lastRuns(io.cwd);
  const rows = shown.map(({ slug, title, year, family: f }) => ({
    slug,
    title,
    year,
    family: f,
    lastRun: last.get(slug) ?? null,
  }));
  if (json === true) {
    io.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    return 0;
  }
  const columns = [
    { title: "paper", ink: "bold" },
    { title: "title", flex: true },
    { title: "year" },
    { title: "family", most: 20 },
    { title: "last run", most: 24 },
  ] as const;
  const cells = rows.map((r) => [
    r.slug,
    r.title,
    String(r.year),
    r.family,
    r.lastRun === null ? "–" : `${r.lastRun.preset}: ${r.lastRun.verdicts}`,
  ]);
  io.stdout.write(`${textTable(columns, cells, styleOf(io, io.stdout))}\n`);
  return 0;
}

async function lastRuns(cwd: string): Promise<Map<string, { id: string; preset: string; verdicts: string }>> {
  const last = new Map<string, { id: string; preset: string; verdicts: string }>();
  const ids = runIds(join(cwd, "runs"));
  if (ids.length === 0) return last;
  const { loadRun } = await import("../experiment/run-folder.node.ts");
  for (const id of ids.reverse()) {
    const run = await loadRun(join(cwd, "runs", id)).catch(() => undefined);
    if (run?.result === undefined || run.record.status !== "done" || last.has(run.record.paper)) continue;
    const claims: readonly Claim[] = run.result.claims;
    last.set(run.record.paper, { id, preset: run.record.preset, verdicts: tally(claims) });
  }
  return last;
}
