import type { Column, Table } from "../../experiment/result.ts";
import { generalisationRatio, type Results, slope } from "./results.ts";
import type { Outcome } from "./studies.ts";

const errors: readonly Column[] = [
  { name: "train MSE", format: "scientific" },
  { name: "test MSE", format: "scientific" },
  { name: "trimmed test MSE", format: "scientific" },
  { name: "test / train" },
];

function errorCells(o: Outcome): (number | null)[] {
  return [o.trainMse, o.testMse, o.trimmedMse, generalisationRatio(o)];
}

function errorTable(
  title: string,
  keys: readonly Column[],
  rows: readonly (readonly [(string | number)[], Outcome])[],
  note?: string,
): Table {
  return {
    title,
    columns: [...keys, ...errors],
    rows: rows.map(([cells, o]) => [...cells, ...errorCells(o)]),
    ...(note === undefined ? {} : { note }),
  };
}

export function tablesOf(r: Results): Table[] {
  const whole = (name: string): Column => ({ name, format: "integer" });
  const tables = [antiderivativeTable(r)];
  if (r.nonlinear) {
    tables.push(
      errorTable(
        "Nonlinear ODE",
        [{ name: "net" }],
        [
          [["DeepONet"], r.nonlinear.deepONet],
          [["FNN"], r.nonlinear.fnn],
        ],
      ),
    );
  }
  if (r.sizes)
    tables.push(
      errorTable(
        "Pendulum: training triples",
        [whole("n")],
        r.sizes.map((p) => [[p.at], p]),
      ),
    );
  if (r.sensors)
    tables.push(
      errorTable(
        "Pendulum: sensors",
        [whole("m")],
        r.sensors.map((p) => [[p.at], p]),
      ),
    );
  if (r.horizon) {
    const base = Math.exp(
      slope(
        r.horizon.map((p) => [p.at, p.testMse]),
        "linear",
      ),
    );
    const note = `The test MSE grows like ${base.toPrecision(2)}^T here, like 8^T in the paper.`;
    tables.push(
      errorTable(
        "Pendulum: horizon",
        [{ name: "T" }],
        r.horizon.map((p) => [[p.at], p]),
        note,
      ),
    );
  }
  if (r.diffusion) {
    const last = r.diffusion.points.at(-1)!;
    tables.push(
      errorTable(
        "Diffusion-reaction",
        [{ name: "net" }, whole("functions"), whole("points each")],
        [
          ...r.diffusion.points.map((p) => [["DeepONet", p.functions, p.queries], p] as const),
          [["FNN", last.functions, last.queries], r.diffusion.fnn],
        ].map(([cells, o]) => [cells as (string | number)[], o as Outcome]),
      ),
    );
  }
  if (r.aligned) {
    const note = "150 functions with 100 common points each; tested on 1000 functions.";
    tables.push(
      errorTable("Public aligned antiderivative data", [{ name: "net" }], [[["DeepONet"], r.aligned]], note),
    );
  }
  tables.push(theoryTable(r));
  return tables;
}

function antiderivativeTable({ antiderivative: a }: Results): Table {
  return errorTable(
    "Antiderivative",
    [{ name: "net" }, { name: "seed", format: "integer" }],
    [
      ...a.deepONet.map((o, seed) => [["DeepONet, unstacked, bias", seed], o] as const),
      ...a.fnn.map((o, seed) => [["FNN", seed], o] as const),
      ...a.others.map((o) => [[o.name, 0], o] as const),
      ...a.variants.flatMap((v) =>
        v.outcomes.map((o, seed) => [[`DeepONet, ${v.name} (variants)`, seed], o] as const),
      ),
    ].map(([cells, o]) => [[...cells], o]),
  );
}

function theoryTable({ theory }: Results): Table {
  return {
    title: "Sensor theory: u between two sensors, less its linear interpolant",
    columns: [
      { name: "sensors", format: "integer" },
      { name: "standard deviation" },
      { name: "sampled" },
      { name: "asymptote" },
      { name: "bound on the solution" },
    ],
    rows: theory.map((t) => [t.sensors, t.closedForm, t.sampled, t.asymptote, t.bound]),
    note: "Asymptote: sqrt(3)/8 (h/l)^2. Bound: Gronwall's, for a Lipschitz constant of 1 over one unit of time.",
  };
}
