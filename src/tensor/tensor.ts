import { type DType, dtypes, isFloat } from "./dtype.ts";
import { fail } from "./fail.ts";
import { NDArray, type Nested } from "./ndarray.ts";
// Fills the operator table. The modules there import this one in turn: neither uses the other while it loads.
import "./operators/index.ts";
import { type Attributes, attributesKey, INTERNAL, Node, operators, type TensorType } from "./node.ts";
import {
  broadcastShapes,
  normalAxes,
  normalAxis,
  type Shape,
  sameShape,
  showShape,
  sizeOf,
} from "./shape.ts";

/** What operators take beside a tensor: numbers and booleans get the dtype of that tensor. */
export type TensorLike = Tensor | NDArray | number | boolean;

/** Axes to reduce (default all), and whether to keep them with size 1 (default false). */
export interface ReduceOptions {
  readonly keepDims?: boolean;
}

/** `[start, stop)` with an optional step along one axis; negative counts from the end, as in NumPy. */
export type Range = readonly [start: number | undefined, stop?: number | undefined, step?: number];

/**
 * A symbolic array: the result of an ONNX operator that has not run. Building expressions computes nothing; `compile`
 * runs them. Shapes are static, broadcasting is NumPy's, and dtypes change only by `cast`: numbers beside a tensor take
 * its dtype, tensors of different dtypes do not mix.
 */
export class Tensor {
  constructor(
    readonly node: Node,
    readonly index: number,
    readonly shape: Shape,
    readonly dtype: DType,
  ) {}

  /** An input of a graph, told apart from all others. */
  static input(shape: Shape, dtype: DType = "float32"): Tensor {
    return makeNode("Input", INTERNAL, [], {}, [{ shape, dtype }])[0]!;
  }

  /** An array as a constant of the graph. */
  static constant(value: NDArray | Nested, dtype?: DType): Tensor {
    const array = value instanceof NDArray ? value : NDArray.from(value, dtype);
    return makeNode("Constant", "", [], {}, [array], array)[0]!;
  }

  /** A constant of one value; it takes no memory until something needs its elements. */
  static full(shape: Shape, value: number, dtype: DType = "float32"): Tensor {
    return Tensor.constant(value, dtype).expand(shape);
  }

  static zeros(shape: Shape, dtype: DType = "float32"): Tensor {
    return Tensor.full(shape, 0, dtype);
  }

  static ones(shape: Shape, dtype: DType = "float32"): Tensor {
    return Tensor.full(shape, 1, dtype);
  }

  /** 0, 1, ... n - 1. */
  static arange(n: number, dtype: DType = "int64"): Tensor {
    return Tensor.constant(
      NDArray.from(
        Array.from({ length: n }, (_, i) => i),
        dtype,
      ),
    );
  }

  get rank(): number {
    return this.shape.length;
  }

  get size(): number {
    return sizeOf(this.shape);
  }

  /** The array behind a constant, undefined for what is computed. */
  get value(): NDArray | undefined {
    return this.node.value;
  }

  // Arithmetic, elementwise with broadcasting.

  add(b: TensorLike): Tensor {
    return binary("Add", this, b);
  }
  sub(b: TensorLike): Tensor {
    return binary("Sub", this, b);
  }
  mul(b: TensorLike): Tensor {
    return binary("Mul", this, b);
  }
  /** Toward zero for integers. */
  div(b: TensorLike): Tensor {
    return binary("Div", this, b);
  }
  pow(b: TensorLike): Tensor {
    return binary("Pow", this, b);
  }
  /** The remainder with the sign of the divisor, as in Python; of floats, with the sign of the dividend, as in C. */
  mod(b: TensorLike): Tensor {
    return apply("Mod", [this, lift(b, this)], isFloat(this.dtype) ? { fmod: 1 } : {});
  }
  minimum(b: TensorLike): Tensor {
    return binary("Min", this, b);
  }
  maximum(b: TensorLike): Tensor {
    return binary("Max", this, b);
  }
  /** Limited to [low, high]; undefined is no limit. The gradient is 1 inside and at the limits, 0 outside. */
  clip(low: TensorLike | undefined, high?: TensorLike): Tensor {
    const bound = (b: TensorLike | undefined) => (b === undefined ? undefined : lift(b, this));
    const [least, most] = [bound(low), bound(high)];
    if ((least?.rank ?? 0) === 0 && (most?.rank ?? 0) === 0) return apply("Clip", [this, least, most]);
    const raised = least === undefined ? this : this.maximum(least);
    return most === undefined ? raised : raised.minimum(most);
  }
  neg(): Tensor {
    return apply("Neg", [this]);
  }
  abs(): Tensor {
    return apply("Abs", [this]);
  }
  /** -1, 0 or 1. Its derivative is 0. */
  sign(): Tensor {
    return apply("Sign", [this]);
  }
  sqrt(): Tensor {
    return apply("Sqrt", [this]);
  }
  square(): Tensor {
    return this.mul(this);
  }
  reciprocal(): Tensor {
    return apply("Reciprocal", [this]);
  }
  exp(): Tensor {
    return apply("Exp", [this]);
  }
  log(): Tensor {
    return apply("Log", [this]);
  }
  sin(): Tensor {
    return apply("Sin", [this]);
  }
  cos(): Tensor {
    return apply("Cos", [this]);
  }
  erf(): Tensor {
    return apply("Erf", [this]);
  }
  floor(): Tensor {
    return apply("Floor", [this]);
  }
  ceil(): Tensor {
    return apply("Ceil", [this]);
  }
  /** To the nearest whole number, halves to the even one. Its derivative is 0: see `straightThrough`. */
  round(): Tensor {
    return apply("Round", [this]);
  }

  // Activations.

  tanh(): Tensor {
    return apply("Tanh", [this]);
  }
  sigmoid(): Tensor {
    return apply("Sigmoid", [this]);
  }
  /** max(x, 0); its derivative at 0 is 0. */
  relu(): Tensor {
    return apply("Relu", [this]);
  }
  /** x times the normal distribution function, exactly or by the tanh approximation. Default "none": exactly. */
  gelu(approximate: "none" | "tanh" = "none"): Tensor {
    return apply("Gelu", [this], approximate === "none" ? {} : { approximate });
  }
  /** log(1 + exp(x)). */
  softplus(): Tensor {
    return apply("Softplus", [this]);
  }
  softmax(axis = -1): Tensor {
    return apply("Softmax", [this], { axis: normalAxis(axis, this.rank) });
  }
  logSoftmax(axis = -1): Tensor {
    return apply("LogSoftmax", [this], { axis: normalAxis(axis, this.rank) });
  }

  // Comparison and logic: bool tensors.

  equal(b: TensorLike): Tensor {
    return binary("Equal", this, b);
  }
  notEqual(b: TensorLike): Tensor {
    return this.equal(b).not();
  }
  less(b: TensorLike): Tensor {
    return binary("Less", this, b);
  }
  lessEqual(b: TensorLike): Tensor {
    return binary("LessOrEqual", this, b);
  }
  greater(b: TensorLike): Tensor {
    return binary("Greater", this, b);
  }
  greaterEqual(b: TensorLike): Tensor {
    return binary("GreaterOrEqual", this, b);
  }
  and(b: TensorLike): Tensor {
    return binary("And", this, b);
  }
  or(b: TensorLike): Tensor {
    return binary("Or", this, b);
  }
  xor(b: TensorLike): Tensor {
    return binary("Xor", this, b);
  }
  not(): Tensor {
    return apply("Not", [this]);
  }

  /** The same numbers as another dtype: toward zero from float to int, nonzero is true. */
  cast(dtype: DType): Tensor {
    return apply("Cast", [this], { to: dtypes[dtype].code });
  }

  // Reductions, over all axes unless some are named.

  sum(axes?: readonly number[] | number, options?: ReduceOptions): Tensor {
    return reduce("ReduceSum", this, axes, options);
  }
  mean(axes?: readonly number[] | number, options?: ReduceOptions): Tensor {
    return reduce("ReduceMean", this, axes, options);
  }
  /** The gradient goes in equal parts to all elements that are the largest. */
  max(axes?: readonly number[] | number, options?: ReduceOptions): Tensor {
    return reduce("ReduceMax", this, axes, options);
  }
  min(axes?: readonly number[] | number, options?: ReduceOptions): Tensor {
    return reduce("ReduceMin", this, axes, options);
  }
  prod(axes?: readonly number[] | number, options?: ReduceOptions): Tensor {
    return reduce("ReduceProd", this, axes, options);
  }
  /** log(sum(exp(x))), computed so that it does not overflow. */
  logSumExp(axes?: readonly number[] | number, options?: ReduceOptions): Tensor {
    return reduce("ReduceLogSumExp", this, axes, options);
  }
  /** The place of the largest element along an axis, the first where several are; int64. */
  argMax(axis = -1, options: ReduceOptions = {}): Tensor {
    return apply("ArgMax", [this], { axis: normalAxis(axis, this.rank), keepdims: options.keepDims ? 1 : 0 });
  }
  argMin(axis = -1, options: ReduceOptions = {}): Tensor {
    return apply("ArgMin", [this], { axis: normalAxis(axis, this.rank), keepdims: options.keepDims ? 1 : 0 });
  }
  /** Running sums along an axis. */
  cumsum(axis = -1, options: { readonly reverse?: boolean; readonly exclusive?: boolean } = {}): Tensor {
    const attributes = { exclusive: options.exclusive ? 1 : 0, reverse: options.reverse ? 1 : 0 };
    return apply("CumSum", [this, scalarInteger(normalAxis(axis, this.rank))], attributes);
  }

  // Movement: the same elements in other places.

  /** One size may be -1: what is left. */
  reshape(shape: Shape): Tensor {
    // In ONNX a size of 0 means the old size unless allowzero says otherwise.
    if (!shape.includes(0)) return apply("Reshape", [this, integers(shape)]);
    return apply("Reshape", [this, integers(shape.map((d) => Math.max(d, 0)))], { allowzero: 1 });
  }
  flatten(): Tensor {
    return this.reshape([-1]);
  }
  /** Axes in another order; default reversed. */
  transpose(perm?: readonly number[]): Tensor {
    const order = perm ?? Array.from({ length: this.rank }, (_, i) => this.rank - 1 - i);
    return apply("Transpose", [this], { perm: order.map((a) => normalAxis(a, this.rank)) });
  }
  /** Two axes exchanged; default the last two. */
  swapAxes(a = -2, b = -1): Tensor {
    const perm = Array.from({ length: this.rank }, (_, i) => i);
    const [i, j] = [normalAxis(a, this.rank), normalAxis(b, this.rank)];
    [perm[i], perm[j]] = [j, i];
    return this.transpose(perm);
  }
  /** Without axes of size 1: those named, or all. */
  squeeze(axes?: readonly number[] | number): Tensor {
    const drop = axes === undefined ? undefined : normalAxes(axes, this.rank);
    return apply("Squeeze", [this, drop === undefined ? undefined : integers(drop)]);
  }
  /** With axes of size 1 at these places of the result. */
  unsqueeze(axes: readonly number[] | number): Tensor {
    const list = typeof axes === "number" ? [axes] : axes;
    return apply("Unsqueeze", [this, integers(normalAxes(list, this.rank + list.length))]);
  }
  /** Broadcast to a shape. */
  expand(shape: Shape): Tensor {
    return apply("Expand", [this, integers(shape)]);
  }
  /** A range for each axis from the first; undefined takes a whole axis: `x.slice([0, 10], undefined, [undefined, undefined, -1])`. */
  slice(...ranges: readonly (Range | undefined)[]): Tensor {
    const axes = ranges.flatMap((r, i) => (r === undefined ? [] : [i]));
    const step = (i: number) => ranges[i]![2] ?? 1;
    const starts = axes.map((i) => ranges[i]![0] ?? (step(i) < 0 ? LAST : 0));
    const ends = axes.map((i) => ranges[i]![1] ?? (step(i) < 0 ? -LAST : LAST));
    return apply("Slice", [this, integers(starts), integers(ends), integers(axes), integers(axes.map(step))]);
  }

  /** Matrix product of the last two axes, the others broadcast; a vector is a row on the left, a column on the right. */
  matmul(b: TensorLike): Tensor {
    return binary("MatMul", this, b);
  }

  toString(): string {
    return `Tensor(${this.node.op} ${this.dtype}${showShape(this.shape)})`;
  }
}

const LAST = Number.MAX_SAFE_INTEGER;

function binary(op: string, a: Tensor, b: TensorLike): Tensor {
  return apply(op, [a, lift(b, a)]);
}

function reduce(
  op: string,
  x: Tensor,
  axes: readonly number[] | number | undefined,
  options: ReduceOptions = {},
): Tensor {
  const list = normalAxes(axes, x.rank);
  // ONNX takes an empty list for all axes.
  if (list.length === 0) return x;
  return apply(op, [x, integers(list)], { keepdims: options.keepDims ? 1 : 0 });
}

/** `value` as a tensor; numbers and booleans take the dtype of `like`. */
export function lift(value: TensorLike, like?: Tensor): Tensor {
  if (value instanceof Tensor) return value;
  if (value instanceof NDArray) return Tensor.constant(value);
  if (typeof value !== "number" && typeof value !== "boolean") {
    throw new TypeError(
      `expected a Tensor, an NDArray or a number, got ${value === null ? "null" : typeof value}`,
    );
  }
  return Tensor.constant(value, like?.dtype);
}

/** A one-dimensional int64 constant, as ONNX wants axes, shapes and pads. */
export function integers(values: readonly number[]): Tensor {
  return Tensor.constant(new NDArray(BigInt64Array.from(values, BigInt), [values.length], "int64"));
}

function scalarInteger(value: number): Tensor {
  return Tensor.constant(NDArray.scalar(value, "int64"));
}

/** The integers in a constant (axes, shapes, pads); undefined where the tensor is computed or missing. */
export function integersOf(t: Tensor | undefined): number[] | undefined {
  const value = t?.value;
  return value === undefined ? undefined : Array.from(value.data as Iterable<number | bigint>, Number);
}

/**
 * Apply an operator by its ONNX name and return its first output. Missing optional inputs are undefined.
 * Throws one line that names the operator, the shapes and the caller's place where the inputs do not fit.
 */
export function apply(
  op: string,
  inputs: readonly (Tensor | undefined)[],
  attributes: Attributes = {},
  domain = "",
): Tensor {
  return applyAll(op, inputs, attributes, 1, domain)[0]!;
}

/** As `apply`, for operators with several outputs. */
export function applyAll(
  op: string,
  inputs: readonly (Tensor | undefined)[],
  attributes: Attributes = {},
  outputs = 1,
  domain = "",
): readonly Tensor[] {
  const name = domain === "" ? op : `${domain}.${op}`;
  const operator = operators.get(name);
  if (operator === undefined) fail(name, inputs, "the operator table has no such operator");
  const call = { x: inputs as readonly Tensor[], attributes, outputs };
  const typed = (): readonly TensorType[] => {
    try {
      const types = operator.type(call);
      return Array.isArray(types) ? (types as readonly TensorType[]) : [types as TensorType];
    } catch (error) {
      if (error instanceof RangeError) fail(name, inputs, error.message);
      throw error;
    }
  };
  if (operator.simplify === undefined && !operator.elementwise) {
    return intern(op, domain, inputs, attributes, outputs, typed);
  }
  const types = typed();
  if (operator.elementwise) call.x = withoutExpand(call.x, types[0]!.shape);
  const simple = operator.simplify?.(call, types);
  return simple === undefined ? intern(op, domain, call.x, attributes, outputs, types) : [simple];
}

/** Elementwise operators broadcast by themselves: drop an Expand before them where the result stays the same. */
function withoutExpand(inputs: readonly Tensor[], shape: Shape): readonly Tensor[] {
  if (!inputs.some((t) => t.node.op === "Expand")) return inputs;
  const lean = [...inputs];
  for (const [i, t] of lean.entries()) {
    if (t.node.op !== "Expand") continue;
    lean[i] = t.node.inputs[0]!;
    const without = broadcastShapes(...lean.map((o) => o.shape));
    if (without === undefined || !sameShape(without, shape)) lean[i] = t;
  }
  return lean;
}

/**
 * A node whose output types are known from elsewhere (an imported file's value_info), for operators that the table does
 * not have. It runs, but nothing can be differentiated through it.
 */
export function applyUnknown(
  op: string,
  domain: string,
  inputs: readonly (Tensor | undefined)[],
  attributes: Attributes,
  types: readonly TensorType[],
): readonly Tensor[] {
  return intern(op, domain, inputs, attributes, types.length, types);
}

/** The node for this call: the one that exists, or a new one, remembered by its newest input. */
function intern(
  op: string,
  domain: string,
  inputs: readonly (Tensor | undefined)[],
  attributes: Attributes,
  outputs: number,
  types: readonly TensorType[] | (() => readonly TensorType[]),
): readonly Tensor[] {
  let home: Node | undefined;
  let key = `${domain}.${op}/${outputs}`;
  for (const t of inputs) {
    key += t === undefined ? "," : `,${t.node.key}.${t.index}`;
    if (t !== undefined && isNewer(t.node, home)) home = t.node;
  }
  key += attributesKey(attributes);
  const known = home?.consumers.get(key);
  if (known !== undefined) return known.outputs;
  const made = makeNode(op, domain, inputs, attributes, typeof types === "function" ? types() : types);
  home?.consumers.set(key, made[0]!.node);
  return made;
}

/** Constants come last: they may outlive the graph that they are used in. */
function isNewer(node: Node, than: Node | undefined): boolean {
  if (than === undefined) return true;
  const computed = node.value === undefined;
  if (computed !== (than.value === undefined)) return computed;
  return node.id > than.id;
}

function makeNode(
  op: string,
  domain: string,
  inputs: readonly (Tensor | undefined)[],
  attributes: Attributes,
  types: readonly TensorType[],
  value?: NDArray,
): readonly Tensor[] {
  const node = new Node(op, domain, inputs, attributes, value);
  node.outputs = types.map((t, i) => new Tensor(node, i, t.shape, t.dtype));
  return node.outputs;
}
