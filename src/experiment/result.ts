import type { NDArray } from "../tensor/ndarray.ts";
import type { Chart } from "./charts.ts";
import { type Claim, verdicts } from "./claims.ts";
import type { ColumnFormat } from "./format.ts";

export interface Column {
  readonly name: string;
  readonly unit?: string;
  readonly format?: ColumnFormat;
}

export interface Table {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly (string | number | null)[])[];
  readonly note?: string;
}

/** A trained model: its ONNX file, its weights by path, and an example by which anyone can check that the file works. */
export interface ModelArtifact {
  readonly onnx: Uint8Array;
  readonly weights?: Readonly<Record<string, NDArray>>;
  readonly example: {
    readonly inputs: Readonly<Record<string, NDArray>>;
    readonly outputs: Readonly<Record<string, NDArray>>;
  };
}

/** What an experiment returns. */
export interface ExperimentResult {
  readonly claims: readonly Claim[];
  readonly tables: readonly Table[];
  readonly charts: readonly Chart[];
  /** Written as `<name>.onnx`, `<name>.safetensors` (the weights) and `<name>.example.safetensors`. */
  readonly models: Readonly<Record<string, ModelArtifact>>;
}

/** The files of a model in the run folder. */
export interface ModelFiles {
  readonly onnx: string;
  readonly weights?: string;
  readonly example: string;
}

/** `result.json`: the result with its models as file names. The same seed and configuration give the same bytes. */
export interface StoredResult extends Omit<ExperimentResult, "models"> {
  readonly models: Readonly<Record<string, ModelFiles>>;
}

/** What is wrong with a result, one line each; empty for a sound one. */
export function problemsOf(result: ExperimentResult): string[] {
  const problems: string[] = [];
  const ids = new Set<string>();
  for (const c of result.claims) {
    if (ids.has(c.id)) problems.push(`claim ${c.id} appears twice: ids are unique`);
    ids.add(c.id);
    problems.push(...claimProblems(c).map((text) => `claim ${c.id}: ${text}`));
  }
  for (const t of result.tables) {
    const bad = t.rows.findIndex((r) => r.length !== t.columns.length);
    if (bad >= 0) {
      problems.push(
        `table ${JSON.stringify(t.title)}: row ${bad} has ${t.rows[bad]!.length} cells for ${t.columns.length} columns`,
      );
    }
  }
  for (const name of Object.keys(result.models)) {
    if (!/^[a-z0-9][a-z0-9_-]*$/i.test(name)) {
      problems.push(
        `model ${JSON.stringify(name)}: a model's name becomes a file name: use letters, digits, - and _`,
      );
    }
  }
  return problems;
}

function claimProblems(c: Claim): string[] {
  const problems: string[] = [];
  if (c.id.trim() === "" || c.statement.trim() === "") problems.push("it needs an id and a statement");
  if (c.paper !== null && c.paper.trim() === "")
    problems.push("the paper's figure is empty: give it, or null when none is known");
  if (!verdicts.includes(c.verdict)) problems.push(`${JSON.stringify(c.verdict)} is no verdict`);
  if ((c.verdict === "not attempted") !== (c.ours === null)) {
    problems.push(
      c.ours === null
        ? `it is judged "${c.verdict}" without a figure of ours`
        : `it is "not attempted" but has a figure of ours`,
    );
  }
  if (c.ours !== null && c.ours.values.length !== c.ours.seeds) {
    problems.push(`it counts ${c.ours.seeds} seeds and has ${c.ours.values.length} values`);
  }
  return problems;
}

const special = new Map<string, number>([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
]);

/** JSON on one line, with numbers that are not finite as the strings "NaN", "Infinity" and "-Infinity". */
export function toJson(value: unknown): string {
  const encode = (_: string, v: unknown): unknown =>
    typeof v === "number" && !Number.isFinite(v) ? String(v) : v;
  return JSON.stringify(value, encode);
}

/** The same, indented for reading; what fits on a line stays on one. */
export function toReadableJson(value: unknown, indent = ""): string {
  const short = toJson(value);
  if (value === null || typeof value !== "object" || indent.length + short.length <= 110) return short;
  const inner = `${indent}  `;
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  const parts = Array.isArray(value)
    ? value.map((v: unknown) => toReadableJson(v ?? null, inner))
    : Object.entries(value)
        .filter(([, v]) => v !== undefined)
        .map(([k, v]) => `${JSON.stringify(k)}: ${toReadableJson(v, inner)}`);
  return `${open}\n${parts.map((p) => inner + p).join(",\n")}\n${indent}${close}`;
}

/** The inverse of `toJson`. */
export function fromJson(text: string): unknown {
  return JSON.parse(text, (_, v: unknown) => (typeof v === "string" ? (special.get(v) ?? v) : v));
}
