import { einsum, gemm } from "../../src/tensor/operators/index.ts";
import { apply, type Tensor } from "../../src/tensor/tensor.ts";
import { any, check, fixed, type GradientCase, lettered, ofRank } from "../gradient-check.ts";

const op2 = (name: string) => (a: Tensor, b: Tensor) => apply(name, [a, b]);
export const linear: readonly GradientCase[] = [
  ...[
    "i,i",
    "i,ij",
    "ij,j",
    "ij,jk",
    "i,bij",
    "bij,j",
    "bij,jk",
    "ij,bjk",
    "bij,bjk",
    "abij,bjk",
    "bij,abjk",
    "abij,jk",
    "ij,abjk",
  ].map((terms) => check(`MatMul ${terms}`, any, op2("MatMul"), lettered(terms))),
  check("MatMul with a broadcast batch of 1", any, op2("MatMul"), fixed([1, 2, 3], [4, 3, 2])),
  check("MatMul with two broadcast batches", any, op2("MatMul"), fixed([2, 1, 2, 3], [3, 3, 2])),
  check("MatMul of a matrix with itself", any, (x) => x.matmul(x.transpose()).matmul(x), ofRank(2)),
  check("Gemm", any, (a, b) => gemm(a, b), lettered("ij,jk")),
  check(
    "Gemm with factors",
    any,
    (a, b, c) => gemm(a, b, c, { alpha: 0.3, beta: 1.7 }),
    lettered("ij,jk,ik"),
  ),
  check(
    "Gemm, A transposed",
    any,
    (a, b, c) => gemm(a, b, c, { transA: true, alpha: 0.5 }),
    lettered("ji,jk,k"),
  ),
  check(
    "Gemm, B transposed",
    any,
    (a, b, c) => gemm(a, b, c.unsqueeze(1), { transB: true, beta: -2 }),
    lettered("ij,kj,i"),
  ),
  check(
    "Gemm, both transposed",
    any,
    (a, b, c) => gemm(a, b, c, { transA: true, transB: true, alpha: 0.1 }),
    lettered("ji,kj,"),
  ),
  ...(
    [
      ["ij,jk->ik", "ij,jk"],
      ["ij,jk", "ij,jk"],
      ["ba", "ba"],
      ["bij,bjk->bik", "bij,bjk"],
      ["i,j->ij", "i,j"],
      ["i,i->", "i,i"],
      ["ij->", "ij"],
      ["ij->j", "ij"],
      ["ijk,k->ji", "ijk,k"],
      ["ii->i", "ii"],
      ["ii", "ii"],
      ["iij->ij", "iij"],
      ["iji,j->i", "iji,j"],
      ["iii->i", "iii"],
      ["ij,k->ik", "ij,k"],
      ["ab,bc,cd->ad", "ab,bc,cd"],
      ["a,ab,b->", "a,ab,b"],
      ["bqhd,bkhd->bhqk", "bqhd,bkhd"],
      ["...ij,jk->...ik", "abij,jk"],
      ["...i,...i->...", "abi,bi"],
      ["i...->...", "iab"],
      ["...ij,...jk", "bij,jk"],
      ["...->...", "ab"],
      ["i...j,j->i...", "iabj,j"],
    ] as const
  ).map(([equation, terms]) =>
    check(
      `Einsum ${equation}`,
      any,
      terms.split(",").length === 1
        ? (a) => einsum(equation, a).exp()
        : terms.split(",").length === 2
          ? (a, b) => einsum(equation, a, b)
          : (a, b, c) => einsum(equation, a, b, c),
      lettered(terms),
    ),
  ),
  check(
    "Einsum with sizes of 1 that broadcast",
    any,
    (a, b) => einsum("ij,ij->ij", a, b),
    fixed([2, 1], [2, 3]),
  ),
  check(
    "Einsum with an ellipsis that broadcasts",
    any,
    (a, b) => einsum("...i,...i->...i", a, b),
    fixed([1, 3, 2], [4, 1, 2]),
  ),
  check("Einsum of a tensor with itself", any, (a) => einsum("ij,kj->ik", a, a), ofRank(2)),
];
