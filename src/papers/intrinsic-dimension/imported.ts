/** Imported models as models that can be drawn anew. */
import { fans } from "../../nn/initialisers.ts";
import type { Model } from "../../nn/model.ts";
import { beforeActivation } from "../../onnx/head.ts";
import type { ImportedModel, ImportedParams } from "../../onnx/import.ts";
import { sampleTrace } from "../../onnx/sample.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import { intAttribute, type Node } from "../../tensor/node.ts";
import * as random from "../../tensor/random.ts";
import { reachable } from "../../tensor/rewrite.ts";
import { sizeOf } from "../../tensor/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { finetuneLosses } from "../../train/finetune.ts";
import { type Tunable, type TunerInput, withOwnHead } from "../../train/head.ts";

/** Where theta0 comes from: drawn anew, which measures the task, or the file's weights, which measures what is left to learn. */
export const starts = ["reinitialised", "weights"] as const;
export type Start = (typeof starts)[number];

/** What is moved, and what is not. */
export interface Parts {
  readonly weights: ImportedParams;
  readonly frozen: ImportedParams;
}

/** How a weight is drawn anew. */
export interface Draw {
  readonly what: string;
  draw(key: NDArray): NDArray;
}

export interface ImportedSubspaceModel extends Model<Parts, TunerInput> {
  readonly tunable: Tunable;
  /** By name; absent for weights that keep the file's value at first. */
  readonly draws: ReadonlyMap<string, Draw>;
  /** The names of the weights that are moved. */
  readonly moved: readonly string[];
}

/**
 * An imported model whose first weights come from a key: with the start "reinitialised", kernels (of Conv, Gemm and MatMul) are normal
 * with variance 2 / fan in, biases 0, scales of normalisations 1, all else as in the file. With "weights" the file's weights are
 * theta0. A final softmax is left out: the output is logits.
 */
export function importedModel(model: ImportedModel, start: Start): ImportedSubspaceModel {
  const tunable = withOwnHead(model);
  const moved = tunable.weights.filter((name) => !tunable.untrainable.has(name));
  if (moved.length === 0)
    throw new Error("intrinsic-dimension: the model has no weights that can be trained");
  const draws = start === "weights" ? new Map<string, Draw>() : drawsOf(model, new Set(moved));
  return {
    tunable,
    draws,
    moved,
    init: (key) => {
      const all = tunable.init(key);
      const names = Object.keys(all);
      const part = (of: boolean) => names.filter((name) => moved.includes(name) === of);
      const weights = part(true).map((name) => {
        const own = random.fold(key, names.indexOf(name));
        return [name, draws.get(name)?.draw(own) ?? all[name]!] as const;
      });
      return {
        weights: Object.fromEntries(weights),
        frozen: Object.fromEntries(part(false).map((name) => [name, all[name]!])),
      };
    },
    apply: ({ weights, frozen }, x, context) =>
      beforeActivation(
        tunable.apply({ ...frozen, ...weights } as Record<string, Tensor>, x, context),
        finetuneLosses.crossEntropy.activations,
      ),
  };
}

function drawsOf(model: ImportedModel, moved: ReadonlySet<string>): Map<string, Draw> {
  const { output, weights } = sampleTrace(model);
  const consumers = new Map<Node, Use[]>();
  for (const node of reachable([output]))
    node.inputs.forEach((t, input) => {
      if (t !== undefined) consumers.set(t.node, [...(consumers.get(t.node) ?? []), { node, input }]);
    });
  const draws = new Map<string, Draw>();
  for (const [name, tensor] of Object.entries(weights)) {
    const found = moved.has(name) ? drawOf(tensor, consumers) : undefined;
    if (found !== undefined) draws.set(name, found);
  }
  return draws;
}

interface Use {
  readonly node: Node;
  readonly input: number;
}

const carriers: ReadonlySet<string> = new Set(["Reshape", "Identity", "Squeeze", "Unsqueeze", "Transpose"]);
const normalisations: ReadonlySet<string> = new Set([
  "BatchNormalization",
  "InstanceNormalization",
  "LayerNormalization",
  "GroupNormalization",
  "RMSNormalization",
]);

/** What a weight is, by the first operator that computes with it. */
function drawOf(weight: Tensor, consumers: ReadonlyMap<Node, readonly Use[]>): Draw | undefined {
  let [held, uses] = [weight, consumers.get(weight.node) ?? []];
  while (uses.length > 0 && uses[0]!.input === 0 && carriers.has(uses[0]!.node.name)) {
    held = uses[0]!.node.outputs[0]!;
    uses = consumers.get(held.node) ?? [];
  }
  const [use] = uses;
  if (use === undefined) return undefined;
  const { node, input } = use;
  const fanIn = fanInOf(node, input, held);
  if (fanIn !== undefined) return heNormal(weight, fanIn);
  if (isBias(node, input)) return constant(weight, 0, "bias, 0");
  if (normalisations.has(node.name) && input === 1) return constant(weight, 1, "scale, 1");
  return undefined;
}

function fanInOf({ name, attributes }: Node, input: number, held: Tensor): number | undefined {
  const { shape } = held;
  if (name === "Conv" && input === 1) return fans(shape).fanIn;
  if (name === "ConvTranspose" && input === 1) return sizeOf(shape) / shape[1]!;
  if (name === "Gemm" && input < 2) {
    const transposed = intAttribute(attributes, input === 0 ? "transA" : "transB", 0) !== 0;
    return (input === 1) === transposed ? shape[1] : shape[0];
  }
  if (name === "MatMul" && shape.length > 1) return input === 1 ? shape.at(-2) : shape.at(-1);
  return undefined;
}

function isBias({ name }: Node, input: number): boolean {
  if (name === "Add") return true;
  return (normalisations.has(name) || ["Conv", "ConvTranspose", "Gemm"].includes(name)) && input === 2;
}

function heNormal({ shape, dtype }: Tensor, fanIn: number): Draw {
  const type = dtype === "float64" ? "float64" : "float32";
  return {
    what: `kernel, normal with variance 2 / ${fanIn}`,
    draw: (key) => {
      const array = random.normal(key, shape, type);
      const std = Math.sqrt(2 / fanIn);
      for (let i = 0; i < array.size; i++) array.data[i] = Number(array.data[i]) * std;
      return array;
    },
  };
}

function constant({ shape, dtype }: Tensor, value: number, what: string): Draw {
  return { what, draw: () => NDArray.full(shape, value, dtype) };
}
