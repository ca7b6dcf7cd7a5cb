import { barChart, type Chart, lineChart, type Series } from "../../experiment/charts.ts";
import { reference } from "./claims.ts";
import { type Curve, crossingOf, mean, type Results } from "./results.ts";

export function chartsOf(r: Results): Chart[] {
  const charts: Chart[] = [];
  const add = (title: string, caption: string, curves: readonly Curve[], line = 0.9, y = "accuracy") => {
    if (curves.length > 0) charts.push(curveChart(title, caption, curves, line, y));
  };
  add(
    "One task, networks of different size",
    "Test accuracy inside random subspaces; bars span the seeds.",
    r.networks,
  );
  if (r.networks.length > 1) charts.push(sizeChart(r.networks));
  if (r.small.length > 1 && r.networks.length > 0) charts.push(smallChart(r));
  const dense = reference(r.networks);
  if (r.projections.length > 0 && dense !== undefined)
    add("Three projections", "The same net with dense, sparse and Fastfood projections.", [
      { ...dense, name: "dense" },
      ...r.projections,
    ]);
  add("Permuted pixels", "One fixed permutation of the pixels of all images.", r.permuted);
  add("True and shuffled labels", "Training accuracy on the same few images.", r.labels);
  add("Random labels", "Training accuracy on normal inputs with random labels.", r.random);
  if (r.pole)
    add("Balancing a pole", "Mean return of the policy; 200 is the most.", [r.pole], 180, "mean return");
  add("CartPole by deep Q-learning", "Mean of the last 100 returns.", r.cartpole, 175.5, "mean return");
  add("MNIST", "Test accuracy inside random subspaces.", r.mnist);
  add("CIFAR-10", "Test accuracy inside random subspaces.", r.cifar10, 0.45);
  charts.push(difficultyChart(r));
  return charts;
}

function curveChart(
  title: string,
  caption: string,
  curves: readonly Curve[],
  line: number,
  y: string,
): Chart {
  const all = curves.flatMap((c) => c.dimensions);
  const series: Series[] = curves.map((c) => ({
    name: c.name,
    points: c.dimensions.map((d, i) => {
      const values = c.metrics.map((row) => row[i]!);
      return [d, mean(values), Math.min(...values), Math.max(...values)] as const;
    }),
  }));
  const ends = [Math.min(...all), Math.max(...all)];
  return lineChart({
    title,
    caption,
    x: { title: "dimension d", scale: "log" },
    y: { title: y },
    series: [...series, { name: "90 %", points: ends.map((d) => [d, line] as const), dashed: true }],
  });
}

function sizeChart(networks: readonly Curve[]): Chart {
  const points = [...networks]
    .sort((a, b) => a.weights - b.weights)
    .map((c) => [c.weights, crossingOf(c)] as const)
    .filter(([, d]) => Number.isFinite(d));
  return lineChart({
    title: "Intrinsic dimension and size",
    caption: "d_int90 of each network over its number of weights.",
    x: { title: "weights D", scale: "log" },
    y: { title: "d_int90", scale: "log" },
    series: [{ name: "FC nets", points }],
  });
}

function smallChart({ small, networks }: Results): Chart {
  const net = reference(networks)!;
  const points = [...small].sort((a, b) => a.weights - b.weights);
  return lineChart({
    title: "A subspace of a large net, or a small net",
    caption: "Test accuracy over the numbers that are trained.",
    x: { title: "numbers trained", scale: "log" },
    y: { title: "accuracy" },
    series: [
      {
        name: `${net.name} in a subspace`,
        points: net.dimensions.map((d, i) => [d, mean(net.metrics.map((row) => row[i]!))] as const),
      },
      { name: "small nets, all weights", points: points.map((p) => [p.weights, p.accuracy] as const) },
    ],
  });
}

function difficultyChart(r: Results): Chart {
  const bar = (name: string, value: number | undefined) =>
    value === undefined || !Number.isFinite(value) ? [] : [{ name, value }];
  const net = reference(r.networks);
  const [right, wrong] = r.labels;
  return barChart({
    title: "How hard are the tasks?",
    caption: "Intrinsic dimensions at 90 %: ours, and the paper's.",
    value: { title: "d_int90", scale: "log" },
    bars: [
      ...bar("pole (ours)", r.pole === null ? undefined : crossingOf(r.pole, 200)),
      ...bar("digits of seven segments (ours)", net && crossingOf(net)),
      ...bar("200 images, true labels (ours)", right && crossingOf(right)),
      ...bar("200 images, shuffled labels (ours)", wrong && crossingOf(wrong)),
      ...r.mnist.flatMap((c) => bar(`${c.name} (ours)`, crossingOf(c))),
      { name: "inverted pendulum (paper)", value: 4 },
      { name: "MNIST, LeNet (paper)", value: 290 },
      { name: "MNIST, FC (paper)", value: 750 },
      { name: "CIFAR-10, LeNet (paper)", value: 2900 },
      { name: "Pong from pixels (paper)", value: 6000 },
      { name: "MNIST, shuffled labels (paper)", value: 190_000 },
    ],
  });
}
