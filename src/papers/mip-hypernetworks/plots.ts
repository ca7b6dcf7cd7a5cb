import { type Chart, lineChart, type Point, type Series } from "../../experiment/charts.ts";
import { ablation } from "./forms.ts";
import { EVALUATED } from "./measures.ts";
import { meanOf, ofForm, type Results } from "./results.ts";
import type { RotatedRun } from "./rotated.ts";
import type { ScaleRow } from "./scale-report.ts";
import { thinned } from "./training.ts";

export function chartsOf({ rotated }: Results): Chart[] {
  const { main, lowRate, sgd } = rotated;
  const charts = [
    lossChart("T1: training loss, Adam", main, Object.values(ablation)),
    scaleChart(main),
    gradientChart(main),
    accuracyChart(rotated),
  ];
  const both = [ablation.standard, ablation.mip];
  if (sgd.length > 0) charts.push(lossChart("T1: training loss, SGD", sgd, both));
  if (lowRate.length > 0) charts.push(lossChart("T1: training loss, Adam with a lower rate", lowRate, both));
  return charts;
}

function lossChart(
  title: string,
  runs: readonly RotatedRun[],
  forms: readonly { readonly name: string }[],
): Chart {
  return lineChart({
    title,
    caption: "Cross-entropy, averaged over a few steps; mean of the seeds, and their range.",
    x: { title: "step" },
    y: { title: "loss", scale: "log" },
    series: forms.map(({ name }) => ({ name, points: overSeeds(ofForm(runs, name)) })),
  });
}

function overSeeds(runs: readonly RotatedRun[]): Point[] {
  const curves = runs.map((r) => thinned(r.losses));
  return curves[0]!.map(([step], i): Point => {
    const values = curves.map((c) => c[i]![1]);
    return values.length === 1
      ? [step, values[0]!]
      : [step, meanOf(values), Math.min(...values), Math.max(...values)];
  });
}

function curve(
  name: string,
  rows: readonly ScaleRow[],
  value: (r: ScaleRow) => number,
  dashed = false,
): Series {
  return { name, points: rows.map((r) => [r.gamma, value(r)] as const), dashed };
}

function firstOf(runs: readonly RotatedRun[], { name }: { readonly name: string }): RotatedRun {
  return ofForm(runs, name)[0]!;
}

function scaleChart(runs: readonly RotatedRun[]): Chart {
  const [standard, mip] = [firstOf(runs, ablation.standard), firstOf(runs, ablation.mip)];
  const norm = (r: ScaleRow) => r.weightNorm;
  const last = standard.before.at(-1)!;
  return lineChart({
    title: "T1: the size of the predicted weights",
    caption:
      "Before training, the standard form lies on the dashed line through the origin: its weights are proportional to gamma. Seed 0.",
    x: { title: "gamma" },
    y: { title: "|theta(gamma)|" },
    series: [
      curve("standard, before", standard.before, norm),
      curve("standard, after", standard.after, norm),
      curve("MIP, before", mip.before, norm),
      curve("MIP, after", mip.after, norm),
      {
        name: "proportional",
        points: [
          [0, 0],
          [last.gamma, norm(last)],
        ],
        dashed: true,
      },
    ],
  });
}

function gradientChart(runs: readonly RotatedRun[]): Chart {
  return lineChart({
    title: "T1: the size of the gradient before training",
    caption:
      "Norm of the loss's gradient with respect to all weights of the hypernetwork, at fixed gammas. Seed 0.",
    x: { title: "gamma" },
    y: { title: "|dL / d omega|", scale: "log" },
    series: Object.values(ablation).map((form) =>
      curve(form.name, firstOf(runs, form).before, (r) => r.gradNorm),
    ),
  });
}

function accuracyChart({ main, bounds }: Results["rotated"]): Chart {
  const points = (values: (i: number) => number) => EVALUATED.map((g, i) => [g, values(i)] as const);
  const forms = Object.values(ablation).map(({ name }) => {
    const runs = ofForm(main, name);
    return { name, points: points((i) => meanOf(runs.map((r) => r.accuracy[i]!))) };
  });
  const limits = bounds && [
    { name: "one network each", points: points((i) => bounds.each[i]!), dashed: true },
    { name: "blind to gamma", points: points((i) => bounds.blind[i]!), dashed: true },
  ];
  return lineChart({
    title: "T1: test accuracy over gamma",
    caption: `Mean of the seeds.${bounds ? " Dashed: a network for each gamma, and one that is not told gamma." : ""}`,
    x: { title: "gamma" },
    y: { title: "accuracy" },
    series: [...forms, ...(limits ?? [])],
  });
}
