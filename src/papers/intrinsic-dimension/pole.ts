/** The inverted pendulum, as a simulation of many at once and a task for policies found by the cross-entropy method. */
import { randomSubspace } from "../../nn/parametrize/subspace.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import { concat, split, stack } from "../../tensor/operators/movement.ts";
import * as random from "../../tensor/random.ts";
import { sizeOf } from "../../tensor/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import * as tree from "../../tensor/tree.ts";
import { policyNet } from "./nets.ts";

const GRAVITY = 9.8;
const CART = 1;
const POLE = 0.1;
/** Half the length of the pole. */
const LENGTH = 0.5;
const SECONDS = 0.02;
const MOST_FORCE = 10;
const MOST_X = 2.4;
const MOST_ANGLE = (12 * Math.PI) / 180;
export const HORIZON = 200;

/**
 * One Euler step of 0.02 s of a cart of mass 1 with a pole of mass 0.1 and length 1 (Barto, Sutton and Anderson, 1983). States [..., 4]
 * are position, velocity, angle and angular velocity; forces [...].
 */
export function poleStep(state: Tensor, force: Tensor): Tensor {
  const [x, speed, angle, spin] = split(state, 4, -1).map((t) => t.squeeze(-1)) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const [sin, cos] = [angle.sin(), angle.cos()];
  const total = CART + POLE;
  const push = force
    .add(
      spin
        .square()
        .mul(sin)
        .mul(POLE * LENGTH),
    )
    .div(total);
  const denominator = cos
    .square()
    .mul(-POLE / total)
    .add(4 / 3)
    .mul(LENGTH);
  const spinRate = sin.mul(GRAVITY).sub(cos.mul(push)).div(denominator);
  const speedRate = push.sub(spinRate.mul(cos).mul((POLE * LENGTH) / total));
  const next = [
    x.add(speed.mul(SECONDS)),
    speed.add(speedRate.mul(SECONDS)),
    angle.add(spin.mul(SECONDS)),
    spin.add(spinRate.mul(SECONDS)),
  ];
  return stack(next, -1);
}

/** 1 where the cart is within 2.4 of the middle and the pole within 12 degrees of upright, else 0. */
export function standing(state: Tensor): Tensor {
  const [x, , angle] = split(state, 4, -1).map((t) => t.squeeze(-1)) as [Tensor, Tensor, Tensor, Tensor];
  return x.abs().lessEqual(MOST_X).and(angle.abs().lessEqual(MOST_ANGLE)).cast(state.dtype);
}

const net = policyNet();
const like = net.init(random.key(0));
const sizes = (tree.leaves(like) as NDArray[]).map((leaf) => sizeOf(leaf.shape));
export const POLICY_WEIGHTS = sizes.reduce((a, b) => a + b, 0);

/** Weights [policies, 541] as a tree of batched kernels [policies, in, out] and biases [policies, 1, out]. */
function policies(theta: Tensor): tree.Traced<typeof like> {
  const parts = split(theta, sizes, 1);
  let at = 0;
  return tree.map((leaf) => {
    const { shape } = leaf as NDArray;
    return parts[at++]!.reshape([theta.shape[0]!, ...(shape.length === 1 ? [1] : []), ...shape]);
  }, like) as unknown as tree.Traced<typeof like>;
}

interface Episodes {
  readonly state: NDArray;
  readonly alive: NDArray;
  readonly returns: NDArray;
}

/** Steps in one call. */
const STRIDE = 10;

/** Plays episodes of many policies at once. */
function simulator(threads: number) {
  const weights = compile((theta: Tensor) => policies(theta), { threads });
  const advance = compile(
    (now: tree.Traced<Episodes>, params: tree.Traced<typeof like>) => {
      let { state, alive, returns } = now as unknown as Record<keyof Episodes, Tensor>;
      for (let i = 0; i < STRIDE; i++) {
        const [place, angle, spin] = split(state!, [2, 1, 1], -1) as [Tensor, Tensor, Tensor];
        const seen = concat([place, angle.div(0.2), spin], -1);
        const force = net.apply(params, seen).squeeze(-1).tanh().mul(MOST_FORCE);
        state = poleStep(state!, force).clip(-100, 100);
        alive = alive!.mul(standing(state));
        returns = returns!.add(alive);
      }
      return { state: state!, alive: alive!, returns: returns! };
    },
    { threads, donate: [0] },
  );
  return {
    /** Theta [policies, 541] and starts [rollouts, 4], the same for all policies: steps survived, [policies, rollouts]. */
    async play(theta: NDArray, starts: NDArray, horizon: number): Promise<NDArray> {
      const params = await weights(theta);
      const [count, rollouts] = [theta.shape[0]!, starts.shape[0]!];
      const state = NDArray.zeros([count, rollouts, 4]);
      for (let p = 0; p < count; p++)
        (state.data as Float32Array).set(starts.data as Float32Array, p * rollouts * 4);
      let now: Episodes = {
        state,
        alive: NDArray.full([count, rollouts], 1),
        returns: NDArray.zeros([count, rollouts]),
      };
      for (let step = 0; step < horizon; step += STRIDE) {
        now = (await advance(now as never, params as never)) as unknown as Episodes;
        if (now.alive.data.every((a: number | bigint) => a === 0)) break;
      }
      return now.returns;
    },
    dispose: () => Promise.all([weights.dispose(), advance.dispose()]),
  };
}

export interface PoleOptions {
  readonly dimensions: readonly number[];
  readonly seeds: number;
  readonly iterations: number;
  readonly population: number;
  readonly elite: number;
  readonly rollouts: number;
  /** Fresh starts that the final policy is measured on. */
  readonly starts: number;
  /** Steps of an episode, a multiple of 10. */
  readonly horizon: number;
  readonly key: NDArray;
  readonly threads?: number;
  readonly signal?: AbortSignal;
  onIteration?(iteration: number, meanReturn: number): void;
}

/** Of the coordinates at first, and what is added to the spread of the elite. */
const SPREAD = 5;
const MORE_SPREAD = 0.3;

/**
 * The cross-entropy method on the coordinates of random subspaces around random policies: in each iteration the mean and spread of
 * the best of a population become those of the next. Mean returns of the final means, by seed and dimension.
 */
export async function balancePole(o: PoleOptions): Promise<number[][]> {
  const { dimensions, seeds, population } = o;
  const most = Math.max(...dimensions);
  const [forNets, forPlay] = random.split(o.key) as [NDArray, NDArray];
  const subspaces = Array.from({ length: seeds }, (_, s) => {
    const [forNet, forDirections] = random.split(random.fold(forNets, s)) as [NDArray, NDArray];
    const theta0 = net.init(forNet);
    const { directions } = randomSubspace<typeof theta0>({ projection: "dense", dimension: most }).init(
      forDirections,
      theta0,
    ).frozen.projection as { directions: NDArray };
    return {
      theta0: (tree.leaves(theta0) as NDArray[]).flatMap((a) => [...(a.data as Float32Array)]),
      directions,
    };
  });
  const theta0 = NDArray.from(subspaces.map((s) => s.theta0)).reshape([seeds, 1, POLICY_WEIGHTS]);
  const directions = joined(subspaces.map((s) => s.directions));
  const place = compile((z: Tensor, base: Tensor, along: Tensor) =>
    z.matmul(along).add(base).reshape([-1, POLICY_WEIGHTS]),
  );
  const cells = seeds * dimensions.length;
  const means = new Float64Array(cells * most);
  const spreads = new Float64Array(cells * most).fill(SPREAD);
  const { play, dispose } = simulator(o.threads ?? 1);
  try {
    for (let i = 0; i < o.iterations; i++) {
      o.signal?.throwIfAborted();
      const [forNoise, forStarts] = random.split(random.fold(forPlay, i)) as [NDArray, NDArray];
      const z = samples(forNoise, means, spreads, dimensions, { seeds, population, most });
      const theta = await place(z, theta0, directions);
      const returns = await play(theta, startsOf(forStarts, o.rollouts), o.horizon);
      const scores = rowMeans(returns);
      toElite(z.data as Float32Array, scores, means, spreads, { population, elite: o.elite, most });
      o.onIteration?.(i + 1, scores.reduce((a, b) => a + b, 0) / scores.length);
    }
    const z = new NDArray(Float32Array.from(means), [seeds, dimensions.length, most]);
    const theta = await place(z, theta0, directions);
    const starts = startsOf(random.fold(forPlay, o.iterations), o.starts);
    const scores = rowMeans(await play(theta, starts, o.horizon));
    return subspaces.map((_, s) => scores.slice(s * dimensions.length, (s + 1) * dimensions.length));
  } finally {
    await Promise.all([dispose(), place.dispose()]);
  }
}

function startsOf(key: NDArray, count: number): NDArray {
  return random.uniform(key, [count, 4], { low: -0.05, high: 0.05 });
}

/** Normal coordinates [seeds, dimensions x population, most], 0 beyond the dimension of their cell. */
function samples(
  key: NDArray,
  means: Float64Array,
  spreads: Float64Array,
  dimensions: readonly number[],
  { seeds, population, most }: { seeds: number; population: number; most: number },
): NDArray {
  const noise = random.normal(key, [seeds, dimensions.length * population, most]);
  for (let i = 0; i < noise.size; i++) {
    const [j, cell] = [i % most, Math.floor(i / (most * population))];
    const at = cell * most + j;
    const inside = j < dimensions[cell % dimensions.length]!;
    noise.data[i] = inside ? means[at]! + spreads[at]! * Number(noise.data[i]) : 0;
  }
  return noise;
}

/** Mean and spread of the best of each cell. */
function toElite(
  z: Float32Array,
  scores: readonly number[],
  means: Float64Array,
  spreads: Float64Array,
  { population, elite, most }: { population: number; elite: number; most: number },
): void {
  for (let cell = 0; cell < scores.length / population; cell++) {
    const order = Array.from({ length: population }, (_, p) => cell * population + p);
    const best = order.sort((a, b) => scores[b]! - scores[a]! || a - b).slice(0, elite);
    for (let j = 0; j < most; j++) {
      const values = best.map((p) => z[p * most + j]!);
      const mean = values.reduce((a, b) => a + b, 0) / elite;
      means[cell * most + j] = mean;
      spreads[cell * most + j] =
        Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / elite) + MORE_SPREAD;
    }
  }
}

function rowMeans(x: NDArray): number[] {
  const columns = x.shape[1]!;
  return Array.from({ length: x.shape[0]! }, (_, row) => {
    let sum = 0;
    for (let j = 0; j < columns; j++) sum += Number(x.data[row * columns + j]);
    return sum / columns;
  });
}

/** Arrays of one shape along a new first axis. */
function joined(arrays: readonly NDArray[]): NDArray {
  const [first] = arrays as [NDArray];
  const out = NDArray.zeros([arrays.length, ...first.shape], first.dtype);
  arrays.forEach((a, i) => (out.data as Float32Array).set(a.data as Float32Array, i * first.size));
  return out;
}
