import { type DeviceName, deviceNames } from "../experiment/context.ts";
import * as optim from "../optim/index.ts";
import { type FinetuneLoss, finetuneLosses } from "../train/finetune.ts";
import type { ExampleFlags } from "./example-flags.ts";
import { number, oneOf, whole } from "./flag-values.ts";

/** What the command line gives, as text. */
export interface FinetuneFlags extends ExampleFlags {
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
