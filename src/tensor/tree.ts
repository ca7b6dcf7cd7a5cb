/**
 * Trees: arrays and plain objects nested in any way, with leaves that are neither (a tensor, an array of numbers, a
 * number). Weights, gradients and optimizer states are trees. A leaf is named by the path to it: `"layers/0/kernel"`.
 */
import { NDArray } from "./ndarray.ts";
import { Tensor } from "./tensor.ts";

type Terminal = Tensor | NDArray | ArrayBufferView | ((...args: never[]) => unknown);

/** The same tree with every leaf replaced by a U. */
export type Mapped<T, U> = T extends Terminal
  ? U
  : T extends readonly unknown[]
    ? { [K in keyof T]: Mapped<T[K], U> }
    : T extends object
      ? { [K in keyof T]: Mapped<T[K], U> }
      : U;

/** The type of the leaves of a tree. */
export type LeafOf<T> = T extends Terminal
  ? T
  : T extends readonly (infer E)[]
    ? LeafOf<E>
    : T extends object
      ? LeafOf<T[keyof T]>
      : T;

/** The tree that a model sees while it is traced: tensors where there are arrays. */
export type Traced<T> = T extends NDArray
  ? Tensor
  : T extends Terminal
    ? T
    : T extends object
      ? { [K in keyof T]: Traced<T[K]> }
      : T;

/** The tree that a compiled function returns: arrays where there are tensors. */
export type Concrete<T> = T extends Tensor
  ? NDArray
  : T extends Terminal
    ? T
    : T extends object
      ? { [K in keyof T]: Concrete<T[K]> }
      : T;

/** True for arrays and plain objects, false for leaves. */
export function isBranch(value: unknown): value is Record<string, unknown> | readonly unknown[] {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype = Object.getPrototypeOf(value) as unknown;
  return prototype === Object.prototype || prototype === null;
}

/** Call `visit` on every leaf, in order, with its path. */
export function forEach<T>(tree: T, visit: (leaf: LeafOf<T>, path: string) => void): void {
  const walk = (value: unknown, path: string): void => {
    if (!isBranch(value)) visit(value as LeafOf<T>, path);
    else for (const [key, child] of Object.entries(value)) walk(child, path === "" ? key : `${path}/${key}`);
  };
  walk(tree, "");
}

export function leaves<T>(tree: T): LeafOf<T>[] {
  const out: LeafOf<T>[] = [];
  forEach(tree, (leaf) => out.push(leaf));
  return out;
}

/** The path of every leaf, in the order of `leaves`. */
export function paths(tree: unknown): string[] {
  const out: string[] = [];
  forEach(tree, (_, path) => out.push(path));
  return out;
}

/** A tree of the same structure from the list of its leaves. */
export function unflatten<T, U>(like: T, list: readonly U[]): Mapped<T, U> {
  let at = 0;
  const out = mapWithPath(() => list[at++]!, like);
  if (at !== list.length)
    throw new RangeError(`tree.unflatten: the tree has ${at} leaves, the list ${list.length}`);
  return out;
}

/**
 * Apply a function to every leaf, and to the leaves at the same paths of further trees:
 * `tree.map((w, dw) => w.sub(dw.mul(0.1)), params, gradients)`. The further trees must have every leaf of the first.
 */
export function map<T, U>(f: (leaf: LeafOf<T>) => U, tree: T): Mapped<T, U>;
export function map<T, R, U>(f: (leaf: LeafOf<T>, other: LeafOf<R>) => U, tree: T, other: R): Mapped<T, U>;
export function map<T, R, S, U>(
  f: (leaf: LeafOf<T>, second: LeafOf<R>, third: LeafOf<S>) => U,
  tree: T,
  second: R,
  third: S,
): Mapped<T, U>;
export function map<T, R, S, Q, U>(
  f: (leaf: LeafOf<T>, second: LeafOf<R>, third: LeafOf<S>, fourth: LeafOf<Q>) => U,
  tree: T,
  second: R,
  third: S,
  fourth: Q,
): Mapped<T, U>;
export function map(
  f: (...leaves: never[]) => unknown,
  tree: unknown,
  ...others: readonly unknown[]
): unknown {
  const apply = f as (...leaves: unknown[]) => unknown;
  const walk = (value: unknown, rest: readonly unknown[], path: string): unknown => {
    if (!isBranch(value)) return apply(value, ...rest);
    const child = (key: string): unknown => {
      const at = path === "" ? key : `${path}/${key}`;
      const parts = rest.map((r, i) => {
        if (isBranch(r) && Object.hasOwn(r, key)) return (r as Record<string, unknown>)[key];
        throw new RangeError(`tree.map: tree ${i + 2} has nothing at "${at}", the first tree does`);
      });
      return walk((value as Record<string, unknown>)[key], parts, at);
    };
    return rebuild(value, child);
  };
  return walk(tree, others, "");
}

export function mapWithPath<T, U>(f: (leaf: LeafOf<T>, path: string) => U, tree: T): Mapped<T, U> {
  const walk = (value: unknown, path: string): unknown =>
    isBranch(value)
      ? rebuild(value, (key) =>
          walk((value as Record<string, unknown>)[key], path === "" ? key : `${path}/${key}`),
        )
      : f(value as LeafOf<T>, path);
  return walk(tree, "") as Mapped<T, U>;
}

function rebuild(
  value: Record<string, unknown> | readonly unknown[],
  child: (key: string) => unknown,
): unknown {
  if (Array.isArray(value)) return value.map((_, i) => child(String(i)));
  return Object.fromEntries(Object.keys(value).map((key) => [key, child(key)]));
}

/** The leaves by path. */
export function toRecord<T>(tree: T): Record<string, LeafOf<T>> {
  const record: Record<string, LeafOf<T>> = {};
  forEach(tree, (leaf, path) => {
    record[path] = leaf;
  });
  return record;
}

/** A tree of the structure of `like` with the leaves of a record. Throws, naming the paths that are missing or left over. */
export function fromRecord<T, U>(like: T, record: Readonly<Record<string, U>>): Mapped<T, U> {
  const wanted = new Set(paths(like));
  const missing = [...wanted].filter((path) => !Object.hasOwn(record, path));
  const extra = Object.keys(record).filter((path) => !wanted.has(path));
  if (missing.length > 0 || extra.length > 0) {
    const say = (what: string, list: string[]) =>
      list.length === 0
        ? ""
        : ` ${what} ${list.slice(0, 3).join(", ")}${list.length > 3 ? ` and ${list.length - 3} more` : ""};`;
    throw new RangeError(
      `tree.fromRecord: the leaves do not fit the tree:${say("missing", missing)}${say("not in the tree", extra)}`,
    );
  }
  return mapWithPath((_, path) => record[path]!, like);
}

/**
 * Does a path fit a pattern? `*` stands for any part of one name, `**` for any number of names. All biases are
 * `**` + `/bias`.
 */
export function matches(path: string, pattern: string): boolean {
  const source = pattern
    .split("/")
    .map((part) =>
      part === "**" ? "**" : part.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", "[^/]*"),
    )
    .join("/")
    .replaceAll("**/", "(?:.*/)?")
    .replaceAll("/**", "(?:/.*)?")
    .replaceAll("**", ".*");
  return new RegExp(`^${source}$`).test(path);
}

/** The tree that a model sees while it is traced, with fresh inputs for its arrays. */
export function traced<T>(tree: T): Traced<T> {
  return map(
    (leaf) => (leaf instanceof NDArray ? Tensor.input(leaf.shape, leaf.dtype) : leaf),
    tree,
  ) as Traced<T>;
}
