/** A model traced on inputs of plausible sizes, to look at what it computes. */
import { Tensor } from "../tensor/tensor.ts";
import type { ImportedModel } from "./import.ts";
import { quoted } from "./raw.ts";

export interface Sample {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly weights: Readonly<Record<string, Tensor>>;
  /** The tensors among the outputs, by name; `output` is the one that `apply` gives. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly output: Tensor;
  /** Sizes that the file leaves open, as they were chosen here, by their name or place (`image axis 2`). */
  readonly sizes: Readonly<Record<string, number>>;
}

/** For open sizes that are not the first of an input. */
const OPEN_SIZE = 16;

/**
 * The model's outputs as expressions. Sizes that the file leaves open are 1 for the first axis of an input and 16 for others,
 * or as `sizes` says by name. Throws one line where the graph cannot be an expression, or a name in `sizes` is none of the file's.
 */
export function sampleTrace(model: ImportedModel, sizes: Readonly<Record<string, number>> = {}): Sample {
  const { inputs, chosen } = sampleInputs(model, sizes);
  const weights = Object.fromEntries(model.parameters.map((p) => [p.name, Tensor.input(p.shape, p.dtype)]));
  const output = model.apply(weights, inputs);
  return { inputs, weights, output, outputs: model.applyAll(weights, inputs), sizes: chosen };
}

/** Inputs for `sampleTrace`, and the open sizes as they were chosen. */
export function sampleInputs(model: ImportedModel, sizes: Readonly<Record<string, number>>) {
  const chosen: Record<string, number> = {};
  const open = new Set<string>();
  const inputs = Object.fromEntries(
    model.inputs.map(({ name, type, dtype, shape }) => {
      if (dtype === undefined || shape === undefined)
        throw new Error(
          `model: its input ${quoted(name)} is a ${type} of unknown shape: it cannot be traced`,
        );
      const known = shape.map((size, axis) => {
        if (typeof size === "number") return size;
        const label = size ?? `${name} axis ${axis}`;
        open.add(label);
        chosen[label] ??= sizes[label] ?? (axis === 0 ? 1 : OPEN_SIZE);
        return chosen[label];
      });
      return [name, Tensor.input(known, dtype)];
    }),
  );
  const stray = Object.keys(sizes).find((label) => !open.has(label));
  if (stray !== undefined)
    throw new RangeError(
      `model: no input has an open size ${quoted(stray)}: there is ${[...open].map(quoted).join(", ") || "none"}`,
    );
  return { inputs, chosen };
}
