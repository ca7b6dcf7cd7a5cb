/** Imported files, run as they are. */
import type { ImportedModel, ImportedParams } from "../onnx/import.ts";
import { type RunOptions, Session } from "./session.ts";

/**
 * A session of the file itself, not of its trace: for inference with models whose shapes depend on data, and for any other one.
 * It takes and gives the file's inputs and outputs by name; outputs that are no tensors of numbers are not computed.
 * `params` are weights in the place of the file's.
 */
export function loadModel(
  model: ImportedModel,
  options: RunOptions & { readonly params?: ImportedParams } = {},
): Promise<Session> {
  const bytes = model.withWeights(options.params, { selfContained: true });
  return Session.create(bytes, options, model.tensorOutputs);
}
