import { type Claim, formatFigure, type Verdict } from "../experiment/claims.ts";
import { formatCell } from "../experiment/format.ts";
import type { Table } from "../experiment/result.ts";
import {
  harmless,
  type Ink,
  pad,
  paint,
  type TextColumn,
  type TextStyle,
  textTable,
  widthOf,
  wrap,
} from "./text.ts";
import { seedCount, tally, verdictMarks } from "./verdict.ts";

export const verdictInks: Readonly<Record<Verdict, Ink>> = {
  exact: "green",
  reproduced: "green",
  partly: "yellow",
  "not reproduced": "red",
  "not attempted": "dim",
};

/** A verdict with its sign, in its colour. */
export function verdictText(verdict: Verdict, style: TextStyle): string {
  return paint(style, verdictInks[verdict], `${verdictMarks[verdict]} ${verdict}`);
}

/**
 * Claims: the statement, the paper's figure, ours, the verdict, and below them the criterion. Below 84 columns, one block a claim.
 */
export function claimsText(claims: readonly Claim[], style: TextStyle): string {
  const counts = wrap(tally(claims), style.width - 8).map((t) => paint(style, "dim", t));
  const title = `${paint(style, "bold", "Claims")}  ${counts.join(`\n${" ".repeat(8)}`)}`;
  if (claims.length === 0) return title;
  const body =
    style.width < 84 ? claims.map((c) => claimBlock(c, style)).join("\n\n") : claimsTable(claims, style);
  return `${title}\n\n${body}`;
}

function oursText(c: Claim): string {
  return c.ours === null ? "–" : harmless(formatFigure(c.ours));
}

/** What stands below a statement: criterion, scale and seeds on one line, the note on another. */
function details(c: Claim): string[] {
  const seeds = c.ours === null ? "" : seedCount(c.ours.seeds);
  const facts = [c.ours === null ? "" : c.criterion, c.scale, seeds].filter((t) => t !== "").join(" · ");
  return [facts, c.note ?? ""].filter((t) => t !== "").map(harmless);
}

function claimsTable(claims: readonly Claim[], style: TextStyle): string {
  const widest = (texts: readonly string[], most: number): number =>
    Math.min(most, Math.max(...texts.map(widthOf)));
  const idWidth = widest(
    claims.map((c) => c.id),
    8,
  );
  const paperWidth = widest(["paper", ...claims.map((c) => c.paper ?? "–")], 18);
  const oursWidth = widest(["ours", ...claims.map(oursText)], 26);
  const verdictWidth = 16;
  const statementWidth = style.width - 2 - idWidth - paperWidth - oursWidth - verdictWidth - 8;
  const widths = [idWidth, statementWidth, paperWidth, oursWidth, verdictWidth];
  const line = (cells: readonly string[]): string =>
    `  ${cells.map((c, i) => pad(c, widths[i]!)).join("  ")}`.trimEnd();
  const rows = claims.map((c) => {
    const columns = [
      [c.id],
      wrap(harmless(c.statement), statementWidth),
      wrap(harmless(c.paper ?? "–"), paperWidth),
      wrap(oursText(c), oursWidth),
      [verdictText(c.verdict, style)],
    ];
    const height = Math.max(...columns.map((col) => col.length));
    const cells = Array.from({ length: height }, (_, k) => line(columns.map((col) => col[k] ?? "")));
    const indent = " ".repeat(idWidth + 4);
    const below = details(c).flatMap((d) => wrap(d, style.width - idWidth - 6));
    return [...cells, ...below.map((t) => indent + paint(style, "dim", t))].join("\n");
  });
  const head = line(["", "claim", "paper", "ours", "verdict"].map((t) => paint(style, "dim", t)));
  return [head, ...rows].join("\n\n").replace("\n\n", "\n");
}

function claimBlock(c: Claim, style: TextStyle): string {
  const width = Math.max(20, style.width - 4);
  const facts = [`paper ${c.paper ?? "–"}`, `ours ${oursText(c)}`].map(harmless);
  return [
    `  ${paint(style, "bold", c.id)}  ${verdictText(c.verdict, style)}`,
    ...wrap(harmless(c.statement), width).map((t) => `    ${t}`),
    ...facts.flatMap((f) => wrap(f, width)).map((t) => `    ${t}`),
    ...details(c)
      .flatMap((d) => wrap(d, width))
      .map((t) => `    ${paint(style, "dim", t)}`),
  ].join("\n");
}

/** A result table: its title, numbers to the right, its note. */
export function tableText(table: Table, style: TextStyle): string {
  const columns: TextColumn[] = table.columns.map((c, i) => ({
    title: c.unit === undefined ? c.name : `${c.name} [${c.unit}]`,
    align: table.rows.every((r) => typeof r[i] !== "string") ? "right" : "left",
    most: 40,
  }));
  const rows = table.rows.map((r) => r.map((v, i) => harmless(formatCell(v, table.columns[i]!.format))));
  const note =
    table.note === undefined
      ? []
      : wrap(harmless(table.note), style.width - 4).map((t) => `  ${paint(style, "dim", t)}`);
  return [paint(style, "bold", harmless(table.title)), "", textTable(columns, rows, style), ...note].join(
    "\n",
  );
}
