/** The operations that random numbers are made of, on host numbers or on tensors: one algorithm, both places, equal bits. */
import { NDArray } from "./ndarray.ts";
import { where } from "./operators/elementwise.ts";
import { apply, Tensor } from "./tensor.ts";

/** T stands for a 32-bit word, a float64 or a condition, as the operation says. */
export interface Arithmetic<T> {
  word(value: number): T;
  addWords(a: T, b: T): T;
  xor(a: T, b: T): T;
  shiftRight(a: T, bits: number): T;
  rotateLeft(a: T, bits: number): T;
  /** A word as a float64. */
  real(word: T): T;
  add(a: T, b: T | number): T;
  mul(a: T, b: T | number): T;
  div(a: T, b: T): T;
  floor(a: T): T;
  sqrt(a: T): T;
  less(a: T, b: number): T;
  where(condition: T, a: T, b: T): T;
}

export const hostArithmetic: Arithmetic<number> = {
  word: (value) => value >>> 0,
  addWords: (a, b) => (a + b) >>> 0,
  xor: (a, b) => (a ^ b) >>> 0,
  shiftRight: (a, bits) => a >>> bits,
  rotateLeft: (a, bits) => ((a << bits) | (a >>> (32 - bits))) >>> 0,
  real: (word) => word,
  add: (a, b) => a + b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  floor: Math.floor,
  sqrt: Math.sqrt,
  less: (a, b) => (a < b ? 1 : 0),
  where: (condition, a, b) => (condition ? a : b),
};

function word(value: number): Tensor {
  return Tensor.constant(new NDArray(Uint32Array.of(value), [], "uint32"));
}

function shift(a: Tensor, bits: number, direction: "LEFT" | "RIGHT"): Tensor {
  return apply("BitShift", [a, word(bits)], { direction });
}

export const tensorArithmetic: Arithmetic<Tensor> = {
  word,
  addWords: (a, b) => a.add(b),
  xor: (a, b) => apply("BitwiseXor", [a, b]),
  shiftRight: (a, bits) => shift(a, bits, "RIGHT"),
  rotateLeft: (a, bits) => apply("BitwiseOr", [shift(a, bits, "LEFT"), shift(a, 32 - bits, "RIGHT")]),
  real: (a) => a.cast("float64"),
  add: (a, b) => a.add(b),
  mul: (a, b) => a.mul(b),
  div: (a, b) => a.div(b),
  floor: (a) => a.floor(),
  sqrt: (a) => a.sqrt(),
  less: (a, b) => a.less(b),
  where: (condition, a, b) => where(condition, a, b),
};
