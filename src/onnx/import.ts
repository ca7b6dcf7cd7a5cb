/** ONNX files as models. */
import { NDArray } from "../tensor/ndarray.ts";
import { operators } from "../tensor/node.ts";
import { lift, Tensor } from "../tensor/tensor.ts";
import type { Size } from "./emit.ts";
import { subgraphsOf } from "./graph.ts";
import { ModelFile } from "./model-file.ts";
import { operatorOf, type Parameter, parametersOf } from "./parameters.ts";
import { withWeights } from "./patch.ts";
import { bindPort, type DeclaredPort, declaredPort, UNDECLARED } from "./ports.ts";
import { quoted } from "./raw.ts";
import type { GraphProto, ModelProto, TensorProto } from "./schema.ts";
import type { ReadExternal } from "./tensors.ts";
import { Tracer } from "./trace.ts";

export interface ImportOptions {
  /** Gives the data of weights that are stored beside the model; `openModel` reads them from the model's folder. */
  readonly readExternal?: ReadExternal;
  /**
   * Other sizes than the file states for some inputs: `{ image: ["batch", 3, 32, 32] }` for a file that was exported with a batch
   * of 1. Where the file's graph itself holds the old batch size as the first size of a Reshape, the new one takes its place.
   */
  readonly inputs?: Readonly<Record<string, readonly Size[]>>;
  /** The output that `apply` gives. Default: the first. */
  readonly output?: string;
}

/** The weights of an imported model by name. */
export type ImportedParams = Record<string, NDArray>;

export interface ImportedContext {
  /** True: dropout drops. Batch normalisation keeps to its running statistics. Default false. */
  readonly training?: boolean | undefined;
  readonly key?: Tensor | NDArray | undefined;
}

export type ModelInput = Tensor | NDArray | Readonly<Record<string, Tensor | NDArray>> | undefined;

/** An operator of a file: how often it occurs, and whether the engine can differentiate it. */
export interface OperatorCount {
  readonly name: string;
  readonly count: number;
  /**
   * "none": its results carry no derivative. "depends": yes where constants decide how it runs (the branch of If, the number of steps
   * of Loop and Scan). "unknown": it runs, and differentiating through it is an error.
   */
  readonly gradient: "yes" | "none" | "depends" | "unknown";
}

/**
 * A model from an ONNX file: a pure function of its float initialisers. What the file holds is kept: `exportModel(model, params)`
 * gives it back with other weights.
 */
export class ImportedModel {
  /** What `apply` takes, in order: the graph's inputs that have no stored value. */
  readonly inputs: readonly DeclaredPort[];
  readonly outputs: readonly DeclaredPort[];
  readonly parameters: readonly Parameter[];
  private readonly held: ReadonlyMap<TensorProto, Parameter>;
  private readonly declaredBatch: number | undefined;
  /** The name of the output that `apply` gives. */
  readonly output: string;

  /** @internal: use importModel. */
  constructor(
    private readonly file: ModelFile,
    options: ImportOptions,
  ) {
    const { graph } = file;
    this.held = parametersOf(graph);
    this.parameters = [...this.held.values()];
    const stored = new Set(graph.initializer.map((t) => t.name));
    const declared = graph.input.filter((i) => !stored.has(i.name)).map(declaredPort);
    const other = options.inputs ?? {};
    const stray = Object.keys(other).find((name) => !declared.some((p) => p.name === name));
    if (stray !== undefined)
      throw new RangeError(`importModel: the file has no input ${quoted(stray)}: ${known(declared)}`);
    this.inputs = declared.map((p) => (Object.hasOwn(other, p.name) ? { ...p, shape: other[p.name] } : p));
    const batched = declared.find((p) => Object.hasOwn(other, p.name) && typeof p.shape?.[0] === "number");
    this.declaredBatch = batched?.shape?.[0] as number | undefined;
    this.outputs = graph.output.map(declaredPort);
    this.output = options.output ?? this.outputs[0]?.name ?? "";
    if (!this.outputs.some((p) => p.name === this.output))
      throw new RangeError(
        `importModel: the file has no output ${quoted(this.output)}: ${known(this.outputs)}`,
      );
  }

  /** The file. */
  get bytes(): Uint8Array {
    return this.file.bytes;
  }

  /** What the file says of itself: producer, metadata, opset imports, and so on. */
  get header(): Omit<ModelProto, "graph" | "functions" | "trainingInfo"> {
    const { graph: _, functions: __, trainingInfo: ___, ...header } = this.file.proto;
    return header;
  }

  /** The weights that the file holds (copies). */
  init(_key?: NDArray): ImportedParams {
    return Object.fromEntries(
      [...this.held].map(([tensor, { name }]) => [name, this.file.valueOf(tensor).copy()]),
    );
  }

  /**
   * The output as an expression of weights and inputs: the inputs in the file's order, or one record of them by name, and the context
   * at the end. Inputs given as arrays are constants: shapes and conditions that depend on them are resolved. Throws one line
   * that names the node where the graph cannot be an expression (shapes that depend on data, values that are no tensors): such a
   * file still runs as it is (`loadModel`).
   */
  apply(
    params: Readonly<Record<string, Tensor | NDArray>>,
    ...args: readonly (ModelInput | ImportedContext)[]
  ): Tensor {
    return this.trace(params, args, [this.output])[0]!;
  }

  /** As `apply`, with all outputs by name. Those that are no tensors (`outputs` says which) are left out. */
  applyAll(
    params: Readonly<Record<string, Tensor | NDArray>>,
    ...args: readonly (ModelInput | ImportedContext)[]
  ): Record<string, Tensor> {
    const names = this.tensorOutputs;
    const tensors = this.trace(params, args, names);
    return Object.fromEntries(names.map((name, i) => [name, tensors[i]!]));
  }

  /** The names of the outputs that an NDArray holds, as far as the file says. */
  get tensorOutputs(): readonly string[] {
    return this.outputs.flatMap((p) => (p.dtype === undefined && p.type !== UNDECLARED ? [] : [p.name]));
  }

  /** The operators of the file in today's form, with those of subgraphs and functions, the most frequent first. */
  get operators(): OperatorCount[] {
    const counts = new Map<string, number>();
    const count = (graph: GraphProto): void => {
      for (const node of graph.node) {
        counts.set(operatorOf(node), (counts.get(operatorOf(node)) ?? 0) + 1);
        subgraphsOf(node).forEach(count);
      }
    };
    count(this.file.graph);
    return [...counts]
      .map(([name, n]) => ({ name, count: n, gradient: gradientOf(name) }))
      .sort((a, b) => b.count - a.count);
  }

  /**
   * The file with these weights: see `exportModel`. With `selfContained`, what the file keeps in other files is put into it, as is
   * needed to run it from memory.
   */
  withWeights(
    params: Readonly<Record<string, NDArray>> = this.init(),
    options: { readonly selfContained?: boolean } = {},
  ): Uint8Array {
    return withWeights(this.file, this.held, params, options.selfContained === true);
  }

  private trace(
    params: Readonly<Record<string, Tensor | NDArray>>,
    args: readonly (ModelInput | ImportedContext)[],
    wanted: readonly string[],
  ): Tensor[] {
    const { inputs, context } = this.readArguments(args);
    const symbols = new Map<string, number>();
    const held = new Map([...this.held].map(([tensor, p]) => [tensor, this.weight(p, params)]));
    for (const port of this.inputs) {
      const given = inputs.get(port.name);
      if (given !== undefined) bindPort(port, given, symbols);
    }
    const batched = this.inputs.find((p) => p.shape !== undefined && inputs.has(p.name));
    const given = batched && inputs.get(batched.name)!.shape[0];
    const batch =
      this.declaredBatch === undefined || given === undefined
        ? undefined
        : { declared: this.declaredBatch, given };
    if (
      context.training === true &&
      context.key === undefined &&
      this.operators.some((o) => o.name === "Dropout")
    )
      throw new Error("model: it drops values at random when it is trained: pass a key in the context");
    const key = context.training === true && context.key !== undefined ? lift(context.key) : undefined;
    const tracer = new Tracer(this.file, { params: held, symbols, key, batch });
    return tracer.main(this.file.graph, wanted, inputs);
  }

  private weight(
    { name, shape, dtype }: Parameter,
    params: Readonly<Record<string, Tensor | NDArray>>,
  ): Tensor {
    const value = Object.hasOwn(params, name) ? params[name] : undefined;
    if (value === undefined)
      throw new RangeError(`model: the weight ${quoted(name)} is missing: pass all of the model's`);
    bindPort({ name, type: dtype, dtype: value.dtype, shape }, value, new Map());
    return lift(value);
  }

  private readArguments(args: readonly (ModelInput | ImportedContext)[]) {
    const inputs = new Map<string, Tensor>();
    let context: ImportedContext = {};
    args.forEach((arg, i) => {
      if (arg === undefined) return;
      if (arg instanceof Tensor || arg instanceof NDArray) {
        const port = this.inputs[i];
        if (port === undefined)
          throw new RangeError(
            `model: it takes ${this.inputs.length} inputs, not ${i + 1}: ${known(this.inputs)}`,
          );
        inputs.set(port.name, lift(arg));
      } else if (i > 0) context = arg as ImportedContext;
      else
        for (const [name, value] of Object.entries(arg as Record<string, Tensor | NDArray>)) {
          if (!this.inputs.some((p) => p.name === name))
            throw new RangeError(`model: it has no input ${quoted(name)}: ${known(this.inputs)}`);
          inputs.set(name, lift(value));
        }
    });
    return { inputs, context };
  }
}

function known(ports: readonly DeclaredPort[]): string {
  return `there are ${ports.map((p) => quoted(p.name)).join(", ") || "none"}`;
}

const traced: Readonly<Record<string, OperatorCount["gradient"]>> = {
  Constant: "none",
  Range: "none",
  EyeLike: "none",
  Identity: "yes",
  Dropout: "yes",
  CastLike: "yes",
  If: "depends",
  Loop: "depends",
  Scan: "depends",
};

function gradientOf(name: string): OperatorCount["gradient"] {
  if (Object.hasOwn(traced, name)) return traced[name]!;
  const rule = operators.get(name)?.gradient;
  return rule === undefined ? "unknown" : rule === "none" ? "none" : "yes";
}

/**
 * The model in an ONNX file, of any opset: old forms of operators are brought into today's, functions inlined, shapes followed
 * from the inputs. Its params are the float initialisers by name.
 *
 * ```ts
 * const model = importModel(bytes);
 * const predict = compile((p, x) => model.apply(p, x));
 * const y = await predict(model.init(), x);
 * const file = exportModel(model, tunedParams);
 * ```
 *
 * Throws one line where the bytes are no ONNX model, or its graph is no graph: cycles, names given twice or not at all.
 */
export function importModel(bytes: Uint8Array, options: ImportOptions = {}): ImportedModel {
  return new ImportedModel(new ModelFile(bytes, options.readExternal), options);
}
