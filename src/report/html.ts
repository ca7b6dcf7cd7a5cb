import { type Claim, formatFigure } from "../experiment/claims.ts";
import { type Config, type Option, optionsOf } from "../experiment/config.ts";
import type { Experiment } from "../experiment/define.ts";
import { formatBytes, formatCell, formatDuration } from "../experiment/format.ts";
import type { StoredResult, Table } from "../experiment/result.ts";
import { chartToSvg } from "../experiment/svg.ts";
import { commandOf, type Repeatable } from "./command.ts";
import { css } from "./css.ts";
import { type Html, html, join, raw } from "./markup.ts";
import { seedCount, tally, verdictMarks } from "./verdict.ts";

/** A finished run, as the report needs it. */
export interface ReportedRun {
  readonly record: Repeatable & {
    readonly id: string;
    readonly started: string;
    readonly duration: number;
    readonly versions: Readonly<Record<string, string>>;
    readonly machine: {
      readonly cpu: string;
      readonly cores: number;
      readonly memoryGB: number;
      readonly os: string;
    };
  };
  readonly config: Config;
  readonly result: StoredResult | undefined;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
}

/** A run as one HTML file without scripts or external resources. Throws where the run has no result yet. */
export async function reportHtml(run: ReportedRun, experiment: Experiment): Promise<string> {
  const { result, record } = run;
  if (result === undefined)
    throw new Error(`the run ${record.id} has no result to report: finish it with --resume`);
  const body = html`<main>
${header(run, experiment)}
${claimsSection(result.claims)}
${await chartsSection(result)}
${tablesSection(result.tables)}
${configSection(run.config, experiment, record)}
${reproduceSection(run)}
<footer>Made by Paperweight ${record.versions.paperweight ?? ""}. A claim that did not hold stays in its place, with what was found out about it.</footer>
</main>`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${experiment.paper.slug} ${record.preset}: ${experiment.paper.title}</title>
<style>${raw(css)}</style>
</head>
<body>
${body}
</body>
</html>
`;
  return page.text;
}

function header({ record }: ReportedRun, { paper }: Experiment): Html {
  const { cpu, cores, memoryGB, os } = record.machine;
  const facts: [string, string][] = [
    ["Preset", record.changes.length === 0 ? record.preset : `${record.preset}, with changes`],
    ["Seed", String(record.seed)],
    ["Duration", formatDuration(record.duration)],
    ["Started", `${record.started.slice(0, 16).replace("T", " ")} UTC`],
    ["Machine", `${cpu}, ${cores} cores, ${memoryGB} GB`],
    ["System", os],
    ["Device", record.device],
    ["ONNX Runtime", record.versions["onnxruntime-node"] ?? "–"],
  ];
  const link =
    paper.arxiv === null
      ? raw("")
      : html`, <a href="https://arxiv.org/abs/${paper.arxiv}">arXiv:${paper.arxiv}</a>`;
  return html`<header>
<p class="eyebrow">${paper.slug} · ${paper.family}</p>
<h1>${paper.title}</h1>
<p class="authors">${paper.authors.join(", ")}</p>
<p class="faint">${paper.venue}, ${String(paper.year)}${link}</p>
<p class="abstract">${paper.abstract}</p>
<dl class="facts">${join(facts.map(([k, v]) => html`<div><dt>${k}</dt><dd>${v}</dd></div>`))}</dl>
</header>`;
}

function claimsSection(claims: readonly Claim[]): Html {
  return html`<section>
<h2>Claims</h2>
<p class="tally">${tally(claims)}</p>
<table class="claims">
<thead><tr><th></th><th>Claim</th><th>Paper</th><th>This run</th><th>Verdict</th></tr></thead>
<tbody>
${join(claims.map(claimRow))}
</tbody>
</table>
</section>`;
}

function claimRow(c: Claim): Html {
  const sub = (label: string, text: string | undefined): Html =>
    text === undefined || text === "" ? raw("") : html`<span class="sub">${label}${text}</span>`;
  const ours = c.ours === null ? "–" : formatFigure(c.ours);
  const facts = [c.scale, c.ours === null ? "" : seedCount(c.ours.seeds)].filter((t) => t !== "").join(" · ");
  return html`<tr>
<td class="id">${c.id}</td>
<td class="statement">${c.statement}${sub("Criterion: ", c.ours === null ? "" : c.criterion)}${sub("", facts)}${sub("", c.note)}</td>
<td class="${figureClass(c.paper ?? "")}" data-head="Paper:">${c.paper ?? "–"}</td>
<td class="${figureClass(ours)}" data-head="This run:">${ours}</td>
<td class="verdict"><span class="badge ${c.verdict.replace(" ", "-")}">${verdictMarks[c.verdict]} ${c.verdict}</span></td>
</tr>
`;
}

function figureClass(text: string): string {
  return text.length > 26 ? "figure long" : "figure";
}

async function chartsSection({ charts }: StoredResult): Promise<Html> {
  if (charts.length === 0) return raw("");
  const figures: Html[] = [];
  for (const [i, chart] of charts.entries()) {
    const svg = uniqueIds(await chartToSvg(chart), `chart${i}-`);
    figures.push(html`<figure role="group"><h3>${chart.title}</h3>${raw(svg)}<figcaption>${chart.caption}</figcaption></figure>
`);
  }
  return html`<section><h2>Charts</h2><div class="charts">
${join(figures)}</div></section>`;
}

/** Vega numbers its clip paths and gradients anew in every SVG; in one page they must differ. */
function uniqueIds(svg: string, prefix: string): string {
  return svg.replace(/(\bid="|url\(#)(?=(clip|gradient)[_\d])/g, `$1${prefix}`);
}

function tablesSection(tables: readonly Table[]): Html {
  if (tables.length === 0) return raw("");
  return html`<section><h2>Tables</h2>
${join(tables.map(tableBlock))}</section>`;
}

function tableBlock(t: Table): Html {
  const kind = t.columns.map((_, i) => (t.rows.every((r) => typeof r[i] !== "string") ? "number" : ""));
  const head = t.columns.map(
    (c, i) => html`<th class="${kind[i]!}">${c.unit === undefined ? c.name : `${c.name} [${c.unit}]`}</th>`,
  );
  const row = (r: Table["rows"][number]): Html =>
    html`<tr>${join(r.map((v, i) => html`<td class="${kind[i]!}">${formatCell(v, t.columns[i]!.format)}</td>`))}</tr>
`;
  return html`<div class="block"><h3>${t.title}</h3><div class="scroll"><table class="data">
<thead><tr>${join(head)}</tr></thead>
<tbody>
${join(t.rows.map(row))}</tbody></table></div>${t.note === undefined ? "" : html`<p class="note">${t.note}</p>`}</div>
`;
}

function configSection(config: Config, experiment: Experiment, { preset }: Repeatable): Html {
  const rows = optionsOf(experiment).map((o) => optionRow(o, config, preset));
  return html`<section><h2>Configuration</h2>
<p class="tally">Values changed from the preset ${preset} are bold. Where the paper's value differs from ours, it is given with the reason.</p>
<div class="scroll"><table>
<thead><tr><th>Key</th><th>Value</th><th>Meaning</th><th>Paper</th></tr></thead>
<tbody>
${join(rows)}</tbody></table></div></section>`;
}

function optionRow(o: Option, config: Config, preset: Repeatable["preset"]): Html {
  const value = o.key.split(".").reduce<unknown>((at, k) => (at as Config | undefined)?.[k], config);
  const changed = JSON.stringify(value) !== JSON.stringify(o.presets[preset]);
  const paper =
    o.paper === undefined
      ? ""
      : html`${showValue(o.paper.paper)} <span class="faint">(${o.paper.why})</span>`;
  return html`<tr><td><code>${o.key}</code></td><td class="${changed ? "changed" : ""}">${showValue(value)}</td><td>${o.description}</td><td>${paper}</td></tr>
`;
}

function showValue(value: unknown): string {
  if (typeof value === "number") return formatCell(value);
  return typeof value === "string" ? value : (JSON.stringify(value)?.replaceAll(",", ", ") ?? "–");
}

function reproduceSection({ record, files }: ReportedRun): Html {
  const list = files
    .filter((f) => f.name !== "report.html")
    .map(
      (
        f,
      ) => html`<tr><td><a href="./${encodeURIComponent(f.name)}">${f.name}</a></td><td class="number">${formatBytes(f.bytes)}</td></tr>
`,
    );
  return html`<section><h2>Reproduce</h2>
<p>The same seed on the same versions gives the same files, bit for bit. This runs it again:</p>
<pre>${commandOf(record)}</pre>
<p>This runs it again and compares:</p>
<pre>npx paperweight verify ${record.id}</pre>
<p class="faint">Paperweight ${record.versions.paperweight ?? ""}, onnxruntime-node ${record.versions["onnxruntime-node"] ?? ""}, Node ${record.versions.node ?? ""}.</p>
<h2>Files</h2>
<table class="data"><tbody>
${join(list)}</tbody></table></section>`;
}
