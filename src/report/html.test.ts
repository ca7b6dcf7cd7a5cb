import { describe, expect, it } from "vitest";
import lineFit from "../../test/fixtures/line-fit.ts";
import { lineChart } from "../experiment/charts.ts";
import { atMost, claim } from "../experiment/claims.ts";
import type { Experiment } from "../experiment/define.ts";
import { type ReportedRun, reportHtml } from "./html.ts";
import { html, join, raw } from "./markup.ts";

const nasty = `<img src=x onerror="alert('1')">&amp;`;
const series = [1, 2].map((n) => ({
  name: `${nasty}${n}`,
  points: [
    [0, 1],
    [n, 2],
  ] as const,
}));

const run: ReportedRun = {
  record: {
    ...{
      id: "2026-line",
      paper: "line-fit",
      preset: "quick",
      seed: 4,
      device: "cpu",
      changes: ["steps=7", "label='x"],
    },
    ...{
      started: "2026-11-24T18:00:00.000Z",
      duration: 75,
      versions: { paperweight: "0.1.0", node: "20.0.0" },
    },
    machine: { cpu: "A <b>CPU</b>", cores: 2, memoryGB: 24, os: "Linux" },
  },
  config: { ...lineFit.presets.quick, steps: 7, label: nasty },
  result: {
    claims: [
      claim({ id: "C1", statement: nasty, paper: nasty, scale: nasty, note: nasty }).judge({
        values: [1, 2],
        unit: nasty,
        criterion: atMost(5, nasty),
      }),
      claim({ id: "C2", statement: "later", paper: null, scale: "full" }).notAttempted("needs full"),
    ],
    tables: [
      {
        title: nasty,
        columns: [{ name: nasty, unit: nasty }, { name: "n" }],
        rows: [[nasty, 0.123456]],
        note: nasty,
      },
    ],
    charts: [1, 2].map((n) =>
      lineChart({ title: `${nasty}${n}`, caption: nasty, x: { title: nasty }, y: { title: "y" }, series }),
    ),
    models: {},
  },
  files: [{ name: `a ${nasty}.onnx`, bytes: 3400 }],
};

const page = () =>
  reportHtml(run, { ...(lineFit as Experiment), paper: { ...lineFit.paper, title: nasty, abstract: nasty } });

describe("the report", () => {
  it("has no script, loads nothing, and says so in its policy", async () => {
    const text = await page();
    const tags = text.match(/<[a-z][^>]*>/gi)!;
    expect(tags.filter((t) => /^<(script|link|iframe|object|embed|img|image|base)\b/i.test(t))).toEqual([]);
    expect(tags.filter((t) => /\s(on\w+|src|srcset)=/i.test(t.replace(/"[^"]*"/g, '""')))).toEqual([]);
    expect(text).not.toMatch(/@import|url\((?!#)/);
    const addresses = tags.flatMap((t) => /\shref="([^"]*)"/.exec(t)?.[1] ?? []);
    expect(addresses.filter((a) => !a.startsWith("./"))).toEqual(["https://arxiv.org/abs/1809.00001"]);
    expect(text).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
  });

  it("escapes whatever the experiment says", async () => {
    const text = await page();
    expect(text).not.toContain("<img");
    expect(text).not.toContain("<b>CPU");
    expect(text).toContain("&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;amp;");
  });

  it("is well formed: every tag is closed in order", async () => {
    const open: string[] = [];
    const free = /^(!doctype|meta|br|img|input)$/i;
    for (const [, close, tag, self] of (await page()).matchAll(
      /<(\/?)([!a-z][\w-]*)(?:\s(?:[^"'<>]|"[^"]*"|'[^']*')*?)?(\/?)>/gi,
    )) {
      if (close === "/") expect(open.pop()).toBe(tag);
      else if (self === "" && !free.test(tag!)) open.push(tag!);
    }
    expect(open).toEqual([]);
  });

  it("puts the paper's figure beside ours, with spread, seeds and criterion", async () => {
    const text = await page();
    for (const part of [
      "1.5 ± 0.71",
      "2 seeds",
      "≤ 5",
      "✓ reproduced",
      "– not attempted",
      "1 min 15 s",
      "0.123",
    ])
      expect(text).toContain(part);
  });

  it("marks what was changed and gives the paper's value with the reason", async () => {
    const text = await page();
    expect(text).toContain('<td class="changed">7</td>');
    expect(text).toContain("the loss stops falling after 300");
    expect(text).toContain("npx paperweight run line-fit --preset quick --seed 4 --set steps=7");
  });

  it("gives the two charts ids of their own", async () => {
    const ids = [...(await page()).matchAll(/\bid="([^"]+)"/g)].map((m) => m[1]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("is refused for a run without result", async () => {
    await expect(reportHtml({ ...run, result: undefined }, lineFit as Experiment)).rejects.toThrow(
      "has no result to report",
    );
  });
});

describe("html templates", () => {
  it("escape strings and keep markup", () => {
    expect(
      html`<p class="${'"'}">${"<&>'"}${raw("<b>x</b>")}${join([html`${"<"}`, raw("!")])}</p>`.text,
    ).toBe('<p class="&quot;">&lt;&amp;&gt;&#39;<b>x</b>&lt;!</p>');
  });
});
