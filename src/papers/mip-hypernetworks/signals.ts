/** T2 and T3: families of functions of one variable. */
import { takeRows } from "../../data/dataset.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import { gatherElements } from "../../tensor/operators/indexing.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";

export interface SineBatch {
  readonly gamma: NDArray;
  readonly x: NDArray;
  readonly y: NDArray;
}

/** T2: y = sin(pi (1 + 2 gamma) x + 2 gamma), x uniform in [-1, 1]: gamma [G, 1], x and y [G, rows, 1]. */
export function sineBatches(gammas: number, rows: number): (step: number, key: NDArray) => SineBatch {
  return (_, key) => {
    const [forGamma, forX] = random.split(key) as [NDArray, NDArray];
    const gamma = random.uniform(forGamma, [gammas, 1]);
    const x = random.uniform(forX, [gammas, rows, 1], { low: -1, high: 1 });
    const y = Float32Array.from(x.data as Float32Array, (v, i) => {
      const g = Number(gamma.data[Math.floor(i / rows)]);
      return Math.sin(Math.PI * (1 + 2 * g) * v + 2 * g);
    });
    return { gamma, x, y: new NDArray(y, x.shape) };
  };
}

/** The length of the signals of T3. */
export const SIGNAL = 32;

export interface Pairs {
  /** [n, SIGNAL]. */
  readonly fixed: NDArray;
  /** [n, SIGNAL]: fixed at displaced places. */
  readonly moving: NDArray;
}

/** T3: sums of three Gaussians, and the same warped by a smooth random displacement of up to about 3 samples. */
export function signalPairs(key: NDArray, n: number): Pairs {
  const perPair = 9 + 4;
  const u = random.uniform(key, [n, perPair]).data as Float32Array;
  const [fixed, moving] = [new Float32Array(n * SIGNAL), new Float32Array(n * SIGNAL)];
  for (let i = 0; i < n; i++) {
    const at = (j: number) => u[i * perPair + j]!;
    const bumps = [0, 1, 2].map((b) => ({
      centre: SIGNAL * (0.15 + 0.7 * at(3 * b)),
      width: 1.5 + 2 * at(3 * b + 1),
      height: 0.5 + at(3 * b + 2),
    }));
    const signal = (t: number) =>
      bumps.reduce((s, b) => s + b.height * Math.exp(-(((t - b.centre) / b.width) ** 2) / 2), 0);
    const wave = (t: number, j: number, cycles: number) =>
      (2 * at(j) - 1) * 1.5 * Math.sin(2 * Math.PI * (cycles * (t / SIGNAL) + at(j + 1)));
    for (let t = 0; t < SIGNAL; t++) {
      fixed[i * SIGNAL + t] = signal(t);
      moving[i * SIGNAL + t] = signal(t + wave(t, 9, 0.5) + wave(t, 11, 1));
    }
  }
  return { fixed: new NDArray(fixed, [n, SIGNAL]), moving: new NDArray(moving, [n, SIGNAL]) };
}

export interface PairBatch {
  readonly gamma: NDArray;
  readonly fixed: NDArray;
  readonly moving: NDArray;
}

export function pairBatches(
  pairs: Pairs,
  gammas: number,
  rows: number,
): (step: number, key: NDArray) => PairBatch {
  return (_, key) => {
    const [forGamma, forRows] = random.split(key) as [NDArray, NDArray];
    const chosen = random.integers(forRows, [gammas * rows], 0, pairs.fixed.shape[0]!).data;
    const of = (a: NDArray) => takeRows(a, chosen).reshape([gammas, rows, SIGNAL]);
    return {
      gamma: random.uniform(forGamma, [gammas, 1]),
      fixed: of(pairs.fixed),
      moving: of(pairs.moving),
    };
  };
}

/** Signals [..., n] at the places t + u(t), by linear interpolation; beyond the ends, the end. */
export function warp(signal: Tensor, u: Tensor): Tensor {
  const n = signal.shape.at(-1)!;
  const grid = NDArray.from(Array.from({ length: n }, (_, t) => t));
  const place = u.add(grid).clip(0, n - 1);
  const left = place.floor().minimum(n - 2);
  const index = left.cast("int64");
  const part = place.sub(left);
  const [low, high] = [gatherElements(signal, index, -1), gatherElements(signal, index.add(1), -1)];
  return low.add(high.sub(low).mul(part));
}

/** T3's loss at gamma [G, 1], for fixed, moving and u [G, rows, n]: (1 - gamma) similarity + gamma roughness. */
export function registrationLoss(gamma: Tensor, fixed: Tensor, moving: Tensor, u: Tensor): Tensor {
  const n = u.shape.at(-1)!;
  const similarity = fixed.sub(warp(moving, u)).square().mean([1, 2]);
  const step = u.slice(undefined, undefined, [1, n]).sub(u.slice(undefined, undefined, [0, n - 1]));
  const roughness = step.square().mean([1, 2]).mul(n);
  const weight = gamma.reshape([gamma.shape[0]!]);
  return weight.neg().add(1).mul(similarity).add(weight.mul(roughness)).mean();
}
