import type { Tensor } from "../tensor.ts";
import { stopGradient } from "../transforms.ts";
import { identity, sizes, squareSize, symmetric } from "./matrices.ts";

export interface Iterations {
  /** How many steps. Default 30: to the last digit where the smallest singular value is above about 1e-4 of the largest. */
  readonly iterations?: number | undefined;
}

/**
 * The orthogonal polar factor of each matrix [..., m, n] of full rank: u v^T for a = u s v^T, the nearest matrix with orthonormal columns
 * (rows, where m < n). Newton-Schulz: x <- x (3 - x^T x) / 2, which needs matrix products only.
 */
export function polarFactor(a: Tensor, options: Iterations = {}): Tensor {
  const [m, n] = sizes("polarFactor", a);
  if (m < n) return polarFactor(a.swapAxes(), options).swapAxes();
  const three = identity(n, a.dtype).mul(1.5);
  let x = a.div(stopGradient(boundOf(a, m, n)));
  for (let i = 0; i < count("polarFactor", options); i++)
    x = x.matmul(three.sub(x.swapAxes().matmul(x).mul(0.5)));
  return x;
}

/**
 * The symmetric inverse square root of each positive definite matrix [..., n, n]: a^(-1/2). The coupled Newton-Schulz iteration of Higham,
 * "Functions of Matrices" (2008), section 6.3. Of a matrix that is not symmetric, that of (a + a^T) / 2.
 */
export function inverseSquareRoot(a: Tensor, options: Iterations = {}): Tensor {
  const n = squareSize("inverseSquareRoot", a);
  const full = symmetric(a);
  const bound = stopGradient(boundOf(full, n, n));
  const three = identity(n, a.dtype).mul(1.5);
  let y = full.div(bound);
  let z = identity(n, a.dtype).expand(a.shape);
  for (let i = 0; i < count("inverseSquareRoot", options); i++) {
    const t = three.sub(z.matmul(y).mul(0.5));
    y = y.matmul(t);
    z = t.matmul(z);
  }
  return z.div(bound.sqrt());
}

/** At least the largest singular value: the root of the largest row sum times the largest column sum; [..., 1, 1]. */
function boundOf(a: Tensor, m: number, n: number): Tensor {
  const size = a.abs();
  const [rows, columns] = [size.sum([-1]).max([-1]), size.sum([-2]).max([-1])];
  const bound = m === 1 && n === 1 ? rows : rows.mul(columns).sqrt();
  return bound.unsqueeze([-2, -1]);
}

function count(who: string, { iterations = 30 }: Iterations): number {
  if (!Number.isInteger(iterations) || iterations < 1)
    throw new RangeError(`${who}: iterations is ${iterations}: use a whole number from 1`);
  return iterations;
}
