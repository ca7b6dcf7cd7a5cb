/**
 * Derivatives checked against central differences, in float64: the gradient by differences of the function, the
 * Hessian-vector product by differences of the gradient, the forward-mode derivative by differences of the outputs.
 */
import fc from "fast-check";
import { compile } from "../src/runtime/compile.ts";
import { isFloat } from "../src/tensor/dtype.ts";
import { NDArray } from "../src/tensor/ndarray.ts";
import { reachable } from "../src/tensor/rewrite.ts";
import { type Shape, showShape, sizeOf } from "../src/tensor/shape.ts";
import { Tensor } from "../src/tensor/tensor.ts";
import { grad, hessianVector, jvp } from "../src/tensor/transforms.ts";

/** Where inputs are drawn from: a number from one uniform in [0, 1). */
export type Domain = (uniform: number) => number;

export const between =
  (low: number, high: number): Domain =>
  (u) =>
    low + (high - low) * u;
export const any = between(-2, 2);
export const positive = between(0.3, 2.5);
export const nonzero: Domain = (u) => (u < 0.5 ? -1 : 1) * (0.3 + 2 * ((2 * u) % 1));

/** Between -4 and 4, at a distance from points where the function has no derivative. */
export const awayFrom =
  (...points: readonly number[]): Domain =>
  (u) => {
    const x = -4 + 8 * u;
    const close = points.find((p) => Math.abs(x - p) < 0.05);
    return close === undefined ? x : close + (x < close ? -0.05 : 0.05) + (x - close);
  };

/** What a case draws: one shape for each input. */
export type Shapes = fc.Arbitrary<readonly Shape[]>;

/** One line of a table of checks. */
export interface GradientCase {
  readonly name: string;
  /** For each input, or one for all. */
  readonly domain: Domain | readonly Domain[];
  readonly f: (...x: Tensor[]) => Tensor | readonly Tensor[];
  readonly shapes: Shapes;
}

const size = fc.integer({ min: 1, max: 3 });

/** One input of any shape, sometimes empty. */
export const anyShape: Shapes = fc
  .oneof({ weight: 9, arbitrary: fc.array(size, { maxLength: 3 }) }, fc.constant([0, 2]))
  .map((shape) => [shape]);

/** `count` inputs that broadcast together: axes are missing on the left or of size 1. */
export function broadcasting(count: number): Shapes {
  const operand = (full: Shape) =>
    fc
      .tuple(fc.nat(full.length), fc.array(fc.boolean(), { minLength: full.length, maxLength: full.length }))
      .map(([drop, ones]) => full.map((d, i) => (ones[i] ? 1 : d)).slice(drop));
  return fc
    .array(size, { maxLength: 3 })
    .chain((full) => fc.tuple(...Array.from({ length: count }, () => operand(full))));
}

/** One input with this number of axes, each of size 2 to 4. */
export function ofRank(rank: number): Shapes {
  return fc
    .array(fc.integer({ min: 2, max: 4 }), { minLength: rank, maxLength: rank })
    .map((shape) => [shape]);
}

/** Exactly these shapes. */
export function fixed(...shapes: readonly Shape[]): Shapes {
  return fc.constant(shapes);
}

/** Axes by letters, as in "ij,jk": equal letters have equal sizes, drawn anew each time. */
export function lettered(terms: string): Shapes {
  const letters = [...new Set(terms.replaceAll(",", ""))];
  return fc
    .array(size, { minLength: letters.length, maxLength: letters.length })
    .map((sizes) => terms.split(",").map((term) => [...term].map((l) => sizes[letters.indexOf(l)]!)));
}

/** A line of the table. The shapes default to one input of any shape, or to as many broadcasting ones as f has parameters. */
export function check(
  name: string,
  domain: GradientCase["domain"],
  f: GradientCase["f"],
  shapes: Shapes = f.length === 1 ? anyShape : broadcasting(f.length),
): GradientCase {
  return { name, domain, f, shapes };
}

/** The product of a linear function with itself, displaced: its second derivative is not 0. */
export const squared =
  (f: (x: Tensor) => Tensor) =>
  (x: Tensor): Tensor =>
    f(x).mul(f(x.sin()));

/** The names of all operators in the graph of a case. */
export function operatorsIn({ f, shapes }: GradientCase): Set<string> {
  const [drawn] = fc.sample(shapes, { numRuns: 1, seed: 1 });
  const outputs = f(...drawn!.map((shape) => Tensor.input(shape, "float64")));
  return new Set(reachable(Array.isArray(outputs) ? outputs : [outputs as Tensor]).map((n) => n.name));
}

const STEP = 1e-5;
const TOLERANCE = 1e-6;

/** Check a case on several draws of shapes and inputs, the same ones in every run. */
export async function checkGradients(the: GradientCase, runs = 4): Promise<void> {
  const property = fc.asyncProperty(the.shapes, fc.nat(), (shapes, seed) => checkOnce(the, shapes, seed));
  await fc.assert(property, { numRuns: runs, seed: 20260101, endOnFailure: true });
}

async function checkOnce(the: GradientCase, shapes: readonly Shape[], seed: number): Promise<void> {
  const random = uniforms(seed);
  const domainOf = (i: number) => (typeof the.domain === "function" ? the.domain : the.domain[i]!);
  const x = shapes.map((shape, i) => draw(shape, domainOf(i), random));
  const floats = (inputs: readonly Tensor[]): Tensor[] => {
    const outputs = the.f(...inputs);
    return (Array.isArray(outputs) ? (outputs as Tensor[]) : [outputs as Tensor]).filter((y) =>
      isFloat(y.dtype),
    );
  };
  const c = floats(shapes.map((shape) => Tensor.input(shape, "float64"))).map((y) =>
    draw(y.shape, any, random),
  );
  const v = shapes.map((shape) => draw(shape, any, random));
  const projected = (inputs: Tensor[], weights: readonly Tensor[]) =>
    floats(inputs)
      .map((y, i) => y.mul(weights[i]!).sum())
      .reduce((a, b) => a.add(b));

  const first = compile(
    (inputs: Tensor[], weights: Tensor[]) => ({
      outputs: floats(inputs),
      gradient: grad(projected)(inputs, weights) as Tensor[],
    }),
    { threads: 1 },
  );
  const second = compile(
    (inputs: Tensor[], weights: Tensor[], direction: Tensor[]) => ({
      product: hessianVector(projected)(inputs, direction, weights) as Tensor[],
      pushed: jvp((...list: Tensor[]) => floats(list), inputs, direction)[1],
    }),
    { threads: 1 },
  );
  const report = (what: string) => `${what} of ${the.name} for shapes ${shapes.map(showShape).join(" ")}`;
  try {
    const { gradient } = await first(x, c);
    const value = async (inputs: NDArray[]) => {
      const { outputs } = await first(inputs, c);
      return outputs.reduce((sum, y, i) => sum + dot(y, c[i]!), 0);
    };
    for (const [i, array] of x.entries()) {
      const numeric = new Float64Array(array.size);
      for (let k = 0; k < array.size; k++) {
        const unit = x.map((a, j) => basis(a.shape, j === i ? k : -1));
        numeric[k] =
          ((await value(moved(x, unit, STEP))) - (await value(moved(x, unit, -STEP)))) / (2 * STEP);
      }
      compare(report(`gradient ${i}`), gradient[i]!, numeric, x);
    }
    const [up, down] = [await first(moved(x, v, STEP), c), await first(moved(x, v, -STEP), c)];
    const { product, pushed } = await second(x, c, v);
    product.forEach((p, i) => {
      compare(report(`Hessian-vector product ${i}`), p, slopes(up.gradient[i]!, down.gradient[i]!), x);
    });
    pushed.forEach((p, i) => {
      compare(report(`jvp of output ${i}`), p, slopes(up.outputs[i]!, down.outputs[i]!), x);
    });
  } finally {
    await Promise.all([first.dispose(), second.dispose()]);
  }
}

/** Relative to the largest element, so that a difference of large terms is not held against a small one. */
function compare(what: string, analytic: NDArray, numeric: Float64Array, x: readonly NDArray[]): void {
  const found = analytic.data as Float64Array;
  const scale = Math.max(0.1, ...found.map(Math.abs), ...numeric.map(Math.abs));
  const wrong = numeric.findIndex((n, i) => !(Math.abs(n - found[i]!) <= TOLERANCE * scale));
  if (wrong < 0 && found.length === numeric.length) return;
  const inputs = x.map((a) => JSON.stringify(a.toNested())).join("; ");
  throw new Error(
    `${what}, element ${wrong}: analytic ${found[wrong]}, numeric ${numeric[wrong]} (inputs: ${inputs})`,
  );
}

function slopes(up: NDArray, down: NDArray): Float64Array {
  return Float64Array.from(up.data as Float64Array, (u, i) => (u - Number(down.data[i])) / (2 * STEP));
}

function moved(x: readonly NDArray[], direction: readonly NDArray[], step: number): NDArray[] {
  return x.map((a, i) => {
    const d = direction[i]!.data as Float64Array;
    return new NDArray(
      (a.data as Float64Array).map((e, k) => e + step * d[k]!),
      a.shape,
    );
  });
}

function basis(shape: Shape, at: number): NDArray {
  return new NDArray(
    Float64Array.from({ length: sizeOf(shape) }, (_, i) => (i === at ? 1 : 0)),
    shape,
  );
}

function dot(a: NDArray, b: NDArray): number {
  return (a.data as Float64Array).reduce((sum, e, i) => sum + e * Number(b.data[i]), 0);
}

function draw(shape: Shape, domain: Domain, random: () => number): NDArray {
  return new NDArray(
    Float64Array.from({ length: sizeOf(shape) }, () => domain(random())),
    shape,
  );
}

/** Uniform numbers in [0, 1) from a seed: a Weyl sequence, scrambled. */
function uniforms(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}
