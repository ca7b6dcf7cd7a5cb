import { Command, CommanderError } from "commander";
import { messageOf, UsageError } from "../experiment/errors.ts";
import type { PaperEntry } from "../papers/index.ts";
import { exampleOptions } from "./example-flags.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Io } from "./io.ts";

/**
 * The command line: parse, run, turn what is thrown into one line on stderr, and return the exit code. Commands are loaded
 * when they are called, so that `list` and `--help` answer at once.
 */
export async function runCli(
  argv: readonly string[],
  io: Io,
  papers: readonly PaperEntry[],
  version: string,
): Promise<number> {
  let code: number = exitCodes.done;
  const program = buildProgram(io, papers, version, async (command) => {
    code = await command;
  });
  try {
    if (argv.length === 0) io.stdout.write(program.helpInformation());
    else await program.parseAsync([...argv], { from: "user" });
    return code;
  } catch (error) {
    return report(error, argv, io);
  }
}

function report(error: unknown, argv: readonly string[], io: Io): number {
  if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
  const usage = error instanceof CommanderError || error instanceof UsageError;
  const stopped = (error as { exitCode?: unknown } | undefined)?.exitCode;
  const exitCode = usage ? exitCodes.usage : typeof stopped === "number" ? stopped : exitCodes.failed;
  const message = oneLine(messageOf(error));
  io.stderr.write(`paperweight: ${message}\n`);
  if (argv.includes("--json")) io.stdout.write(`${JSON.stringify({ error: message, exitCode })}\n`);
  if (io.env.PAPERWEIGHT_DEBUG === "1" && error instanceof Error) {
    io.stderr.write(
      `${error.stack}\n${error.cause instanceof Error ? `caused by ${error.cause.stack}\n` : ""}`,
    );
  }
  return exitCode;
}

/** Commander's messages begin with "error:" and put the suggestion on a line of its own. */
function oneLine(message: string): string {
  return message
    .replace(/^error: /, "")
    .replace(
      / ?\((Did you mean [^)]*)\)$/,
      (_, hint: string) => `: ${hint.charAt(0).toLowerCase()}${hint.slice(1)}`,
    );
}

function buildProgram(
  io: Io,
  papers: readonly PaperEntry[],
  version: string,
  done: (command: Promise<number>) => Promise<void>,
): Command {
  const program = new Command("paperweight")
    .description("Published methods on neural-network weights: run them, check their claims, apply them.")
    .version(version)
    .showSuggestionAfterError(true)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: () => {} })
    .helpCommand(false);

  program
    .command("list")
    .description("what there is, one line a paper, with the verdicts of its last run")
    .option("--family <name>", "only papers of this family")
    .option("--json", "one JSON document on stdout")
    .action((o) => done(import("./list.ts").then((m) => m.list(io, papers, o))));

  program
    .command("info")
    .description("what a paper does, what its presets cost, its options")
    .argument("<paper>")
    .option("--json", "one JSON document on stdout")
    .action((paper, o) => done(import("./info.ts").then((m) => m.info(io, papers, paper, o))));

  program
    .command("run")
    .description("run a paper's experiment and check its claims")
    .argument("[paper]")
    .option("--preset <name>", "smoke, quick or full (default: quick)")
    .option("--seed <n>", "a whole number (default: 0)")
    .option("--set <key=value...>", "change a configuration value; paperweight info shows the keys")
    .option("--device <name>", "cpu, webgpu or cuda (default: cpu)")
    .option("--out <folder>", "where run folders go (default: runs)")
    .option("--resume <run>", "go on with a run that was interrupted, failed or killed")
    .option("--json", "one JSON document on stdout, no progress")
    .option("--open", "open the report when done")
    .option("--strict", "exit with 3 where a claim that was attempted did not fully hold")
    .option("--quiet", "no progress and no summary")
    .action((paper, o) => done(import("./run.ts").then((m) => m.run(io, papers, paper, o))));

  program
    .command("show")
    .description("a run's claims and tables")
    .argument("<run>", "a run folder, an id in ./runs, or latest")
    .option("--json", "one JSON document on stdout")
    .action((run, o) => done(import("./show.ts").then((m) => m.show(io, run, o))));

  program
    .command("compare")
    .description("two runs side by side")
    .argument("<a>", "a run folder, an id in ./runs, or latest")
    .argument("<b>", "another")
    .option("--json", "one JSON document on stdout")
    .action((a, b, o) => done(import("./compare.ts").then((m) => m.compare(io, a, b, o))));

  program
    .command("verify")
    .description("run it again with its seed and configuration, and compare every byte")
    .argument("<run>", "a run folder, an id in ./runs, or latest")
    .option("--json", "one JSON document on stdout")
    .option("--quiet", "only the exit code")
    .action((run, o) => done(import("./verify.ts").then((m) => m.verify(io, papers, run, o))));

  program
    .command("inspect")
    .description("what a model is made of: operators, layers, sizes, FLOPs, what can be trained")
    .argument("<model>", "an ONNX file")
    .option(
      "--size <name=number...>",
      "a size that the file leaves open (default: 1 for batches, 16 for others)",
    )
    .option("--json", "one JSON document on stdout")
    .action((model, o) => done(import("./inspect.ts").then((m) => m.inspect(io, model, o))));

  program
    .command("bench")
    .description("how fast a model runs here: time of a call, FLOPs, share of what the machine can do")
    .argument("<model>", "an ONNX file")
    .option("--profile", "also where the time goes, by operator and by node")
    .option("--size <name=number...>", "a size that the file leaves open, as for inspect")
    .option("--runs <n>", "timed calls (default: two seconds of them, at least 10)")
    .option("--threads <n>", "threads within an operator (default: one for each core)")
    .option("--json", "one JSON document on stdout")
    .action((model, o) => done(import("./bench.ts").then((m) => m.bench(io, model, o))));

  exampleOptions(
    program
      .command("finetune")
      .description("train a model further on your data; docs/finetune.md has examples")
      .argument("<model>", "an ONNX file"),
    true,
  )
    .requiredOption("-o, --out <file>", "the tuned model; its report goes beside it")
    .option(
      "--trainable <glob...>",
      "names of weights to train; paperweight inspect --json shows them (default: **)",
    )
    .option("--head <n>", "replace the last layer by a new one for n classes")
    .option(
      "--loss <name>",
      "crossEntropy, binaryCrossEntropy, mse, mae or huber (default: crossEntropy for classes, else mse)",
    )
    .option("--optimizer <name>", "adam (default), adamw or sgd")
    .option("--lr <number>", "first learning rate; it falls to 0 along a cosine (default: 1e-4)")
    .option("--epochs <n>", "passes over the data (default: 5)")
    .option("--batch <n>", "examples in a step (default: 64)")
    .option("--seed <n>", "a whole number (default: 0)")
    .option("--device <name>", "cpu, webgpu or cuda (default: cpu)")
    .option("--resume", "go on with a training that was interrupted: the same command, and this")
    .option("--force", "write over what is there")
    .option("--json", "one JSON document on stdout, no progress")
    .option("--quiet", "no progress and no summary")
    .action((model, o) => done(import("./finetune.ts").then((m) => m.runFinetune(io, model, o))));

  program
    .command("apply")
    .description("a paper's method on a model of yours: paperweight apply lists the methods")
    .argument("[words...]", "<method> <model.onnx> and the method's options")
    .allowUnknownOption()
    .helpOption(false)
    .passThroughOptions()
    .action((words) => done(import("./apply.ts").then((m) => m.apply(io, papers, words))));

  const data = program.command("data").description("data sets: what there is, and downloading them");

  data
    .command("list")
    .description("the data sets that are known by name, and which are here")
    .option("--json", "one JSON document on stdout")
    .action((o) => done(import("./data.ts").then((m) => m.dataList(io, o))));

  data
    .command("get")
    .description("download a data set into the user's cache folder; goes on where it broke off")
    .argument("<name>")
    .option("--json", "one JSON document on stdout, no progress")
    .option("--quiet", "no progress and no summary")
    .action((name, o) => done(import("./data.ts").then((m) => m.dataGet(io, name, o))));

  program.addHelpText(
    "after",
    "\nExit codes: 0 done, 1 failed, 2 bad usage, 3 a claim did not hold (--strict), 130 interrupted.\n",
  );
  return program;
}
