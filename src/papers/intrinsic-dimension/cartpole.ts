/** CartPole by deep Q-learning inside a random subspace of the network's weights. */
import { Draws } from "../../data/generators/draws.ts";
import { parameterCount } from "../../nn/frozen.ts";
import { heNormal } from "../../nn/initialisers.ts";
import { mlp } from "../../nn/mlp.ts";
import { randomSubspace, type Subspace } from "../../nn/parametrize/subspace.ts";
import { adam } from "../../optim/adam.ts";
import { clipByGlobalNorm } from "../../optim/gradients.ts";
import { chain, type State, type TracedState } from "../../optim/optimizer.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import { gatherElements } from "../../tensor/operators/indexing.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { valueAndGrad } from "../../tensor/transforms.ts";
import type * as tree from "../../tensor/tree.ts";
import { poleStep, standing } from "./pole.ts";

export interface CartPoleOptions {
  /** Of both hidden layers. */
  readonly width: number;
  readonly dimension: number;
  /** At most; fewer where the mean of the last 100 returns reaches 195. */
  readonly episodes: number;
  /** Of Adam. */
  readonly learningRate: number;
  readonly key: NDArray;
  readonly signal?: AbortSignal;
  onEpisode?(episode: number, meanReturn: number): void;
}

/** The settings of the official code. */
const official = {
  horizon: 200,
  solved: 195,
  lastEpisodes: 100,
  discount: 0.95,
  batch: 32,
  memory: 10_000,
  storeEvery: 5,
  firstEpsilon: 0.5,
  lastEpsilon: 0.1,
  epsilonUpdates: 10_000,
  targetRate: 0.01,
  decay: 1e-4,
  clip: 5,
} as const;
const FORCE = 10;

interface Carry {
  readonly z: NDArray;
  readonly target: NDArray;
  readonly state: State;
}

/** The mean of the last 100 returns (of 200 at most) when the training ends. */
export async function learnCartPole(o: CartPoleOptions): Promise<number> {
  const [forNet, forActions] = random.split(o.key) as [NDArray, NDArray];
  const learner = learnerOf(o, forNet);
  const draws = new Draws(forActions);
  const memory = new Memory(official.memory);
  const returns: number[] = [];
  let updates = 0;
  try {
    for (let episode = 0; episode < o.episodes; episode++) {
      o.signal?.throwIfAborted();
      let state = Array.from({ length: 4 }, () => draws.uniform(-0.05, 0.05));
      let values = await learner.values(state);
      let steps = 0;
      for (let done = false; !done; ) {
        const share = Math.min(1, updates / official.epsilonUpdates);
        const epsilon = official.firstEpsilon + share * (official.lastEpsilon - official.firstEpsilon);
        const action = draws.uniform() < epsilon ? draws.integer(2) : values[1]! > values[0]! ? 1 : 0;
        const { next, upright } = await learner.move(state, action);
        steps++;
        const fallen = !upright;
        done = fallen || steps === official.horizon;
        if (fallen || steps % official.storeEvery === 0) memory.add(state, action, next, fallen);
        state = next;
        if (memory.size >= official.batch) {
          values = await learner.update(memory.sample(draws, official.batch), state);
          updates++;
        } else values = await learner.values(state);
      }
      returns.push(steps);
      const mean = meanOf(returns.slice(-official.lastEpisodes));
      o.onEpisode?.(episode + 1, mean);
      if (returns.length >= official.lastEpisodes && mean >= official.solved) break;
    }
    return meanOf(returns.slice(-official.lastEpisodes));
  } finally {
    await learner.dispose();
  }
}

function netOf(width: number) {
  return mlp({ sizes: [4, width, width, 2], activation: "relu", kernelInit: heNormal });
}

/** Weights of the network with two hidden layers of this width. */
export function cartPoleWeights(width: number): number {
  return parameterCount(netOf(width).init(random.key(0)));
}

type Batch = ReturnType<Memory["sample"]>;

/** Q-learning as compiled functions: one call makes an update and gives the values of the next state. */
function learnerOf({ width, dimension, learningRate }: CartPoleOptions, key: NDArray) {
  const net = netOf(width);
  const [forNet, forSubspace] = random.split(key) as [NDArray, NDArray];
  const subspace = randomSubspace<ReturnType<typeof net.init>>({ dimension, projection: "dense" });
  const start = subspace.init(forSubspace, net.init(forNet));
  const optimizer = chain(clipByGlobalNorm(official.clip), adam({ learningRate }));
  type Frozen = tree.Traced<Subspace<unknown>["frozen"]>;
  const weights = (z: Tensor, frozen: Frozen) => subspace.weights({ z, frozen } as never);
  const q = (z: Tensor, frozen: Frozen, s: Tensor) => net.apply(weights(z, frozen), s);

  const values = compile((z: Tensor, frozen: Frozen, s: Tensor) => q(z, frozen, s), { threads: 1 });
  const update = compile(
    (carry: tree.Traced<Carry>, frozen: Frozen, b: tree.Traced<Batch>, now: Tensor) => {
      const { z, target, state } = carry as unknown as { z: Tensor; target: Tensor; state: TracedState };
      const future = q(target, frozen, b.next).max(1).mul(b.fallen.neg().add(1));
      const aim = future.mul(official.discount).add(1);
      const loss = (p: Tensor) => {
        const theta = weights(p, frozen);
        const taken = gatherElements(net.apply(theta, b.state), b.action.unsqueeze(1), 1).squeeze(1);
        const kernels = theta.layers.map((l) => l.kernel.square().sum()).reduce((a, c) => a.add(c));
        return taken.sub(aim).square().mean().add(kernels.mul(official.decay));
      };
      const [, gradient] = valueAndGrad(loss)(z);
      const made = optimizer.update({ z: gradient }, state, { z });
      const after = z.add(made.updates.z);
      const follow = target.mul(1 - official.targetRate).add(after.mul(official.targetRate));
      return { carry: { z: after, target: follow, state: made.state }, values: q(after, frozen, now) };
    },
    { threads: 1, donate: [0] },
  );
  const physics = compile(
    (s: Tensor, force: Tensor) => {
      const next = poleStep(s, force);
      return { next, upright: standing(next) };
    },
    { threads: 1 },
  );
  const { frozen } = start;
  let carry: Carry = { z: start.z, target: start.z.copy(), state: optimizer.init({ z: start.z }) };
  const row = (s: readonly number[]) => NDArray.from([s]);
  return {
    values: async (s: readonly number[]) => numbers(await values(carry.z, frozen as never, row(s))),
    move: async (s: readonly number[], action: number) => {
      const { next, upright } = await physics(row(s), NDArray.from([action === 1 ? FORCE : -FORCE]));
      return { next: numbers(next), upright: upright.data[0] === 1 };
    },
    update: async (batch: Batch, now: readonly number[]) => {
      const out = await update(carry as never, frozen as never, batch as never, row(now));
      carry = out.carry as unknown as Carry;
      return numbers(out.values);
    },
    dispose: () => Promise.all([values.dispose(), update.dispose(), physics.dispose()]),
  };
}

/** The last transitions, in a ring. */
class Memory {
  private readonly states: Float32Array;
  private readonly nexts: Float32Array;
  private readonly actions: Uint8Array;
  private readonly falls: Uint8Array;
  private count = 0;

  constructor(private readonly most: number) {
    this.states = new Float32Array(4 * most);
    this.nexts = new Float32Array(4 * most);
    this.actions = new Uint8Array(most);
    this.falls = new Uint8Array(most);
  }

  get size(): number {
    return Math.min(this.count, this.most);
  }

  add(state: readonly number[], action: number, next: readonly number[], fallen: boolean): void {
    const at = this.count++ % this.most;
    this.states.set(state, 4 * at);
    this.nexts.set(next, 4 * at);
    this.actions[at] = action;
    this.falls[at] = fallen ? 1 : 0;
  }

  sample(draws: Draws, n: number) {
    const rows = Array.from({ length: n }, () => draws.integer(this.size));
    const pick = (from: Float32Array) =>
      new NDArray(
        Float32Array.from({ length: 4 * n }, (_, i) => from[4 * rows[i >> 2]! + (i & 3)]!),
        [n, 4],
      );
    return {
      state: pick(this.states),
      next: pick(this.nexts),
      action: new NDArray(
        BigInt64Array.from(rows, (r) => BigInt(this.actions[r]!)),
        [n],
      ),
      fallen: new NDArray(
        Float32Array.from(rows, (r) => this.falls[r]!),
        [n],
      ),
    };
  }
}

function numbers(a: NDArray): number[] {
  return Array.from(a.data, Number);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
