import { importModel } from "../../onnx/import.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import type { Condition } from "./conditions.ts";
import type { ModelRecord } from "./generator.ts";

/** Trained networks from ONNX files, as a zoo: their float initialisers by name. */
export function zooFromOnnx(
  files: readonly (Condition & { readonly bytes: Uint8Array })[],
): ModelRecord<Record<string, NDArray>>[] {
  return files.map(({ bytes, ...condition }) => ({ ...condition, params: importModel(bytes).init() }));
}
