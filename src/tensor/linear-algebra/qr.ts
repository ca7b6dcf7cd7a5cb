import { fail } from "../fail.ts";
import { concat, split, tril, triu } from "../operators/movement.ts";
import { apply, integers, type Tensor } from "../tensor.ts";
import { customGradient } from "../transforms.ts";
import { identity, sizes, squareSize } from "./matrices.ts";
import { checkRightSide, onColumns, triangularInverse } from "./triangular.ts";

/**
 * a = q r for each matrix [..., m, n] of full rank with m >= n: q [..., m, n] with orthonormal columns, r [..., n, n] upper triangular with
 * a positive diagonal, which makes both unique.
 *
 * Modified Gram-Schmidt, by recursive halves down to 16 columns, and once more on its result: "twice is enough" (Parlett). About 14 n nodes. The
 * gradient (Walter and Lehmann, arXiv:1009.6112) adds a fixed few.
 */
export function qr(a: Tensor): { q: Tensor; r: Tensor } {
  const [m, n] = sizes("qr", a);
  if (m < n) fail("qr", [a], `it takes as many rows as columns or more, not ${m} and ${n}: transpose it`);
  const q = factor(a);
  return { q, r: triu(q.swapAxes().matmul(a)) };
}

/** x with a x = b, a [..., n, n] of full rank, b [..., n, k] or [n]; by qr. */
export function solve(a: Tensor, b: Tensor): Tensor {
  checkRightSide("solve", a, b, squareSize("solve", a));
  const { q, r } = qr(a);
  const inverse = triangularInverse(r, { upper: true });
  return onColumns(b, (x) => inverse.matmul(q.swapAxes().matmul(x)));
}

const factor = customGradient(
  (a: Tensor) => orthonormal(orthonormal(a)),
  (dy, q, a) => {
    const n = q.shape.at(-1)!;
    const inverse = triangularInverse(q.swapAxes().matmul(a), { upper: true });
    const m = dy.swapAxes().matmul(q).neg();
    const below = tril(m, -1);
    const both = below.add(below.swapAxes()).add(m.mul(identity(n, m.dtype)));
    return [dy.add(q.matmul(both)).matmul(inverse.swapAxes())];
  },
);

function orthonormal(a: Tensor): Tensor {
  const n = a.shape.at(-1)!;
  if (n <= 16) return columns(a);
  const [left, right] = split(a, [n >> 1, n - (n >> 1)], -1);
  const first = orthonormal(left!);
  return concat([first, orthonormal(without(right!, first))], -1);
}

function columns(a: Tensor): Tensor {
  const n = a.shape.at(-1)!;
  const rows = integers([a.rank - 2]);
  const done: Tensor[] = [];
  let rest = a;
  for (let j = 0; j < n; j++) {
    const [column, others] = split(rest, j + 1 < n ? [1, n - j - 1] : [1], -1);
    const unit = column!.div(apply("ReduceL2", [column, rows], { keepdims: 1 }));
    done.push(unit);
    if (others !== undefined) rest = without(others, unit);
  }
  return concat(done, -1);
}

/** The columns of a without what lies in the directions of those of q. */
function without(a: Tensor, q: Tensor): Tensor {
  return a.sub(q.matmul(q.swapAxes().matmul(a)));
}
