import type { Table } from "../../experiment/result.ts";
import { descriptionLength } from "./intrinsic-dimension.ts";
import { type Curve, dimensionOf, mean, type Results } from "./results.ts";

export function tablesOf(r: Results): Table[] {
  const tables: Table[] = [];
  if (r.toy) tables.push(toyTable(r));
  const measured = [...r.networks, ...r.projections, ...r.permuted, ...r.mnist, ...r.cifar10];
  if (measured.length > 0) tables.push(dimensionTable("Intrinsic dimensions", measured));
  const memory = [...r.labels, ...r.random];
  if (memory.length > 0)
    tables.push(dimensionTable("Memory: accuracy on the training examples themselves", memory));
  for (const c of [...measured, ...memory]) tables.push(curveTable(c));
  for (const c of [...(r.pole ? [r.pole] : []), ...r.cartpole]) tables.push(curveTable(c, "mean return"));
  if (r.compressed.length > 0) tables.push(fileTable(r));
  return tables;
}

function dimensionTable(title: string, curves: readonly Curve[]): Table {
  return {
    title,
    columns: [
      { name: "network" },
      { name: "D", format: "integer" },
      { name: "direct" },
      { name: "d_int90 (line 0.9)" },
      { name: "first on the grid", format: "integer" },
      { name: "bootstrap" },
      { name: "d_int90 (own line)" },
      { name: "D / d" },
      { name: "bits", format: "integer" },
      { name: "seeds", format: "integer" },
    ],
    rows: curves.map((c) => {
      const whole = dimensionOf(c);
      const own = c.direct.length > 0 ? dimensionOf(c, mean(c.direct)).interpolated : null;
      const d = whole.interpolated;
      const spread =
        whole.bootstrapMean === null
          ? null
          : `${whole.bootstrapMean.toFixed(0)} ± ${(whole.bootstrapStd ?? 0).toFixed(0)}`;
      return [
        c.name,
        c.weights,
        c.direct.length > 0 ? mean(c.direct) : null,
        d,
        whole.first,
        spread,
        own,
        d === null ? null : c.weights / d,
        d === null ? null : descriptionLength(Math.round(d)),
        c.metrics.length,
      ];
    }),
    note: "Interpolated where the mean accuracy crosses 0.9 (global) or 0.9 of direct training (own); the grid bounds what can be told. Bits: 32 for each coordinate and 64 for the seed.",
  };
}

function curveTable(c: Curve, metric = "accuracy"): Table {
  return {
    title: `${c.name}: ${metric} by dimension`,
    columns: [{ name: "d", format: "integer" }, { name: metric }, { name: "lowest" }, { name: "highest" }],
    rows: c.dimensions.map((d, i) => {
      const values = c.metrics.map((row) => row[i]!);
      return [d, mean(values), Math.min(...values), Math.max(...values)];
    }),
  };
}

function toyTable({ toy }: Results): Table {
  return {
    title: "Toy problem: loss in a random subspace",
    columns: [
      { name: "projection" },
      { name: "d", format: "integer" },
      { name: "loss", format: "scientific" },
      { name: "least squares", format: "scientific" },
      { name: "performance" },
    ],
    rows: toy!.flatMap(({ projection, points }) =>
      points.map((p) => [projection, p.dimension, p.loss, p.least, Math.exp(-p.loss)]),
    ),
    note: "Performance: exp(-loss).",
  };
}

function fileTable({ compressed }: Results): Table {
  return {
    title: "Compressed networks: the file of a seed and the coordinates",
    columns: [
      { name: "network" },
      { name: "d", format: "integer" },
      { name: "accuracy" },
      { name: "bytes of the file", format: "integer" },
      { name: "bytes of the weights", format: "integer" },
      { name: "ratio" },
    ],
    rows: compressed.map((c) => [
      c.name,
      c.dimension,
      c.accuracy,
      c.bytes,
      4 * c.weights,
      (4 * c.weights) / c.bytes,
    ]),
  };
}
