/**
 * Random numbers from splittable keys. The same key gives the same bits on every platform, on the host (the key is an
 * NDArray, the result too) and inside a traced function (the key is a Tensor, the result too). A key is used once: `split` it
 * or `fold` a number into it to get more.
 *
 * The generator is Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
 * Distributions are formed in float64 from operations that IEEE 754 rounds exactly (arithmetic, square root, comparison),
 * logarithm and sine included: that is why host and graph agree to the last bit.
 */
import { type Arithmetic, hostArithmetic, tensorArithmetic } from "./arithmetic.ts";
import type { DType } from "./dtype.ts";
import { allocate, NDArray } from "./ndarray.ts";
import { topK } from "./operators/indexing.ts";
import { concat } from "./operators/movement.ts";
import { type Shape, showShape, sizeOf } from "./shape.ts";
import { apply, Tensor } from "./tensor.ts";

/** uint32 of shape [2]. */
export type Key = NDArray | Tensor;

type FloatType = "float32" | "float64";

/** A key from a whole number between 0 and 2^53. */
export function key(seed: number): NDArray {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`random.key: the seed ${seed} is no whole number from 0 to 2^53 - 1`);
  }
  return new NDArray(Uint32Array.of(Math.floor(seed / 2 ** 32), seed >>> 0), [2], "uint32");
}

/** Independent keys. Default two. */
export function split<K extends Key>(key: K, count = 2): K[] {
  return Array.from({ length: count }, (_, i) => derived(key, i, SPLIT) as K);
}

/** The key that belongs to a number (a step, a layer): the same number gives the same key. */
export function fold<K extends Key>(key: K, data: number): K {
  if (!Number.isInteger(data) || data < 0 || data >= 2 ** 32) {
    throw new RangeError(`random.fold: ${data} is no whole number from 0 to 2^32 - 1`);
  }
  return derived(key, data, FOLD) as K;
}

/** Uniform in [low, high), default [0, 1): 24 random bits for float32, 53 for float64. */
export function uniform<K extends Key>(
  key: K,
  shape: Shape,
  options: { readonly low?: number; readonly high?: number; readonly dtype?: FloatType } = {},
): K {
  const { low = 0, high = 1, dtype = "float32" } = options;
  const sample = dtype === "float32" ? unit24 : unit53;
  return draw(key, shape, dtype, (a, words) => sample(a, words).map((u) => a.add(a.mul(u, high - low), low)));
}

/** Standard normal (Box-Muller). */
export function normal<K extends Key>(key: K, shape: Shape, dtype: FloatType = "float32"): K {
  return draw(key, shape, dtype, boxMuller);
}

/** True with probability p; bool. */
export function bernoulli<K extends Key>(key: K, p: number, shape: Shape): K {
  const u = uniform(key, shape);
  if (u instanceof Tensor) return u.less(p) as K;
  const limit = Math.fround(p);
  return new NDArray(
    Uint8Array.from(u.data as Float32Array, (v) => (v < limit ? 1 : 0)),
    shape,
    "bool",
  ) as K;
}

/** Whole numbers from low up to, but not including, high; int64. The bias is below 2^-53 times their count. */
export function integers<K extends Key>(key: K, shape: Shape, low: number, high: number): K {
  if (!(high > low))
    throw new RangeError(`random.integers: there is no whole number from ${low} up to ${high}`);
  return draw(key, shape, "int64", (a, words) =>
    unit53(a, words).map((u) => a.add(a.floor(a.mul(u, high - low)), low)),
  );
}

/** Exponential with mean 1. */
export function exponential<K extends Key>(key: K, shape: Shape, dtype: FloatType = "float32"): K {
  return draw(key, shape, dtype, (a, words) => words.map((w) => a.mul(logarithm(a, unitOpen(a, w)), -1)));
}

/** Standard Gumbel: -log(-log(u)). Added to logits, the largest is a sample of their softmax. */
export function gumbel<K extends Key>(key: K, shape: Shape, dtype: FloatType = "float32"): K {
  return draw(key, shape, dtype, (a, words) =>
    words.map((w) => a.mul(logarithm(a, a.mul(logarithm(a, inside(a, w)), -1)), -1)),
  );
}

/** 0 ... n - 1 in random order; int64. */
export function permutation<K extends Key>(key: K, n: number): K {
  const order = uniform(key, [n], { dtype: "float64" });
  if (order instanceof Tensor) return topK(order, n).indices as K;
  const values = order.data as Float64Array;
  const indices = Array.from(values.keys()).sort((i, j) => values[j]! - values[i]! || i - j);
  return NDArray.from(indices, "int64") as K;
}

/** Which counters a purpose takes, so that bits, splits and folds of one key never meet. */
const BITS = 0;
const SPLIT = 1;
const FOLD = 2;

function derived(key: Key, counter: number, purpose: number): Key {
  check(key);
  if (key instanceof Tensor) {
    const a = tensorArithmetic;
    const words = threefry(a, keyWords(key), [a.word(counter), a.word(purpose)]);
    return concat(words.map((w) => w.reshape([1])));
  }
  const words = [0, 0];
  threefryWords(...hostKey(key), counter, purpose, words);
  return new NDArray(Uint32Array.from(words), [2], "uint32");
}

/** What one call of the generator, two words, is made into: one number or two. */
type Sampler = <T>(a: Arithmetic<T>, words: readonly T[]) => readonly T[];

function draw<K extends Key>(key: K, shape: Shape, dtype: DType, sample: Sampler): K {
  check(key);
  const count = sizeOf(shape);
  const perLane = sample(hostArithmetic, [0, 0]).length;
  const lanes = Math.ceil(count / perLane);
  return (key instanceof Tensor ? drawTensor : drawArray)(key as never, shape, dtype, sample, lanes) as K;
}

function drawArray(key: NDArray, shape: Shape, dtype: DType, sample: Sampler, lanes: number): NDArray {
  const out = allocate(dtype, sizeOf(shape));
  const [k0, k1] = hostKey(key);
  const words = [0, 0];
  const whole = dtype === "int64";
  for (let lane = 0; lane < lanes; lane++) {
    threefryWords(k0, k1, lane, BITS, words);
    const values = sample(hostArithmetic, words);
    for (let j = 0, at = lane; j < values.length && at < out.length; j++, at += lanes) {
      out[at] = whole ? (BigInt(values[j]!) as unknown as number) : values[j]!;
    }
  }
  return new NDArray(out, shape, dtype);
}

function drawTensor(key: Tensor, shape: Shape, dtype: DType, sample: Sampler, lanes: number): Tensor {
  const a = tensorArithmetic;
  const counters = Tensor.constant(
    new NDArray(
      Uint32Array.from({ length: lanes }, (_, i) => i),
      [lanes],
    ),
  );
  const values = sample(a, threefry(a, keyWords(key), [counters, a.word(BITS)]));
  return concat(values)
    .slice([0, sizeOf(shape)])
    .cast(dtype)
    .reshape(shape);
}

function check(key: Key): void {
  if (key.dtype === "uint32" && key.shape.length === 1 && key.shape[0] === 2) return;
  throw new TypeError(`random: ${key.dtype}${showShape(key.shape)} is no key: make one by random.key(seed)`);
}

function hostKey(key: NDArray): [number, number] {
  return [Number(key.data[0]), Number(key.data[1])];
}

function keyWords(key: Tensor): [Tensor, Tensor] {
  const word = (i: number) => apply("Gather", [key, Tensor.constant(i, "int64")], { axis: 0 });
  return [word(0), word(1)];
}

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;
const PARITY = 0x1bd11bda;

/** Threefry-2x32-20. */
export function threefry<T>(a: Arithmetic<T>, [k0, k1]: readonly [T, T], counter: readonly [T, T]): [T, T] {
  const keys = [k0, k1, a.xor(a.xor(k0, k1), a.word(PARITY))] as const;
  let x = a.addWords(counter[0], k0);
  let y = a.addWords(counter[1], k1);
  for (let round = 0; round < 20; round++) {
    x = a.addWords(x, y);
    y = a.xor(a.rotateLeft(y, ROTATIONS[round % 8]!), x);
    if (round % 4 !== 3) continue;
    const block = (round + 1) / 4;
    x = a.addWords(x, keys[block % 3]!);
    y = a.addWords(a.addWords(y, keys[(block + 1) % 3]!), a.word(block));
  }
  return [x, y];
}

/** The same on host numbers, without an allocation: what most random numbers are made by. */
export function threefryWords(k0: number, k1: number, c0: number, c1: number, out: number[]): void {
  const keys = [k0, k1, k0 ^ k1 ^ PARITY];
  let x = (c0 + k0) | 0;
  let y = (c1 + k1) | 0;
  for (let round = 0; round < 20; round++) {
    const bits = ROTATIONS[round & 7]!;
    x = (x + y) | 0;
    y = ((y << bits) | (y >>> (32 - bits))) ^ x;
    if ((round & 3) !== 3) continue;
    const block = (round + 1) >> 2;
    x = (x + keys[block % 3]!) | 0;
    y = (y + keys[(block + 1) % 3]! + block) | 0;
  }
  out[0] = x >>> 0;
  out[1] = y >>> 0;
}

function unit24<T>(a: Arithmetic<T>, words: readonly T[]): T[] {
  return words.map((w) => a.mul(a.real(a.shiftRight(w, 8)), 2 ** -24));
}

function unit53<T>(a: Arithmetic<T>, [high, low]: readonly T[]): T[] {
  const top = a.mul(a.real(a.shiftRight(high!, 5)), 2 ** 26);
  return [a.mul(a.add(top, a.real(a.shiftRight(low!, 6))), 2 ** -53)];
}

/** In (0, 1]. */
function unitOpen<T>(a: Arithmetic<T>, word: T): T {
  return a.mul(a.add(a.real(word), 1), 2 ** -32);
}

/** In (0, 1), without both ends. */
function inside<T>(a: Arithmetic<T>, word: T): T {
  return a.mul(a.add(a.real(word), 0.5), 2 ** -32);
}

function boxMuller<T>(a: Arithmetic<T>, [first, second]: readonly T[]): T[] {
  const radius = a.sqrt(a.mul(logarithm(a, unitOpen(a, first!)), -2));
  const [cos, sin] = circle(a, a.mul(a.real(second!), 2 ** -32));
  return [a.mul(radius, cos), a.mul(radius, sin)];
}

/** A polynomial in x, from the coefficient of x^0 up. */
function polynomial<T>(a: Arithmetic<T>, x: T, coefficients: readonly number[]): T {
  let sum = a.add(a.mul(x, coefficients.at(-1)!), coefficients.at(-2)!);
  for (let i = coefficients.length - 3; i >= 0; i--) sum = a.add(a.mul(sum, x), coefficients[i]!);
  return sum;
}

const ATANH_SERIES = Array.from({ length: 12 }, (_, k) => 2 / (2 * k + 1));

const OCTAVES = [32, 16, 8, 4, 2, 1].map((bits) => ({ bits, limit: 2 ** -bits, factor: 2 ** bits }));

/** The natural logarithm of a number between 2^-64 and 1, to 1e-16 relative. */
export function logarithm<T>(a: Arithmetic<T>, x: T): T {
  let mantissa = x;
  let exponent = a.mul(x, 0);
  for (const { bits, limit, factor } of OCTAVES) {
    const small = a.less(mantissa, limit);
    mantissa = a.where(small, a.mul(mantissa, factor), mantissa);
    exponent = a.where(small, a.add(exponent, -bits), exponent);
  }
  const low = a.less(mantissa, Math.SQRT1_2);
  mantissa = a.where(low, a.mul(mantissa, 2), mantissa);
  exponent = a.where(low, a.add(exponent, -1), exponent);
  const f = a.div(a.add(mantissa, -1), a.add(mantissa, 1));
  const series = a.mul(f, polynomial(a, a.mul(f, f), ATANH_SERIES));
  return a.add(a.mul(exponent, Math.LN2), series);
}

const factorials = [1];
for (let i = 1; i <= 17; i++) factorials.push(factorials[i - 1]! * i);
const COSINE_SERIES = Array.from({ length: 9 }, (_, k) => (-1) ** k / factorials[2 * k]!);
const SINE_SERIES = Array.from({ length: 9 }, (_, k) => (-1) ** k / factorials[2 * k + 1]!);

/** Cosine and sine of 2 pi t, for t in [0, 1). */
function circle<T>(a: Arithmetic<T>, t: T): [T, T] {
  const quarter = a.floor(a.add(a.mul(t, 4), 0.5));
  const angle = a.mul(a.add(t, a.mul(quarter, -0.25)), 2 * Math.PI);
  const square = a.mul(angle, angle);
  let cos = polynomial(a, square, COSINE_SERIES);
  let sin = a.mul(angle, polynomial(a, square, SINE_SERIES));
  for (let turn = 1; turn <= 4; turn++) {
    const past = a.less(quarter, turn);
    [cos, sin] = [a.where(past, cos, a.mul(sin, -1)), a.where(past, sin, cos)];
  }
  return [cos, sin];
}
