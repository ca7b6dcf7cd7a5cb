/** Derivatives of functions: reverse and forward mode, of any order, over trees of tensors. */

import { pullback } from "./differentiate.ts";
import { isFloat } from "./dtype.ts";
import { NDArray } from "./ndarray.ts";
import { defineOperators, INTERNAL } from "./node.ts";
import { stack } from "./operators/movement.ts";
import { sameAsFirst } from "./operators/rules.ts";
import { sameShape, showShape } from "./shape.ts";
import { apply, lift, Tensor } from "./tensor.ts";
import * as tree from "./tree.ts";

/** The gradient of a tree: a tensor where there was a tensor or an array. */
export type Gradient<T> = tree.Mapped<T, Tensor>;

/**
 * The gradient of a scalar function with respect to its first argument (a tensor or a tree of them), as a function of the
 * same arguments. What the function does not depend on has gradient 0.
 */
export function grad<P, A extends readonly unknown[]>(
  f: (params: P, ...rest: A) => Tensor,
): (params: P, ...rest: A) => Gradient<P> {
  const both = valueAndGrad(f);
  return (params, ...rest) => both(params, ...rest)[1];
}

/** As `grad`, with the value beside the gradient. */
export function valueAndGrad<P, A extends readonly unknown[]>(
  f: (params: P, ...rest: A) => Tensor,
): (params: P, ...rest: A) => [value: Tensor, gradient: Gradient<P>] {
  return (params, ...rest) => {
    const { variables, own } = asVariables(params);
    const value = f(variables, ...rest);
    if (!(value instanceof Tensor))
      throw new TypeError("grad: the function must return one Tensor, the loss");
    if (value.size !== 1) {
      throw new RangeError(
        `grad: the function must return a scalar, not the shape ${showShape(value.shape)}: reduce it by mean() or sum(), or use vjp`,
      );
    }
    const gradients = pullback([value], [Tensor.ones(value.shape, value.dtype)], own);
    return [value, tree.unflatten(params, withZeros(gradients, own)) as Gradient<P>];
  };
}

/**
 * Reverse mode: the outputs, and the function from their cotangents (a tree like the outputs) to the cotangents of each
 * argument.
 */
export function vjp<A extends readonly unknown[], Y>(
  f: (...args: A) => Y,
  ...primals: A
): [outputs: Y, pull: (cotangents: Y) => { [K in keyof A]: Gradient<A[K]> }] {
  const { variables, own } = asVariables(primals);
  const outputs = f(...variables);
  const pull = (cotangents: Y) => {
    const gradients = pullback(tensorsOf(outputs, "vjp"), checkLike(outputs, cotangents, "vjp"), own);
    return tree.unflatten(primals, withZeros(gradients, own)) as { [K in keyof A]: Gradient<A[K]> };
  };
  return [outputs, pull];
}

/**
 * Forward mode: the outputs and their derivative along `tangents`, which are like the arguments.
 *
 * It is reverse mode twice: the pullback is linear in the cotangents, and its own pullback is the Jacobian.
 */
export function jvp<A extends readonly unknown[], Y>(
  f: (...args: A) => Y,
  primals: A,
  tangents: A,
): [outputs: Y, tangents: Y] {
  const { variables, own } = asVariables(primals);
  const outputs = f(...variables);
  const ys = tensorsOf(outputs, "jvp");
  const directions = checkLike(primals, tangents, "jvp");
  const cotangents = ys.map((y) => variable(Tensor.zeros(y.shape, y.dtype)));
  const pulled = pullback(ys, cotangents, own);
  const used = pulled.flatMap((g, i) => (g === undefined ? [] : [{ g, direction: directions[i]! }]));
  const pushed = pullback(
    used.map((u) => u.g),
    used.map((u) => u.direction),
    cotangents,
  );
  return [outputs, tree.unflatten(outputs, withZeros(pushed, ys)) as Y];
}

/** The Jacobian of f: x [...n] to y [...m], of shape [...m, ...n]: one reverse pass for each element of y. */
export function jacobian(f: (x: Tensor) => Tensor): (x: Tensor) => Tensor {
  return (x) => {
    const own = variable(x);
    const y = f(own);
    const flat = y.reshape([y.size]);
    const rows = Array.from({ length: y.size }, (_, i) => {
      const [row] = pullback([flat.slice([i, i + 1])], [Tensor.ones([1], y.dtype)], [own]);
      return row ?? Tensor.zeros(x.shape, x.dtype);
    });
    return stack(rows).reshape([...y.shape, ...x.shape]);
  };
}

/** The Hessian of a scalar function times a vector (a tree like its first argument), without forming the Hessian. */
export function hessianVector<P, A extends readonly unknown[]>(
  f: (params: P, ...rest: A) => Tensor,
): (params: P, vector: Gradient<P>, ...rest: A) => Gradient<P> {
  return (params, vector, ...rest) => {
    const slope = (p: P): Tensor => {
      const products = tree.leaves(
        tree.map((g, v) => (g as Tensor).mul(v as Tensor).sum(), grad(f)(p, ...rest), vector),
      );
      return (products as Tensor[]).reduce((a, b) => a.add(b));
    };
    return grad(slope)(params);
  };
}

/** The same value, through which no derivative flows. */
export function stopGradient(x: Tensor): Tensor {
  return apply("StopGradient", [x], {}, INTERNAL);
}

/** The value of `hard` with the derivative of `soft`: `straightThrough(x.round(), x)`. Both have one shape and dtype. */
export function straightThrough(hard: Tensor, soft: Tensor): Tensor {
  return apply("StraightThrough", [hard, soft], {}, INTERNAL);
}

/**
 * A function with a derivative of the user's own: `backward(dy, y, ...inputs)` returns the gradient of each input, undefined
 * for none. To be differentiated twice, or forward, backward must be linear in dy and made of differentiable operators.
 */
export function customGradient<A extends readonly Tensor[]>(
  f: (...inputs: A) => Tensor,
  backward: (dy: Tensor, y: Tensor, ...inputs: A) => readonly (Tensor | undefined)[],
): (...inputs: A) => Tensor {
  return (...inputs) =>
    apply("CustomGradient", [f(...inputs), ...inputs], { backward: { host: backward } }, INTERNAL);
}

defineOperators({
  [`${INTERNAL}.Variable`]: { type: sameAsFirst, gradient: ({ dy }) => [dy] },
  [`${INTERNAL}.StopGradient`]: { type: sameAsFirst, gradient: "none" },
  [`${INTERNAL}.StraightThrough`]: {
    type: ({ x: [hard, soft] }) => {
      if (!sameShape(hard!.shape, soft!.shape) || hard!.dtype !== soft!.dtype) {
        throw new RangeError("value and stand-in must have one shape and dtype");
      }
      return soft!;
    },
    gradient: ({ dy }) => [undefined, dy],
  },
  [`${INTERNAL}.CustomGradient`]: {
    type: sameAsFirst,
    gradient: ({ x: [, ...inputs], attributes, y, dy }) => {
      const { host } = attributes.backward as {
        host: (dy: Tensor, y: Tensor, ...x: Tensor[]) => (Tensor | undefined)[];
      };
      return [undefined, ...host(dy, y, ...inputs)];
    },
  },
});

/** A tensor told apart from every equal expression, so that only what the function does with it counts. */
function variable(t: Tensor): Tensor {
  return apply("Variable", [t], { of: { host: {} } }, INTERNAL);
}

/** The tree with variables for its tensors and arrays; and these variables, by leaf. */
function asVariables<P>(params: P): { variables: P; own: Tensor[] } {
  const own: Tensor[] = [];
  const variables = tree.mapWithPath((leaf, path) => {
    if (!(leaf instanceof Tensor) && !(leaf instanceof NDArray)) {
      throw new TypeError(`grad: "${path}" is a ${typeof leaf}, not a tensor: pass it as a later argument`);
    }
    if (!isFloat(leaf.dtype)) {
      throw new TypeError(
        `grad: "${path}" is ${leaf.dtype}: only floats have derivatives; pass it as a later argument`,
      );
    }
    const made = variable(lift(leaf));
    own.push(made);
    return made;
  }, params);
  return { variables: variables as P, own };
}

function tensorsOf(outputs: unknown, who: string): Tensor[] {
  const list = tree.leaves(outputs) as unknown[];
  if (!list.every((t) => t instanceof Tensor))
    throw new TypeError(`${who}: the function must return tensors only`);
  return list;
}

/** The leaves of `given` as tensors, checked to have the shapes of those of `expected`. */
function checkLike(expected: unknown, given: unknown, who: string): Tensor[] {
  const checked = tree.map(
    (e: unknown, g: unknown) => {
      const [like, t] = [e as Tensor, lift(g as Tensor, e as Tensor)];
      if (!sameShape(like.shape, t.shape)) {
        throw new RangeError(
          `${who}: the shape ${showShape(t.shape)} does not match ${showShape(like.shape)}`,
        );
      }
      return t;
    },
    expected,
    given,
  );
  return tree.leaves(checked) as Tensor[];
}

function withZeros(gradients: readonly (Tensor | undefined)[], like: readonly Tensor[]): Tensor[] {
  return gradients.map((g, i) => g ?? Tensor.zeros(like[i]!.shape, like[i]!.dtype));
}
