import { describe, expect, it } from "vitest";
import { barChart, type Chart, chartColours, lineChart, logLogChart } from "./charts.ts";
import { chartToSvg } from "./svg.ts";

const text = { title: "Error", caption: "It falls.", x: { title: "samples" }, y: { title: "MSE" } };
const points = [
  [10, 1],
  [100, 0.1],
  [1000, 0.01],
] as const;
const valuesOf = (c: Chart) => (c.spec.data as unknown as { values: unknown[] }).values;

describe("chart helpers", () => {
  it("draw a line chart: axes named, a legend for several series, one colour each", async () => {
    const series = [
      { name: "DeepONet", points },
      { name: "theory", points, dashed: true },
    ];
    const svg = await chartToSvg(lineChart({ ...text, series }));
    for (const part of [
      "samples",
      "MSE",
      "DeepONet",
      "theory",
      chartColours[0],
      chartColours[1],
      "stroke-dasharray",
    ]) {
      expect(svg).toContain(part);
    }
  });

  it("leave the legend out for a single series", async () => {
    expect(await chartToSvg(lineChart({ ...text, series: [{ name: "only one", points }] }))).not.toContain(
      "only one<",
    );
  });

  it("draw powers of ten on logarithmic axes", async () => {
    const svg = await chartToSvg(logLogChart({ ...text, series: [{ name: "a", points }] }));
    for (const tick of [">10<", ">100<", ">1000<", ">0.01<", ">0.1<"]) expect(svg).toContain(tick);
  });

  it("leave out what a log axis cannot show, and say so", () => {
    const chart = logLogChart({
      ...text,
      series: [{ name: "a", points: [...points, [0, 1], [1, -1], [1, Number.NaN]] }],
    });
    expect(valuesOf(chart)).toHaveLength(3);
    expect(chart.caption).toBe("It falls. (3 points that a log axis cannot show are left out.)");
  });

  it("draw intervals", async () => {
    const chart = lineChart({
      ...text,
      series: [
        {
          name: "a",
          points: [
            [1, 2, 1, 3],
            [2, 3, 2, 4],
          ],
        },
      ],
    });
    expect(await chartToSvg(chart)).toContain("mark-rule");
  });

  it("draw bars, and dots on a log scale", async () => {
    const bars = [
      { name: "FNN", value: 0.004 },
      { name: "DeepONet", value: 7.6e-5 },
    ];
    const o = { title: "t", caption: "c", bars };
    expect(await chartToSvg(barChart({ ...o, value: { title: "MSE" } }))).toContain("mark-rect");
    expect(await chartToSvg(barChart({ ...o, value: { title: "MSE", scale: "log" } }))).toContain(
      "mark-symbol",
    );
  });

  it("draw a single point, and say so where there is none", async () => {
    expect(await chartToSvg(logLogChart({ ...text, series: [{ name: "a", points: [[3, 5]] }] }))).toContain(
      "<svg",
    );
    const diverged = [{ name: "a", points: [[1, Number.NaN]] as const }];
    for (const series of [[], diverged]) {
      expect(await chartToSvg(logLogChart({ ...text, series }))).toContain("no points to draw");
    }
  });
});

describe("chartToSvg", () => {
  const chart = (spec: Chart["spec"]): Chart => ({ title: "t", caption: "c", spec });

  it("needs no eval", async () => {
    const original = globalThis.Function;
    globalThis.Function = (() => {
      throw new Error("eval");
    }) as unknown as FunctionConstructor;
    try {
      expect(await chartToSvg(logLogChart({ ...text, series: [{ name: "a", points }] }))).toContain("<svg");
    } finally {
      globalThis.Function = original;
    }
  });

  it("gives the same bytes every time", async () => {
    const make = () => chartToSvg(lineChart({ ...text, series: [{ name: "a", points }] }));
    expect(await make()).toBe(await make());
  });

  it("escapes what it is given", async () => {
    const svg = await chartToSvg(
      lineChart({ ...text, x: { title: "<script>alert(1)</script>" }, series: [{ name: "a", points }] }),
    );
    expect(svg).not.toContain("<script>");
  });

  it("refuses charts that load data or make no sense, in one line that names the chart", async () => {
    await expect(chartToSvg(chart({ data: { url: "x.csv" }, mark: "bar" }))).rejects.toThrow(
      /chart "t": .*put the data inline/,
    );
    await expect(chartToSvg(chart({ data: { values: [] }, mark: "blob" }))).rejects.toThrow(/chart "t"/);
  });
});
