import { lineChart } from "../experiment/charts.ts";
import { formatDuration, formatNumber } from "../experiment/format.ts";
import { chartToSvg } from "../experiment/svg.ts";
import { css } from "./css.ts";
import { type Html, html, join, raw } from "./markup.ts";

/** A finished fine-tuning, as its report shows it. */
export interface FinetuneReport {
  readonly model: string;
  readonly out: string;
  readonly command: string;
  readonly seconds: number;
  readonly metric: string;
  /** Of the validation examples before the first step; undefined without any. */
  readonly before: number | undefined;
  readonly epochs: readonly {
    readonly epoch: number;
    readonly loss: number;
    readonly metric: number | undefined;
  }[];
  readonly best: number | undefined;
  readonly test: { readonly before: number | undefined; readonly after: number } | undefined;
  /** Weights, by name, and numbers in them. */
  readonly trained: readonly string[];
  readonly trainedCount: number;
  readonly count: number;
  readonly examples: { readonly train: number; readonly validation: number; readonly test: number };
}

/** One HTML file without scripts or external resources. */
export async function finetuneHtml(run: FinetuneReport): Promise<string> {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${run.model}, fine-tuned</title>
<style>${raw(css)}</style>
</head>
<body>
<main>
<header>
<p class="eyebrow">fine-tuning</p>
<h1>${run.model}</h1>
<dl class="facts">${join(facts(run).map(([k, v]) => html`<div><dt>${k}</dt><dd>${v}</dd></div>`))}</dl>
</header>
<section><h2>Course</h2><div class="charts">
${join(await charts(run))}</div></section>
<section><h2>Epochs</h2>${epochTable(run)}</section>
<section><h2>Repeat</h2><pre>${run.command}</pre></section>
<section><h2>Trained weights</h2><p>${run.trained.join(", ")}</p></section>
</main>
</body>
</html>
`;
  return page.text;
}

function facts(run: FinetuneReport): [string, string][] {
  const { train, validation, test } = run.examples;
  const chosen = run.epochs.find((e) => e.epoch === run.best);
  return [
    ["Result", run.out],
    ["Examples", `${train} to train, ${validation} to validate${test > 0 ? `, ${test} to test` : ""}`],
    ["Trained", `${run.trainedCount} of ${run.count} numbers`],
    ...(chosen?.metric === undefined
      ? []
      : [
          [`Validation ${run.metric}`, `${change(run.before, chosen.metric)}, epoch ${run.best}`] satisfies [
            string,
            string,
          ],
        ]),
    ...(run.test === undefined
      ? []
      : [[`Test ${run.metric}`, change(run.test.before, run.test.after)] satisfies [string, string]]),
    ["Duration", formatDuration(run.seconds)],
  ];
}

/** `0.33 → 0.96`, or only the second where there is no first. */
export function change(before: number | undefined, after: number): string {
  return before === undefined
    ? formatNumber(after, 4)
    : `${formatNumber(before, 4)} → ${formatNumber(after, 4)}`;
}

async function charts(run: FinetuneReport): Promise<Html[]> {
  const x = { title: "epoch" };
  const measured = run.epochs.flatMap((e) => (e.metric === undefined ? [] : [[e.epoch, e.metric] as const]));
  const start = run.before === undefined ? [] : [[0, run.before] as const];
  const drawn = [
    {
      title: "Loss",
      y: "training loss",
      caption: "The mean of the losses of each epoch's batches.",
      points: run.epochs.map((e) => [e.epoch, e.loss] as const),
    },
    ...(measured.length === 0
      ? []
      : [
          {
            title: `Validation ${run.metric}`,
            y: run.metric,
            caption: "Of examples that were not trained on.",
            points: [...start, ...measured],
          },
        ]),
  ];
  return Promise.all(
    drawn.map(async ({ title, y, caption, points }, i) => {
      const chart = lineChart({ title, caption, x, y: { title: y }, series: [{ name: y, points }] });
      const svg = (await chartToSvg(chart)).replace(
        /(\bid="|url\(#)(?=(clip|gradient)[_\d])/g,
        `$1chart${i}-`,
      );
      return html`<figure role="group"><h3>${title}</h3>${raw(svg)}<figcaption>${caption}</figcaption></figure>
`;
    }),
  );
}

function epochTable({ epochs, best, metric }: FinetuneReport): Html {
  const cell = (v: number | undefined): Html =>
    html`<td class="number">${v === undefined ? "–" : formatNumber(v, 4)}</td>`;
  const rows = epochs.map(
    (
      e,
    ) => html`<tr><td class="number">${String(e.epoch)}${e.epoch === best ? " (kept)" : ""}</td>${cell(e.loss)}${cell(e.metric)}</tr>
`,
  );
  return html`<div class="scroll"><table class="data">
<thead><tr><th class="number">Epoch</th><th class="number">Training loss</th><th class="number">Validation ${metric}</th></tr></thead>
<tbody>
${join(rows)}</tbody></table></div>`;
}
