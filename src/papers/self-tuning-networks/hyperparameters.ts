/**
 * Hyperparameters as unconstrained numbers lambda, one each, and the values r(lambda) that they stand for (the paper's section 4.1
 * and the official `stn_utils/hyperparameter.py`).
 */
import { concat } from "../../tensor/operators/movement.ts";
import type { Tensor } from "../../tensor/tensor.ts";

export interface Hyperparameter {
  readonly name: string;
  /** Open interval of the values; an end may be infinite. Dropout rates: [0, 0.9], as the official code has it for stability. */
  readonly range: readonly [low: number, high: number];
  /** First value, strictly within the range (a discrete one may be the lower end). */
  readonly init: number;
  /** First standard deviation of the perturbation of lambda. Default 0.5. */
  readonly scale?: number | undefined;
  /** Whole numbers from the lower end up to, not including, the upper: the floor of the value. Default false. */
  readonly discrete?: boolean | undefined;
  /** Whether every example of a batch may have its own perturbation. Default true; false: all of them share one. */
  readonly perExample?: boolean | undefined;
}

export const scaleOf = ({ scale = 0.5 }: Hyperparameter): number => scale;

/** log(1 + e^x), also for large x. */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** The x with softplus(x) = y, for y > 0. */
export function inverseSoftplus(y: number): number {
  return y + Math.log(-Math.expm1(-y));
}

/** lambda of a value: the logit of its place in a bounded range, an inverse softplus for one end, the value itself for none. */
export function unconstrained(
  { range: [low, high], discrete = false }: Hyperparameter,
  value: number,
): number {
  // The middle of the interval that the floor takes to this number, so that rounding cannot make it the number below.
  const r = discrete ? value + 0.5 : value;
  if (Number.isFinite(low) && Number.isFinite(high)) return Math.log((r - low) / (high - r));
  if (Number.isFinite(low)) return inverseSoftplus(r - low);
  return Number.isFinite(high) ? inverseSoftplus(high - r) : r;
}

/** The value r(lambda). */
export function constrained(h: Hyperparameter, lambda: number): number {
  const [low, high] = h.range;
  if (!Number.isFinite(low) || !Number.isFinite(high)) {
    if (Number.isFinite(low)) return low + softplus(lambda);
    return Number.isFinite(high) ? high - softplus(lambda) : lambda;
  }
  const value = low + (high - low) / (1 + Math.exp(-lambda));
  return h.discrete ? Math.min(Math.floor(value), largest(h)) : value;
}

/** `constrained` on tensors. */
export function constrainedTensor(h: Hyperparameter, lambda: Tensor): Tensor {
  const [low, high] = h.range;
  if (!Number.isFinite(low) || !Number.isFinite(high)) {
    if (Number.isFinite(low)) return lambda.softplus().add(low);
    return Number.isFinite(high) ? lambda.softplus().neg().add(high) : lambda;
  }
  const value = lambda
    .sigmoid()
    .mul(high - low)
    .add(low);
  return h.discrete ? value.floor().minimum(largest(h)) : value;
}

/** The last whole number below the upper end: a sigmoid that rounds to 1 must not reach the end itself. */
function largest({ range: [, high] }: Hyperparameter): number {
  return Math.ceil(high) - 1;
}

/** The values of every hyperparameter by name from lambda [rows, n]: [rows] each, and [1] of those that are not per example. */
export function valuesOf(
  hyperparameters: readonly Hyperparameter[],
  lambda: Tensor,
): Readonly<Record<string, Tensor>> {
  const columns = hyperparameters.map((h, i) => {
    const rows = h.perExample === false ? ([0, 1] as const) : undefined;
    const column = lambda.slice(rows, [i, i + 1]).squeeze(1);
    return [h.name, constrainedTensor(h, column)] as const;
  });
  return Object.fromEntries(columns);
}

const PER_SCALE = 0.5 * Math.log(2 * Math.PI * Math.E);

/** Entropy of N(0, diag(scales^2)) in nats: the sum of log(sigma_i sqrt(2 pi e)). */
export function entropy(scales: Tensor): Tensor {
  return scales.log().add(PER_SCALE).sum();
}

/** Perturbations of lambda, [rows, n] or [1, n]: those of hyperparameters that are not per example are the same in every row. */
export function perturbation(
  hyperparameters: readonly Hyperparameter[],
  draw: (rows: number, columns: number, shared: boolean) => Tensor,
  rows: number,
): Tensor {
  const shared = hyperparameters.map((h) => h.perExample === false);
  const n = shared.length;
  if (shared.every((s) => s)) return draw(1, n, true);
  const own = draw(rows, n, false);
  if (!shared.includes(true)) return own;
  const common = draw(1, n, true).expand([rows, n]);
  const column = (t: Tensor, i: number) => t.slice(undefined, [i, i + 1]);
  return concat(
    shared.map((s, i) => column(s ? common : own, i)),
    1,
  );
}

/** Throws one line where these are no hyperparameters that can be tuned. */
export function checkHyperparameters(list: readonly Hyperparameter[]): void {
  if (list.length === 0)
    throw new RangeError("selfTuning: the list of hyperparameters is empty: give at least one to tune");
  const seen = new Set<string>();
  for (const h of list) {
    const fail = (what: string): never => {
      throw new RangeError(`selfTuning: hyperparameter "${h.name}": ${what}`);
    };
    if (seen.has(h.name)) fail("there are two of this name: give each its own");
    seen.add(h.name);
    const [low, high] = h.range;
    if (!(low < high)) fail(`its range [${low}, ${high}] is empty: give a lower and a higher end`);
    if (!(scaleOf(h) > 0)) fail(`its scale is ${scaleOf(h)}: use a number above 0`);
    checkInit(h, fail);
  }
}

function checkInit(h: Hyperparameter, fail: (what: string) => never): void {
  const [low, high] = h.range;
  if (!h.discrete) {
    if (!(h.init > low && h.init < high))
      fail(`it starts at ${h.init}, which is not strictly within its range [${low}, ${high}]`);
    return;
  }
  if (!Number.isInteger(low) || !Number.isInteger(high))
    fail(`it is discrete, so its range [${low}, ${high}] needs two whole numbers`);
  if (!Number.isInteger(h.init) || h.init < low || h.init >= high)
    fail(`it is discrete and starts at ${h.init}: use a whole number from ${low} to ${high - 1}`);
}
