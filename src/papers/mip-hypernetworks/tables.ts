import type { Column, Table } from "../../experiment/result.ts";
import { ablation } from "./forms.ts";
import { EVALUATED, gradientVariation } from "./measures.ts";
import { finals, meanAccuracy, meanOf, ofForm, type Results } from "./results.ts";
import type { RotatedRun } from "./rotated.ts";
import type { TaskRun } from "./tasks.ts";

const loss: Column = { name: "final loss" };
const seed: Column = { name: "seed", format: "integer" };

export function tablesOf(r: Results): Table[] {
  const { rotated } = r;
  const tables = [ablationTable(rotated.main), accuracyTable(r), activationTable(r)];
  if (rotated.lowRate.length > 0 || rotated.sgd.length > 0)
    tables.push(runTable("T1: other optimisers", [...rotated.lowRate, ...rotated.sgd]));
  if (rotated.variants.length > 0) tables.push(runTable("T1: other forms", rotated.variants));
  if (rotated.sizes.length > 0) tables.push(runTable("T1: other hypernetworks", rotated.sizes));
  if (rotated.grid.length > 0) tables.push(gridTable(rotated.grid));
  if (r.sine) tables.push(taskTable("T2: sine curves", r.sine));
  if (r.registration) tables.push(taskTable("T3: registration", r.registration));
  if (r.bayes) tables.push(bayesTable(r));
  return tables;
}

function ablationTable(runs: readonly RotatedRun[]): Table {
  return {
    title: "T1: the ablation",
    columns: [
      { name: "form" },
      seed,
      loss,
      { name: "steps to 0.5", format: "integer" },
      { name: "accuracy", format: "percent" },
      { name: "gradient variation, before" },
      { name: "after" },
    ],
    rows: runs.map((r) => [
      r.form,
      r.seed,
      r.finalLoss,
      r.stepsTo,
      meanAccuracy(r),
      gradientVariation(r.before),
      gradientVariation(r.after),
    ]),
    note:
      "Gradient variation: standard deviation over mean of the gradient's norm over gamma, before and after training. A standard " +
      "hypernetwork has a trainable output bias too, so it can express whatever OE can; they differ in how it starts.",
  };
}

function accuracyTable({ rotated: { main, bounds } }: Results): Table {
  const forms = Object.values(ablation).map(({ name }) => ofForm(main, name));
  const mean = (runs: readonly RotatedRun[], i: number) => meanOf(runs.map((r) => r.accuracy[i]!));
  return {
    title: "T1: test accuracy at each gamma",
    columns: [
      { name: "gamma" },
      ...[
        ...forms.map((runs) => runs[0]!.form),
        ...(bounds ? ["one network each", "blind to gamma"] : []),
      ].map((name): Column => ({ name, format: "percent" })),
    ],
    rows: EVALUATED.map((gamma, i) => [
      gamma,
      ...forms.map((runs) => mean(runs, i)),
      ...(bounds ? [bounds.each[i]!, bounds.blind[i]!] : []),
    ]),
  };
}

function activationTable({ activations }: Results): Table {
  const layers = activations[0]!.layers.length;
  return {
    title: "T1: deviation of each layer's output before training",
    columns: [
      { name: "form" },
      { name: "gamma" },
      ...Array.from({ length: layers }, (_, i): Column => ({ name: `layer ${i + 1}`, format: "scientific" })),
    ],
    rows: activations.map((a) => [a.form, a.gamma, ...a.layers]),
    note:
      "Before the activations; seed 0. In the standard form all layers are dead at gamma = 0 and grow with gamma: like gamma, not like " +
      "gamma^l, as the predicted biases, which are proportional to gamma, are larger than what the small predicted kernels pass on.",
  };
}

function runTable(title: string, runs: readonly RotatedRun[]): Table {
  return {
    title,
    columns: [
      { name: "form" },
      { name: "hidden" },
      { name: "optimiser" },
      { name: "rate" },
      seed,
      loss,
      { name: "steps to 0.5", format: "integer" },
      { name: "accuracy", format: "percent" },
    ],
    rows: runs.map((r) => [
      r.form,
      r.hidden.join("-"),
      r.optimizer === "adam" ? "Adam" : "SGD, Nesterov 0.9",
      r.rate,
      r.seed,
      r.finalLoss,
      r.stepsTo,
      meanAccuracy(r),
    ]),
  };
}

function gridTable(runs: readonly RotatedRun[]): Table {
  const keys = [...new Set(runs.map((r) => `${r.optimizer} ${r.rate}`))];
  const forms = Object.values(ablation).map((f) => f.name);
  return {
    title: "T1: final loss at each learning rate",
    columns: [{ name: "optimiser and rate" }, ...forms.map((name): Column => ({ name }))],
    rows: keys.map((key) => {
      const at = runs.filter((r) => `${r.optimizer} ${r.rate}` === key);
      return [key, ...forms.map((form) => finals(ofForm(at, form))[0] ?? null)];
    }),
  };
}

function taskTable(title: string, runs: readonly TaskRun[]): Table {
  return {
    title,
    columns: [{ name: "form" }, seed, { ...loss, format: "scientific" }],
    rows: runs.map((r) => [r.form, r.seed, r.finalLoss]),
  };
}

function bayesTable({ bayes }: Results): Table {
  return {
    title: "T4: a Bayesian hypernetwork",
    columns: [
      { name: "form" },
      { name: "inputs", format: "integer" },
      seed,
      loss,
      { name: "accuracy of one draw", format: "percent" },
      { name: "of 16 together", format: "percent" },
    ],
    rows: bayes!.map((r) => [r.form, r.inputs, r.seed, r.finalLoss, r.single, r.ensemble]),
  };
}
