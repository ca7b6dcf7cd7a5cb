import type { DType } from "./dtype.ts";
import type { NDArray } from "./ndarray.ts";
import { type Shape, showShape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** What is known of a value before it is computed. */
export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/**
 * An attribute of an ONNX node. A bare number is an integer and a bare list holds integers, as in most operators; the
 * other kinds say what they are. `host` is never written to a file: it carries a JavaScript value of our own operators.
 */
export type Attribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly tensor: NDArray }
  | { readonly proto: unknown }
  | { readonly carried: Carried }
  | { readonly host: unknown };

/** What a node of an imported file has beside its inputs: the file's attributes, subgraphs and all (onnx/carried.ts). */
export interface Carried {
  /** The node for error messages: its operator and its name in the file. */
  readonly label: string;
}

export type Attributes = Readonly<Record<string, Attribute>>;

/** The domain of operators that exist only while a graph is built; `erase` (rewrite.ts) takes them out. */
export const INTERNAL = "paperweight";

let created = 0;

/**
 * One operator applied to tensors. Nodes are immutable and hash-consed: the same operator with the same inputs and
 * attributes is the same node, so common subexpressions are shared as they are built. A node is remembered by its newest
 * input, so that a graph is garbage as soon as its inputs are.
 */
export class Node {
  readonly id = created++;
  /** Equal for constants of equal value, else unique. */
  readonly key: string;
  readonly consumers = new Map<string, Node>();
  /** Set once, by the function that makes the node (tensor.ts). */
  outputs: readonly Tensor[] = [];

  constructor(
    readonly op: string,
    readonly domain: string,
    readonly inputs: readonly (Tensor | undefined)[],
    readonly attributes: Attributes,
    /** The value of a Constant. */
    readonly value?: NDArray,
  ) {
    this.key = value === undefined ? `#${this.id}` : constantKey(value, this.id);
  }

  /** The operator with its domain, where that is not ONNX's own: the key of the operator table. */
  get name(): string {
    return this.domain === "" ? this.op : `${this.domain}.${this.op}`;
  }
}

/** A node for error messages. */
export function showNode(node: Node): string {
  const { carried } = node.attributes;
  return typeof carried === "object" && "carried" in carried ? carried.carried.label : node.name;
}

/** A call of an operator, as its rules see it. */
export interface Call {
  readonly x: readonly Tensor[];
  readonly attributes: Attributes;
  /** How many outputs are wanted; operators with optional outputs look at it. */
  readonly outputs: number;
}

/** A call together with its results and what the loss depends on them by, as a gradient rule sees it. */
export interface BackwardCall extends Call {
  /** The first output, and the gradient of the loss with respect to it. */
  readonly y: Tensor;
  readonly dy: Tensor;
  readonly ys: readonly Tensor[];
  /** By output; undefined where the loss does not depend on that output. */
  readonly dys: readonly (Tensor | undefined)[];
  /** By input: does anybody need this gradient? A rule may leave out the others. */
  readonly needs: readonly boolean[];
}

/** Everything that is known of an operator. One entry of the operator table. */
export interface Operator {
  /** The types of the outputs. Throws (see fail.ts) where the inputs do not fit. */
  readonly type: (call: Call) => TensorType | readonly TensorType[];
  /**
   * The gradient with respect to each input, undefined where there is none to give. The rules must be linear in the dys and
   * made of differentiable operators: then reverse mode nests to any order, and forward mode comes from it.
   * "none" says that the outputs carry no derivative (comparisons, indices, shapes).
   */
  readonly gradient?: ((call: BackwardCall) => readonly (Tensor | undefined)[]) | "none";
  /** Broadcasting elementwise operators: the gradients are summed over the axes that were broadcast. */
  readonly elementwise?: boolean;
  /** An equal, simpler expression, where this call has one. The types are those of the outputs. */
  readonly simplify?: (call: Call, types: readonly TensorType[]) => Tensor | undefined;
  /** Of an operator that ONNX does not have: the same in terms of operators that it has. `erase` (rewrite.ts) puts it in. */
  readonly expansion?: (call: Call) => Tensor;
}

/** The operator table: ONNX operator name to what is known of it. The modules in operators/ fill it. */
export const operators = new Map<string, Operator>();

export function defineOperators(entries: Readonly<Record<string, Operator>>): void {
  for (const [name, operator] of Object.entries(entries)) operators.set(name, operator);
}

/** An integer attribute, or its default. */
export function intAttribute(attributes: Attributes, name: string, standard: number): number {
  const value = attributes[name];
  return typeof value === "number" ? value : standard;
}

export function floatAttribute(attributes: Attributes, name: string, standard: number): number {
  const value = attributes[name];
  return typeof value === "object" && "float" in value ? value.float : standard;
}

export function intsAttribute(attributes: Attributes, name: string): readonly number[] | undefined {
  const value = attributes[name];
  return Array.isArray(value) ? value : undefined;
}

export function stringAttribute(attributes: Attributes, name: string, standard: string): string {
  const value = attributes[name];
  return typeof value === "string" ? value : standard;
}

const KEYED_BY_VALUE = 16;

function constantKey(value: NDArray, id: number): string {
  if (value.size > KEYED_BY_VALUE) return `#${id}`;
  const elements = Array.from(value.data as Iterable<number | bigint>, (v) =>
    Object.is(v, -0) ? "-0" : String(v),
  );
  return `${value.dtype}${showShape(value.shape)}=${elements.join(" ")}`;
}

const hostIds = new WeakMap<object, number>();

export function attributesKey(attributes: Attributes): string {
  let key = "";
  for (const name in attributes) {
    const value = attributes[name]!;
    key += `|${name}=${typeof value === "object" && !Array.isArray(value) ? objectKey(value) : value}`;
  }
  return key;
}

function objectKey(value: object): string {
  if ("float" in value) return `f${String(value.float)}`;
  if ("floats" in value) return `f[${String(value.floats)}]`;
  if ("strings" in value) return JSON.stringify(value);
  const held = Object.values(value)[0] as object;
  if (!hostIds.has(held)) hostIds.set(held, created++);
  return `@${hostIds.get(held)}`;
}
