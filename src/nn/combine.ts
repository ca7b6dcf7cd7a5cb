/** Models made of models. */
import type { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Context, type Model, partContext } from "./model.ts";

/** Models by name or number, nested in any way; a part that is not there is undefined. */
export type Parts = Model<unknown, never> | undefined | readonly Parts[] | { readonly [name: string]: Parts };

/** The weights of each part, at the place of the part. */
export type ParamsOf<T> = T extends { init(key: NDArray): infer P }
  ? P
  : T extends undefined
    ? undefined
    : { -readonly [K in keyof T]: ParamsOf<T[K]> };

/** Each part as a function of its input, with its weights and its share of the context filled in. */
export type Running<T> = T extends { apply(params: never, x: infer X, context?: Context): Tensor }
  ? (x: X) => Tensor
  : T extends undefined
    ? undefined
    : { readonly [K in keyof T]: Running<T[K]> };

/**
 * A model of named parts. The tree of its weights is that of the parts; a part called twice shares its weights and draws new random
 * numbers.
 *
 * ```ts
 * const block = nn.combine(
 *   { norm: nn.layerNorm({ size: 64 }), inner: nn.mlp({ sizes: [64, 256, 64], activation: "gelu" }) },
 *   ({ norm, inner }, x: Tensor) => x.add(inner(norm(x))),
 * );
 * block.init(key); // { norm: { scale, bias }, inner: { layers: [...] } }
 * ```
 */
export function combine<T extends { readonly [name: string]: Parts }, X = Tensor>(
  parts: T,
  apply: (run: Running<T>, x: X, context?: Context) => Tensor,
): Model<ParamsOf<T>, X> {
  const count = countOf(parts);
  return {
    init: (key) => {
      let at = 0;
      return build(parts, undefined, (part) => part.init(random.fold(key, at++))) as unknown as ParamsOf<T>;
    },
    apply: (params: unknown, x, context) => {
      let index = 0;
      const run = build(parts, params, (part, weights) => {
        let next = index++;
        return (input: never) => {
          const own = partContext(context, next);
          next += count;
          return part.apply(weights as never, input, own);
        };
      });
      return apply(run as never, x, context);
    },
  };
}

/** Layers one after the other: `layers/0`, `layers/1`, ... */
export function sequential<const L extends readonly Model<unknown>[]>(
  ...layers: L
): Model<{ layers: { -readonly [K in keyof L]: ParamsOf<L[K]> } }> {
  const model = combine({ layers: layers as readonly Model<unknown>[] }, (run, x: Tensor) =>
    run.layers.reduce((h, layer) => layer(h), x),
  );
  return model as Model<{ layers: { -readonly [K in keyof L]: ParamsOf<L[K]> } }>;
}

/** x + inner(x), or shortcut(x) + inner(x). Weights are `inner/...` and `shortcut/...`. */
export function residual<P>(inner: Model<P>): Model<{ inner: P }>;
export function residual<P, S>(inner: Model<P>, shortcut: Model<S>): Model<{ inner: P; shortcut: S }>;
export function residual(inner: Model<unknown>, shortcut?: Model<unknown>): Model<unknown> {
  const parts = { inner, shortcut };
  return combine(parts, (run, x: Tensor) => (run.shortcut?.(x) ?? x).add(run.inner(x)));
}

/** A function as a layer without weights: `nn.layer((x) => x.relu())`. */
export function layer(apply: (x: Tensor) => Tensor): Model<Record<string, never>> {
  return { init: () => ({}), apply: (_, x) => apply(x) };
}

function isModel(value: Parts): value is Model<unknown, never> {
  return typeof (value as Partial<Model<unknown>> | undefined)?.apply === "function";
}

function countOf(parts: Parts): number {
  if (parts === undefined) return 0;
  return isModel(parts) ? 1 : Object.values(parts).reduce((n: number, p: Parts) => n + countOf(p), 0);
}

/** The tree of the parts with something in the place of each one, beside the weights of the same place. */
function build(
  parts: Exclude<Parts, undefined>,
  weights: unknown,
  make: (part: Model<unknown, never>, weights: unknown) => unknown,
): unknown {
  if (isModel(parts)) return make(parts, weights);
  const child = (key: string | number) => (weights as Readonly<Record<string, unknown>> | undefined)?.[key];
  if (Array.isArray(parts)) return parts.map((p: Exclude<Parts, undefined>, i) => build(p, child(i), make));
  const present = Object.entries(parts as Readonly<Record<string, Parts>>).flatMap(([name, part]) =>
    part === undefined ? [] : [[name, build(part, child(name), make)] as const],
  );
  return Object.fromEntries(present);
}
