/** Models as standard ONNX files. */
import type { DType } from "../tensor/dtype.ts";
import type { NDArray } from "../tensor/ndarray.ts";
import { erase } from "../tensor/rewrite.ts";
import { Tensor } from "../tensor/tensor.ts";
import * as tree from "../tensor/tree.ts";
import { emitModel, type GraphPorts, type Size } from "./emit.ts";
import { ImportedModel, type ImportedParams } from "./import.ts";
import { type SymbolicSize, symbolicSizes, type Trace, withSymbols } from "./symbolic.ts";
import { encodeMessage } from "./wire.ts";

/** The sizes of an input: numbers, and names for those that the user of the file chooses: `["batch", 3, 32, 32]`. */
export type InputSizes = readonly (number | string)[];

export type InputSpec = InputSizes | { readonly shape: InputSizes; readonly dtype: DType };

interface Exportable<P> {
  apply(params: tree.Traced<P>, ...inputs: never[]): Tensor | Readonly<Record<string, Tensor>>;
}

/**
 * A model as the bytes of an ONNX file (opset 21): the weights are initialisers named by their paths, the inputs are those of
 * `apply` after the params, in order, named as here:
 *
 *     exportModel(model, params, { x: ["batch", 100] })
 *
 * Dimensions with a name stay symbolic. The output is called "output", or as in the record that `apply` returns. Throws one
 * line where the graph depends on a symbolic dimension in a way that a file cannot say.
 */
export function exportModel<P>(
  model: Exportable<P>,
  params: P,
  inputs: Readonly<Record<string, InputSpec>>,
): Uint8Array;
/**
 * The file of an imported model with other weights: only the initialisers that changed are written anew, all else stays as it was.
 * With the weights of the file, the bytes are those of the file.
 */
export function exportModel(model: ImportedModel, params: ImportedParams): Uint8Array;
export function exportModel<P>(
  model: Exportable<P> | ImportedModel,
  params: P,
  inputs?: Readonly<Record<string, InputSpec>>,
): Uint8Array {
  if (model instanceof ImportedModel) {
    if (inputs === undefined) return model.withWeights(params as ImportedParams);
    return exportTraced(model as Exportable<P>, params, inputs);
  }
  if (inputs === undefined)
    throw new TypeError('export: name the inputs and their sizes: { x: ["batch", 100] }');
  return exportTraced(model, params, inputs);
}

function exportTraced<P>(
  model: Exportable<P>,
  params: P,
  inputs: Readonly<Record<string, InputSpec>>,
): Uint8Array {
  const specs = Object.entries(inputs).map(([name, spec]) => ({
    name,
    shape: "shape" in spec ? spec.shape : spec,
    dtype: "shape" in spec ? spec.dtype : ("float32" as DType),
  }));
  const names = [...new Set(specs.flatMap((s) => s.shape.filter((d) => typeof d === "string")))];
  const weights = tree.traced(params);
  const run = (sizes: Readonly<Record<string, number>>) => {
    const tensors = specs.map((s) =>
      Tensor.input(
        s.shape.map((d) => (typeof d === "string" ? sizes[d]! : d)),
        s.dtype,
      ),
    );
    const result = model.apply(weights, ...(tensors as never[]));
    const outputs = result instanceof Tensor ? { output: result } : result;
    return { tensors, names: Object.keys(outputs), trace: { outputs: erase(Object.values(outputs)), sizes } };
  };

  const runs = sizesToTry(names).map(run);
  const first = runs[0]!;
  const symbols = names.map((name): SymbolicSize => {
    const input = specs.findIndex((s) => s.shape.includes(name));
    return { name, input: first.tensors[input]!, axis: specs[input]!.shape.indexOf(name) };
  });
  const traces: Trace[] = runs.map((r) => r.trace);
  const outputs = names.length === 0 ? first.trace.outputs : withSymbols(traces, symbols);
  const outputSizes = first.names.map((_, i): Size[] =>
    symbolicSizes(
      traces.map((t) => t.outputs[i]!),
      traces.map((t) => t.sizes),
    ),
  );
  const ports: GraphPorts = {
    inputs: specs.map((s, i) => ({ name: s.name, tensor: first.tensors[i]!, sizes: s.shape })),
    outputs: first.names.map((name, i) => ({ name, tensor: outputs[i]!, sizes: outputSizes[i]! })),
    weights: namedWeights(weights, params),
  };
  return encodeMessage("ModelProto", emitModel(ports));
}

function namedWeights(traced: unknown, params: unknown): { name: string; tensor: Tensor; value: NDArray }[] {
  const values = tree.leaves(params) as unknown[];
  const tensors = tree.leaves(traced) as unknown[];
  return tree.paths(params).flatMap((name, i) => {
    const tensor = tensors[i];
    return tensor instanceof Tensor ? [{ name, tensor, value: values[i] as NDArray }] : [];
  });
}

/**
 * Sizes for the symbols in several traces: large ones, which no other size of a model equals by chance. Each symbol changes
 * alone, to tell them apart, and then all together, to check what was found.
 */
function sizesToTry(names: readonly string[]): Record<string, number>[] {
  const base = Object.fromEntries(names.map((name, i) => [name, 1009 + 14 * i]));
  const alone = names.map((name, i) => ({ ...base, [name]: base[name]! + 1009 + i }));
  const all = Object.fromEntries(names.map((name) => [name, base[name]! + 2003]));
  return names.length === 0 ? [base] : [base, ...alone, all];
}
