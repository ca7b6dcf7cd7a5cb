/** What values inside a file's graph are on some examples. */
import type { MethodContext } from "../../experiment/method.ts";
import type { ImportedModel } from "../../onnx/import.ts";
import type { ModelProto } from "../../onnx/schema.ts";
import { withOutputs } from "../../onnx/splice.ts";
import { encodeMessage } from "../../onnx/wire.ts";
import { Session } from "../../runtime/session.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Examples } from "../../train/finetune.ts";
import { accuracy, r2 } from "../../train/metrics.ts";

type Inputs = Examples["x"];

/** Examples in one call, where the file takes any number. */
const BLOCK = 256;
/** Where no data are given. */
const GENERATED = 2048;

/**
 * Values of the graph by name, on all examples, joined along their first axis. A file that was exported for one batch size gets
 * batches of it, and what is left at the end is dropped.
 */
export async function valuesOf(
  model: ImportedModel,
  proto: ModelProto,
  names: readonly string[],
  examples: Inputs,
  { device, signal }: Pick<MethodContext, "device" | "signal">,
): Promise<NDArray[]> {
  const inputs = byName(model, examples);
  const rows = Object.values(inputs)[0]!.shape[0]!;
  const declared = model.inputs[0]?.shape?.[0];
  const block = typeof declared === "number" ? declared : BLOCK;
  const session = await Session.create(
    encodeMessage("ModelProto", withOutputs(proto, names)),
    { device },
    names,
  );
  const parts: NDArray[][] = names.map(() => []);
  try {
    for (let start = 0; start < rows; start += block) {
      signal.throwIfAborted();
      const end = Math.min(rows, start + block);
      if (typeof declared === "number" && end - start < declared) break;
      const feeds = Object.fromEntries(
        session.inputNames.flatMap((name) => {
          const all = inputs[name];
          return all === undefined ? [] : [[name, rowRange(all, start, end)] as const];
        }),
      );
      const out = await session.run(feeds);
      names.forEach((name, i) => {
        parts[i]!.push(out[name]!);
      });
    }
  } finally {
    await session.dispose();
  }
  if (parts[0]!.length === 0)
    throw new Error(
      `snnk: ${rows} examples do not fill one batch of ${declared}, which the file is made for: give more`,
    );
  return parts.map(joined);
}

function byName(model: ImportedModel, examples: Inputs): Readonly<Record<string, NDArray>> {
  if (!(examples instanceof NDArray)) return examples;
  const [port] = model.inputs;
  if (port === undefined || model.inputs.length !== 1)
    throw new Error(`snnk: the model has ${model.inputs.length} inputs: give examples of each by name`);
  return { [port.name]: examples };
}

/** Standard normal examples, for a model that takes floats of fixed sizes. Throws one line where it does not. */
export function examplesOf(model: ImportedModel, key: NDArray): Inputs {
  return Object.fromEntries(
    model.inputs.map((port, i) => {
      const rest = port.shape?.slice(1);
      if (port.dtype !== "float32" || rest === undefined || rest.some((d) => typeof d !== "number"))
        throw new Error(
          `snnk: no examples can be made up for the input "${port.name}" (${port.type}): give some, as --data`,
        );
      return [port.name, random.normal(random.fold(key, i), [GENERATED, ...(rest as number[])])];
    }),
  );
}

/** [rows, width] from [..., width]. */
export function rowsOf(array: NDArray, width: number, name: string): NDArray {
  if (array.dtype !== "float32" || array.shape.at(-1) !== width)
    throw new Error(
      `snnk: the value "${name}" is ${array.dtype}[${array.shape}] on these examples, it should be float32 and end in ${width}`,
    );
  return array.reshape([-1, width]);
}

export interface Comparison {
  readonly largestDifference: number;
  readonly r2: number;
  /** The share of rows whose largest output is the same; undefined where there is one output. */
  readonly agreement: number | undefined;
}

/** Outputs [..., width] of two models. */
export function comparison(before: NDArray, after: NDArray): Comparison {
  let largestDifference = 0;
  before.data.forEach((v, i) => {
    largestDifference = Math.max(largestDifference, Math.abs(Number(v) - Number(after.data[i])));
  });
  const width = before.rank < 2 ? 1 : before.shape.at(-1)!;
  const rows = (a: NDArray) => a.reshape([-1, width]);
  return {
    largestDifference,
    r2: r2(rows(after), rows(before)),
    agreement: width < 2 ? undefined : accuracy(rows(after), rows(before)),
  };
}

function rowRange(array: NDArray, start: number, end: number): NDArray {
  const size = array.size / array.shape[0]!;
  const data = array.data.subarray(start * size, end * size);
  return new NDArray(data, [end - start, ...array.shape.slice(1)], array.dtype);
}

function joined(parts: readonly NDArray[]): NDArray {
  const first = parts[0]!;
  if (parts.length === 1) return first;
  const rows = parts.reduce((n, p) => n + (p.shape[0] ?? 1), 0);
  const out = NDArray.zeros([rows, ...first.shape.slice(1)], first.dtype);
  let at = 0;
  for (const part of parts) {
    (out.data as Float32Array).set(part.data as Float32Array, at);
    at += part.size;
  }
  return out;
}
