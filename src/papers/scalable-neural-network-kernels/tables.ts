import { summarise } from "../../experiment/claims.ts";
import type { Table } from "../../experiment/result.ts";
import type { TowerPoint } from "./digit-study.ts";
import { kernelKinds } from "./kernel-study.ts";
import { meanOf, type Results, rmseAt, rmseSlope, tunedAt } from "./results.ts";

const FROZEN = "Random rows come from a seed and are not trained: they are not among the trainables.";

export function tablesOf(r: Results): Table[] {
  return [
    kernelTable(r),
    digitTable(r),
    ...friedmanTable(r),
    ...transferTable(r),
    ...conversionTable(r),
    ...fullTables(r),
  ];
}

function kernelTable(r: Results): Table {
  const sizes = [...new Set(r.kernels.map((p) => p.features))];
  return {
    title: "Kernel estimates: root mean squared error",
    columns: [
      { name: "kernel" },
      { name: "rows" },
      ...sizes.map((m) => ({ name: `m = ${m}` })),
      { name: "slope" },
    ],
    rows: kernelKinds.flatMap((kind) =>
      [false, true].map((orthogonal) => [
        kind,
        orthogonal ? "orthogonal" : "independent",
        ...sizes.map((m) => rmseAt(r, kind, m, orthogonal) ?? null),
        orthogonal ? null : rmseSlope(r, kind),
      ]),
    ),
  };
}

const meanAndSpread = (values: readonly number[]): [number, number | null] => {
  const { mean, spread } = summarise(values);
  return [mean, spread];
};

function towerRows(towers: readonly TowerPoint[]): (string | number | null)[][] {
  return towers.map(({ layers, features, solved }) => [
    `${layers} feature layer${layers > 1 ? "s" : ""}, closed form`,
    features,
    solved[0]!.trainables,
    solved[0]!.multiplyAdds,
    ...meanAndSpread(solved.map((s) => s.value)),
    Math.max(...solved.map((s) => s.condition)),
  ]);
}

function towerColumns(figure: string): Table["columns"] {
  return [
    { name: "model" },
    { name: "m" },
    { name: "trainables", format: "integer" },
    { name: "multiply-adds", format: "integer" },
    { name: figure },
    { name: "spread" },
    { name: "condition", format: "scientific" },
  ];
}

function digitTable({ digits }: Results): Table {
  return {
    title: "Digits: the closed form against nets trained by Adam",
    columns: towerColumns("test accuracy"),
    rows: [
      ...towerRows(digits.towers),
      ...digits.nets.map((n) => [
        n.name,
        null,
        n.trainables,
        n.multiplyAdds,
        ...meanAndSpread(n.values),
        null,
      ]),
    ],
    note: FROZEN,
  };
}

function friedmanTable({ friedman: f }: Results): Table[] {
  if (!f) return [];
  return [
    {
      title: "Friedman-1: the closed form against a linear model and an MLP",
      columns: towerColumns("test R2"),
      rows: [
        ...towerRows(f.towers),
        ["linear", null, 11, 11, ...meanAndSpread(f.linear), null],
        ["MLP 10-64-64-1", null, 4929, 4800, ...meanAndSpread(f.mlp), null],
      ],
      note: FROZEN,
    },
  ];
}

function transferTable({ transfer: t }: Results): Table[] {
  if (!t) return [];
  const large = tunedAt(t, 32)?.trainables;
  return [
    {
      title: "Adapters: another task on a frozen net",
      columns: [
        { name: "trained" },
        { name: "trainables", format: "integer" },
        { name: "test accuracy" },
        { name: "spread" },
        { name: "times fewer than r = 32" },
      ],
      rows: t.tuned.map((n) => [
        n.name,
        n.trainables,
        ...meanAndSpread(n.values),
        large === undefined ? null : large / n.trainables,
      ]),
      note: `All but the last row train a head besides. The net reaches ${meanOf(t.source).toFixed(3)} on its own task.`,
    },
  ];
}

function conversionTable({ conversion: points }: Results): Table[] {
  if (!points) return [];
  return [
    {
      title: "A trained sine layer replaced without training",
      columns: [
        { name: "m", format: "integer" },
        { name: "R2" },
        { name: "spread" },
        { name: "bound of the variance of an estimate" },
      ],
      rows: points.map((p) => [p.features, ...meanAndSpread(p.values), p.bound]),
    },
  ];
}

function fullTables({ tables, characters, poisson }: Results): Table[] {
  const made: Table[] = [];
  if (tables)
    made.push({
      title: "UCI regression: test R2, mean over random splits",
      columns: [
        { name: "table" },
        { name: "rows", format: "integer" },
        { name: "linear" },
        { name: "MLP" },
        { name: "one feature layer" },
        { name: "two feature layers" },
      ],
      rows: tables.map((t) => [
        t.name,
        t.rows,
        meanOf(t.linear),
        meanOf(t.mlp),
        meanOf(t.one),
        meanOf(t.two),
      ]),
    });
  if (characters)
    made.push({
      title: "A character transformer and its adapters: Shakespeare after English literature",
      columns: [
        { name: "trained" },
        { name: "trainables", format: "integer" },
        { name: "bits per character" },
      ],
      rows: [
        ["nothing", 0, characters.before],
        ...characters.tuned.map((t) => [t.name, t.trainables, t.bits]),
      ],
    });
  if (poisson)
    made.push({
      title: "Physics-informed 1-D Poisson problem",
      columns: [
        { name: "model" },
        { name: "trainables", format: "integer" },
        { name: "relative L2 error" },
        { name: "spread" },
      ],
      rows: poisson.map((p) => [p.name, p.trainables, ...meanAndSpread(p.errors)]),
    });
  return made;
}
