/**
 * Symbolic sizes. Expressions here have static shapes, so a batch size stands in them as a number: in the target of a
 * Reshape, of an Expand, in the bounds of a Slice. To write a file that takes any batch, the function is traced several times with
 * different sizes; where the traces differ, the number is a function of the sizes, and its place is taken by operators that
 * compute it from the shapes of the inputs.
 */
import type { NDArray } from "../tensor/ndarray.ts";
import { attributesKey, type Node } from "../tensor/node.ts";
import { rewrite } from "../tensor/rewrite.ts";
import { sameShape, showShape } from "../tensor/shape.ts";
import { apply, applyUnknown, integers, Tensor } from "../tensor/tensor.ts";
import type { Size } from "./emit.ts";

/** Where a symbolic size can be read: an axis of an input. */
export interface SymbolicSize {
  readonly name: string;
  readonly input: Tensor;
  readonly axis: number;
}

/** One trace: the outputs, and the size that each symbol had. */
export interface Trace {
  readonly outputs: readonly Tensor[];
  readonly sizes: Readonly<Record<string, number>>;
}

/** scale * (the product of some symbols) + offset. */
interface Formula {
  readonly symbols: readonly string[];
  readonly scale: number;
  readonly offset: number;
}

/**
 * The outputs of the first trace with every number that depends on a symbol computed from `symbols`, which belong to that
 * trace. Throws one line where the traces differ in another way than such numbers.
 */
export function withSymbols(traces: readonly Trace[], symbols: readonly SymbolicSize[]): Tensor[] {
  const first = traces[0]!;
  const sizes = traces.map((t) => t.sizes);
  const replacements = new Map<Node, Tensor>();
  for (const nodes of parallelNodes(traces)) {
    const values = nodes.map((n) => n.value);
    if (values[0] === undefined || values.every((v) => sameArray(v!, values[0]!))) continue;
    replacements.set(nodes[0]!, computed(values as NDArray[], sizes, symbols));
  }
  return rewrite(first.outputs, (node, inputs) => {
    const replacement = replacements.get(node);
    if (replacement !== undefined) return [replacement];
    if (inputs.every((t, i) => t === node.inputs[i])) return node.outputs;
    return applyUnknown(node.op, node.domain, inputs, node.attributes, node.outputs);
  });
}

/** The sizes of a tensor that the traces give different ones: a symbol's name, or undefined where it is no single symbol. */
export function symbolicSizes(
  tensors: readonly Tensor[],
  sizes: readonly Readonly<Record<string, number>>[],
): Size[] {
  return tensors[0]!.shape.map((d, axis) => {
    const values = tensors.map((t) => t.shape[axis]!);
    if (values.every((v) => v === d)) return d;
    return Object.keys(sizes[0]!).find((name) => values.every((v, i) => v === sizes[i]![name]));
  });
}

/** The nodes at the same place of every trace. Throws where the traces are not built alike. */
function parallelNodes(traces: readonly Trace[]): (readonly Node[])[] {
  const found = new Map<Node, readonly Node[]>();
  const stack = traces[0]!.outputs.map((_, i) => traces.map((t) => t.outputs[i]!.node));
  for (let nodes = stack.pop(); nodes !== undefined; nodes = stack.pop()) {
    const [first] = nodes;
    if (found.has(first!)) continue;
    found.set(first!, nodes);
    const odd = nodes.find(
      (n) =>
        n.name !== first!.name ||
        n.inputs.length !== first!.inputs.length ||
        attributesKey(n.attributes) !== attributesKey(first!.attributes),
    );
    if (odd !== undefined) {
      throw new Error(
        `export: the model computes ${first!.name} for one size of a symbolic dimension and ${odd.name} for another: ` +
          "name that dimension by a number",
      );
    }
    first!.inputs.forEach((t, i) => {
      if (t !== undefined) stack.push(nodes.map((n) => n.inputs[i]!.node));
    });
  }
  return [...found.values()];
}

function sameArray(a: NDArray, b: NDArray): boolean {
  if (a === b || a.data === b.data) return true;
  return (
    a.dtype === b.dtype && sameShape(a.shape, b.shape) && a.data.every((v, i) => Object.is(v, b.data[i]))
  );
}

/** Integers that depend on the symbols, as an expression of the shapes of the inputs. */
function computed(
  values: readonly NDArray[],
  sizes: readonly Readonly<Record<string, number>>[],
  symbols: readonly SymbolicSize[],
): Tensor {
  const first = values[0]!;
  if (first.dtype !== "int64" || values.some((v) => !sameShape(v.shape, first.shape))) {
    throw new Error(
      `export: a constant ${first.dtype}${showShape(first.shape)} depends on a symbolic dimension: ` +
        "only shapes, axes and bounds can; compute it from the input, or name that dimension by a number",
    );
  }
  const entries = Array.from({ length: first.size }, (_, i) => {
    const formula = formulaFor(
      values.map((v) => Number(v.data[i])),
      sizes,
    );
    return formula.symbols.length === 0 ? integers([formula.offset]) : evaluate(formula, symbols);
  });
  const joined = apply("Concat", entries, { axis: 0 });
  return first.rank === 0 ? joined.reshape([]) : joined;
}

/** The formula behind a number that had these values at these sizes. */
function formulaFor(values: readonly number[], sizes: readonly Readonly<Record<string, number>>[]): Formula {
  if (values.every((v) => v === values[0])) return { symbols: [], scale: 0, offset: values[0]! };
  for (const symbols of subsets(Object.keys(sizes[0]!))) {
    const products = sizes.map((s) => symbols.reduce((p, name) => p * s[name]!, 1));
    const other = products.findIndex((p) => p !== products[0]);
    if (other < 0) continue;
    const scale = (values[other]! - values[0]!) / (products[other]! - products[0]!);
    const offset = values[0]! - scale * products[0]!;
    if (!Number.isInteger(scale) || !values.every((v, i) => v === scale * products[i]! + offset)) continue;
    return { symbols, scale, offset };
  }
  throw new Error(
    `export: the number ${values[0]} in the graph depends on ${Object.keys(sizes[0]!).join(", ")}, but is no multiple of their product ` +
      "(plus a constant): name such a dimension by a number",
  );
}

function subsets(names: readonly string[]): string[][] {
  return Array.from({ length: 2 ** names.length - 1 }, (_, bits) =>
    names.filter((_, i) => ((bits + 1) >> i) & 1),
  ).sort((a, b) => a.length - b.length);
}

function evaluate({ symbols, scale, offset }: Formula, known: readonly SymbolicSize[]): Tensor {
  const sizes = symbols.map((name) => {
    const { input, axis } = known.find((s) => s.name === name)!;
    const [shape] = applyUnknown("Shape", "", [input], {}, [{ shape: [input.rank], dtype: "int64" }]);
    return shape!.slice([axis, axis + 1]);
  });
  return sizes
    .reduce((a, b) => a.mul(b))
    .mul(Tensor.constant(scale, "int64"))
    .add(Tensor.constant(offset, "int64"));
}
