/** Labelled examples from files, made ready for a model's input. */
import { readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { affine, rotation } from "../data/affine.ts";
import { readCifar10 } from "../data/cifar.ts";
import { readCsv, tableDataset } from "../data/csv.ts";
import { type Dataset, take } from "../data/dataset.ts";
import { readIdxImages } from "../data/idx.ts";
import { openImageFolder } from "../data/image-folder.node.ts";
import { readNpz } from "../data/npy.ts";
import { UsageError } from "../experiment/errors.ts";
import { fileError } from "../experiment/files.node.ts";
import { suggestion } from "../experiment/nearest.ts";
import type { DeclaredPort } from "../onnx/ports.ts";
import { NDArray } from "../tensor/ndarray.ts";
import { showShape } from "../tensor/shape.ts";

const KINDS =
  "two idx files (images and labels), CIFAR-10 .bin files, an .npz file with x and y, a .csv file, or a folder with a folder of pictures for each class";

/** Examples from files of the kinds that the error message names. */
export async function readExamples(paths: readonly string[], target: string | undefined): Promise<Dataset> {
  const [path] = paths as [string];
  const name = basename(path).toLowerCase().replace(/\.gz$/, "");
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new UsageError(`there is no file or folder ${path}: name ${KINDS}`);
  if (stat.isDirectory()) return openImageFolder(one(paths));
  if (name.endsWith(".bin")) return readCifar10(paths.map((p) => ({ name: p, bytes: read(p) })));
  if (name.endsWith(".npz")) return npzExamples(one(paths));
  if (name.endsWith(".csv")) {
    const what = one(paths);
    if (target === undefined)
      throw new UsageError(`${what}: say which column is to be predicted: --column <name>`);
    return tableDataset(readCsv(read(what), { what }), { target, what });
  }
  if (name.includes("idx")) {
    const labels = paths[1];
    if (labels === undefined || paths.length > 2)
      throw new UsageError(`${path}: idx files come in pairs: name the images, then the labels`);
    return readIdxImages(read(path), read(labels), { classes: 256, what: [path, labels] });
  }
  throw new UsageError(`${path}: what it holds is not known by its name: name ${KINDS}`);
}

function one(paths: readonly string[]): string {
  if (paths.length === 1) return paths[0]!;
  throw new UsageError(`${paths[1]}: only idx and CIFAR-10 data may be in several files: name one`);
}

function read(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw fileError("read", path, error);
  }
}

function npzExamples(path: string): Dataset {
  const arrays = readNpz(read(path), path);
  const array = (names: readonly string[], what: string): NDArray => {
    const found = names.find((n) => arrays[n] !== undefined);
    if (found !== undefined) return arrays[found]!;
    throw new UsageError(
      `${path}: it has no ${what}: save them as ${names.join(" or ")}; it has ${Object.keys(arrays).join(", ") || "nothing"}`,
    );
  };
  const features = array(["x", "features", "images", "inputs"], "examples");
  const labels = array(["y", "labels", "targets"], "labels");
  return { features, labels: /int/.test(labels.dtype) ? labels.cast("int64") : labels.cast("float32") };
}

/**
 * Classes put together under new names: `["animals=bird,cat", "vehicles=ship"]`. Examples of classes that are named nowhere are
 * left out. Classes without names are called by their numbers.
 */
export function groupClasses(dataset: Dataset, groups: readonly string[]): Dataset {
  if (dataset.labels.dtype !== "int64")
    throw new UsageError("--classes puts classes together, and the data has none: leave it out");
  const known = dataset.classes ?? Array.from({ length: classCount(dataset) }, (_, i) => String(i));
  const groupOf = new Map<number, number>();
  const names = groups.map((group, g) => {
    const [name, members] = group.split("=");
    if (!name || !members)
      throw new UsageError(`--classes ${group}: write a name and its classes: animals=bird,cat`);
    for (const member of members.split(",")) {
      const at = known.indexOf(member);
      if (at < 0)
        throw new UsageError(
          `--classes ${group}: there is no class "${member}": ${suggestion(member, known)}`,
        );
      if (groupOf.has(at))
        throw new UsageError(`--classes ${group}: the class "${member}" is named twice: leave one out`);
      groupOf.set(at, g);
    }
    return name;
  });
  const kept = Array.from(dataset.labels.data, Number).flatMap((label, i) => (groupOf.has(label) ? [i] : []));
  const chosen = take(dataset, kept);
  const labels = BigInt64Array.from(Array.from(chosen.labels.data, Number), (v) => BigInt(groupOf.get(v)!));
  return { features: chosen.features, labels: new NDArray(labels, [labels.length]), classes: names };
}

/** One more than the highest label. */
export function classCount({ labels }: Dataset): number {
  return Array.from(labels.data, Number).reduce((most, label) => Math.max(most, label + 1), 0);
}

/** The examples, and all of them once more mirrored left to right. */
export function withMirrored({ features, ...rest }: Dataset): Dataset {
  if (features.rank !== 4)
    throw new UsageError(`--mirror is for pictures, this data is ${showShape(features.shape)}: leave it out`);
  const width = features.shape[3]!;
  const mirrored = features.copy();
  for (let row = 0; row < features.size; row += width) mirrored.data.subarray(row, row + width).reverse();
  return { ...rest, features: twice(features, mirrored), labels: twice(rest.labels, rest.labels) };
}

function twice(first: NDArray, second: NDArray): NDArray {
  const both = NDArray.zeros([2 * first.shape[0]!, ...first.shape.slice(1)], first.dtype);
  (both.data as Float32Array).set(first.data as Float32Array);
  (both.data as Float32Array).set(second.data as Float32Array, first.size);
  return both;
}

export interface Preparation {
  /** `invert` (255 - x of bytes) and `rotate:<degrees>`, in order, before all else. */
  readonly transform: readonly string[];
  /** What values are divided by. */
  readonly scale: number;
  /** Taken off and divided by after that: one number, or one for each channel. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly layout: "nchw" | "nhwc";
}

/** Features as the model takes them: transformed, scaled, in its layout, of its dtype; flat where its input has two axes. */
export function prepare(features: NDArray, port: DeclaredPort, how: Preparation): NDArray {
  const changed = how.transform.reduce(transformed, features);
  const scaled = normalised(changed, how);
  const placed = how.layout === "nhwc" ? channelsLast(scaled) : scaled;
  const [rows, ...rest] = placed.shape;
  const flat =
    port.shape?.length === 2 && rest.length > 1 ? placed.reshape([rows!, placed.size / rows!]) : placed;
  checkFit(flat, port, how.layout);
  return flat.dtype === port.dtype ? flat : flat.cast(port.dtype!);
}

function transformed(features: NDArray, transform: string): NDArray {
  if (transform === "invert") {
    if (features.dtype !== "uint8")
      throw new UsageError(
        `--transform invert is for pictures of bytes, this data is ${features.dtype}: leave it out`,
      );
    return new NDArray(
      (features.data as Uint8Array).map((v) => 255 - v),
      features.shape,
      "uint8",
    );
  }
  const degrees = /^rotate:(-?\d+(\.\d+)?)$/.exec(transform)?.[1];
  if (degrees === undefined)
    throw new UsageError(`--transform ${transform}: use invert or rotate:<degrees>, such as rotate:30`);
  if (features.rank !== 4)
    throw new UsageError(
      `--transform ${transform} is for pictures, this data is ${showShape(features.shape)}: leave it out`,
    );
  return affine(features.cast("float32"), rotation((Number(degrees) * Math.PI) / 180));
}

function normalised(features: NDArray, { scale, mean, std }: Preparation): NDArray {
  const channels = features.rank < 2 ? 1 : features.shape[1]!;
  for (const [option, values] of Object.entries({ mean, std })) {
    if (values.length !== 1 && values.length !== channels)
      throw new UsageError(
        `--${option} has ${values.length} numbers for ${channels} channels: give one, or one for each`,
      );
  }
  const size = features.size / (features.shape[0]! * channels || 1);
  const out = NDArray.zeros(features.shape, "float32");
  for (let i = 0; i < out.size; i++) {
    const channel = Math.floor(i / size) % channels;
    out.data[i] = (Number(features.data[i]) / scale - at(mean, channel)) / at(std, channel);
  }
  return out;
}

function at(values: readonly number[], channel: number): number {
  return values.length === 1 ? values[0]! : values[channel]!;
}

/** [n, channels, height, width] to [n, height, width, channels]. */
function channelsLast(images: NDArray): NDArray {
  const [n, channels, height, width] = images.shape;
  if (images.rank !== 4)
    throw new UsageError(
      `--layout nhwc is for pictures, this data is ${showShape(images.shape)}: leave it out`,
    );
  const out = NDArray.zeros([n!, height!, width!, channels!], images.dtype);
  const plane = height! * width!;
  let to = 0;
  for (let i = 0; i < n!; i++)
    for (let p = 0; p < plane; p++)
      for (let c = 0; c < channels!; c++) out.data[to++] = images.data[(i * channels! + c) * plane + p]!;
  return out;
}

function checkFit(features: NDArray, { name, shape }: DeclaredPort, layout: string): void {
  const rest = features.shape.slice(1);
  const declared = shape?.slice(1);
  if (
    declared === undefined ||
    (declared.length === rest.length && declared.every((d, i) => typeof d !== "number" || d === rest[i]))
  )
    return;
  const [c, h, w] = rest;
  const turned =
    layout === "nchw" &&
    rest.length === 3 &&
    [h, w, c].every((d, i) => typeof declared[i] !== "number" || declared[i] === d);
  throw new UsageError(
    `the data has examples of ${showShape(rest)}, the model's input "${name}" takes [${declared.map((d) => d ?? "?").join(", ")}]: ${turned ? "channels come last there, add --layout nhwc" : "give it data of that size"}`,
  );
}
