import { NDArray } from "../tensor/ndarray.ts";
import { type CsvRow, csvRows } from "./csv-cells.ts";
import type { Dataset } from "./dataset.ts";
import { gunzip, isGzip } from "./gzip.ts";
import { decodeText } from "./text.ts";

export type Column = NumericColumn | CategoricalColumn;

export interface NumericColumn {
  readonly name: string;
  readonly type: "numeric";
  /** NaN where the cell is missing. */
  readonly values: Float64Array;
  readonly missing: number;
}

export interface CategoricalColumn {
  readonly name: string;
  readonly type: "categorical";
  /** What occurs, sorted. */
  readonly categories: readonly string[];
  /** Indices into `categories`, -1 where the cell is missing. */
  readonly values: Int32Array;
  readonly missing: number;
}

export interface Table {
  readonly rows: number;
  readonly columns: readonly Column[];
}

export interface CsvOptions {
  /** Names the file in errors. Default "csv". */
  readonly what?: string;
  /** Default ",". */
  readonly delimiter?: string;
  /** Whether the first row holds the names. Default true; otherwise columns are named "0", "1", ... */
  readonly header?: boolean;
  /** Cells that stand for nothing. Default "?" and the empty cell. */
  readonly missing?: readonly string[];
  /** Types of columns by name. Others are numeric where every cell is a number or missing, and categorical where not. */
  readonly types?: Readonly<Record<string, Column["type"]>>;
}

/**
 * Reads a csv file, plain or gzipped, as typed columns.
 *
 * Throws, in one line that names the file and the line, for rows with more or fewer cells than the first, quotes that
 * are not closed, cells of a numeric column that are no numbers, and names that occur twice.
 */
export function readCsv(file: Uint8Array | string, o: CsvOptions = {}): Table {
  const what = o.what ?? "csv";
  const rows = csvRows(typeof file === "string" ? file : decode(file, what), what, o.delimiter);
  const first = rows[0];
  if (first === undefined)
    throw new RangeError(`${what}: the file is empty: a row of column names is expected`);
  const width = first.cells.length;
  const ragged = rows.find((row) => row.cells.length !== width);
  if (ragged !== undefined) {
    throw new RangeError(
      `${what}: line ${ragged.line} has ${ragged.cells.length} cells, line ${first.line} has ${width}: give every row the same number`,
    );
  }
  const header = o.header ?? true;
  const names = header ? first.cells : first.cells.map((_, i) => String(i));
  checkNames(names, o.types ?? {}, what);
  const body = header ? rows.slice(1) : rows;
  const missing = new Set(o.missing ?? ["?", ""]);
  return {
    rows: body.length,
    columns: names.map((name, i) => readColumn(name, i, body, missing, o.types?.[name], what)),
  };
}

/** The column of this name. Throws where there is none, naming those that there are. */
export function columnOf(table: Table, name: string): Column {
  const column = table.columns.find((c) => c.name === name);
  if (column !== undefined) return column;
  throw new RangeError(
    `there is no column "${name}": there is ${table.columns.map((c) => c.name).join(", ")}`,
  );
}

/**
 * A table as a data set. Features: float32 [rows, width], a number for a numeric column, one for each category (1
 * where it holds, else 0) for a categorical one; `ignore` names columns to leave out. Labels: int64 [rows] of a
 * categorical target, with its categories as `classes`; float32 [rows, 1] of a numeric one.
 *
 * `missing` says what to do with features that are missing: "refuse" (the default) throws, naming the column; "mean"
 * puts the mean of the column, and zeros for all categories; "drop" leaves the row out. A missing target always
 * throws.
 */
export function tableDataset(
  table: Table,
  o: {
    readonly target: string;
    readonly ignore?: readonly string[];
    readonly missing?: "refuse" | "mean" | "drop";
    readonly what?: string;
  },
): Dataset {
  const what = o.what ?? "table";
  const target = columnOf(table, o.target);
  refuseMissing(target, what, "a target cannot be missing: drop those rows");
  for (const name of o.ignore ?? []) columnOf(table, name);
  const columns = table.columns.filter((c) => c !== target && !o.ignore?.includes(c.name));
  const mode = o.missing ?? "refuse";
  if (mode === "refuse")
    for (const c of columns) refuseMissing(c, what, 'say what to do: missing: "mean" or "drop"');
  const rows = Array.from({ length: table.rows }, (_, i) => i).filter(
    (row) => mode !== "drop" || columns.every((c) => !isMissing(c, row)),
  );
  return { features: featuresOf(columns, rows), ...labelsOf(target, rows) };
}

function decode(file: Uint8Array, what: string): string {
  return decodeText(isGzip(file) ? gunzip(file, what) : file, what);
}

function checkNames(names: readonly string[], types: object, what: string): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new TypeError(
      `${what}: two columns are named ${JSON.stringify(twice)}: give each a name of its own, or pass header: false`,
    );
  }
  const unknown = Object.keys(types).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new RangeError(
      `${what}: there is no column "${unknown}" to give a type to: there is ${names.join(", ")}`,
    );
}

function readColumn(
  name: string,
  at: number,
  rows: readonly CsvRow[],
  missingCells: ReadonlySet<string>,
  type: Column["type"] | undefined,
  what: string,
): Column {
  const cells = rows.map((row) => row.cells[at]!);
  const present = cells.filter((cell) => !missingCells.has(cell));
  const missing = cells.length - present.length;
  if ((type ?? (present.every(isNumber) ? "numeric" : "categorical")) === "categorical") {
    const categories = [...new Set(present)].sort();
    const index = new Map(categories.map((c, i) => [c, i]));
    return {
      name,
      type: "categorical",
      categories,
      values: Int32Array.from(cells, (c) => index.get(c) ?? -1),
      missing,
    };
  }
  const values = Float64Array.from(cells, (cell, i) => {
    if (missingCells.has(cell)) return Number.NaN;
    if (isNumber(cell)) return Number(cell);
    throw new TypeError(
      `${what}: line ${rows[i]!.line}: ${JSON.stringify(cell.slice(0, 40))} in the numeric column ${name} is no number`,
    );
  });
  return { name, type: "numeric", values, missing };
}

function isNumber(cell: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(cell);
}

function isMissing(column: Column, row: number): boolean {
  return column.type === "numeric" ? Number.isNaN(column.values[row]) : column.values[row] === -1;
}

function refuseMissing(column: Column, what: string, advice: string): void {
  if (column.missing === 0) return;
  const first = Array.from(column.values.keys()).find((row) => isMissing(column, row));
  throw new RangeError(
    `${what}: column ${column.name} has ${column.missing} missing cells, the first in row ${first! + 1} of the table: ${advice}`,
  );
}

function featuresOf(columns: readonly Column[], rows: readonly number[]): NDArray {
  const widths = columns.map((c) => (c.type === "numeric" ? 1 : c.categories.length));
  const width = widths.reduce((a, b) => a + b, 0);
  const out = new Float32Array(rows.length * width);
  let at = 0;
  columns.forEach((column, j) => {
    const mean = column.type === "numeric" ? meanOf(column.values) : 0;
    rows.forEach((row, i) => {
      const value = column.values[row]!;
      if (column.type === "numeric") out[i * width + at] = Number.isNaN(value) ? mean : value;
      else if (value >= 0) out[i * width + at + value] = 1;
    });
    at += widths[j]!;
  });
  return new NDArray(out, [rows.length, width]);
}

function meanOf(values: Float64Array): number {
  const present = values.filter((v) => !Number.isNaN(v));
  return present.reduce((a, b) => a + b, 0) / Math.max(1, present.length);
}

function labelsOf(target: Column, rows: readonly number[]): Omit<Dataset, "features"> {
  if (target.type === "numeric") {
    return {
      labels: new NDArray(
        Float32Array.from(rows, (row) => target.values[row]!),
        [rows.length, 1],
      ),
    };
  }
  const labels = BigInt64Array.from(rows, (row) => BigInt(target.values[row]!));
  return { labels: new NDArray(labels, [rows.length]), classes: target.categories };
}
