import { z } from "zod";
import { type Experiment, type PaperValue, type PresetName, presetNames } from "./define.ts";
import { UsageError } from "./errors.ts";
import { nearest, suggestion } from "./nearest.ts";

export type Config = Readonly<Record<string, unknown>>;

/** The preset of this name, or an error that names the nearest. */
export function presetOf(name: string): PresetName {
  if ((presetNames as readonly string[]).includes(name)) return name as PresetName;
  throw new UsageError(`there is no preset "${name}": ${suggestion(name, presetNames)}`);
}

/**
 * A preset with changes, checked by the experiment's schema. A change is `key=value`: the key may be dotted (`data.train=500`),
 * the value is read as JSON where it is JSON, else as text.
 */
export function resolveConfig(
  experiment: Experiment,
  preset: PresetName,
  changes: readonly string[] = [],
): Config {
  const config = structuredClone(experiment.presets[preset]) as Record<string, unknown>;
  const texts = new Map<string, string>();
  for (const change of changes) {
    const at = change.indexOf("=");
    if (at < 1) throw new UsageError(`--set ${change}: write key=value, such as --set ${exampleOf(config)}`);
    const key = change.slice(0, at).trim();
    const text = change.slice(at + 1);
    texts.set(key, text);
    setPath(experiment, config, key, parseValue(text));
  }
  for (const [key, text] of texts) {
    const issue = experiment.config.safeParse(config).error?.issues.find((i) => i.path.join(".") === key);
    const wantsText = issue?.code === "invalid_type" && issue.expected === "string";
    if (wantsText && typeof parseValue(text) !== "object") setPath(experiment, config, key, text);
  }
  return parseConfig(experiment, config);
}

/** A whole configuration, checked: the first thing wrong with it is thrown as one line that names its key. */
export function parseConfig(experiment: Experiment, config: unknown): Config {
  const parsed = experiment.config.safeParse(config);
  if (parsed.success) return parsed.data as Config;
  throw new UsageError(describeIssue(experiment, parsed.error.issues[0]!, config));
}

function describeIssue(experiment: Experiment, issue: z.core.$ZodIssue, config: unknown): string {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys")
    return unknownKey(experiment, [...path, issue.keys[0] ?? ""].join("."));
  const key = path.join(".");
  const value = path.reduce<unknown>((at, k) => (at as Record<string, unknown> | undefined)?.[k], config);
  const problem = value === undefined ? "is missing" : `= ${shown(value)} does not fit`;
  const text =
    issue.code === "invalid_union"
      ? unionText(issue)
      : issue.message.replace(/^Invalid (input|option): /, "");
  return `${key === "" ? "the configuration" : key} ${problem}: ${text.charAt(0).toLowerCase()}${text.slice(1).replaceAll('"|"', '", "')}`;
}

function unionText(issue: z.core.$ZodIssueInvalidUnion): string {
  const parts = issue.errors.map(
    (e) => e[0]?.message.replace(/^Invalid (input|option): expected /, "") ?? "",
  );
  return `expected ${parts.filter((p) => p !== "").join(" or ")}`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function unknownKey(experiment: Experiment, key: string): string {
  const keys = optionsOf(experiment).map((o) => o.key);
  const near = nearest(key, keys);
  const hint = near === undefined ? `the keys are ${keys.join(", ")}` : `did you mean ${near}?`;
  return `${experiment.paper.slug} has no configuration key "${key}": ${hint}`;
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function exampleOf(config: Config): string {
  const [key, value] = Object.entries(config)[0] ?? ["steps", 100];
  return `${key}=${JSON.stringify(value)}`;
}

function setPath(experiment: Experiment, config: Record<string, unknown>, key: string, value: unknown): void {
  const path = key.split(".");
  const known = new Set(optionsOf(experiment).map((o) => o.key));
  let at: Record<string, unknown> = config;
  for (const [i, part] of path.entries()) {
    const isKnown = Object.hasOwn(at, part) || known.has(path.slice(0, i + 1).join("."));
    if (!isKnown) throw new UsageError(unknownKey(experiment, key));
    if (i === path.length - 1) at[part] = value;
    else if (typeof at[part] === "object" && at[part] !== null) at = at[part] as Record<string, unknown>;
    else
      throw new UsageError(
        `--set ${key}: ${path.slice(0, i + 1).join(".")} holds ${shown(at[part])}, which has no parts to set`,
      );
  }
}

/** One configuration key: what `info` prints and the page makes a form of. */
export interface Option {
  /** Dotted for nested keys. */
  readonly key: string;
  /** `int`, `number`, `"relu" | "tanh"`, `int[]` ... */
  readonly type: string;
  readonly description: string;
  readonly presets: Readonly<Record<PresetName, unknown>>;
  readonly paper?: PaperValue;
}

interface JsonSchema {
  readonly type?: string | string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema | false;
  readonly prefixItems?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly description?: string;
}

/** The keys of an experiment's configuration in the order of its schema, nested ones dotted. */
export function optionsOf(experiment: Experiment): Option[] {
  const schema = z.toJSONSchema(experiment.config, { io: "input", unrepresentable: "any" }) as JsonSchema;
  const options: Option[] = [];
  const walk = (node: JsonSchema, path: readonly string[]): void => {
    for (const [name, child] of Object.entries(node.properties ?? {})) {
      const at = [...path, name];
      const inner = [child, ...(child.anyOf ?? [])].find((s) => s.properties !== undefined);
      if (inner === child) {
        walk(child, at);
        continue;
      }
      const key = at.join(".");
      const value = (preset: PresetName): unknown =>
        at.reduce<unknown>((v, k) => (v as Config | undefined)?.[k], experiment.presets[preset]);
      const paper = experiment.paperValues?.[key];
      options.push({
        key,
        type: typeName(child),
        description: child.description ?? "",
        presets: { smoke: value("smoke"), quick: value("quick"), full: value("full") },
        ...(paper === undefined ? {} : { paper }),
      });
      if (inner !== undefined) walk(inner, at);
    }
  };
  walk(schema, []);
  return options;
}

/** A schema in the words of a user: `int`, `number[]`, `"a" | "b"`. */
export function typeName(s: JsonSchema): string {
  if (s.enum !== undefined) return s.enum.map((v) => JSON.stringify(v)).join(" | ");
  if (s.const !== undefined) return JSON.stringify(s.const);
  if (s.anyOf !== undefined) return s.anyOf.map(typeName).join(" | ");
  if (s.prefixItems !== undefined) return `[${s.prefixItems.map(typeName).join(", ")}]`;
  if (s.type === "array")
    return s.items ? `${typeName(s.items)}[]`.replace(/^(.* \| .*)\[\]$/, "($1)[]") : "list";
  if (Array.isArray(s.type)) return s.type.map((type) => typeName({ type })).join(" | ");
  return s.type === "integer" ? "int" : (s.type ?? "any");
}
