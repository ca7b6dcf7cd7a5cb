import { type Chart, lineChart, logLogChart } from "../../experiment/charts.ts";
import { summarise } from "../../experiment/claims.ts";
import { kernelKinds } from "./kernel-study.ts";
import { meanOf, type Results } from "./results.ts";
import type { Tuning } from "./transfer-nets.ts";

export function chartsOf(r: Results): Chart[] {
  return [
    kernelChart(r, false),
    kernelChart(r, true),
    ...digitChart(r),
    ...transferChart(r),
    ...conversionChart(r),
  ];
}

function kernelChart({ kernels }: Results, orthogonal: boolean): Chart {
  const rows = orthogonal ? "orthogonal" : "independent";
  return logLogChart({
    title: `Kernel estimates with ${rows} rows`,
    caption: "Root mean squared error over all pairs of points and all draws of the rows.",
    x: { title: "features m" },
    y: { title: "root mean squared error" },
    series: kernelKinds.map((kind) => ({
      name: kind,
      points: kernels
        .filter((p) => p.kind === kind && p.orthogonal === orthogonal)
        .map((p) => [p.features, p.rmse] as const),
    })),
  });
}

function digitChart({ digits }: Results): Chart[] {
  const sizes = new Set(digits.towers.map((t) => t.features));
  if (sizes.size < 2) return [];
  const mlp = digits.nets[0];
  return [
    lineChart({
      title: "Digits by the closed form",
      caption: "Test accuracy over the features of a layer, mean over the seeds with one standard deviation.",
      x: { title: "features m", scale: "log" },
      y: { title: "test accuracy" },
      series: [
        ...[1, 2].map((layers) => ({
          name: `${layers} feature layer${layers > 1 ? "s" : ""}`,
          points: digits.towers
            .filter((t) => t.layers === layers)
            .map((t) => {
              const { mean, spread } = summarise(t.solved.map((s) => s.value));
              return [t.features, mean, mean - (spread ?? 0), mean + (spread ?? 0)] as const;
            }),
        })),
        ...(mlp === undefined
          ? []
          : [
              {
                name: mlp.name,
                dashed: true,
                points: [Math.min(...sizes), Math.max(...sizes)].map((m) => [m, meanOf(mlp.values)] as const),
              },
            ]),
      ],
    }),
  ];
}

function transferChart({ transfer: t }: Results): Chart[] {
  if (!t) return [];
  const of = (name: string, keep: (tuning: Tuning) => boolean) => ({
    name,
    points: t.tuned.filter((n) => keep(n.tuning)).map((n) => [n.trainables, meanOf(n.values)] as const),
  });
  return [
    lineChart({
      title: "Adapters: accuracy over trainables",
      caption: "Test accuracy on the target task, mean over the seeds. Up and to the left is better.",
      x: { title: "trainables, head included", scale: "log" },
      y: { title: "test accuracy" },
      series: [
        of("SNNK adapter", (x) => typeof x === "object" && "snnk" in x),
        of("bottleneck adapters", (x) => typeof x === "object" && "bottleneck" in x),
        of("head only", (x) => x === "head"),
        of("full fine-tuning", (x) => x === "full"),
      ],
    }),
  ];
}

function conversionChart({ conversion: points }: Results): Chart[] {
  if (!points) return [];
  return [
    lineChart({
      title: "A trained sine layer replaced without training",
      caption: "R2 between the net and its conversion, mean over the seeds.",
      x: { title: "features m", scale: "log" },
      y: { title: "R2" },
      series: [{ name: "R2", points: points.map((p) => [p.features, meanOf(p.values)] as const) }],
    }),
  ];
}
