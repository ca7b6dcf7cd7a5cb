import { type DType, dtypes, isBig, isFloat, type TypedArray } from "./dtype.ts";
import { type Shape, showShape, sizeOf } from "./shape.ts";

/** Numbers, booleans or bigints in nested arrays of equal length: `2`, `[1, 2]`, `[[true], [false]]`. */
export type Nested = number | boolean | bigint | readonly Nested[];

/** A typed array that `NDArray.from` takes as one-dimensional data. */
type Flat = TypedArray;

/**
 * An array of numbers: what goes into and comes out of compiled functions.
 *
 * `data` is row-major and holds one element per entry: bigint for int64 and uint64, 0 or 1 for bool, raw bits for float16.
 * Instances have no hidden state: they may be sent to a worker or cloned (`structuredClone` keeps the three fields;
 * `new NDArray(data, shape, dtype)` gives the methods back).
 */
export class NDArray {
  /** Empty once the array was donated to a compiled function. */
  readonly data: TypedArray;
  readonly shape: Shape;
  readonly dtype: DType;

  constructor(data: TypedArray, shape: Shape, dtype: DType = dtypeOf(data)) {
    const bad = shape.find((d) => !Number.isInteger(d) || d < 0);
    if (bad !== undefined) {
      throw new RangeError(
        `NDArray: ${bad} is no size in the shape ${showShape(shape)}: use whole numbers from 0`,
      );
    }
    if (data.length !== sizeOf(shape)) {
      throw new RangeError(
        `NDArray: the shape ${showShape(shape)} takes ${sizeOf(shape)} elements, the data has ${data.length}`,
      );
    }
    if (!(data instanceof dtypes[dtype].array)) {
      throw new TypeError(
        `NDArray: ${dtype} is held in ${dtypes[dtype].array.name}, the data is ${data.constructor.name}`,
      );
    }
    this.data = data;
    this.shape = shape;
    this.dtype = dtype;
  }

  /**
   * An array of nested numbers (float32 unless `dtype` says otherwise), booleans (bool), bigints (int64), or a typed array
   * (its own type, one-dimensional, not copied). Throws where rows differ in length, naming the first such row.
   */
  static from(values: Nested | Flat, dtype?: DType): NDArray {
    if (ArrayBuffer.isView(values)) {
      const array = new NDArray(values as TypedArray, [(values as TypedArray).length]);
      return dtype === undefined || dtype === array.dtype ? array : array.cast(dtype);
    }
    const shape = shapeOfNested(values as Nested);
    const first = firstLeaf(values as Nested);
    const type =
      dtype ?? (typeof first === "boolean" ? "bool" : typeof first === "bigint" ? "int64" : "float32");
    const data = allocate(type, sizeOf(shape));
    let at = 0;
    const fill = (v: Nested): void => {
      if (Array.isArray(v)) for (const x of v) fill(x);
      else data[at++] = element(v as number | boolean | bigint, type);
    };
    fill(values as Nested);
    return new NDArray(data, shape, type);
  }

  static scalar(value: number | boolean | bigint, dtype?: DType): NDArray {
    return NDArray.from(value, dtype);
  }

  static zeros(shape: Shape, dtype: DType = "float32"): NDArray {
    return new NDArray(allocate(dtype, sizeOf(shape)), shape, dtype);
  }

  static full(shape: Shape, value: number, dtype: DType = "float32"): NDArray {
    const data = allocate(dtype, sizeOf(shape));
    (data as { fill(v: number | bigint): unknown }).fill(element(value, dtype));
    return new NDArray(data, shape, dtype);
  }

  get size(): number {
    return sizeOf(this.shape);
  }

  /** True once a compiled function has taken the memory: see `donate` in `compile`. */
  get isDonated(): boolean {
    return this.data.length !== this.size;
  }

  /** Give the memory away: a new array that holds it. This one is empty from here on. */
  donate(): NDArray {
    const taken = new NDArray(this.alive(), this.shape, this.dtype);
    (this as { data: TypedArray }).data = empty[this.dtype];
    return taken;
  }

  private alive(): TypedArray {
    if (this.isDonated) {
      throw new Error(
        `NDArray: this ${this.dtype}${showShape(this.shape)} was donated to a compiled function: use the array that the call returned, or a copy() made before`,
      );
    }
    return this.data;
  }

  get rank(): number {
    return this.shape.length;
  }

  /** The one element of an array of size 1, as a number. */
  item(): number {
    if (this.size !== 1) {
      throw new RangeError(
        `item() takes an array of one element, this one has the shape ${showShape(this.shape)}`,
      );
    }
    return Number(this.alive()[0]);
  }

  /** Nested arrays of numbers (bigints for int64 and uint64, booleans for bool). */
  toNested(): Nested {
    const data = this.alive();
    const value = (i: number): Nested => (this.dtype === "bool" ? data[i] === 1 : data[i]!);
    let at = 0;
    const build = (axis: number): Nested =>
      axis === this.rank ? value(at++) : Array.from({ length: this.shape[axis]! }, () => build(axis + 1));
    return build(0);
  }

  /** The same data in another shape; one size may be -1. Nothing is copied. */
  reshape(shape: Shape): NDArray {
    const known = shape.filter((d) => d !== -1);
    const full = shape.map((d) => (d === -1 ? this.size / sizeOf(known) : d));
    return new NDArray(this.alive(), full, this.dtype);
  }

  /** A copy with another element type: toward zero from float to int, nonzero is true. */
  cast(dtype: DType): NDArray {
    const source = this.alive();
    if (this.dtype === "float16" && dtype !== "float16")
      throw new TypeError("NDArray: float16 is carried as raw bits: cast it in a compiled function");
    if (this.dtype === dtype) return this.copy();
    const data = allocate(dtype, this.size);
    const whole = isFloat(this.dtype) && !isFloat(dtype) && dtype !== "bool";
    for (let i = 0; i < data.length; i++) {
      const v = source[i]!;
      data[i] = element(whole ? Math.trunc(v as number) : v, dtype);
    }
    return new NDArray(data, this.shape, dtype);
  }

  copy(): NDArray {
    return new NDArray(this.alive().slice(), this.shape, this.dtype);
  }
}

/** What arrays hold that gave their memory away. */
const empty = Object.fromEntries(
  Object.entries(dtypes).map(([name, { array }]) => [name, new array(0)]),
) as Readonly<Record<DType, TypedArray>>;

export function allocate(dtype: DType, size: number): TypedArray {
  return new dtypes[dtype].array(size);
}

function dtypeOf(data: TypedArray): DType {
  for (const [name, info] of Object.entries(dtypes)) {
    if (data instanceof info.array && name !== "float16" && name !== "bool") return name as DType;
  }
  throw new TypeError(
    `NDArray: ${Object.prototype.toString.call(data)} is no typed array that a dtype is held in`,
  );
}

/** A JavaScript value as an element of this dtype's typed array. Typed as number because TypeScript unites the setters. */
function element(value: number | boolean | bigint, dtype: DType): number {
  if (dtype === "float16")
    throw new TypeError("NDArray: float16 is carried as raw bits and cannot be made from numbers");
  if (dtype === "bool") return Number(value) === 0 ? 0 : 1;
  if (isBig(dtype)) return BigInt(value) as unknown as number;
  return Number(value);
}

function firstLeaf(v: Nested): number | boolean | bigint | undefined {
  if (!Array.isArray(v)) return v as number;
  for (const x of v) {
    const leaf = firstLeaf(x);
    if (leaf !== undefined) return leaf;
  }
  return undefined;
}

function shapeOfNested(values: Nested): number[] {
  const shape: number[] = [];
  for (let v = values; Array.isArray(v); v = v[0] as Nested) {
    shape.push(v.length);
    if (v.length === 0) break;
  }
  const check = (v: Nested, axis: number, path: string): void => {
    const length = Array.isArray(v) ? v.length : undefined;
    if (length !== shape[axis]) {
      const want = shape[axis] === undefined ? "a number" : `${shape[axis]} entries`;
      throw new RangeError(
        `NDArray.from: ragged input: values${path} should be ${want}, as its neighbours are`,
      );
    }
    if (Array.isArray(v)) v.forEach((x, i) => check(x as Nested, axis + 1, `${path}[${i}]`));
  };
  check(values, 0, "");
  return shape;
}
