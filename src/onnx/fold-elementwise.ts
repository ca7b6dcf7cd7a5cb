import { type DType, dtypes, isFloat } from "../tensor/dtype.ts";
import { NDArray } from "../tensor/ndarray.ts";
import { intAttribute, intsAttribute } from "../tensor/node.ts";
import { broadcastShapes, normalAxes, type Shape, sizeOf } from "../tensor/shape.ts";
import type { Fold, FoldCall } from "./fold.ts";
import { broadcastTo, eachPlace } from "./fold-indices.ts";

type Value = number | bigint;

/** One operation on floats (numbers) and on integers (bigints). Undefined: not here. */
interface Operation {
  readonly float?: (...x: number[]) => number;
  readonly int?: (...x: bigint[]) => bigint | undefined;
}

/** The element `i`, as a bigint for integers and bools. */
function valueAt(x: NDArray, i: number): Value {
  return isFloat(x.dtype) ? Number(x.data[i]) : BigInt(x.data[i]!);
}

/** Values as an array; integers wrap around as in the runtime. */
function arrayOf(values: readonly Value[], shape: Shape, dtype: DType): NDArray {
  const out = new dtypes[dtype].array(values.length);
  const big = dtype === "int64" || dtype === "uint64";
  values.forEach((v, i) => {
    (out as { [i: number]: Value })[i] = big
      ? BigInt(v)
      : typeof v === "bigint"
        ? Number(BigInt.asIntN(32, v))
        : v;
  });
  return new NDArray(out, shape, dtype);
}

function broadcastInputs(x: readonly NDArray[]): { shape: Shape; inputs: NDArray[] } | undefined {
  if (x.some((t) => t.dtype === "float16")) return undefined;
  const shape = broadcastShapes(...x.map((t) => t.shape));
  return shape && { shape, inputs: x.map((t) => broadcastTo(t, shape)) };
}

function elementwise({ float, int }: Operation, result: (x: readonly NDArray[]) => DType): Fold {
  return ({ x }) => {
    const all = x as readonly NDArray[];
    const f = (isFloat(all[0]!.dtype) ? float : int) as ((...v: Value[]) => Value | undefined) | undefined;
    const fitted = broadcastInputs(all);
    if (f === undefined || fitted === undefined || all.some((t) => t.dtype !== all[0]!.dtype))
      return undefined;
    const values: Value[] = [];
    for (let i = 0; i < sizeOf(fitted.shape); i++) {
      const v = f(...fitted.inputs.map((t) => valueAt(t, i)));
      if (v === undefined) return undefined;
      values.push(v);
    }
    return arrayOf(values, fitted.shape, result(all));
  };
}

const same = (x: readonly NDArray[]): DType => x[0]!.dtype;
const arithmetic = (operation: Operation): Fold => elementwise(operation, same);
const compare = (f: (a: Value, b: Value) => boolean): Fold =>
  elementwise({ float: (a, b) => Number(f(a!, b!)), int: (a, b) => BigInt(f(a!, b!)) }, () => "bool");
const smaller = (a: bigint, b: bigint): bigint => {
  if (b < a) return b;
  return a;
};
const larger = (a: bigint, b: bigint): bigint => {
  if (b > a) return b;
  return a;
};
const least = (...x: bigint[]): bigint => x.reduce(smaller);
const greatest = (...x: bigint[]): bigint => x.reduce(larger);
const logic = (f: (a: bigint, b: bigint) => bigint): Fold => elementwise({ int: (a, b) => f(a!, b!) }, same);

/** The sign of the divisor for integers unless `fmod` says otherwise. */
function mod(call: FoldCall): ReturnType<Fold> {
  const fmod = intAttribute(call.attributes, "fmod", 0) === 1;
  const int = (a?: bigint, b?: bigint) => {
    if (b === 0n) return undefined;
    const rest = a! % b!;
    return !fmod && rest !== 0n && rest < 0n !== b! < 0n ? rest + b! : rest;
  };
  return elementwise(fmod ? { int, float: (a, b) => a! % b! } : { int }, same)(call);
}

function where({ x }: FoldCall): NDArray | undefined {
  const fitted = broadcastInputs(x as readonly NDArray[]);
  if (fitted === undefined) return undefined;
  const [condition, a, b] = fitted.inputs as [NDArray, NDArray, NDArray];
  const values = Array.from({ length: a.size }, (_, i) => valueAt(condition.data[i] === 1 ? a : b, i));
  return a.dtype === b.dtype ? arrayOf(values, fitted.shape, a.dtype) : undefined;
}

/** Of integers and bools: the sum of floats depends on the order. */
function reduction(f: (a: bigint, b: bigint) => bigint, start?: bigint): Fold {
  return ({ x: [x, axes], attributes }) => {
    if (isFloat(x!.dtype)) return undefined;
    const listed = axes === undefined ? [] : Array.from(axes.data as Iterable<Value>, Number);
    if (listed.length === 0 && intAttribute(attributes, "noop_with_empty_axes", 0) === 1) return x;
    const along = normalAxes(listed.length > 0 ? listed : intsAttribute(attributes, "axes"), x!.rank);
    const shape = x!.shape.map((d, i) => (along.includes(i) ? 1 : d));
    const sums = new Array<bigint | undefined>(sizeOf(shape)).fill(start);
    const strides = shape.map((_, i) => sizeOf(shape.slice(i + 1)));
    eachPlace(x!.shape, (at, i) => {
      const to = at.reduce((n, v, axis) => n + (along.includes(axis) ? 0 : v * strides[axis]!), 0);
      const v = valueAt(x!, i) as bigint;
      sums[to] = sums[to] === undefined ? v : f(sums[to], v);
    });
    if (sums.includes(undefined)) return undefined;
    const kept = intAttribute(attributes, "keepdims", 1) === 1;
    const out = kept ? shape : x!.shape.filter((_, i) => !along.includes(i));
    return arrayOf(sums as bigint[], out, x!.dtype);
  };
}

export const elementwiseFolds: Readonly<Record<string, Fold>> = {
  Add: arithmetic({ float: (a, b) => a! + b!, int: (a, b) => a! + b! }),
  Sub: arithmetic({ float: (a, b) => a! - b!, int: (a, b) => a! - b! }),
  Mul: arithmetic({ float: (a, b) => a! * b!, int: (a, b) => a! * b! }),
  Div: arithmetic({ float: (a, b) => a! / b!, int: (a, b) => (b === 0n ? undefined : a! / b!) }),
  Mod: mod,
  Min: arithmetic({ float: Math.min, int: least }),
  Max: arithmetic({ float: Math.max, int: greatest }),
  Neg: arithmetic({ float: (a) => -a!, int: (a) => -a! }),
  Abs: arithmetic({ float: (a) => Math.abs(a!), int: (a) => (a! < 0n ? -a! : a!) }),
  Floor: arithmetic({ float: (a) => Math.floor(a!) }),
  Ceil: arithmetic({ float: (a) => Math.ceil(a!) }),
  Sqrt: arithmetic({ float: (a) => Math.sqrt(a!) }),
  Equal: compare((a, b) => a === b),
  Less: compare((a, b) => a < b),
  LessOrEqual: compare((a, b) => a <= b),
  Greater: compare((a, b) => a > b),
  GreaterOrEqual: compare((a, b) => a >= b),
  And: logic((a, b) => a & b),
  Or: logic((a, b) => a | b),
  Xor: logic((a, b) => a ^ b),
  Not: elementwise({ int: (a) => 1n - a! }, same),
  Where: where,
  ReduceSum: reduction((a, b) => a + b, 0n),
  ReduceProd: reduction((a, b) => a * b, 1n),
  ReduceMax: reduction(larger),
  ReduceMin: reduction(smaller),
};
