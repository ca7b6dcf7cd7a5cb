/** The options that name examples and say how a model takes them: shared by all commands that read data. */
import { resolve } from "node:path";
import type { Command } from "commander";
import type { Dataset } from "../data/dataset.ts";
import { shuffle, split } from "../data/split.ts";
import { UsageError } from "../experiment/errors.ts";
import type { DeclaredPort } from "../onnx/ports.ts";
import * as random from "../tensor/random.ts";
import type { Examples } from "../train/finetune.ts";
import { groupClasses, prepare, readExamples, withMirrored } from "./examples.node.ts";
import { list, number, oneOf, whole } from "./flag-values.ts";
import type { Io } from "./io.ts";

/** What the command line gives, as text. */
export interface ExampleFlags {
  readonly data: readonly string[];
  readonly test?: readonly string[];
  readonly column?: string;
  readonly classes?: readonly string[];
  readonly limit?: string;
  readonly validation?: string;
  readonly transform?: readonly string[];
  readonly mirror?: boolean;
  readonly scale?: string;
  readonly mean?: string;
  readonly std?: string;
  readonly layout?: string;
}

/** Adds them to a command; `--data` is required where `needed`. */
export function exampleOptions(command: Command, needed: boolean): Command {
  const data = [
    "--data <path...>",
    "two idx files, CIFAR-10 .bin files, an .npz, a .csv, or a folder of pictures by class",
  ] as const;
  return (needed ? command.requiredOption(...data) : command.option(...data))
    .option("--test <path...>", "data that is only measured, before and after")
    .option("--validation <share>", "of --data, held out to choose and to measure by (default: 0.1)")
    .option("--column <name>", "what a .csv is to predict")
    .option("--classes <name=a,b...>", "put classes together, and leave out all others")
    .option("--limit <n>", "take so many examples of --data, drawn at random")
    .option("--transform <name...>", "change pictures: invert, rotate:<degrees>")
    .option("--mirror", "train on every picture and its mirror image")
    .option("--scale <number>", "divide values by it, such as 255 (default: 1)")
    .option("--mean <numbers>", "take off, after --scale: one number, or one for each channel")
    .option("--std <numbers>", "divide by, after --mean")
    .option("--layout <name>", "of pictures: nchw (default) or nhwc");
}

export interface SplitExamples {
  readonly train: Examples;
  readonly validation: Examples | undefined;
  readonly test: Examples | undefined;
}

/** The examples that the flags name, made ready for the input `port` of a model, in the order that `seed` gives. */
export async function loadExamples(
  io: Io,
  flags: ExampleFlags,
  seed: number,
  port: DeclaredPort,
  check: (data: Dataset) => Dataset = (data) => data,
): Promise<SplitExamples> {
  const share = number(
    "--validation",
    flags.validation ?? "0.1",
    (v) => v >= 0 && v < 1,
    "a share from 0 to below 1",
  );
  const preparation = {
    transform: flags.transform ?? [],
    scale: number("--scale", flags.scale ?? "1", (v) => v > 0, "a number above 0"),
    mean: list("--mean", flags.mean ?? "0", () => true),
    std: list("--std", flags.std ?? "1", (v) => v > 0),
    layout: oneOf("--layout", flags.layout ?? "nchw", ["nchw", "nhwc"] as const),
  };
  const ready = ({ features, labels }: Dataset): Examples => ({
    x: prepare(features, port, preparation),
    y: labels,
  });
  const open = async (paths: readonly string[]): Promise<Dataset> => {
    const all = await readExamples(
      paths.map((p) => resolve(io.cwd, p)),
      flags.column,
    );
    return check(flags.classes === undefined ? all : groupClasses(all, flags.classes));
  };
  const key = random.fold(random.key(seed), 1);
  const count = flags.limit === undefined ? undefined : whole("--limit", flags.limit, 1);
  const all = await open(flags.data);
  const limited = count === undefined ? shuffle(key, all) : limit(all, key, count);
  const stratify = limited.labels.dtype === "int64";
  const [train, validation] =
    share === 0 ? [limited] : split(random.fold(key, 1), limited, [1 - share, share], { stratify });
  const test = flags.test && (await open(flags.test));
  return {
    train: ready(flags.mirror === true ? withMirrored(train!) : train!),
    validation: validation && ready(validation),
    test: test && ready(test),
  };
}

function limit(all: Dataset, key: ReturnType<typeof random.key>, count: number): Dataset {
  const n = all.features.shape[0]!;
  if (count > n) throw new UsageError(`--limit ${count}: the data has ${n} examples: ask for fewer`);
  return count === 1 ? split(key, all, [1 / n])[0]! : split(key, all, [count])[0]!;
}
