import { fail } from "../fail.ts";
import { split, tril, triu } from "../operators/movement.ts";
import { Tensor } from "../tensor.ts";
import { customGradient } from "../transforms.ts";
import { block, diagonal, identity, lowerBlocks, squareSize } from "./matrices.ts";

export interface Triangle {
  /** Is the upper triangle meant? Default the lower. The other one is not read. */
  readonly upper?: boolean | undefined;
}

/**
 * The inverse of each triangular matrix [..., n, n]. Blocks on the diagonal are inverted all at once, in twice the size each time: log2(n) steps.
 * An element 0 on the diagonal gives infinities.
 */
export function triangularInverse(a: Tensor, options: Triangle = {}): Tensor {
  squareSize("triangularInverse", a);
  return options.upper ? inverse(triu(a).swapAxes()).swapAxes() : inverse(tril(a));
}

/**
 * x with a x = b, a triangular [..., n, n], b [..., n, k] or [n]; with `transpose`, a^T x = b. By the inverse of a: right where a is well conditioned.
 *
 * ```ts
 * const x = linalg.triangularSolve(linalg.cholesky(a), b);
 * ```
 */
export function triangularSolve(
  a: Tensor,
  b: Tensor,
  options: Triangle & { readonly transpose?: boolean | undefined } = {},
): Tensor {
  const n = squareSize("triangularSolve", a);
  checkRightSide("triangularSolve", a, b, n);
  const x = triangularInverse(a, options);
  return (options.transpose ? x.swapAxes() : x).matmul(b);
}

/** f of columns [..., n, k]; a vector [n] as one column. */
export function onColumns(b: Tensor, f: (columns: Tensor) => Tensor): Tensor {
  return b.rank === 1 ? f(b.unsqueeze([-1])).squeeze([-1]) : f(b);
}

export function checkRightSide(who: string, a: Tensor, b: Tensor, n: number): void {
  const rows = b.rank === 1 ? b.shape[0] : b.shape.at(-2);
  if (rows !== n)
    fail(who, [a, b], `the right side needs ${n} rows, as the matrix has, not ${rows ?? "a scalar"}`);
}

/** d(x) = -x d(l) x */
const inverse = customGradient(invert, (dy, x) => {
  const turned = x.swapAxes();
  return [tril(turned.matmul(dy).matmul(turned)).neg()];
});

function invert(lower: Tensor): Tensor {
  const n = lower.shape.at(-1)!;
  const size = 2 ** Math.ceil(Math.log2(n));
  const full =
    size === n
      ? lower
      : lowerBlocks(
          lower,
          Tensor.zeros([...lower.shape.slice(0, -2), size - n, n], lower.dtype),
          eyes(lower, size - n),
        );
  const batch = lower.shape.slice(0, -2);
  let x = diagonal(full)
    .reciprocal()
    .reshape([...batch, size, 1, 1]);
  for (let s = 1; s < size; s *= 2) x = doubled(x, lowerLeft(full, s), s);
  return block(x.reshape([...batch, size, size]), [0, n], [0, n]);
}

/** From the inverses [..., 2k, s, s] of blocks on the diagonal and what stands between two of them [..., k, s, s], those of blocks of size 2s. */
function doubled(x: Tensor, between: Tensor, s: number): Tensor {
  const batch = between.shape.slice(0, -2);
  const [first, second] = split(x.reshape([...batch, 2, s, s]), 2, -3).map((t) =>
    t.reshape([...batch, s, s]),
  );
  return lowerBlocks(first!, second!.matmul(between).matmul(first!).neg(), second!);
}

/** The lower left quarters of the blocks of size 2s on the diagonal: [..., k, s, s]. */
function lowerLeft(a: Tensor, s: number): Tensor {
  const [batch, n] = [a.shape.slice(0, -2), a.shape.at(-1)!];
  const k = n / (2 * s);
  if (k === 1) return block(a, [s, n], [0, s]).reshape([...batch, 1, s, s]);
  const at = batch.length;
  const order = [...batch.keys(), at, at + 2, at + 1, at + 3];
  const blocks = a
    .reshape([...batch, k, 2 * s, k, 2 * s])
    .transpose(order)
    .reshape([...batch, k * k, 2 * s, 2 * s]);
  const all = batch.map(() => undefined);
  return blocks.slice(...all, [0, k * k, k + 1], [s, 2 * s], [0, s]);
}

function eyes(a: Tensor, n: number): Tensor {
  return identity(n, a.dtype).expand([...a.shape.slice(0, -2), n, n]);
}
