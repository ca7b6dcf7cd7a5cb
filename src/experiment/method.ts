import type { z } from "zod";
import type { ImportedModel } from "../onnx/import.ts";
import type { Examples } from "../train/finetune.ts";
import type { Context, DeviceName } from "./context.ts";

/**
 * A paper's method on a model of the user's own: what `paperweight apply <slug> model.onnx` does. The command line reads the model
 * and the data, makes a flag of every key of `options` (`featureCount` is `--feature-count`), and writes what `run` returns.
 */
export interface Method<Options extends z.ZodObject = z.ZodObject> {
  /** The slug of its paper. */
  readonly slug: string;
  /** One line, as `paperweight apply --help` prints it. */
  readonly summary: string;
  /** Every key with a default and a description. */
  readonly options: Options;
  /** Whether it takes examples (`--data`), and whether it can do without. */
  readonly data: "needed" | "optional" | "none";
  /** What would be changed and what not, and why not: all that `--dry-run` prints. Throws one line where nothing can be done. */
  plan(model: ImportedModel, options: z.infer<Options>): MethodPlan;
  run(model: ImportedModel, options: z.infer<Options>, context: MethodContext): Promise<MethodResult>;
}

export interface MethodPlan {
  readonly touched: readonly { readonly path: string; readonly what: string }[];
  readonly untouched: readonly { readonly path: string; readonly why: string }[];
}

export interface MethodContext extends Pick<Context, "key" | "seed" | "signal" | "log" | "progress"> {
  readonly device: DeviceName;
  /** Where examples were given: what it may train on, and what it is measured on. */
  readonly train: Examples | undefined;
  readonly validation: Examples | undefined;
}

export interface MethodResult {
  /** An ONNX file for `--out`; absent where the method only measures. */
  readonly model?: Uint8Array;
  /** Other files to write beside it, by their ending: `{ ".safetensors": bytes }`. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
  /** What was measured, in the order in which it is printed. */
  readonly figures: readonly { readonly name: string; readonly value: number | string }[];
  /** The new model against the original (masked, folded, merged ...) that it should equal: the largest difference seen. */
  readonly check?: { readonly what: string; readonly largestDifference: number };
}

/** A method with its options checked against its type. */
export function defineMethod<Options extends z.ZodObject>(method: Method<Options>): Method<Options> {
  return method;
}
