import { existsSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Command } from "commander";
import { UsageError } from "../experiment/errors.ts";
import { writeAtomic } from "../experiment/files.node.ts";
import { formatNumber } from "../experiment/format.ts";
import type { Method, MethodPlan, MethodResult } from "../experiment/method.ts";
import { nearest } from "../experiment/nearest.ts";
import type { DeclaredPort } from "../onnx/ports.ts";
import type { PaperEntry } from "../papers/index.ts";
import { harmless, paint, type TextStyle, textTable } from "../report/text.ts";
import * as random from "../tensor/random.ts";
import { type ExampleFlags, exampleOptions, loadExamples } from "./example-flags.ts";
import { exitCodes } from "./exit-codes.ts";
import { shortPath } from "./find-run.ts";
import { whole } from "./flag-values.ts";
import { readModel } from "./inspect.ts";
import { type Io, styleOf } from "./io.ts";
import { methodOptions, readMethodOptions } from "./method-flags.ts";
import { ProgressLine } from "./progress.ts";
import { deviceOf, Stopped } from "./run.ts";

interface ApplyFlags extends Partial<ExampleFlags> {
  readonly out?: string;
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly seed?: string;
  readonly device?: string;
}

/** `paperweight apply <method> model.onnx ... -o out.onnx`. Which flags there are depends on the method. */
export async function apply(
  io: Io,
  papers: readonly PaperEntry[],
  words: readonly string[],
): Promise<number> {
  const [name, ...rest] = words;
  if (name === undefined || name.startsWith("-")) {
    io.stdout.write(await overview(papers, styleOf(io, io.stdout)));
    return name === undefined || name === "--help" || name === "-h" ? exitCodes.done : exitCodes.usage;
  }
  const method = await methodOf(papers, name);
  let code: number = exitCodes.done;
  const command = methodCommand(io, name, method).action(async (path: string, flags: ApplyFlags) => {
    code = await applyMethod(io, method, path, flags);
  });
  await command.parseAsync(rest, { from: "user" });
  return code;
}

async function overview(papers: readonly PaperEntry[], style: TextStyle): Promise<string> {
  const rows = await Promise.all(
    papers.flatMap((p) =>
      p.method === undefined ? [] : [p.method().then((m) => [p.alias ?? p.slug, m.summary])],
    ),
  );
  return [
    "Usage: paperweight apply <method> <model.onnx> [options]",
    "",
    textTable(
      [
        { title: "method", ink: "bold" },
        { title: "what it does", flex: true },
      ],
      rows,
      style,
    ),
    "",
    "paperweight apply <method> --help shows a method's options.",
    "",
  ].join("\n");
}

async function methodOf(papers: readonly PaperEntry[], name: string): Promise<Method> {
  const entry = papers.find((p) => p.slug === name || p.alias === name);
  if (entry?.method !== undefined) return entry.method();
  const known = papers.flatMap((p) => (p.method === undefined ? [] : [p.alias ?? p.slug]));
  const near = nearest(name, known);
  const hint = near === undefined ? `the methods are ${known.join(", ")}` : `did you mean ${near}?`;
  throw new UsageError(
    entry === undefined ? `there is no method "${name}": ${hint}` : `${name} has no apply: ${hint}`,
  );
}

function methodCommand(io: Io, name: string, method: Method): Command {
  const command = new Command(`paperweight apply ${name}`)
    .description(method.summary)
    .argument("<model>", "an ONNX file")
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: () => {} });
  methodOptions(command, method);
  if (method.data !== "none") exampleOptions(command, method.data === "needed");
  return command
    .option("-o, --out <file>", "where what it makes is written")
    .option("--dry-run", "only say what would be touched, what not, and why not")
    .option("--seed <n>", "a whole number (default: 0)")
    .option("--device <name>", "cpu, webgpu or cuda (default: cpu)")
    .option("--force", "write over what is there")
    .option("--json", "one JSON document on stdout, no progress")
    .option("--quiet", "no progress and no summary");
}

async function applyMethod(io: Io, method: Method, path: string, flags: ApplyFlags): Promise<number> {
  const options = readMethodOptions(method, flags as unknown as Record<string, unknown>);
  const seed = whole("--seed", flags.seed ?? "0", 0);
  const device = deviceOf(flags.device ?? "cpu");
  const out = flags.out === undefined ? undefined : resolve(io.cwd, flags.out);
  const model = readModel(io, path);
  const plan = method.plan(model, options);
  if (flags.dryRun === true) {
    io.stdout.write(
      flags.json === true ? `${JSON.stringify(plan, null, 2)}\n` : planText(plan, styleOf(io, io.stdout)),
    );
    return exitCodes.done;
  }
  if (out === resolve(io.cwd, path))
    throw new UsageError(`--out ${flags.out}: this is the model itself: name another file`);
  if (out !== undefined && flags.force !== true) refuseOverwriting(io, out, resolve(io.cwd, path));
  const examples =
    flags.data !== undefined
      ? await loadExamples(io, { ...flags, data: flags.data }, seed, onlyInput(path, model.inputs))
      : { train: undefined, validation: undefined };
  const line = flags.json === true || flags.quiet === true ? undefined : new ProgressLine(io);
  const controller = new AbortController();
  const stopListening = io.onInterrupt(() => {
    if (controller.signal.aborted) io.exit(exitCodes.interrupted);
    controller.abort();
  });
  try {
    const result = await method.run(model, options, {
      key: random.key(seed),
      seed,
      device,
      signal: controller.signal,
      log: (text) => line?.log(text),
      progress: { start: (o) => line?.progress(o) ?? { update: () => {}, done: () => {} } },
      train: examples.train,
      validation: examples.validation,
    });
    line?.clear();
    const written = await writeResult(io, result, out);
    report(io, flags, plan, result, written);
    return exitCodes.done;
  } catch (error) {
    if (controller.signal.aborted)
      throw new Stopped("interrupted; nothing was written", exitCodes.interrupted);
    throw error;
  } finally {
    stopListening();
    line?.clear();
  }
}

function onlyInput(path: string, inputs: readonly DeclaredPort[]): DeclaredPort {
  const [port] = inputs;
  if (port !== undefined && inputs.length === 1) return port;
  throw new UsageError(
    `${path} has ${inputs.length} inputs, the command line feeds one: use the method from code, where inputs go by name`,
  );
}

/** All that is written has the stem of `--out`, so what is there is seen before anything is computed. */
function refuseOverwriting(io: Io, out: string, model: string): void {
  const folder = dirname(out);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const there = names
    .map((name) => join(folder, name))
    .find((file) => stemOf(file) === stemOf(out) && file !== model);
  if (there !== undefined)
    throw new UsageError(
      `${shortPath(there, io.cwd)} exists: name another --out, or write over it with --force`,
    );
}

const stemOf = (file: string): string => file.replace(/\.[^./\\]+$/, "");

/** The files that were written. Without `--out` a method only measures. */
async function writeResult(io: Io, result: MethodResult, out: string | undefined): Promise<string[]> {
  if (out === undefined) return [];
  const files = [
    ...(result.model === undefined ? [] : [[out, result.model] as const]),
    ...Object.entries(result.files ?? {}).map(
      ([ending, bytes]) => [`${stemOf(out)}${ending}`, bytes] as const,
    ),
  ];
  for (const [file, bytes] of files) await writeAtomic(file, bytes);
  return files.map(([file]) => shortPath(file, io.cwd));
}

function planText({ touched, untouched }: MethodPlan, style: TextStyle): string {
  const section = (title: string, rows: readonly (readonly [string, string])[]) =>
    rows.length === 0
      ? []
      : [
          paint(style, "bold", title),
          textTable([{ title: "path" }, { title: "", flex: true }], rows, style),
          "",
        ];
  return [
    ...section(
      "Would change",
      touched.map((t) => [harmless(t.path), harmless(t.what)]),
    ),
    ...section(
      "Would stay",
      untouched.map((t) => [harmless(t.path), harmless(t.why)]),
    ),
    "",
  ].join("\n");
}

function report(
  io: Io,
  flags: ApplyFlags,
  plan: MethodPlan,
  { figures, check }: MethodResult,
  written: readonly string[],
): void {
  if (flags.json === true) {
    io.stdout.write(`${JSON.stringify({ ...plan, figures, check, written }, null, 2)}\n`);
    return;
  }
  if (flags.quiet === true) return;
  const style = styleOf(io, io.stdout);
  const value = (v: number | string) => (typeof v === "number" ? formatNumber(v) : harmless(v));
  const rows = [
    ...figures.map((f) => [f.name, value(f.value)]),
    ...(check === undefined
      ? []
      : [[`largest difference to ${check.what}`, formatNumber(check.largestDifference)]]),
  ];
  const lines = [
    textTable([{ title: "" }, { title: "", align: "right" }], rows, style),
    ...written.map((file) => `${paint(style, "green", "✓")} ${paint(style, "bold", file)}`),
  ];
  io.stdout.write(`${lines.join("\n")}\n`);
}
