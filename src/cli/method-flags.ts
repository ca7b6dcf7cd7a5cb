/** A method's options as flags of the command line: `featureCount` is `--feature-count`. */
import { type Command, Option } from "commander";
import { z } from "zod";
import { typeName } from "../experiment/config.ts";
import { UsageError } from "../experiment/errors.ts";
import type { Method } from "../experiment/method.ts";

interface Flag {
  readonly key: string;
  readonly name: string;
  readonly type: string;
  readonly description: string;
  readonly fallback: unknown;
}

function flagsOf(method: Method): Flag[] {
  const { properties = {} } = z.toJSONSchema(method.options, { io: "input", unrepresentable: "any" });
  return Object.entries(properties).map(([key, schema]) => {
    const s = typeof schema === "boolean" ? {} : schema;
    return {
      key,
      name: key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`),
      type: typeName(s as Parameters<typeof typeName>[0]),
      description: s.description ?? "",
      fallback: s.default,
    };
  });
}

/** Adds them to a command. A list is given as words: `--grid 100 200 400`. */
export function methodOptions(command: Command, method: Method): Command {
  for (const { name, type, description, fallback } of flagsOf(method)) {
    const shown =
      fallback === undefined || fallback === false ? "" : ` (default: ${[fallback].flat().join(" ")})`;
    command.addOption(new Option(`--${name}${placeholder(type)}`, `${description}${shown}`));
  }
  return command;
}

function placeholder(type: string): string {
  if (type === "boolean") return "";
  const list = type.endsWith("[]");
  const word = list ? type.slice(0, -2) : type;
  return ` <${/^\w+$/.test(word) ? word : "name"}${list ? "..." : ""}>`;
}

/** The options as the method takes them; throws a usage error that names the flag. */
export function readMethodOptions<T extends z.ZodObject>(
  method: Method<T>,
  given: Readonly<Record<string, unknown>>,
): z.infer<T> {
  const flags = flagsOf(method);
  const values = Object.fromEntries(
    flags.flatMap(({ key, type }) => (given[key] === undefined ? [] : [[key, flagValue(given[key], type)]])),
  );
  const parsed = method.options.safeParse(values);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const [key] = issue!.path;
  const flag = flags.find((f) => f.key === key);
  const text = flag && [given[flag.key] ?? ""].flat().join(" ");
  throw new UsageError(
    `--${flag?.name ?? String(key)} ${text ?? ""}: ${issue!.message.replace(/^Invalid (input|option): /, "")}`,
  );
}

function flagValue(given: unknown, type: string): unknown {
  if (Array.isArray(given)) return given.map((v) => flagValue(v, type.replace(/\[\]$/, "")));
  if (typeof given !== "string" || type === "string") return given;
  try {
    return JSON.parse(given) as unknown;
  } catch {
    return given;
  }
}
