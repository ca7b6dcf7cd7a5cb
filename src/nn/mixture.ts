import { NDArray } from "../tensor/ndarray.ts";
import { where } from "../tensor/operators/elementwise.ts";
import { gather, oneHot, scatterElements, topK } from "../tensor/operators/indexing.ts";
import { pad } from "../tensor/operators/movement.ts";
import * as random from "../tensor/random.ts";
import { showShape } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Traced } from "../tensor/tree.ts";
import { type Activation, activation as functionOf } from "./activations.ts";
import { checkSizes } from "./checks.ts";
import { type FloatType, glorotUniform, type Initialiser } from "./initialisers.ts";
import type { Model } from "./model.ts";

/** `router` [size, experts]; by expert `up` [experts, size, hidden] and `down` [experts, hidden, size]. */
export interface MixtureParams {
  router: NDArray;
  up: NDArray;
  down: NDArray;
}

export interface MixtureOptions {
  /** Of the vectors in and out, and within an expert. */
  readonly size: number;
  readonly hidden: number;
  readonly experts: number;
  /** Experts for each vector. Default 2. */
  readonly choices?: number | undefined;
  /** An expert takes at most capacity * vectors * choices / experts vectors, rounded up. Default: all that choose it. */
  readonly capacity?: number | undefined;
  /** Default "gelu". */
  readonly activation?: Activation | undefined;
  /** Default `glorotUniform`. */
  readonly kernelInit?: Initialiser | undefined;
  /** Default float32. */
  readonly dtype?: FloatType | undefined;
}

export interface Mixture extends Model<MixtureParams> {
  /**
   * experts * sum over experts of (share of the vectors whose first choice it is) * (its mean probability): 1 where all are used alike.
   * To be added to a loss, times some 0.01. Fedus et al., JMLR 2022, eq. 4.
   */
  balance(params: Traced<MixtureParams>, x: Tensor): Tensor;
}

/**
 * A mixture of experts: x [..., size] to the same shape. Each vector goes through the experts of its `choices` largest router
 * probabilities, which weigh the results, scaled to sum 1 where there are several. First choices are served first, and in the order of
 * the vectors; what an expert has no room for is left out. Shazeer et al., ICLR 2017; Lepikhin et al., ICLR 2021.
 */
export function mixture(options: MixtureOptions): Mixture {
  const { size, hidden, experts, choices = 2, capacity, activation = "gelu" } = options;
  const { kernelInit = glorotUniform, dtype } = options;
  checkSizes("mixture", { size, hidden, experts, choices });
  if (choices > experts)
    throw new RangeError(`mixture: choices is ${choices}, there are ${experts} experts: choose fewer`);
  if (capacity !== undefined && !(capacity > 0))
    throw new RangeError(`mixture: capacity is ${capacity}: use a number above 0`);
  const act = functionOf(activation);
  return {
    init: (key) => {
      const [forRouter, forUp, forDown] = random.split(key, 3) as [NDArray, NDArray, NDArray];
      const each = (k: NDArray, inputs: number, outputs: number) =>
        joined(random.split(k, experts).map((own) => kernelInit(own, [inputs, outputs], dtype)));
      return {
        router: kernelInit(forRouter, [size, experts], dtype),
        up: each(forUp, size, hidden),
        down: each(forDown, hidden, size),
      };
    },
    apply: ({ router, up, down }, x) => {
      const vectors = flat(x, size);
      const { room, routes } = routed(vectors.matmul(router).softmax(-1), choices, capacity);
      // A slot for each vector that an expert has room for, and a last one for those left out.
      const slots = experts * room;
      const gathered = routes.reduce(
        (rows, { slot }) =>
          scatterElements(rows, slot.unsqueeze(1).expand(vectors.shape), vectors, { reduction: "add" }),
        Tensor.zeros([slots + 1, size], x.dtype),
      );
      const batches = gathered.slice([0, slots]).reshape([experts, room, size]);
      const found = act(batches.matmul(up)).matmul(down).reshape([slots, size]);
      const results = pad(found, [[0, 1]]);
      const parts = routes.map(({ slot, share }) => gather(results, slot).mul(share));
      return parts.reduce((sum, part) => sum.add(part)).reshape(x.shape);
    },
    balance: ({ router }, x) => {
      const probabilities = flat(x, size).matmul(router).softmax(-1);
      const first = oneHot(probabilities.argMax(-1), experts, { dtype: x.dtype as FloatType });
      return first.mean(0).mul(probabilities.mean(0)).sum().mul(experts);
    },
  };
}

function flat(x: Tensor, size: number): Tensor {
  if (x.shape.at(-1) !== size)
    throw new RangeError(`mixture: the input ${showShape(x.shape)} does not end in ${size}`);
  return x.reshape([x.size / size, size]);
}

/** For each choice, where each vector goes, int64 [vectors], and how much the result counts, [vectors, 1]. */
function routed(probabilities: Tensor, choices: number, capacity: number | undefined) {
  const [count, experts] = probabilities.shape as [number, number];
  const { values, indices } = topK(probabilities, choices);
  const shares = choices === 1 ? values : values.div(values.sum(-1, { keepDims: true }));
  const room =
    capacity === undefined ? count : Math.min(count, Math.ceil((capacity * count * choices) / experts));
  let taken = Tensor.zeros([1, experts], "float32");
  const routes = Array.from({ length: choices }, (_, c) => {
    const expert = indices.slice(undefined, [c, c + 1]).squeeze(1);
    const chosen = oneHot(expert, experts);
    const place = chosen.cumsum(0).sub(1).add(taken).mul(chosen).sum(-1).cast("int64");
    taken = taken.add(chosen.sum(0, { keepDims: true }));
    const slot = where(place.less(room), expert.mul(room).add(place), experts * room);
    return { slot, share: shares.slice(undefined, [c, c + 1]) };
  });
  return { room, routes };
}

function joined(arrays: readonly NDArray[]): NDArray {
  const { size, shape, dtype } = arrays[0]!;
  const out = NDArray.zeros([arrays.length, ...shape], dtype);
  arrays.forEach((a, i) => (out.data as Float32Array).set(a.data as Float32Array, i * size));
  return out;
}
