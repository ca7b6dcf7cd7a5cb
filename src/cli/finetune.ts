import { rmSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { Dataset } from "../data/dataset.ts";
import { UsageError } from "../experiment/errors.ts";
import { writeAtomic } from "../experiment/files.node.ts";
import { formatDuration } from "../experiment/format.ts";
import type { DeclaredPort } from "../onnx/ports.ts";
import { quote } from "../report/command.ts";
import { change, type FinetuneReport, finetuneHtml } from "../report/finetune.ts";
import { paint } from "../report/text.ts";
import * as random from "../tensor/random.ts";
import { fileCheckpoint } from "../train/checkpoint.node.ts";
import { type Examples, type Finetuned, type FinetuneOptions, finetune } from "../train/finetune.ts";
import { loadExamples, type SplitExamples } from "./example-flags.ts";
import { classCount } from "./examples.node.ts";
import { exitCodes } from "./exit-codes.ts";
import { shortPath } from "./find-run.ts";
import { type FinetuneFlags, readFlags, type Settings } from "./finetune-flags.ts";
import { readModel } from "./inspect.ts";
import { type Io, styleOf } from "./io.ts";
import { ProgressLine } from "./progress.ts";
import { Stopped } from "./run.ts";

/** `paperweight finetune model.onnx --data ... -o tuned.onnx`. */
export async function runFinetune(io: Io, path: string, flags: FinetuneFlags): Promise<number> {
  const settings = readFlags(flags);
  const model = readModel(io, path);
  const files = outputFiles(io, flags);
  const [port] = model.inputs as [DeclaredPort | undefined];
  if (port === undefined || model.inputs.length > 1)
    throw new UsageError(
      `${path} has ${model.inputs.length} inputs, the command line feeds one: use finetune from code, which takes inputs by name`,
    );
  const { head } = settings;
  const data = await loadExamples(io, flags, settings.seed, port, (all) =>
    head === undefined || all.labels.dtype !== "int64" ? all : checkedHead(all, head),
  );
  const started = performance.now();
  const stepsPerEpoch = Math.max(1, Math.floor(data.train.y.shape[0]! / settings.batch));
  const tuned = await withProgress(io, flags, stepsPerEpoch, (progress) =>
    finetune({
      model,
      data: data.train,
      validation: data.validation,
      trainable: settings.trainable,
      head: settings.head,
      loss: settings.loss,
      optimizer: settings.optimizer,
      epochs: settings.epochs,
      batch: settings.batch,
      device: settings.device,
      key: random.key(settings.seed),
      checkpoint: fileCheckpoint(files.checkpoint),
      ...progress,
    }),
  );
  if (tuned.stopped === "aborted")
    throw new Stopped("interrupted; go on with the same command and --resume", exitCodes.interrupted);
  const test = data.test && {
    before: settings.head === undefined ? first(await tuned.evaluate(data.test, "first")) : undefined,
    after: first(await tuned.evaluate(data.test))!,
  };
  const report = reportOf(path, io, flags, settings, tuned, data, test, (performance.now() - started) / 1000);
  await writeAtomic(files.out, tuned.toFile());
  await writeAtomic(files.report, new TextEncoder().encode(await finetuneHtml(report)));
  rmSync(files.checkpoint, { force: true });
  if (flags.json === true)
    io.stdout.write(`${JSON.stringify({ ...report, report: shortPath(files.report, io.cwd) }, null, 2)}\n`);
  else if (flags.quiet !== true) io.stdout.write(summary(io, report, shortPath(files.report, io.cwd)));
  return exitCodes.done;
}

/** Where results go. Nothing that is there is written over without --force. */
function outputFiles(io: Io, { out, force, resume }: FinetuneFlags) {
  const file = resolve(io.cwd, out);
  if (!file.endsWith(".onnx"))
    throw new UsageError(`--out ${out}: the result is an ONNX file: end its name in .onnx`);
  const [report, checkpoint] = [file.replace(/\.onnx$/, ".html"), `${file}.checkpoint`];
  const there = [file, report].find((p) => exists(p));
  if (there !== undefined && force !== true)
    throw new UsageError(
      `${shortPath(there, io.cwd)} exists: name another --out, or write over it with --force`,
    );
  if (exists(checkpoint) && resume !== true) {
    if (force !== true)
      throw new UsageError(
        `${shortPath(checkpoint, io.cwd)} is from a training that was interrupted: go on with --resume, or start anew with --force`,
      );
    rmSync(checkpoint);
  }
  if (resume === true && !exists(checkpoint))
    throw new UsageError(`there is nothing to resume: ${shortPath(checkpoint, io.cwd)} does not exist`);
  return { out: file, report, checkpoint };
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function checkedHead(data: Dataset, head: number): Dataset {
  const count = classCount(data);
  if (count <= head) return data;
  throw new UsageError(
    `--head ${head}: the data has ${count} classes: use --head ${count}, or put classes together with --classes`,
  );
}

type Hooks = Pick<FinetuneOptions, "signal" | "onStep" | "onEpoch">;

async function withProgress(
  io: Io,
  flags: FinetuneFlags,
  stepsPerEpoch: number,
  work: (hooks: Hooks) => Promise<Finetuned>,
): Promise<Finetuned> {
  const controller = new AbortController();
  const line = flags.json === true || flags.quiet === true ? undefined : new ProgressLine(io);
  const stopListening = io.onInterrupt(() => {
    if (controller.signal.aborted) io.exit(exitCodes.interrupted);
    controller.abort();
    line?.log("stopping at the next step (interrupt again to stop at once)");
  });
  let bar: ReturnType<ProgressLine["progress"]> | undefined;
  try {
    return await work({
      signal: controller.signal,
      onStep: ({ step, total, loss, metrics }) => {
        bar ??= line?.progress({ label: "training", total });
        bar?.update({ step, loss, ...metrics });
      },
      onEpoch: ({ loss, metrics, step }) => {
        const figures = Object.entries({ loss, ...metrics }).map(
          ([name, v]) => `${name} ${change(undefined, v)}`,
        );
        line?.log(`epoch ${Math.round(step / stepsPerEpoch)}  ${figures.join("  ")}`);
      },
    });
  } finally {
    stopListening();
    line?.clear();
  }
}

function first(metrics: Readonly<Record<string, number>>): number | undefined {
  return Object.values(metrics)[0];
}

function reportOf(
  path: string,
  io: Io,
  flags: FinetuneFlags,
  settings: Settings,
  tuned: Finetuned,
  data: SplitExamples,
  test: FinetuneReport["test"],
  seconds: number,
): FinetuneReport {
  const rows = (e: Examples | undefined): number => e?.y.shape[0] ?? 0;
  const sizes = Object.entries(tuned.params).map(([name, w]) => [name, w.size] as const);
  const total = (of: (name: string) => boolean) =>
    sizes.reduce((n, [name, size]) => n + (of(name) ? size : 0), 0);
  const best = tuned.history.findIndex((e) => e.step === tuned.best?.step);
  return {
    model: basename(path),
    out: shortPath(resolve(io.cwd, flags.out), io.cwd),
    command: commandOf(path, flags),
    seconds,
    metric: data.train.y.dtype === "int64" ? "accuracy" : "mse",
    before: settings.head === undefined ? first(tuned.before) : undefined,
    epochs: tuned.history.map(({ loss, metrics }, i) => ({ epoch: i + 1, loss, metric: first(metrics) })),
    best: best < 0 ? undefined : best + 1,
    test,
    trained: tuned.trained,
    trainedCount: total((name) => tuned.trained.includes(name)),
    count: total(() => true),
    examples: { train: rows(data.train), validation: rows(data.validation), test: rows(data.test) },
  };
}

function commandOf(path: string, flags: FinetuneFlags): string {
  const left = new Set(["json", "quiet", "resume", "force"]);
  const words = Object.entries(flags).flatMap(([name, value]) =>
    left.has(name) ? [] : [`--${name}`, ...(value === true ? [] : Array.isArray(value) ? value : [value])],
  );
  return ["npx paperweight finetune", ...[path, ...words].map((w) => quote(String(w)))].join(" ");
}

function summary(io: Io, r: FinetuneReport, report: string): string {
  const style = styleOf(io, io.stdout);
  const kept = r.epochs.find((e) => e.epoch === r.best);
  const lines = [
    `${paint(style, "green", "✓")} ${paint(style, "bold", r.out)}  ${r.trainedCount} of ${r.count} numbers trained on ${r.examples.train} examples in ${formatDuration(r.seconds)}`,
    ...(kept?.metric === undefined
      ? []
      : [
          `  validation ${r.metric}  ${change(r.before, kept.metric)}  ${paint(style, "dim", `${r.examples.validation} examples, epoch ${r.best} of ${r.epochs.length} is kept`)}`,
        ]),
    ...(r.test === undefined
      ? []
      : [
          `  test ${r.metric}        ${change(r.test.before, r.test.after)}  ${paint(style, "dim", `${r.examples.test} examples`)}`,
        ]),
    paint(style, "dim", `  report ${report}`),
  ];
  return `${lines.join("\n")}\n`;
}
