import { type Chart, lineChart } from "../../experiment/charts.ts";
import { correlation, familyName, type Results } from "./results.ts";

export function chartsOf(r: Results): Chart[] {
  const charts = [scatterChart(r), copyChart(r), priorChart(r), tokenizerChart(r)];
  const { heldOut } = r.seeds[0]!;
  if (heldOut !== null)
    charts.push(
      lineChart({
        title: "Unseen tasks: fine-tuning",
        caption: `Mean accuracy on ${heldOut.tasks.join(" and ")}, which the prior never saw; seed 0.`,
        x: { title: "step" },
        y: { title: "accuracy" },
        series: (["generated", "random"] as const).map((name) => ({
          name: `${name} start`,
          points: heldOut.curve.map((c) => [c.step, c[name]] as const),
        })),
      }),
    );
  return charts;
}

function scatterChart({ seeds }: Results): Chart {
  const values = seeds[0]!.families.flatMap((f) =>
    f.tasks.map((t) => ({ zoo: t.zoo, generated: t.generated, task: t.task, architecture: familyName(f) })),
  );
  const axis = (field: string, title: string) => ({
    field,
    type: "quantitative",
    title,
    scale: { zero: false },
  });
  return {
    title: "Generated and trained nets",
    caption: `One point for each task and architecture; seed 0. Pearson r ${correlation(seeds[0]!).toFixed(2)}.`,
    spec: {
      data: { values },
      mark: "point",
      encoding: {
        x: axis("zoo", "accuracy of trained nets"),
        y: axis("generated", "accuracy of generated nets"),
        color: { field: "architecture", type: "nominal" },
      },
    },
  };
}

function copyChart({ seeds }: Results): Chart {
  const values = seeds[0]!.families.flatMap((f) => f.copies.ratios.map((ratio) => ({ ratio })));
  return {
    title: "How far from the nearest trained net?",
    caption:
      "Distance of each generated net to the nearest rebuilt zoo net of its task and architecture, over the distance of zoo nets from different first weights: 0 is a copy, about 1 something new; seed 0.",
    spec: {
      data: { values },
      mark: "bar",
      encoding: {
        x: { field: "ratio", type: "quantitative", bin: { step: 0.05 }, title: "d1 / d0" },
        y: { aggregate: "count", type: "quantitative", title: "generated nets" },
      },
    },
  };
}

function priorChart({ seeds }: Results): Chart {
  const { autoregressive, factorised } = seeds[0]!.losses;
  return lineChart({
    title: "Priors: training loss",
    caption: "Nats per token, averaged over the steps between two points; seed 0.",
    x: { title: "step" },
    y: { title: "loss", scale: "log" },
    series: [
      { name: "autoregressive", points: autoregressive },
      { name: "factorised", points: factorised },
    ],
  });
}

function tokenizerChart({ seeds }: Results): Chart {
  return lineChart({
    title: "Tokenizer: training loss",
    caption: "Squared error of a weight (in standard deviations of the zoo) and KL term; seed 0.",
    x: { title: "step" },
    y: { title: "loss", scale: "log" },
    series: [{ name: "tokenizer", points: seeds[0]!.losses.tokenizer }],
  });
}
