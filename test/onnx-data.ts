/** The models and official backend tests of the folder `onnx-models` of PAPERWEIGHT_DATA. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { tensorToNDArray } from "../src/onnx/tensors.ts";
import { decodeMessage } from "../src/onnx/wire.ts";
import { NDArray } from "../src/tensor/ndarray.ts";

const data = process.env.PAPERWEIGHT_DATA;

/** Undefined where the data are absent. */
export const modelFolder = data === undefined ? undefined : join(data, "onnx-models");

/** Inputs or outputs of one run by position: undefined where absent, an Error where no NDArray holds them. */
export type Values = (Value | undefined)[];
export type Value = { readonly name: string; readonly array: NDArray } | Error;

export interface TestCase {
  readonly name: string;
  readonly model: Uint8Array;
  /** Values were stored by other tools: an axis of size 1 more or less, float64 for float32 are theirs. */
  readonly foreign?: boolean;
  readonly sets: readonly { readonly inputs: Values; readonly outputs: Values }[];
}

/** The files of a ustar archive by path. */
export function readTar(bytes: Uint8Array): Map<string, Uint8Array> {
  const text = (from: number, length: number) => {
    const field = bytes.subarray(from, from + length);
    const end = field.indexOf(0);
    return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString("utf8");
  };
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at + 512 <= bytes.length && bytes[at] !== 0; ) {
    const [prefix, name] = [text(at + 345, 155), text(at, 100)];
    const size = Number.parseInt(text(at + 124, 12), 8);
    if (bytes[at + 156] === 0x30)
      files.set(prefix === "" ? name : `${prefix}/${name}`, bytes.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

/** The cases of `onnx-SUITE-tests.tar.gz`. */
export function backendCases(suite: string): TestCase[] {
  const files = readTar(gunzipSync(readFileSync(join(modelFolder!, `onnx-${suite}-tests.tar.gz`))));
  if (suite === "light") return lightCases(files);
  const folders = [...files.keys()]
    .filter((f) => f.endsWith("/model.onnx"))
    .map((f) => f.slice(0, -"/model.onnx".length));
  return folders.map((folder) => ({
    name: folder.split("/").at(-1)!,
    model: files.get(`${folder}/model.onnx`)!,
    sets: dataSets(
      [...files.keys()].filter((f) => f.startsWith(`${folder}/`)).map((f) => f.slice(folder.length + 1)),
    ).map((set) => values(set, (file) => files.get(`${folder}/${set}/${file}`))),
  }));
}

/** Architectures whose weights are constants; their input counts up from 0 to 1, as in the official runner. */
function lightCases(files: ReadonlyMap<string, Uint8Array>): TestCase[] {
  const models = [...files.keys()].filter((f) => f.endsWith(".onnx"));
  return models.map((f) => {
    const model = files.get(f)!;
    const { graph } = decodeMessage("ModelProto", model);
    const stored = new Set(graph!.initializer.map((t) => t.name));
    const input = graph!.input.find((i) => !stored.has(i.name))!;
    const shape = input.type!.tensorType!.shape!.dim.map((d) => d.dimValue ?? 1);
    const size = shape.reduce((n, d) => n * d, 1);
    const array = new NDArray(
      Float32Array.from({ length: size }, (_, i) => i / size),
      shape,
    );
    const output = readTensor(files.get(f.replace(".onnx", "_output_0.pb"))!);
    return { name: f, model, sets: [{ inputs: [{ name: input.name!, array }], outputs: [output] }] };
  });
}

/** The models of other exporters, each with its data sets. */
export function modelCases(): TestCase[] {
  const names = readdirSync(modelFolder!).filter((name) =>
    existsSync(join(modelFolder!, name, "model.onnx")),
  );
  return names.map((name) => {
    const read = (...path: string[]) => {
      const file = join(modelFolder!, name, ...path);
      return existsSync(file) ? new Uint8Array(readFileSync(file)) : undefined;
    };
    const sets = dataSets(readdirSync(join(modelFolder!, name)).map((f) => `${f}/`));
    return {
      name,
      foreign: true,
      model: read("model.onnx")!,
      sets: sets.map((set) => values(set, (file) => read(set, file))),
    };
  });
}

function dataSets(paths: readonly string[]): string[] {
  return [
    ...new Set(paths.filter((p) => p.startsWith("test_data_set_")).map((p) => p.split("/")[0]!)),
  ].sort();
}

function values(
  _set: string,
  read: (file: string) => Uint8Array | undefined,
): { inputs: Values; outputs: Values } {
  const list = (kind: string): Values => {
    const found: Values = [];
    for (let i = 0, gaps = 0; gaps < 8; i++) {
      const bytes = read(`${kind}_${i}.pb`);
      gaps = bytes === undefined ? gaps + 1 : 0;
      if (bytes !== undefined) found[i] = readTensor(bytes);
    }
    return found;
  };
  return { inputs: list("input"), outputs: list("output") };
}

function readTensor(bytes: Uint8Array): Value {
  try {
    const tensor = decodeMessage("TensorProto", bytes);
    return { name: tensor.name ?? "", array: tensorToNDArray(tensor) };
  } catch (error) {
    return error as Error;
  }
}

/** The values by the names of ports: theirs, where these are names of ports, else by position. */
export function byName(ports: readonly string[], values: Values): Record<string, NDArray> {
  const named: Record<string, NDArray> = {};
  const known = values.every((v) => v === undefined || v instanceof Error || ports.includes(v.name));
  values.forEach((v, i) => {
    const name = v === undefined || v instanceof Error ? undefined : known ? v.name : ports[i];
    if (name !== undefined) named[name] = (v as { array: NDArray }).array;
  });
  return named;
}

/** The largest violation of |a - b| <= absolute + relative |b|, in words; undefined where there is none. */
export function difference(a: NDArray, b: NDArray, relative = 1e-3, absolute = 1e-5): string | undefined {
  if (a.dtype !== b.dtype) return `${a.dtype} instead of ${b.dtype}`;
  if (a.shape.join() !== b.shape.join()) return `shape [${a.shape}] instead of [${b.shape}]`;
  const half = a.dtype === "float16";
  for (let i = 0; i < a.data.length; i++) {
    const [x, y] = [Number(a.data[i]), Number(b.data[i])].map((v) => (half ? fromHalf(v) : v)) as [
      number,
      number,
    ];
    if (Object.is(x, y) || x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    const scale = half ? 3 : 1;
    if (!(Math.abs(x - y) <= scale * (absolute + relative * Math.abs(y))))
      return `element ${i} is ${x} instead of ${y}`;
  }
  return undefined;
}

function fromHalf(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}
