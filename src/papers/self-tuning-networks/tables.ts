import type { Table } from "../../experiment/result.ts";
import { type MethodRow, meanOf, methodRows, type Results } from "./results.ts";
import type { TaskResult } from "./studies.ts";

const UNITS =
  "Budget: passes over a minibatch, all configurations together; with responding layers a pass counts twice. Test loss at the best validation loss.";

export function tablesOf(r: Results): Table[] {
  const tables = [
    methodsTable("Noisy digits: mean over seeds", r.digits),
    ...r.digits.map((d, i) => valuesTable(`Noisy digits, seed ${i}: hyperparameters of the STN`, d)),
  ];
  if (r.cifar)
    tables.push(
      methodsTable("CIFAR-10 subset", [r.cifar]),
      valuesTable("CIFAR-10 subset: hyperparameters of the STN", r.cifar),
    );
  if (r.text)
    tables.push(
      methodsTable("Tiny Shakespeare", [r.text]),
      valuesTable("Tiny Shakespeare: hyperparameters of the STN", r.text),
    );
  return [ridgeTable(r), ...tables];
}

function ridgeTable({ ridge }: Results): Table {
  return {
    title: "Ridge regression",
    columns: [
      { name: "seed", format: "integer" },
      { name: "start" },
      { name: "lambda at the end" },
      { name: "lambda*" },
      { name: "F / F minimum" },
      { name: "cosine of the slope" },
      { name: "norm of the slope" },
    ],
    rows: ridge.runs.map((x) => [
      x.seed,
      x.start,
      x.lambda,
      x.optimum,
      x.loss / x.optimumLoss,
      x.cosine,
      x.normRatio,
    ]),
  };
}

/** Methods are in the same order for every seed. */
function methodsTable(title: string, results: readonly TaskResult[]): Table {
  const rows = results.map(methodRows);
  const mean = (i: number, f: (row: MethodRow) => number) => meanOf(rows.map((list) => f(list[i]!)));
  return {
    title,
    note: UNITS,
    columns: [
      { name: "method" },
      { name: "budget", format: "integer" },
      { name: "best validation loss" },
      { name: "test loss there" },
      { name: "final validation loss" },
    ],
    rows: rows[0]!.map(({ method }, i) => [
      method,
      Math.round(mean(i, (x) => x.units)),
      mean(i, (x) => x.bestValid),
      mean(i, (x) => x.testAtBest),
      mean(i, (x) => x.finalValid),
    ]),
  };
}

function valuesTable(title: string, { stn }: TaskResult): Table {
  const [first, last] = [stn.schedule[0]!, stn.schedule.at(-1)!];
  return {
    title,
    columns: [
      { name: "hyperparameter" },
      { name: "first" },
      { name: "last" },
      { name: "scale, first" },
      { name: "scale, last" },
    ],
    rows: Object.keys(last.values).map((name) => [
      name,
      first.values[name]!,
      last.values[name]!,
      first.scales[name]!,
      last.scales[name]!,
    ]),
  };
}
