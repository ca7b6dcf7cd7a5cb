/** Where the last layer of a traced model is, and what comes before and after it. */
import { intAttribute, type Node } from "../tensor/node.ts";
import { reachable } from "../tensor/rewrite.ts";
import type { Tensor } from "../tensor/tensor.ts";

const layers: ReadonlySet<string> = new Set(["Gemm", "MatMul", "Conv"]);

/** Operators with weights that belong to the layer before them: a bias, a scale, a normalisation. */
const trimmings: ReadonlySet<string> = new Set(["Add", "Sub", "Mul", "Div", "PRelu", "BatchNormalization"]);

/** Operators that keep every row's numbers in their order. */
const reshapes: ReadonlySet<string> = new Set(["Reshape", "Identity", "Flatten", "Squeeze", "Unsqueeze"]);

/**
 * What the last layer with weights (Gemm, MatMul or Conv) of a model gets: [..., features], the spatial axes of a
 * convolution's input averaged. Throws one line where the output is joined from several branches after the last layer, or has
 * spatial axes.
 */
export function headFeatures(output: Tensor, inputs: Iterable<Tensor>): Tensor {
  const fromInput = dependents(output, inputs);
  const isData = (t: Tensor | undefined): t is Tensor => t !== undefined && fromInput.has(t.node);
  for (let t = output; ; ) {
    const { node } = t;
    const data = node.inputs.filter(isData);
    if (layers.has(node.name) && data.length === 1 && data[0] === node.inputs[0])
      return featuresInto(node, output);
    if (data.length !== 1)
      throw noHead(data.length === 0 ? "no Gemm, MatMul or Conv gives its output" : joined(node));
    const others = node.inputs.filter((x) => x !== undefined && x.value === undefined && !isData(x));
    if (others.length > 0 && !trimmings.has(node.name))
      throw noHead(`${node.name} with weights follows its last layer`);
    t = data[0]!;
  }
}

/**
 * The output before a final activation of one of these names, where there is one: the logits of a model that ends in a Softmax.
 */
export function beforeActivation(output: Tensor, activations: readonly string[]): Tensor {
  for (let t = output; ; t = t.node.inputs[0]!) {
    const { name } = t.node;
    if (activations.includes(name)) {
      const input = t.node.inputs[0]!;
      return input.shape.length === output.shape.length ? input : input.reshape(output.shape);
    }
    if (!reshapes.has(name)) return output;
  }
}

function featuresInto(node: Node, output: Tensor): Tensor {
  const features = node.inputs[0]!;
  if (node.name === "Gemm" && intAttribute(node.attributes, "transA", 0) !== 0)
    throw noHead("its last layer takes a transposed input");
  if (node.name !== "Conv") return features;
  if (output.rank > 2 && output.shape.slice(2).some((size) => size > 1))
    throw noHead("its output has spatial axes, a head of classes has none");
  return features.mean(features.shape.slice(2).map((_, i) => i + 2));
}

function dependents(output: Tensor, inputs: Iterable<Tensor>): Set<Node> {
  const found = new Set([...inputs].map((t) => t.node));
  for (const node of reachable([output])) {
    if (node.inputs.some((t) => t !== undefined && found.has(t.node))) found.add(node);
  }
  return found;
}

function joined(node: Node): string {
  return `${node.name} joins several branches after the last layers`;
}

function noHead(reason: string): Error {
  return new Error(
    `head: the model has no last layer to replace: ${reason}: cut the model before it is exported, or train without a head`,
  );
}
