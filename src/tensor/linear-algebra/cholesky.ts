import { concat, split, tril, triu } from "../operators/movement.ts";
import type { Tensor } from "../tensor.ts";
import { customGradient } from "../transforms.ts";
import { block, diagonal, identity, lowerBlocks, squareSize, symmetric, triangle } from "./matrices.ts";
import { checkRightSide, onColumns, type Triangle, triangularInverse } from "./triangular.ts";

/**
 * The Cholesky factor l of each positive definite matrix [..., n, n]: a = l l^T, l lower triangular with a positive diagonal; with `upper`, l^T. Of
 * a matrix that is not symmetric, that of (a + a^T) / 2. One that is not positive definite gives NaN.
 *
 * By recursive halves down to 16 columns: about 9 n nodes. The gradient (Murray, arXiv:1602.07527, equation 10) adds a fixed few.
 */
export function cholesky(a: Tensor, options: Triangle = {}): Tensor {
  squareSize("cholesky", a);
  const lower = factor(symmetric(a));
  return options.upper ? lower.swapAxes() : lower;
}

/** log det a of each positive definite matrix [..., n, n], by its Cholesky factor. */
export function logDeterminant(a: Tensor): Tensor {
  squareSize("logDeterminant", a);
  return diagonal(cholesky(a)).log().sum([-1]).mul(2);
}

/** x with a x = b, a positive definite [..., n, n], b [..., n, k] or [n]. */
export function solvePositiveDefinite(a: Tensor, b: Tensor): Tensor {
  checkRightSide("solvePositiveDefinite", a, b, squareSize("solvePositiveDefinite", a));
  const inverse = triangularInverse(cholesky(a));
  return onColumns(b, (x) => inverse.swapAxes().matmul(inverse.matmul(x)));
}

const factor = customGradient(
  (a: Tensor) => factorise(a).lower,
  (dy, lower) => {
    const inverse = triangularInverse(lower);
    const n = lower.shape.at(-1)!;
    const half = lower
      .swapAxes()
      .matmul(dy)
      .mul(triangle(n, dy.dtype, 0.5, 1));
    return [symmetric(inverse.swapAxes().matmul(half).matmul(inverse))];
  },
);

interface Factor {
  readonly lower: Tensor;
  /** The inverse of `lower`. */
  readonly inverse: Tensor;
}

function factorise(a: Tensor): Factor {
  const n = a.shape.at(-1)!;
  if (n <= 16) return eliminate(a);
  const half = [n >> 1, n - (n >> 1)];
  const [top, bottom] = split(a, half, -2);
  const [below, corner] = split(bottom!, half, -1);
  const first = factorise(block(top!, undefined, [0, n >> 1]));
  const left = below!.matmul(first.inverse.swapAxes());
  const second = factorise(corner!.sub(left.matmul(left.swapAxes())));
  return {
    lower: lowerBlocks(first.lower, left, second.lower),
    inverse: lowerBlocks(
      first.inverse,
      second.inverse.matmul(left).matmul(first.inverse).neg(),
      second.inverse,
    ),
  };
}

/** Gaussian elimination of [a, 1], each row divided by the root of its pivot, leaves [l^T, l^-1]. */
function eliminate(a: Tensor): Factor {
  const n = a.shape.at(-1)!;
  let rest = concat([a, identity(n, a.dtype).expand(a.shape)], -1);
  const rows: Tensor[] = [];
  for (let j = 0; j < n; j++) {
    const [first, others] = split(rest, j + 1 < n ? [1, n - j - 1] : [1], -2);
    const row = first!.div(block(first!, undefined, [j, j + 1]).sqrt());
    rows.push(row);
    if (others === undefined) break;
    const column = block(row, undefined, [j + 1, n]).swapAxes();
    rest = others.sub(column.mul(row));
  }
  const all = concat(rows, -2);
  return {
    lower: triu(block(all, undefined, [0, n])).swapAxes(),
    inverse: tril(block(all, undefined, [n, 2 * n])),
  };
}
