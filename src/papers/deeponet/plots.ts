import { type Chart, lineChart, logLogChart, type Series } from "../../experiment/charts.ts";
import { type Results, slope } from "./results.ts";
import type { Outcome, SweepPoint } from "./studies.ts";

const mse = (name = "mean squared error") => ({ title: name, scale: "log" as const });

export function chartsOf(r: Results): Chart[] {
  const charts = [lossChart(r), ...curveCharts(r)];
  if (r.sizes)
    charts.push(
      sweepChart(
        "Pendulum: more training triples",
        "training triples n",
        r.sizes,
        "The training error says how much of the test error is not one of generalisation.",
      ),
    );
  if (r.sensors) charts.push(sensorChart(r, r.sensors));
  if (r.horizon) charts.push(horizonChart(r.horizon));
  if (r.diffusion && r.diffusion.points.length > 1) charts.push(diffusionChart(r));
  return charts;
}

function losses(name: string, o: Outcome): Series {
  return { name, points: o.curve };
}

function lossChart({ antiderivative: a }: Results): Chart {
  return lineChart({
    title: "Antiderivative: training loss",
    caption: "Mean squared error on the batches, averaged over the steps between two points; seed 0.",
    x: { title: "step" },
    y: mse("loss"),
    series: [losses("DeepONet", a.deepONet[0]!), losses("FNN", a.fnn[0]!)],
  });
}

function curveCharts({ curves }: Results): Chart[] {
  return curves.map((c) =>
    lineChart({
      title: `Antiderivative of ${c.inside ? `a ${c.name}` : c.name}`,
      caption: c.inside
        ? "A function like those of the training set, which the net never saw."
        : "A function unlike those of the training set, as in the paper's code.",
      x: { title: "y" },
      y: { title: "G(u)(y)" },
      series: [
        { name: "predicted", points: c.y.map((y, i) => [y, c.predicted[i]!] as const) },
        { name: "true", points: c.y.map((y, i) => [y, c.truth[i]!] as const), dashed: true },
      ],
    }),
  );
}

function trainAndTest(points: readonly SweepPoint[]): Series[] {
  return [
    { name: "test", points: points.map((p) => [p.at, p.testMse] as const) },
    { name: "train", points: points.map((p) => [p.at, p.trainMse] as const) },
  ];
}

function sweepChart(title: string, x: string, points: readonly SweepPoint[], caption: string): Chart {
  return logLogChart({ title, caption, x: { title: x }, y: mse(), series: trainAndTest(points) });
}

function sensorChart({ theory }: Results, points: readonly SweepPoint[]): Chart {
  const bound = theory.filter((t) => points.some((p) => p.at === t.sensors));
  return logLogChart({
    title: "Pendulum: more sensors",
    caption:
      "The dashed line is the square of the bound that the sensor theory gives for what the sensors do not see.",
    x: { title: "sensors m" },
    y: mse(),
    series: [
      ...trainAndTest(points),
      { name: "bound, squared", points: bound.map((t) => [t.sensors, t.bound ** 2] as const), dashed: true },
    ],
  });
}

function horizonChart(points: readonly SweepPoint[]): Chart {
  const rate = slope(
    points.map((p) => [p.at, p.testMse]),
    "linear",
  );
  const [first, last] = [points[0]!, points.at(-1)!];
  const through = (base: number): Series["points"] =>
    [first, last].map((p) => [p.at, first.testMse * base ** (p.at - first.at)] as const);
  return lineChart({
    title: "Pendulum: longer horizons",
    caption: `The test error grows like ${Math.exp(rate).toPrecision(2)}^T; the dashed line grows like 8^T, as in the paper.`,
    x: { title: "horizon T" },
    y: mse(),
    series: [...trainAndTest(points), { name: "8^T", points: through(8), dashed: true }],
  });
}

function diffusionChart({ diffusion }: Results): Chart {
  const queries = [...new Set(diffusion!.points.map((p) => p.queries))];
  return logLogChart({
    title: "Diffusion-reaction: more functions, more points",
    caption: "Test error over the number of training functions, for each number of points a function.",
    x: { title: "functions" },
    y: mse("test MSE"),
    series: queries.map((q) => ({
      name: `${q} points each`,
      points: diffusion!.points.filter((p) => p.queries === q).map((p) => [p.functions, p.testMse] as const),
    })),
  });
}
