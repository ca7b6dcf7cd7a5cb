import { type Option, optionsOf } from "../experiment/config.ts";
import { type Experiment, presetNames } from "../experiment/define.ts";
import { formatNumber } from "../experiment/format.ts";
import type { PaperEntry } from "../papers/index.ts";
import { paint, type TextStyle, textTable, wrap } from "../report/text.ts";
import { type Io, styleOf } from "./io.ts";
import { loadExperiment } from "./registry.ts";

/** `paperweight info <paper>`: what it is about, what its presets cost, every configuration key. */
export async function info(
  io: Io,
  papers: readonly PaperEntry[],
  slug: string,
  { json }: { json?: boolean },
): Promise<number> {
  const experiment = await loadExperiment(papers, slug);
  if (json === true) {
    const { paper, presets, durations } = experiment;
    io.stdout.write(
      `${JSON.stringify({ paper, durations, presets, options: optionsOf(experiment) }, null, 2)}\n`,
    );
    return 0;
  }
  io.stdout.write(`${infoText(experiment, styleOf(io, io.stdout))}\n`);
  return 0;
}

function infoText({ paper, durations, ...experiment }: Experiment, style: TextStyle): string {
  const whole = { paper, durations, ...experiment };
  const arxiv = paper.arxiv === null ? "" : `, arXiv:${paper.arxiv}`;
  const heading = (text: string): string => paint(style, "bold", text);
  const options = optionsOf(whole);
  const presets = presetNames.map((name) => [name, durations[name]]);
  return [
    ...wrap(paper.title, style.width).map(heading),
    ...wrap(paper.authors.join(", "), style.width),
    paint(style, "dim", `${paper.venue}, ${paper.year}${arxiv} · ${paper.family}`),
    "",
    ...wrap(paper.abstract, style.width),
    "",
    heading("Presets"),
    "",
    textTable([{ title: "preset", ink: "bold" }, { title: "takes" }], presets, style),
    "",
    `${heading("Options")}  ${paint(style, "dim", "change one with --set key=value")}`,
    "",
    optionTable(options, style),
    ...paperNotes(options, style),
    "",
    paint(style, "dim", `paperweight run ${paper.slug}`),
  ].join("\n");
}

function optionTable(options: readonly Option[], style: TextStyle): string {
  const columns = [
    { title: "key", ink: "bold" },
    { title: "meaning", flex: true },
    { title: "type", ink: "dim", most: 18 },
    { title: "smoke", align: "right", most: 14 },
    { title: "quick", align: "right", most: 14 },
    { title: "full", align: "right", most: 14 },
  ] as const;
  const rows = options.map((o) => [
    o.key,
    o.description,
    o.type,
    ...presetNames.map((p) => valueText(o.presets[p])),
  ]);
  return textTable(columns, rows, style);
}

function paperNotes(options: readonly Option[], style: TextStyle): string[] {
  const rows = options.flatMap((o) =>
    o.paper === undefined ? [] : [[o.key, valueText(o.paper.paper), o.paper.why]],
  );
  if (rows.length === 0) return [];
  const columns = [
    { title: "key", ink: "bold" },
    { title: "paper", most: 20 },
    { title: "why ours differs", flex: true },
  ] as const;
  return ["", paint(style, "bold", "Where we differ from the paper"), "", textTable(columns, rows, style)];
}

export function valueText(value: unknown): string {
  if (typeof value === "number") return formatNumber(value);
  if (Array.isArray(value)) return value.map(valueText).join(", ");
  if (typeof value === "object" && value !== null) return "{…}";
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "–");
}
