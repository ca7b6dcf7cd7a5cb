import { type DeviceName, deviceNames } from "../experiment/context.ts";
import { UsageError } from "../experiment/errors.ts";
import { suggestion } from "../experiment/nearest.ts";
import * as optim from "../optim/index.ts";
import { type FinetuneLoss, finetuneLosses } from "../train/finetune.ts";
import type { Preparation } from "./finetune-data.node.ts";

/** What the command line gives, as text. */
export interface FinetuneFlags {
  readonly data: readonly string[];
  readonly test?: readonly string[];
  readonly target?: string;
  readonly classes?: readonly string[];
  readonly limit?: string;
  readonly validation?: string;
  readonly transform?: readonly string[];
  readonly mirror?: boolean;
  readonly scale?: string;
  readonly mean?: string;
  readonly std?: string;
  readonly layout?: string;
  readonly trainable?: readonly string[];
  readonly head?: string;
  readonly loss?: string;
  readonly optimizer?: string;
  readonly lr?: string;
  readonly epochs?: string;
  readonly batch?: string;
  readonly seed?: string;
  readonly device?: string;
  readonly out: string;
  readonly force?: boolean;
  readonly resume?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** The same, decided. */
export interface Settings {
  readonly limit: number | undefined;
  readonly validation: number;
  readonly preparation: Preparation;
  readonly trainable: readonly string[];
  readonly head: number | undefined;
  readonly loss: FinetuneLoss | undefined;
  readonly optimizer: (steps: number) => optim.Optimizer;
  readonly epochs: number;
  readonly batch: number;
  readonly seed: number;
  readonly device: DeviceName;
}

type Rate = { readonly learningRate: optim.Schedule };

const optimizers = {
  adam: (rate: Rate) => optim.adam(rate),
  adamw: (rate: Rate) => optim.adamw(rate),
  sgd: (rate: Rate) => optim.sgd({ ...rate, momentum: 0.9 }),
} as const;

/** Throws a usage error that names the option. */
export function readFlags(f: FinetuneFlags): Settings {
  const losses = Object.keys(finetuneLosses) as FinetuneLoss[];
  const value = number("--lr", f.lr ?? "1e-4", (v) => v > 0, "a number above 0");
  const optimizer =
    optimizers[
      oneOf("--optimizer", f.optimizer ?? "adam", Object.keys(optimizers) as (keyof typeof optimizers)[])
    ];
  return {
    limit: f.limit === undefined ? undefined : whole("--limit", f.limit, 1),
    validation: number(
      "--validation",
      f.validation ?? "0.1",
      (v) => v >= 0 && v < 1,
      "a share from 0 to below 1",
    ),
    preparation: {
      transform: f.transform ?? [],
      scale: number("--scale", f.scale ?? "1", (v) => v > 0, "a number above 0"),
      mean: list("--mean", f.mean ?? "0", () => true),
      std: list("--std", f.std ?? "1", (v) => v > 0),
      layout: oneOf("--layout", f.layout ?? "nchw", ["nchw", "nhwc"] as const),
    },
    trainable: f.trainable ?? ["**"],
    head: f.head === undefined ? undefined : whole("--head", f.head, 1),
    loss: f.loss === undefined ? undefined : oneOf("--loss", f.loss, losses),
    optimizer: (steps) => optimizer({ learningRate: optim.cosine({ value, steps }) }),
    epochs: whole("--epochs", f.epochs ?? "5", 1),
    batch: whole("--batch", f.batch ?? "64", 1),
    seed: whole("--seed", f.seed ?? "0", 0),
    device: oneOf("--device", f.device ?? "cpu", deviceNames),
  };
}

function whole(option: string, text: string, least: number): number {
  return number(option, text, (v) => Number.isSafeInteger(v) && v >= least, `a whole number from ${least}`);
}

function number(option: string, text: string, fits: (value: number) => boolean, expected: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value) && fits(value)) return value;
  throw new UsageError(`${option} ${text}: use ${expected}`);
}

function list(option: string, text: string, fits: (value: number) => boolean): number[] {
  return text
    .split(",")
    .map((part) => number(option, part, fits, "numbers with commas between them, such as 0.49,0.48,0.45"));
}

function oneOf<T extends string>(option: string, text: string, names: readonly T[]): T {
  const found = names.find((name) => name === text);
  if (found !== undefined) return found;
  throw new UsageError(`${option} ${text}: ${suggestion(text, names)}`);
}
