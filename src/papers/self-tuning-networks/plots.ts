import { type Chart, lineChart, type Series } from "../../experiment/charts.ts";
import { bestOf, type Results } from "./results.ts";
import type { TaskResult } from "./studies.ts";

export function chartsOf(r: Results): Chart[] {
  const charts = [ridgeChart(r), ridgePaths(r), ...taskCharts("Noisy digits, seed 0", r.digits[0]!)];
  if (r.cifar) charts.push(...taskCharts("CIFAR-10 subset", r.cifar));
  if (r.text) charts.push(...taskCharts("Tiny Shakespeare", r.text));
  return charts;
}

function ridgeChart({ ridge: { runs, curve } }: Results): Chart {
  const ends = runs.filter((x) => x.seed === 0);
  return lineChart({
    title: "Ridge regression: where tuning ends",
    caption:
      "Validation loss of the exact weights over lambda, and at the start and the end of tuning; seed 0.",
    x: { title: "lambda" },
    y: { title: "validation loss" },
    series: [
      { name: "exact best response", points: curve, dashed: true },
      ...ends.map((x) => ({
        name: `from ${x.start}`,
        points: [[x.start, x.startLoss] as const, [x.lambda, x.loss] as const],
      })),
    ],
  });
}

function ridgePaths({ ridge: { runs } }: Results): Chart {
  const own = runs.filter((x) => x.seed === 0);
  const last = own[0]!.path.at(-1)![0];
  const optimum = own[0]!.optimum;
  return lineChart({
    title: "Ridge regression: lambda over time",
    caption: "Two training steps and a validation step a cycle; the dashed line is the true optimum; seed 0.",
    x: { title: "cycle" },
    y: { title: "lambda" },
    series: [
      ...own.map((x) => ({ name: `from ${x.start}`, points: x.path })),
      {
        name: "optimum",
        points: [
          [0, optimum],
          [last, optimum],
        ],
        dashed: true,
      },
    ],
  });
}

function taskCharts(title: string, r: TaskResult): Chart[] {
  const names = Object.keys(r.stn.values);
  const trajectory = (of: "values" | "scales"): Series[] =>
    names.map((name) => ({
      name,
      points: r.stn.schedule.map((row) => [row.cycle, row[of][name]!] as const),
    }));
  return [
    lineChart({
      title: `${title}: validation loss`,
      caption: "Over the budget: passes over a minibatch, of which one with responding layers counts twice.",
      x: { title: "budget" },
      y: { title: "validation loss" },
      series: validationSeries(r),
    }),
    lineChart({
      title: `${title}: hyperparameters`,
      caption: "The schedule that one training run finds.",
      x: { title: "cycle" },
      y: { title: "value" },
      series: trajectory("values"),
    }),
    lineChart({
      title: `${title}: scales of the perturbation`,
      caption: "Standard deviations of the perturbation of lambda, tuned with the hyperparameters.",
      x: { title: "cycle" },
      y: { title: "scale" },
      series: trajectory("scales"),
    }),
  ];
}

function validationSeries(r: TaskResult): Series[] {
  const best = bestOf(r.random);
  return [
    { name: "STN", points: r.stn.curve },
    { name: "STN, lambda frozen", points: r.frozen.curve },
    { name: "ordinary, first values", points: r.fixed.curve },
    ...(best ? [{ name: "best of random search", points: best.curve }] : []),
  ];
}
