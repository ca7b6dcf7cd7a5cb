/** Short names for data, to tell whether two are the same. */

import type { ModelDraft } from "../onnx/emit.ts";
import { encodeMessage } from "../onnx/wire.ts";
import { crc32 } from "./crc.ts";

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
