import type { Column, Table } from "../../experiment/result.ts";
import { type Accuracies, meanOf } from "./evaluation.ts";
import { familyName, type Results } from "./results.ts";

/** The mean over repetitions. */
function over<T>(items: readonly T[], f: (item: T) => number): number {
  return meanOf(items.map(f));
}

export function tablesOf(r: Results): Table[] {
  const tables = [accuracyTable(r), copyTable(r), tensorTable(r)];
  if (r.seeds.every((s) => s.heldOut !== null)) tables.push(heldOutTable(r), freshTable(r));
  if (r.mnist) tables.push(mnistTable(r.mnist));
  return tables;
}

function accuracyTable({ seeds }: Results): Table {
  const names = seeds[0]!.families.map(familyName);
  const methods = Object.keys(seeds[0]!.families[0]!.accuracy) as (keyof Accuracies)[];
  const perFamily = (f: (family: (typeof seeds)[0]["families"][0]) => readonly number[] | null) =>
    names.map((_, i) => {
      const values = seeds.map((s) => f(s.families[i]!));
      return values.some((v) => v === null) ? null : over(values, (v) => meanOf(v!));
    });
  return {
    title: "Accuracy without any training",
    columns: [{ name: "weights" }, ...names.map((name): Column => ({ name, format: "percent" }))],
    rows: [
      ["trained (the zoo)", ...perFamily((f) => f.zoo)],
      ["rebuilt from tokens", ...perFamily((f) => f.reconstruction)],
      ...methods.map((m) => [m, ...perFamily((f) => f.accuracy[m])]),
    ],
    note: "Means over tasks. Fresh examples: the task is described by points that were not used in training.",
  };
}

function copyTable({ seeds }: Results): Table {
  return {
    title: "Memory or invention",
    columns: [
      { name: "architecture" },
      { name: "d1 / d0" },
      { name: "tokens of a zoo model", format: "percent" },
      { name: "log-likelihood, own condition", unit: "nats/token" },
      { name: "log-likelihood, other task", unit: "nats/token" },
    ],
    rows: seeds[0]!.families.map((family, i) => [
      familyName(family),
      over(seeds, (s) => meanOf(s.families[i]!.copies.ratios)),
      over(seeds, (s) => s.families[i]!.copies.exact),
      over(seeds, (s) => s.families[i]!.likelihood.right),
      over(seeds, (s) => s.families[i]!.likelihood.wrong),
    ]),
    note: "d1: distance of a generated net to the nearest rebuilt zoo net of its task and architecture. d0: mean distance of two such zoo nets from different first weights. 0 is a copy.",
  };
}

function tensorTable({ seeds }: Results): Table {
  return {
    title: "Reconstruction error by array",
    columns: [{ name: "architecture" }, { name: "array" }, { name: "relative error" }],
    rows: seeds[0]!.families.flatMap((family, i) =>
      Object.keys(family.tensorErrors).map((path) => [
        familyName(family),
        path,
        over(seeds, (s) => s.families[i]!.tensorErrors[path]!),
      ]),
    ),
    note: `Codebook entries used: ${seeds.map((s) => `${s.codebook.used} of ${s.codebook.codebook}, perplexity ${s.codebook.perplexity.toFixed(1)}`).join("; ")}.`,
  };
}

function heldOutTable({ seeds }: Results): Table {
  const curves = seeds.map((s) => s.heldOut!.curve);
  return {
    title: "Unseen tasks: fine-tuning from generated and from random weights",
    columns: [
      { name: "step", format: "integer" },
      { name: "generated", format: "percent" },
      { name: "random", format: "percent" },
    ],
    rows: curves[0]!.map(({ step }, i) => [
      step,
      over(curves, (c) => c[i]!.generated),
      over(curves, (c) => c[i]!.random),
    ]),
    note: `Held out: ${seeds[0]!.heldOut!.tasks.join(", ")}. The tokenizer has seen nets of these tasks, the prior has not.`,
  };
}

function freshTable({ seeds }: Results): Table {
  return {
    title: "Known tasks, described by new examples",
    columns: [{ name: "in training, each task is described" }, { name: "accuracy", format: "percent" }],
    rows: [
      ["once (five examples per class)", over(seeds, (s) => s.heldOut!.fresh.one)],
      ["several times", over(seeds, (s) => s.heldOut!.fresh.several)],
    ],
    note: "Without training of the generated nets, over the tasks that both priors know.",
  };
}

function mnistTable(m: NonNullable<Results["mnist"]>): Table {
  const row = (name: string, values: readonly number[]) => [
    name,
    meanOf(values),
    Math.min(...values),
    Math.max(...values),
  ];
  return {
    title: "MNIST: convolutional nets of 2,464 weights",
    columns: [
      { name: "weights" },
      { name: "accuracy", format: "percent" },
      { name: "least", format: "percent" },
      { name: "most", format: "percent" },
    ],
    rows: [
      row("trained (the zoo)", m.zoo),
      row("rebuilt from tokens", m.reconstruction),
      row("generated", m.samples),
      row("generated, fine-tuned", m.tuned),
      row("random first weights", m.random),
      row("random, trained as long", m.randomTuned),
    ],
    note: `d1 / d0 of the generated nets: ${m.copies.toFixed(2)}.`,
  };
}
