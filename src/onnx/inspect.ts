/** What a model is made of: operators, layers, sizes, costs, and what of it can be trained. */
import { dtypes, isFloat } from "../tensor/dtype.ts";
import type { Node } from "../tensor/node.ts";
import { reachable } from "../tensor/rewrite.ts";
import { type Shape, sizeOf } from "../tensor/shape.ts";
import { flopsOf } from "./flops.ts";
import type { ImportedModel, OperatorCount } from "./import.ts";
import type { Parameter } from "./parameters.ts";
import type { DeclaredPort } from "./ports.ts";
import { type Sample, sampleTrace } from "./sample.ts";
import { UNUSED, untrainable } from "./trainability.ts";

export interface InspectedParameter {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: string;
  readonly count: number;
  readonly bytes: number;
  readonly trainable: boolean;
  /** Why it is not trained. */
  readonly reason?: string;
}

/** An operator that uses weights, in the order of computation. */
export interface Layer {
  readonly name: string;
  readonly operator: string;
  readonly parameters: readonly InspectedParameter[];
  readonly count: number;
  readonly bytes: number;
  /** For the sizes that `Inspection.sizes` tells; undefined where they are not counted. */
  readonly flops?: number;
}

export interface Inspection {
  readonly inputs: readonly DeclaredPort[];
  readonly outputs: readonly DeclaredPort[];
  readonly operators: readonly OperatorCount[];
  readonly layers: readonly Layer[];
  /** Numbers in weights, and how many of them can be trained. */
  readonly parameters: number;
  readonly trainable: number;
  readonly bytes: number;
  /** Of Conv, ConvTranspose, Gemm, MatMul, LSTM, GRU and RNN; a multiplication with its addition is two. */
  readonly flops?: number;
  /** Sizes that the file leaves open, as they were taken to count FLOPs. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Why the graph cannot be followed: there are no FLOPs then, and nothing of it can be trained. */
  readonly problem?: string;
}

/**
 * A model looked at. Sizes that the file leaves open are 1 for the first axis of an input and 16 for others, or as `sizes` says.
 *
 * ```ts
 * const { layers, flops } = inspectModel(importModel(bytes), { sequence: 128 });
 * ```
 */
export function inspectModel(model: ImportedModel, sizes: Readonly<Record<string, number>> = {}): Inspection {
  const { inputs, outputs, operators } = model;
  const sample = tryTrace(model, sizes);
  const traced = typeof sample === "string" ? undefined : sample;
  const reasons = traced && untrainableInAll(traced);
  const parameters = new Map(
    model.parameters.map((p) => [
      p.name,
      inspected(p, reasons === undefined ? "the graph cannot be followed" : reasons.get(p.name)),
    ]),
  );
  const layers =
    traced === undefined ? layersByUse(model, parameters) : tracedLayers(traced, model, parameters);
  const all = [...parameters.values()];
  return {
    inputs,
    outputs,
    operators,
    layers,
    parameters: sum(all.map((p) => p.count)),
    trainable: sum(all.map((p) => (p.trainable ? p.count : 0))),
    bytes: sum(all.map((p) => p.bytes)),
    sizes: traced?.sizes ?? {},
    ...(traced === undefined
      ? {}
      : { flops: sum(reachable(Object.values(traced.outputs)).map((node) => flopsOf(node) ?? 0)) }),
    ...(typeof sample === "string" ? { problem: sample } : {}),
  };
}

/** A weight that one output of floats can train is no problem. */
function untrainableInAll({ outputs, weights }: Sample): Map<string, string> {
  const floats = Object.values(outputs).filter((t) => isFloat(t.dtype));
  const byOutput = floats.map((t) => untrainable(t, weights));
  const names = Object.keys(weights).filter((name) => byOutput.every((reasons) => reasons.has(name)));
  return new Map(
    names.map((name) => {
      const reasons = byOutput.map((r) => r.get(name)!);
      return [
        name,
        reasons.find((r) => r !== UNUSED) ?? (floats.length === 0 ? "no output holds floats" : UNUSED),
      ];
    }),
  );
}

function tryTrace(model: ImportedModel, sizes: Readonly<Record<string, number>>): Sample | string {
  try {
    return sampleTrace(model, sizes);
  } catch (error) {
    if (Object.keys(sizes).length > 0) throw error;
    return error instanceof Error ? error.message : String(error);
  }
}

function inspected(p: Parameter, blocked: string | undefined): InspectedParameter {
  const count = sizeOf(p.shape);
  const reason = blocked ?? (p.trainable ? undefined : notAWeight(p));
  return {
    name: p.name,
    shape: p.shape,
    dtype: p.dtype,
    count,
    bytes: count * dtypes[p.dtype].bytes,
    trainable: reason === undefined,
    ...(reason === undefined ? {} : { reason }),
  };
}

function notAWeight({ uses }: Parameter): string {
  const [use] = uses;
  if (use === undefined) return "nothing uses it";
  return use.operator === "BatchNormalization"
    ? "it is a running statistic; name it to train it"
    : `it is a fixed number of ${use.operator}; name it to train it`;
}

/** Every weight belongs to the first operator on its way that also takes something else. */
function tracedLayers(
  { outputs, weights }: Sample,
  model: ImportedModel,
  parameters: ReadonlyMap<string, InspectedParameter>,
): Layer[] {
  const held = new Map<Node, string[]>(Object.entries(weights).map(([name, t]) => [t.node, [name]]));
  const seen = new Set<string>();
  const layers: Layer[] = [];
  for (const node of reachable(Object.values(outputs))) {
    const given = node.inputs.filter((t) => t !== undefined);
    const names = [...new Set(given.flatMap((t) => held.get(t.node) ?? []))];
    if (names.length === 0) continue;
    if (given.every((t) => held.has(t.node) || t.value !== undefined)) {
      held.set(node, names);
      continue;
    }
    const own = names.filter((name) => !seen.has(name));
    if (own.length === 0) continue;
    for (const name of own) seen.add(name);
    layers.push(layerOf(node.name, own, parameters, flopsOf(node)));
  }
  const rest = model.parameters.filter((p) => !seen.has(p.name)).map((p) => p.name);
  return [...layers, ...rest.map((name) => layerOf("", [name], parameters))];
}

function layersByUse(model: ImportedModel, parameters: ReadonlyMap<string, InspectedParameter>): Layer[] {
  return model.parameters.map((p) => layerOf(p.uses[0]?.operator ?? "", [p.name], parameters));
}

function layerOf(
  operator: string,
  names: readonly string[],
  parameters: ReadonlyMap<string, InspectedParameter>,
  flops?: number,
): Layer {
  const own = names.map((name) => parameters.get(name)!);
  return {
    name: layerName(names),
    operator,
    parameters: own,
    count: sum(own.map((p) => p.count)),
    bytes: sum(own.map((p) => p.bytes)),
    ...(flops === undefined ? {} : { flops }),
  };
}

/** What the names of its weights have in common up to a separator, or the names: what patterns of weights are made from. */
function layerName(names: readonly string[]): string {
  const [first] = names as [string];
  if (names.length === 1) return first;
  let end = first.length;
  while (!names.every((name) => name.startsWith(first.slice(0, end)))) end--;
  return /^(.*)[./]/s.exec(first.slice(0, end))?.[1] || names.join(", ");
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
