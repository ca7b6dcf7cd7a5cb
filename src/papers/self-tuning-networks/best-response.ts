/**
 * The structured best response (the paper's eq. 8): every weight is an elementary one plus a second one whose output units are gated by
 * a linear function of the hyperparameters, W(lambda) = W_elem + diag(V lambda) W_hyper.
 */
import { withTrainable } from "../../nn/frozen.ts";
import type { Context, Model } from "../../nn/model.ts";
import type { Selects } from "../../nn/select.ts";
import { forSelected } from "../../nn/select.ts";
import { compile } from "../../runtime/compile.ts";
import { isFloat } from "../../tensor/dtype.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import { type Shape, showShape, sizeOf } from "../../tensor/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import * as tree from "../../tensor/tree.ts";

/** What a self-tuned model is told with its input: lambda [rows or 1, n], and the values that it stands for, [rows or 1] each. */
export interface Told {
  readonly lambda: Tensor;
  readonly values: Readonly<Record<string, Tensor>>;
}

/** The input of a self-tuned model: x, one row for each example, with what its layers need to respond. */
export interface TunedInput extends Told {
  readonly x: Tensor;
}

/**
 * A tree of weights as a function of n hyperparameters. By the path of a weight: `hyper` is like the weight; `gates` is [n, ...its shape
 * with 1 for all axes but that of its output units]. `scale`, a number, multiplies the elementary weights where it is there.
 */
export interface ResponseParams<P> {
  elementary: P;
  hyper: Record<string, NDArray>;
  gates: Record<string, NDArray>;
  scale?: NDArray;
}

export interface BestResponseOptions {
  /** n, how many. */
  readonly hyperparameters: number;
  /** Which weights respond. Default: all that are trained and have an axis. */
  readonly select?: Selects | undefined;
  /** The axis of a weight that counts its output units. Default: the last of two, the first of any other number, as in `nn`. */
  readonly axis?: ((path: string, shape: Shape) => number) | undefined;
}

/** Gates start as N(0, 0.01^2), as in the official code. */
const GATE_STD = 0.01;

/**
 * A parametrization whose `weights(z)` is a function of lambda, [n] or [1, n], to an ordinary tree of weights, for any model: also an
 * imported one. At lambda = 0 the first weights are `params`.
 *
 * ```ts
 * const response = bestResponse({ hyperparameters: 2 });
 * const z = response.init(random.key(0), params); // trained: z.elementary, z.hyper, z.gates
 * const weights = response.weights(z)(lambda); // in a traced function
 * ```
 */
export function bestResponse<P>(options: BestResponseOptions): {
  init(key: NDArray, params: P): ResponseParams<P>;
  weights(z: Traced<ResponseParams<P>>): (lambda: Tensor) => Traced<P>;
} {
  const { hyperparameters: n, select = (_, shape) => shape.length > 0, axis = outputAxis } = options;
  if (!Number.isInteger(n) || n < 1)
    throw new RangeError(`bestResponse: hyperparameters is ${n}: use a whole number from 1`);
  return {
    init(key, params) {
      const selected = forSelected("bestResponse", params, select, (w) => w);
      const chosen = Object.entries(selected).filter(([, w]) => isFloat(w.dtype));
      const [forHyper, forGates] = random.split(key) as [NDArray, NDArray];
      const made = chosen.map(([path, w], i) => {
        const units = axis(path, w.shape);
        const fanIn = w.rank < 2 ? w.size : w.size / w.shape[units]!;
        return {
          path,
          hyper: uniformWithin(random.fold(forHyper, i), w.shape, fanIn, w.dtype),
          gates: firstGates(random.fold(forGates, i), n, w, units),
        };
      });
      return {
        elementary: params,
        hyper: Object.fromEntries(made.map((m) => [m.path, m.hyper])),
        gates: Object.fromEntries(made.map((m) => [m.path, m.gates])),
      };
    },
    weights: (z) => (lambda) => weightsAt(z, lambda),
  };
}

function outputAxis(_path: string, shape: Shape): number {
  return shape.length === 2 ? 1 : 0;
}

/** Uniform within 1 / sqrt(fanIn) of 0: the official first values of elementary and hyper weights. */
export function uniformWithin(key: NDArray, shape: Shape, fanIn: number, dtype: NDArray["dtype"]): NDArray {
  const bound = 1 / Math.sqrt(fanIn);
  return random.uniform(key, shape, { low: -bound, high: bound, dtype: dtype as "float32" });
}

export function firstGates(
  key: NDArray,
  n: number,
  weight: { readonly shape: Shape; readonly dtype: NDArray["dtype"] },
  axis: number,
): NDArray {
  const shape = [n, ...weight.shape.map((size, i) => (i === axis ? size : 1))];
  const drawn = random.normal(key, shape, weight.dtype as "float32");
  for (let i = 0; i < drawn.size; i++) drawn.data[i] = GATE_STD * Number(drawn.data[i]);
  return drawn;
}

/** lambda [rows, n] times gates, [rows, units]. */
export function gateUnits(lambda: Tensor, gates: Tensor): Tensor {
  const n = gates.shape[0]!;
  if (lambda.rank !== 2 || lambda.shape[1] !== n)
    throw new RangeError(
      `self-tuning: lambda is ${showShape(lambda.shape)}, the gates are for ${n} hyperparameters: give [rows, ${n}]`,
    );
  return lambda.matmul(gates.reshape([n, gates.size / n]));
}

/** The ordinary weights at one lambda, [n] or [1, n]. */
export function weightsAt<P>(z: Traced<ResponseParams<P>>, lambda: Tensor): Traced<P> {
  const row = lambda.rank === 1 ? lambda.unsqueeze(0) : lambda;
  if (row.shape[0] !== 1)
    throw new RangeError(
      `bestResponse: lambda is ${showShape(lambda.shape)}: these weights take one for the whole batch; declare the hyperparameters perExample: false, or build the model of hyperDense and hyperConv`,
    );
  const { hyper, gates, scale } = z as unknown as {
    hyper: Record<string, Tensor>;
    gates: Record<string, Tensor>;
    scale?: Tensor;
  };
  const elementary = tree.toRecord(z.elementary) as Record<string, Tensor>;
  const made = Object.entries(hyper).map(([path, h]) => {
    const gate = gateUnits(row, gates[path]!).reshape(gates[path]!.shape.slice(1));
    const own = scale === undefined ? elementary[path]! : elementary[path]!.mul(scale);
    return [path, own.add(h.mul(gate))] as const;
  });
  return withTrainable<Traced<P>>(z.elementary, Object.fromEntries(made));
}

/**
 * The plain weights of a model made of responding parts at the mean lambda [n]: each `{ elementary, hyper, gates }` becomes the tree that
 * it stands for, the rest stays. What comes back fits the model of ordinary layers and costs nothing extra.
 */
export async function freezeAt(params: unknown, lambda: NDArray): Promise<unknown> {
  const fold = compile((p: unknown, l: Tensor) => frozen(p, l));
  const plain = await fold(params as never, lambda);
  await fold.dispose();
  return plain;
}

function frozen(params: unknown, lambda: Tensor): unknown {
  if (!tree.isBranch(params)) return params;
  if (Array.isArray(params)) return params.map((p) => frozen(p, lambda));
  if ("elementary" in params && "hyper" in params && "gates" in params)
    return weightsAt(params as never, lambda);
  return Object.fromEntries(Object.entries(params).map(([name, p]) => [name, frozen(p, lambda)]));
}

/**
 * Any model, also an imported one, as one that responds to its hyperparameters: weights by `bestResponse`, one lambda for a batch, so its
 * hyperparameters must be `perExample: false`. `input` says what they do to the input in training: noise, augmentation.
 */
export function respond<P>(
  model: Model<P>,
  options: BestResponseOptions & {
    readonly input?: (
      x: Tensor,
      values: Readonly<Record<string, Tensor>>,
      context: Context & { key: Tensor },
    ) => Tensor;
  },
): Model<ResponseParams<P>, TunedInput> {
  const response = bestResponse<P>(options);
  return {
    init(key) {
      const [forModel, forResponse] = random.split(key);
      return response.init(forResponse!, model.init(forModel!));
    },
    apply(z, { x, lambda, values }, context) {
      const weights = response.weights(z)(lambda);
      const key = context?.training ? context.key : undefined;
      const seen = key === undefined ? x : (options.input?.(x, values, { ...context, key }) ?? x);
      return model.apply(weights, seen, context);
    },
  };
}

/** The numbers in a tree of weights. */
export function countNumbers(params: unknown): number {
  return (tree.leaves(params) as NDArray[]).reduce((n, { shape }) => n + sizeOf(shape), 0);
}
