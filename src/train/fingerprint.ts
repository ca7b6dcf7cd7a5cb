/** Short names for data, to tell whether two are the same. */

import type { ModelDraft } from "../onnx/emit.ts";
import { encodeMessage } from "../onnx/wire.ts";

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** CRC-32, as in zip and PNG, going on from an earlier one. */
export function crc32(bytes: Uint8Array, from = 0): number {
  let c = ~from;
  for (let i = 0; i < bytes.length; i++) c = table[(c ^ bytes[i]!) & 255]! ^ (c >>> 8);
  return ~c >>> 0;
}

const text = new TextEncoder();

/**
 * The same for graphs that compute the same by the same operators, whatever their names and order: each value is named by its
 * operator, attributes and inputs, down to the inputs of the graph.
 */
export function graphFingerprint(model: ModelDraft): string {
  const { node = [], initializer = [], input = [], output = [] } = model.graph!;
  const names = new Map<string, string>([["", ""]]);
  for (const value of input) names.set(value!.name!, hash(encodeMessage("ValueInfoProto", value!)));
  for (const tensor of initializer) {
    names.set(tensor!.name!, hash(encodeMessage("TensorProto", { ...tensor!, name: "" })));
  }
  for (const n of node) {
    const inputs = (n!.input ?? []).map((name) => names.get(name!));
    const own = hash(
      encodeMessage("NodeProto", { opType: n!.opType!, domain: n!.domain!, attribute: n!.attribute! }),
    );
    const key = hash(text.encode(`${own} ${inputs.join(" ")}`));
    (n!.output ?? []).forEach((name, i) => names.set(name!, `${key}.${i}`));
  }
  return hash(text.encode(output.map((o) => names.get(o!.name!)).join(" ")));
}

function hash(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, "0");
}
