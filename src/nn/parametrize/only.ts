import type { DType } from "../../tensor/dtype.ts";
import type { Shape } from "../../tensor/shape.ts";
import * as tree from "../../tensor/tree.ts";
import { trainable } from "../frozen.ts";

/** Patterns of paths, as in `tree.matches`: `"layers/0/*"`. Where parametrizations are composed, leading `weights/` and `delta/` may be left out. */
export type Only = string | readonly string[];

/** What arrays and tensors have in common. */
export interface Leaf {
  readonly shape: Shape;
  readonly dtype: DType;
}

/**
 * The weights that a parametrization is for, by path: those that `only` names, else all floats with at least `rank` axes. Never
 * what is frozen. Throws where a pattern matches nothing, a named weight is neither float32 nor float64, or nothing is left.
 */
export function chosen<L extends Leaf>(
  who: string,
  params: unknown,
  only: Only | undefined,
  rank = 2,
): Record<string, L> {
  const all = Object.entries(trainable(params)) as [string, L][];
  const patterns = only === undefined ? undefined : [only].flat();
  const names = all.map(([path]) => path);
  const unused = patterns?.find((p) => !names.some((path) => fits(path, p)));
  if (unused !== undefined)
    throw new RangeError(`${who}: no weight matches ${JSON.stringify(unused)}: there are ${listed(names)}`);
  const found = all.filter(([path, leaf]) =>
    patterns === undefined ? isReal(leaf) && leaf.shape.length >= rank : patterns.some((p) => fits(path, p)),
  );
  const odd = found.find(([, leaf]) => !isReal(leaf));
  if (odd !== undefined)
    throw new TypeError(`${who}: the weight "${odd[0]}" is ${odd[1].dtype}: take floats, float32 or float64`);
  if (found.length === 0)
    throw new RangeError(
      `${who}: none of the weights ${listed(names)} is a float of ${rank} axes or more: name some in \`only\``,
    );
  return Object.fromEntries(found);
}

/** The weight at this path, or the one there once leading `weights/` and `delta/` are left out. Undefined where there is none. */
export function atPath<T>(record: Readonly<Record<string, T>>, path: string): T | undefined {
  if (Object.hasOwn(record, path)) return record[path];
  const inner = own(path);
  return Object.hasOwn(record, inner) ? record[inner] : undefined;
}

/** Names, as errors list them. */
export function listed(names: readonly string[]): string {
  const more = names.length > 8 ? ` and ${names.length - 8} more` : "";
  return `${names.slice(0, 8).join(", ") || "none"}${more}`;
}

/** The axis of a weight's outputs: the columns of a dense kernel [in, out], the first of a convolution kernel. */
export function outputAxis(rank: number): number {
  return rank === 2 ? 1 : 0;
}

function fits(path: string, pattern: string): boolean {
  return tree.matches(path, pattern) || tree.matches(own(path), pattern);
}

function own(path: string): string {
  return path.replace(/^(?:(?:weights|delta)\/)+/, "");
}

function isReal({ dtype }: Leaf): boolean {
  return dtype === "float32" || dtype === "float64";
}
