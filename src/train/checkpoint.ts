/**
 * A checkpoint is one safetensors file: weights (`params/...`), optimizer state (`state/...`), the best weights (`best/...`), the
 * average of the weights (`ema/...`) and the gradients of a step under way (`sum/...`) are its tensors; its metadata holds the
 * settings and the journal as JSON, and a checksum over all of it.
 */
import { decodeSafetensors, encodeSafetensors } from "../onnx/safetensors.ts";
import type { NDArray } from "../tensor/ndarray.ts";
import { sameShape, showShape } from "../tensor/shape.ts";
import { crc32 } from "./crc.ts";
import type { Journal } from "./journal.ts";

/** Where a training keeps its one checkpoint. `write` must replace the old bytes at once: a crash leaves the old or the new. */
export interface CheckpointStore {
  read(): Promise<Uint8Array | undefined>;
  write(bytes: Uint8Array): Promise<void>;
}

/** A store that lasts as long as the program: `fit({ ..., checkpoint: memoryCheckpoint() })`. For files, see `fileCheckpoint`. */
export function memoryCheckpoint(): CheckpointStore {
  let held: Uint8Array | undefined;
  return {
    read: async () => held?.slice(),
    write: async (bytes) => {
      held = bytes.slice();
    },
  };
}

type Arrays = Readonly<Record<string, NDArray>>;

/** What must be the same for a training to go on where it was. */
export type Settings = Readonly<Record<string, unknown>>;

export interface Checkpoint {
  readonly settings: Settings;
  readonly journal: Journal;
  /** By group, and by path within it. */
  readonly arrays: Readonly<Record<Group, Arrays>>;
}

const groups = ["params", "state", "best", "ema", "sum"] as const;
type Group = (typeof groups)[number];

const FORMAT = "paperweight training 1";

export function encodeCheckpoint({ settings, journal, arrays }: Checkpoint): Uint8Array {
  const tensors: Record<string, NDArray> = {};
  for (const group of groups) {
    for (const [path, array] of Object.entries(arrays[group])) tensors[`${group}/${path}`] = array;
  }
  const texts = { format: FORMAT, settings: toJson(settings), journal: toJson(journal) };
  return encodeSafetensors(tensors, { ...texts, crc32: checksum(tensors, texts) });
}

/** Throws one line where these bytes are no intact checkpoint. */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const { tensors, metadata } = readFile(bytes);
  const { format, settings, journal, crc32: sum } = metadata;
  if (format !== FORMAT || settings === undefined || journal === undefined)
    throw unreadable(`its format is "${format ?? "unknown"}", not "${FORMAT}"`);
  if (sum !== checksum(tensors, { format, settings, journal }))
    throw unreadable("its checksum is wrong: the file is damaged");
  const arrays: Record<Group, Record<string, NDArray>> = {
    params: {},
    state: {},
    best: {},
    ema: {},
    sum: {},
  };
  for (const [name, array] of Object.entries(tensors)) {
    const group = name.slice(0, name.indexOf("/")) as Group;
    arrays[group][name.slice(group.length + 1)] = array.copy();
  }
  return { settings: fromJson(settings) as Settings, journal: fromJson(journal) as Journal, arrays };
}

/** Throws one line, naming the first difference, where a checkpoint belongs to another training. */
export function checkSameTraining(
  found: Checkpoint,
  settings: Settings,
  expected: { readonly params: Arrays; readonly state: Arrays; readonly fixed: Arrays },
): void {
  compareArrays("weights", found.arrays.params, expected.params);
  compareArrays("optimizer's state", found.arrays.state, expected.state);
  for (const name of new Set([...Object.keys(settings), ...Object.keys(found.settings)])) {
    const [there, here] = [toJson(found.settings[name] ?? null), toJson(settings[name] ?? null)];
    if (there === here) continue;
    throw otherTraining(
      name === "graph"
        ? "the model, the loss, or a setting of the optimizer is another"
        : `${name} is ${there} there and ${here} here`,
    );
  }
  for (const [path, array] of Object.entries(expected.fixed)) {
    const stored = found.arrays.params[path]!;
    if (checksum({ path: array }, {}) !== checksum({ path: stored }, {}))
      throw otherTraining(`the frozen values "${path}" are others`);
  }
}

function compareArrays(what: string, found: Arrays, expected: Arrays): void {
  const missing = Object.keys(expected).find((path) => !(path in found));
  if (missing !== undefined) throw otherTraining(`its ${what} lack "${missing}"`);
  for (const [path, array] of Object.entries(found)) {
    const own = expected[path];
    if (own === undefined) throw otherTraining(`its ${what} have "${path}", which is not here`);
    if (own.dtype !== array.dtype || !sameShape(own.shape, array.shape)) {
      throw otherTraining(
        `in its ${what} "${path}" is ${array.dtype}${showShape(array.shape)}, here it is ${own.dtype}${showShape(own.shape)}`,
      );
    }
  }
}

function otherTraining(difference: string): Error {
  return new Error(
    `fit: the checkpoint is of another training: ${difference}; restore the old settings, or remove the checkpoint to start anew`,
  );
}

function unreadable(reason: string): Error {
  return new Error(`fit: the checkpoint cannot be read: ${reason}; remove it to start anew`);
}

function readFile(bytes: Uint8Array): ReturnType<typeof decodeSafetensors> {
  try {
    return decodeSafetensors(bytes);
  } catch (error) {
    throw unreadable(error instanceof Error ? error.message : String(error));
  }
}

const text = new TextEncoder();

function checksum(tensors: Arrays, texts: Readonly<Record<string, string>>): string {
  let sum = 0;
  for (const [name, value] of Object.entries(texts)) sum = crc32(text.encode(`${name}=${value}\n`), sum);
  for (const [name, { dtype, shape, data }] of Object.entries(tensors).sort(([a], [b]) => (a < b ? -1 : 1))) {
    sum = crc32(text.encode(`${name}:${dtype}${showShape(shape)}`), sum);
    sum = crc32(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), sum);
  }
  return sum.toString(16).padStart(8, "0");
}

const exact: Readonly<Record<string, number>> = {
  "number NaN": Number.NaN,
  "number Infinity": Number.POSITIVE_INFINITY,
  "number -Infinity": Number.NEGATIVE_INFINITY,
  "number -0": -0,
};

/** JSON in which every number survives. */
function toJson(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) => {
    if (typeof v !== "number" || (Number.isFinite(v) && !Object.is(v, -0))) return v;
    return `number ${Object.is(v, -0) ? "-0" : v}`;
  });
}

function fromJson(json: string): unknown {
  return JSON.parse(json, (_, v: unknown) =>
    typeof v === "string" && Object.hasOwn(exact, v) ? exact[v] : v,
  );
}
