/** The inputs of a hypernetwork: their names, shapes and range checked, and all of them as one vector for each example. */
import { NDArray } from "../../tensor/ndarray.ts";
import { concat } from "../../tensor/operators/movement.ts";
import { type Shape, sameShape, showShape, sizeOf } from "../../tensor/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";

export type InputShapes = Readonly<Record<string, Shape>>;

/** One tensor for each input: of its shape, or [G, ...its shape] for G examples. */
export type Gamma = Readonly<Record<string, Tensor>>;

/** All inputs side by side, in the order of their names: [G, k]; `batch` is undefined, and G 1, where they have no batch axis. */
export interface FlatGamma {
  readonly flat: Tensor;
  readonly batch: number | undefined;
}

export function namesOf(inputs: InputShapes): string[] {
  return Object.keys(inputs).sort();
}

export function flatSize(inputs: InputShapes): number {
  return Object.values(inputs).reduce((k, shape) => k + sizeOf(shape), 0);
}

export function checkInputShapes(inputs: InputShapes): void {
  if (flatSize(inputs) < 1)
    throw new RangeError("hypernetwork: inputs is empty: name one with its shape, such as { angle: [1] }");
}

export function flattenGamma(inputs: InputShapes, gamma: Gamma, dtype: string): FlatGamma {
  const names = namesOf(inputs);
  checkNames(names, gamma);
  const batches = names.map((name) => batchOf(name, inputs[name]!, gamma[name]!, dtype));
  const [batch] = batches;
  const odd = batches.findIndex((b) => b !== batch);
  if (odd >= 0)
    throw new RangeError(
      `hypernetwork: the input "${names[0]}" has ${batchWords(batch)} and "${names[odd]}" ${batchWords(batches[odd])}: give all inputs the same batch`,
    );
  const rows = names.map((name) => gamma[name]!.reshape([batch ?? 1, sizeOf(inputs[name]!)]));
  return { flat: rows.length === 1 ? rows[0]! : concat(rows, 1), batch };
}

function checkNames(names: readonly string[], gamma: Readonly<Record<string, unknown>>): void {
  const missing = names.find((name) => !Object.hasOwn(gamma, name));
  const extra = Object.keys(gamma).find((name) => !names.includes(name));
  if (missing === undefined && extra === undefined) return;
  const what =
    missing === undefined ? `"${extra}" is none of the inputs` : `the input "${missing}" is missing`;
  throw new RangeError(`hypernetwork: ${what}: give ${names.join(", ")}`);
}

function batchOf(name: string, shape: Shape, value: Tensor, dtype: string): number | undefined {
  if (value.dtype !== dtype)
    throw new TypeError(
      `hypernetwork: the input "${name}" is ${value.dtype} and the weights are ${dtype}: cast one of them`,
    );
  if (sameShape(value.shape, shape)) return undefined;
  if (value.rank === shape.length + 1 && sameShape(value.shape.slice(1), shape)) return value.shape[0]!;
  throw new RangeError(
    `hypernetwork: the input "${name}" has the shape ${showShape(value.shape)}: give ${showShape(shape)}, or ${showShape([-1, ...shape]).replace("-1", "G")} for G examples`,
  );
}

function batchWords(batch: number | undefined): string {
  return batch === undefined ? "no batch axis" : `a batch of ${batch}`;
}

/** Numbers for the inputs as arrays: a number fills an input, an array is reshaped to it. */
export type GammaValues = Readonly<Record<string, number | readonly number[] | NDArray>>;

export function gammaArrays(inputs: InputShapes, values: GammaValues): Record<string, NDArray> {
  checkNames(namesOf(inputs), values);
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const shape = inputs[name]!;
      if (typeof value === "number") return [name, NDArray.full(shape, value, "float64")];
      const array = value instanceof NDArray ? value : NDArray.from(value as number[], "float64");
      return [name, array.size === sizeOf(shape) ? array.reshape(shape) : array];
    }),
  );
}

/** The values outside [0, 1], in words; undefined where there are none. */
export function outsideUnit(arrays: Readonly<Record<string, NDArray>>): string | undefined {
  for (const [name, { data }] of Object.entries(arrays)) {
    let [low, high] = [0, 1];
    for (const v of data) {
      low = Math.min(low, Number(v));
      high = Math.max(high, Number(v));
    }
    if (low < 0 || high > 1)
      return `the input "${name}" has values from ${low} to ${high}, outside [0, 1]: scale it by toUnit, or different inputs get one code`;
  }
  return undefined;
}
