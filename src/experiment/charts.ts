/** JSON, as Vega-Lite specs are made of. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };

export type VegaLiteSpec = { readonly [key: string]: Json | undefined };

/** A chart: a Vega-Lite spec with its data inline (no config: `chartTheme` is applied when it is drawn), and what it shows. */
export interface Chart {
  readonly title: string;
  readonly spec: VegaLiteSpec;
  readonly caption: string;
}

export const chartInk = { text: "#24292f", faint: "#57606a", axis: "#8c959f", grid: "#e4e7eb" } as const;

/** Okabe and Ito's palette (distinct for all common forms of colour blindness), darkest first, without black and yellow. */
export const chartColours = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#e69f00",
  "#56b4e9",
  "#7f7f7f",
] as const;

const font = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

/** The one style of all charts: a Vega-Lite config object. */
export const chartTheme: VegaLiteSpec = {
  background: "transparent",
  font,
  padding: 4,
  view: { stroke: null, continuousWidth: 400, continuousHeight: 250, discreteWidth: 400 },
  axis: {
    labelColor: chartInk.faint,
    titleColor: chartInk.text,
    domainColor: chartInk.axis,
    tickColor: chartInk.axis,
    gridColor: chartInk.grid,
    labelFontSize: 12,
    titleFontSize: 12.5,
    titleFontWeight: 500,
    titlePadding: 10,
    tickSize: 4,
    labelPadding: 5,
    labelOverlap: true,
  },
  axisX: { grid: false, tickCount: 6 },
  axisY: { domain: false, ticks: false, tickCount: 6 },
  legend: {
    orient: "top",
    title: null,
    labelColor: chartInk.text,
    labelFontSize: 12.5,
    labelLimit: 260,
    symbolSize: 70,
    symbolStrokeWidth: 2,
    columnPadding: 18,
    offset: 12,
  },
  line: { strokeWidth: 2, strokeCap: "round", strokeJoin: "round" },
  point: { size: 44, filled: true, opacity: 1 },
  bar: { cornerRadiusEnd: 2 },
  rule: { color: chartInk.axis },
  range: { category: [...chartColours], ordinal: { scheme: "viridis" }, ramp: { scheme: "viridis" } },
};

/** A point [x, y], or [x, y, low, high] with the interval to draw around y. */
export type Point =
  | readonly [x: number, y: number]
  | readonly [x: number, y: number, low: number, high: number];

export interface Axis {
  readonly title: string;
  /** Linear unless it says `log`. Points at or below zero cannot be drawn on a log axis: the caption counts them. */
  readonly scale?: "linear" | "log";
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** Dashed and without marks: for theory, bounds and fits. */
  readonly dashed?: boolean;
}

export interface LineChartOptions {
  readonly title: string;
  readonly caption: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

type Row = { x: number; y: number; series: string; low?: number; high?: number };

/** Lines with a mark at every measured point (up to 40 points a series), one colour a series. */
export function lineChart(o: LineChartOptions): Chart {
  const all = o.series.flatMap((s) =>
    s.points.map((p) => ({ ...row(p, s.name), dashed: s.dashed === true })),
  );
  const rows = all.filter((r) => drawable(r.x, o.x) && drawable(r.y, o.y) && drawable(r.low ?? 1, o.y));
  const dropped = all.length - rows.length;
  const names = o.series.map((s) => s.name);
  const many = o.series.some((s) => s.points.length > 40);
  const color = {
    field: "series",
    type: "nominal",
    scale: { domain: names },
    legend:
      names.length < 2
        ? null
        : { symbolType: "stroke", symbolOpacity: 1, symbolSize: 260, symbolStrokeWidth: 2.5 },
  };
  const base = { x: encodeAxis("x", o.x, rows), y: encodeAxis("y", o.y, rows), color };
  const layers: VegaLiteSpec[] = [{ mark: "line", encoding: { ...base, strokeDash: dashes(o.series) } }];
  if (!many) {
    const filter = { not: { field: "dashed", equal: true } };
    layers.push({ transform: [{ filter }], mark: "point", encoding: base });
  }
  if (rows.some((r) => r.low !== undefined)) {
    const y = { ...base.y, field: "low" };
    layers.unshift({
      transform: [{ filter: "isValid(datum.low)" }],
      mark: { type: "rule", opacity: 0.55 },
      encoding: { ...base, y, y2: { field: "high" } },
    });
  }
  return {
    title: o.title,
    caption:
      dropped === 0
        ? o.caption
        : `${o.caption} (${dropped} points that a log axis cannot show are left out.)`,
    spec: rows.length === 0 ? nothingToDraw : { data: { values: rows }, layer: layers },
  };
}

/** A line chart with logarithmic axes: for convergence against size, samples or sensors. */
export function logLogChart(o: LineChartOptions): Chart {
  return lineChart({ ...o, x: { ...o.x, scale: "log" }, y: { ...o.y, scale: "log" } });
}

export interface BarChartOptions {
  readonly title: string;
  readonly caption: string;
  /** The measured quantity, along x. */
  readonly value: Axis;
  readonly bars: readonly { readonly name: string; readonly value: number }[];
}

/** Horizontal bars in the order given (dots on a log scale, where a bar's length would mean nothing). */
export function barChart(o: BarChartOptions): Chart {
  const rows = o.bars.map((b) => ({ x: b.value, name: b.name }));
  const drawn = rows.filter((r) => drawable(r.x, o.value));
  const log = o.value.scale === "log";
  return {
    title: o.title,
    caption: o.caption,
    spec: {
      data: { values: drawn },
      mark: log
        ? { type: "point", size: 90, color: chartColours[0] }
        : { type: "bar", height: 16, color: chartColours[0] },
      height: { step: 30 },
      encoding: {
        x: {
          ...encodeAxis(
            "x",
            o.value,
            drawn.map((r) => ({ ...r, y: 0, series: "" })),
          ),
          axis: {
            ...logAxis(
              o.value,
              drawn.map((r) => r.x),
            ),
            grid: true,
          },
        },
        y: { field: "name", type: "nominal", sort: null, title: null, axis: { labelLimit: 220, grid: log } },
      },
    },
  };
}

const nothingToDraw: VegaLiteSpec = {
  data: { values: [{}] },
  mark: { type: "text", text: "no points to draw", color: chartInk.faint, fontSize: 13 },
};

function row(p: Point, series: string): Row {
  return p.length === 2 ? { x: p[0], y: p[1], series } : { x: p[0], y: p[1], low: p[2], high: p[3], series };
}

function drawable(value: number, axis: Axis): boolean {
  return Number.isFinite(value) && (axis.scale !== "log" || value > 0);
}

function dashes(series: readonly Series[]): VegaLiteSpec {
  const range = series.map((s) => (s.dashed === true ? [5, 4] : [1, 0]));
  return {
    field: "series",
    type: "nominal",
    scale: { domain: series.map((s) => s.name), range },
    ...(series.length < 2 ? { legend: null } : {}),
  };
}

function encodeAxis(field: "x" | "y", axis: Axis, rows: readonly Row[]): VegaLiteSpec {
  const values = rows.flatMap((r) =>
    field === "x" || r.low === undefined ? [r[field]] : [r.y, r.low, r.high!],
  );
  const scale =
    axis.scale === "log"
      ? { type: "log", nice: false, padding: 8 }
      : field === "x"
        ? { zero: false, nice: false }
        : { zero: false };
  return { field, type: "quantitative", title: axis.title, scale, axis: logAxis(axis, values) };
}

/** Readable ticks for a log axis: the measured values where they are few, else powers of ten (1, 2, 5 over a short range). */
function logAxis(axis: Axis, values: readonly number[]): VegaLiteSpec {
  if (axis.scale !== "log" || values.length === 0) return {};
  const low = Math.log10(Math.min(...values));
  const high = Math.log10(Math.max(...values));
  const steps = high - low < 1.5 ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil((high - low) / 7));
  const ticks: number[] = [];
  for (let e = Math.floor(low); e <= Math.ceil(high); e++) {
    if (e % every === 0) for (const s of steps) ticks.push(Number(`${s}e${e}`));
  }
  const inside = ticks.filter((t) => t >= 10 ** low * 0.999 && t <= 10 ** high * 1.001);
  const distinct = [...new Set(values)].sort((a, b) => a - b);
  const labelExpr =
    "datum.value >= 1e-3 && datum.value < 1e6 ? format(datum.value, '~g') : replace(format(datum.value, '~e'), '+', '')";
  return { values: inside.length >= 2 ? inside : distinct.slice(0, 8), labelExpr, labelOverlap: true };
}
