import { trainable, withTrainable } from "../nn/frozen.ts";
import { compile } from "../runtime/compile.ts";
import type { RunOptions } from "../runtime/session.ts";
import { allocate, NDArray } from "../tensor/ndarray.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { valueAndGrad } from "../tensor/transforms.ts";
import type { Traced } from "../tensor/tree.ts";
import { type LinePoint, wolfeSearch } from "./line-search.ts";

export interface LbfgsOptions<P, D> extends RunOptions {
  /** Where to start; left as it is. Leaves under the name `frozen` stay. */
  readonly params: P;
  /** The loss of all data. It must be smooth and without randomness. */
  readonly loss: (params: Traced<P>, data: Traced<D>) => Tensor;
  /** A tree of arrays that the loss is given. */
  readonly data?: D;
  /** At most this many iterations. Default 200. */
  readonly steps?: number | undefined;
  /** Pairs of steps and gradient differences to remember. Default 10. */
  readonly history?: number | undefined;
  /** Stop where no component of the gradient is larger. Default 1e-8. */
  readonly tolerance?: number | undefined;
  readonly onStep?: ((event: { readonly step: number; readonly loss: number }) => void) | undefined;
  /** Stop after the current iteration. */
  readonly signal?: AbortSignal | undefined;
}

export interface LbfgsResult<P> {
  readonly params: P;
  readonly loss: number;
  /** The largest component of the gradient. */
  readonly gradient: number;
  readonly steps: number;
  /** Calls of the loss and its gradient. */
  readonly evaluations: number;
  /** Why it ended; "precision": no step lowers the loss as far as its dtype can tell. */
  readonly stopped: "gradient" | "steps" | "precision" | "aborted";
}

interface Point extends LinePoint {
  readonly x: Float64Array;
  readonly gradient: Float64Array;
}

/**
 * Full-batch L-BFGS with a strong-Wolfe line search: Nocedal and Wright, "Numerical Optimization", 2nd edition, algorithms
 * 7.4 and 7.5. The loss runs compiled, vectors are float64 on the host. float64 weights give full precision.
 *
 * ```ts
 * const { params, loss } = await optim.lbfgs({
 *   params: model.init(key),
 *   data: { x, y },
 *   loss: (p, { x, y }) => nn.losses.mse(model.apply(p, x), y),
 * });
 * ```
 */
export async function lbfgs<P, D = undefined>(options: LbfgsOptions<P, D>): Promise<LbfgsResult<P>> {
  const { steps = 200, history = 10, tolerance = 1e-8, signal } = options;
  const objective = compiledObjective(options);
  const memory = new Memory(history);
  try {
    let now = await objective.at(objective.start);
    if (!Number.isFinite(now.value))
      throw new Error(`lbfgs: the loss is ${now.value} at the first weights: start elsewhere`);
    let step = 0;
    let stopped: LbfgsResult<P>["stopped"] | undefined;
    for (;;) {
      if (largest(now.gradient) <= tolerance) stopped = "gradient";
      else if (step >= steps) stopped = "steps";
      else if (signal?.aborted) stopped = "aborted";
      if (stopped !== undefined) break;
      const next = await search(objective, memory, now);
      if (next !== undefined) {
        memory.add(now, next);
        now = next;
        step++;
        options.onStep?.({ step, loss: now.value });
      } else if (!memory.isEmpty) memory.clear();
      else {
        stopped = "precision";
        break;
      }
    }
    const { value: loss, gradient } = now;
    const { evaluations } = objective;
    return {
      params: objective.toParams(now.x),
      loss,
      gradient: largest(gradient),
      steps: step,
      evaluations,
      stopped,
    };
  } finally {
    await objective.dispose();
  }
}

type Objective<P> = ReturnType<typeof compiledObjective<P, unknown>>;

function search<P>(objective: Objective<P>, memory: Memory, now: Point): Promise<Point | undefined> {
  let direction = memory.direction(now.gradient);
  let slope = dot(direction, now.gradient);
  if (!(slope < 0)) {
    memory.clear();
    direction = now.gradient.map((g) => -g);
    slope = dot(direction, now.gradient);
  }
  const first = memory.isEmpty ? Math.min(1, 1 / now.gradient.reduce((sum, g) => sum + Math.abs(g), 0)) : 1;
  const along = async (at: number): Promise<Point> => {
    const point = await objective.at(now.x.map((v, i) => v + at * direction[i]!));
    return { ...point, at, slope: dot(direction, point.gradient) };
  };
  return wolfeSearch(along, { at: 0, value: now.value, slope }, first);
}

/** The loss as a function of one vector. */
function compiledObjective<P, D>(options: LbfgsOptions<P, D>) {
  const { params, loss, data } = options;
  const first = trainable(params) as unknown as Record<string, NDArray>;
  const leaves = Object.entries(first);
  const run = compile((weights: Record<string, Tensor>, all: Traced<P>, given: Traced<D>) => {
    const of = (w: Record<string, Tensor>) => loss(withTrainable<Traced<P>>(all, w), given);
    const [value, gradients] = valueAndGrad(of)(weights);
    return { value, gradients };
  }, options) as (...args: unknown[]) => Promise<{ value: NDArray; gradients: Record<string, NDArray> }>;

  const toArrays = (x: Float64Array): Record<string, NDArray> => {
    let at = 0;
    const made = leaves.map(([path, { shape, dtype, size }]) => {
      const values = allocate(dtype, size) as Float64Array;
      values.set(x.subarray(at, at + size));
      at += size;
      return [path, new NDArray(values, shape, dtype)] as const;
    });
    return Object.fromEntries(made);
  };
  const toVector = (arrays: Readonly<Record<string, NDArray>>): Float64Array => {
    const x = new Float64Array(leaves.reduce((n, [, w]) => n + w.size, 0));
    let at = 0;
    for (const [path, { size }] of leaves) {
      x.set(arrays[path]!.data as Float64Array, at);
      at += size;
    }
    return x;
  };

  const objective = {
    start: toVector(first),
    evaluations: 0,
    at: async (x: Float64Array): Promise<Point> => {
      objective.evaluations++;
      const { value, gradients } = await run(toArrays(x), params, data);
      return { x, value: value.item(), gradient: toVector(gradients), at: 0, slope: 0 };
    },
    toParams: (x: Float64Array): P => withTrainable<P>(params, toArrays(x)),
    dispose: () => (run as unknown as { dispose(): Promise<void> }).dispose(),
  };
  return objective;
}

/** The last steps and gradient differences, from which the inverse Hessian is estimated. */
class Memory {
  private pairs: { readonly s: Float64Array; readonly y: Float64Array; readonly rho: number }[] = [];

  constructor(private readonly size: number) {}

  get isEmpty(): boolean {
    return this.pairs.length === 0;
  }

  clear(): void {
    this.pairs = [];
  }

  add(before: Point, after: Point): void {
    const s = after.x.map((v, i) => v - before.x[i]!);
    const y = after.gradient.map((v, i) => v - before.gradient[i]!);
    const curvature = dot(s, y);
    if (!(curvature > 1e-14 * dot(y, y) ** 0.5 * dot(s, s) ** 0.5)) return;
    this.pairs.push({ s, y, rho: 1 / curvature });
    if (this.pairs.length > this.size) this.pairs.shift();
  }

  /** Minus the estimated inverse Hessian times the gradient: the two-loop recursion. */
  direction(gradient: Float64Array): Float64Array {
    const q = gradient.map((g) => -g);
    const alphas = this.pairs.map(() => 0);
    for (let i = this.pairs.length - 1; i >= 0; i--) {
      const { s, y, rho } = this.pairs[i]!;
      alphas[i] = rho * dot(s, q);
      addScaled(q, -alphas[i]!, y);
    }
    const last = this.pairs.at(-1);
    if (last !== undefined) {
      const scale = 1 / (last.rho * dot(last.y, last.y));
      for (let i = 0; i < q.length; i++) q[i] = q[i]! * scale;
    }
    this.pairs.forEach(({ s, y, rho }, i) => addScaled(q, alphas[i]! - rho * dot(y, q), s));
    return q;
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function addScaled(target: Float64Array, factor: number, other: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i] = target[i]! + factor * other[i]!;
}

function largest(values: Float64Array): number {
  return values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
}
