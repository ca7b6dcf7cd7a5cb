import { formatFigure } from "../experiment/claims.ts";
import { formatNumber } from "../experiment/format.ts";
import { toReadableJson } from "../experiment/result.ts";
import { loadRun, type Run } from "../experiment/run-folder.node.ts";
import { verdictText } from "../report/terminal.ts";
import { harmless, paint, type TextStyle, textTable } from "../report/text.ts";
import { type ComparedClaim, type Comparison, compareRuns } from "./comparison.ts";
import { findRun } from "./find-run.ts";
import { valueText } from "./info.ts";
import { type Io, styleOf } from "./io.ts";

/** `paperweight compare <run> <run>`. */
export async function compare(
  io: Io,
  first: string,
  second: string,
  { json }: { json?: boolean },
): Promise<number> {
  const a = await loadRun(findRun(first, io.cwd));
  const b = await loadRun(findRun(second, io.cwd));
  const comparison = await compareRuns(a, b);
  if (json === true)
    io.stdout.write(`${toReadableJson({ a: a.record.id, b: b.record.id, ...comparison })}\n`);
  else io.stdout.write(`${comparisonText(a, b, comparison, styleOf(io, io.stdout))}\n`);
  return 0;
}

export function comparisonText(a: Run, b: Run, c: Comparison, style: TextStyle): string {
  const bold = (text: string): string => paint(style, "bold", text);
  const lines = [
    `${bold("a")}  ${a.record.id}`,
    `${bold("b")}  ${b.record.id}`,
    "",
    bold("Settings that differ"),
    "",
  ];
  if (c.settings.length === 0) lines.push("  none");
  else {
    const rows = c.settings.map((d) => [d.key, harmless(valueText(d.a)), harmless(valueText(d.b))]);
    lines.push(
      textTable(
        [
          { title: "", ink: "bold" },
          { title: "a", flex: true, most: 44 },
          { title: "b", most: 44 },
        ],
        rows,
        style,
      ),
    );
  }
  if (c.claims.length > 0) {
    const columns = [
      { title: "", ink: "bold" },
      { title: "claim", flex: true },
      { title: "a", most: 26 },
      { title: "b", most: 26 },
      { title: "b/a", align: "right" },
    ] as const;
    lines.push(
      "",
      bold("Claims"),
      "",
      textTable(
        columns,
        c.claims.map((claim) => claimCells(claim, style)),
        style,
      ),
    );
  }
  lines.push("", filesText(c));
  return lines.join("\n");
}

function claimCells(c: ComparedClaim, style: TextStyle): string[] {
  const side = (s: ComparedClaim["a"]): string =>
    s === null
      ? "–"
      : `${s.ours === null ? "–" : harmless(formatFigure(s.ours))}\n${verdictText(s.verdict, style)}`;
  return [c.id, harmless(c.statement), side(c.a), side(c.b), c.ratio === null ? "–" : formatNumber(c.ratio)];
}

export function filesText(c: Comparison): string {
  if (c.comparedFiles === 0) return "Neither run has files to compare.";
  if (c.identical)
    return `All ${c.comparedFiles} files (configuration, result, models) are the same, bit for bit.`;
  return `${c.differingFiles.length} of ${c.comparedFiles} files differ: ${c.differingFiles.join(", ")}`;
}
