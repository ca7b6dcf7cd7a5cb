import { decodeSafetensors, encodeSafetensors } from "../onnx/safetensors.ts";
import { NDArray } from "../tensor/ndarray.ts";

/**
 * What a stage returns, as bytes and back: any tree of JSON values, NDArrays and Uint8Arrays. The bytes are a safetensors file:
 * arrays are its tensors, the rest is JSON in its metadata. Numbers survive exactly (also NaN, infinities and -0).
 */

interface Mark {
  readonly $: "array" | "bytes" | "number" | "undefined" | "object";
  readonly v?: unknown;
}

export function encodeStageValue(value: unknown, place: string): Uint8Array {
  const arrays: Record<string, NDArray> = {};
  const keep = (kind: "array" | "bytes", array: NDArray): Mark => {
    const name = String(Object.keys(arrays).length);
    arrays[name] = array;
    return { $: kind, v: name };
  };
  const walk = (v: unknown, path: string): unknown => {
    if (v === null || typeof v === "boolean" || typeof v === "string") return v;
    if (v === undefined) return { $: "undefined" };
    if (typeof v === "number")
      return Number.isFinite(v) && !Object.is(v, -0)
        ? v
        : { $: "number", v: Object.is(v, -0) ? "-0" : String(v) };
    if (v instanceof NDArray) return keep("array", v);
    if (v instanceof Uint8Array) return keep("bytes", new NDArray(new Uint8Array(v), [v.length], "uint8"));
    if (Array.isArray(v)) return v.map((x, i) => walk(x, `${path}[${i}]`));
    if (
      typeof v === "object" &&
      (Object.getPrototypeOf(v) === Object.prototype || Object.getPrototypeOf(v) === null)
    ) {
      const entries = Object.entries(v).map(([k, x]) => [k, walk(x, `${path}.${k}`)] as const);
      const object = Object.fromEntries(entries);
      return "$" in object ? { $: "object", v: object } : object;
    }
    const what = typeof v === "object" ? (v.constructor?.name ?? "an object") : `a ${typeof v}`;
    throw new TypeError(
      `${place}: the value at ${path} is ${what}: a stage returns JSON values, NDArrays and Uint8Arrays`,
    );
  };
  const json = JSON.stringify(walk(value, "result"));
  return encodeSafetensors(arrays, { value: json });
}

export function decodeStageValue(bytes: Uint8Array): unknown {
  const { tensors, metadata } = decodeSafetensors(bytes);
  const unmark = (mark: Mark): unknown => {
    if (mark.$ === "undefined") return undefined;
    if (mark.$ === "number") return Number(mark.v);
    if (mark.$ === "object") return plain(mark.v as Record<string, unknown>);
    const array = tensors[mark.v as string]!;
    return mark.$ === "bytes" ? array.data : array;
  };
  const plain = (o: Record<string, unknown>): unknown =>
    Object.fromEntries(Object.entries(o).map(([k, x]) => [k, walk(x)]));
  const walk = (v: unknown): unknown => {
    if (Array.isArray(v)) return v.map(walk);
    if (v === null || typeof v !== "object") return v;
    return "$" in v ? unmark(v as Mark) : plain(v as Record<string, unknown>);
  };
  return walk(JSON.parse(metadata.value!));
}
