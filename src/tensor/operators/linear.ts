/** Products: matrix product, Gemm, and Einstein summation. */
import { fail } from "../fail.ts";
import { NDArray } from "../ndarray.ts";
import { defineOperators, floatAttribute, intAttribute, stringAttribute, type TensorType } from "../node.ts";
import { broadcastShapes, type Shape, sizeOf } from "../shape.ts";
import { apply, lift, Tensor, type TensorLike } from "../tensor.ts";
import { commonDtype, sumTo } from "./rules.ts";

/** alpha * A B + beta * C with A and B transposed on demand: one kernel for a dense layer. A [m, k], B [k, n], C broadcasts to [m, n]. */
export function gemm(
  a: Tensor,
  b: Tensor,
  c?: Tensor,
  options: {
    readonly alpha?: number;
    readonly beta?: number;
    readonly transA?: boolean;
    readonly transB?: boolean;
  } = {},
): Tensor {
  const attributes = {
    alpha: { float: options.alpha ?? 1 },
    beta: { float: options.beta ?? 1 },
    transA: options.transA ? 1 : 0,
    transB: options.transB ? 1 : 0,
  };
  return apply("Gemm", [a, b, c], attributes);
}

/** Einstein summation: `einsum("bij,bjk->bik", a, b)`. Without "->" the result has the letters that occur once, in order. */
export function einsum(equation: string, ...operands: readonly TensorLike[]): Tensor {
  const like = operands.find((t): t is Tensor => t instanceof Tensor);
  const dense = equation.replace(/\s/g, "");
  const tensors = operands.map((t) => lift(t, like));
  return apply("Einsum", alignEllipses(dense, tensors), { equation: dense });
}

/** Tensors whose ellipses stand for equally many axes, as ONNX wants them. */
function alignEllipses(equation: string, tensors: readonly Tensor[]): readonly Tensor[] {
  const terms = equation.split("->")[0]!.split(",");
  const covered = tensors.map((t, i) => (terms[i]?.includes("...") ? t.rank - (terms[i].length - 3) : 0));
  const most = Math.max(...covered);
  return tensors.map((t, i) => {
    const at = terms[i]?.indexOf("...") ?? -1;
    const missing = Array.from({ length: most - covered[i]! }, (_, k) => at + k);
    return at < 0 || missing.length === 0 ? t : t.unsqueeze(missing);
  });
}

function matmulType(a: Tensor, b: Tensor): TensorType {
  if (a.rank === 0 || b.rank === 0)
    throw new RangeError("it takes vectors and matrices, not scalars: use mul");
  const left: Shape = a.rank === 1 ? [1, ...a.shape] : a.shape;
  const right: Shape = b.rank === 1 ? [...b.shape, 1] : b.shape;
  const [k, l] = [left.at(-1)!, right.at(-2)!];
  if (k !== l) throw new RangeError(`the inner sizes ${k} and ${l} differ`);
  const batch = broadcastShapes(left.slice(0, -2), right.slice(0, -2));
  if (batch === undefined) throw new RangeError("the sizes before the last two axes do not broadcast");
  const rows = a.rank === 1 ? [] : [left.at(-2)!];
  const columns = b.rank === 1 ? [] : [right.at(-1)!];
  return { shape: [...batch, ...rows, ...columns], dtype: commonDtype([a, b]) };
}

/** The gradient of a matrix product of tensors with two axes or more. */
function matmulGradient(a: Tensor, b: Tensor, dy: Tensor): [Tensor, Tensor] {
  const da = dy.matmul(b.swapAxes());
  if (b.rank === 2 && a.rank > 2) {
    const rows = sizeOf(a.shape.slice(0, -1));
    const flat = a.reshape([rows, a.shape.at(-1)!]);
    return [da, flat.transpose().matmul(dy.reshape([rows, dy.shape.at(-1)!]))];
  }
  return [sumTo(da, a.shape), sumTo(a.swapAxes().matmul(dy), b.shape)];
}

interface Equation {
  readonly terms: readonly string[];
  readonly output: string;
  /** The size behind each letter. */
  readonly sizes: ReadonlyMap<string, number>;
}

function parseEquation(equation: string, x: readonly Tensor[]): Equation {
  const [left, right] = equation.replace(/\s/g, "").split("->");
  const terms = left!.split(",");
  if (terms.length !== x.length) {
    throw new RangeError(`"${equation}" has ${terms.length} terms for ${x.length} tensors`);
  }
  const named = terms.map((term, i) => nameEllipsis(term, x[i]!));
  const sizes = new Map<string, number>();
  named.forEach((term, i) => {
    if (term.length !== x[i]!.rank) {
      throw new RangeError(
        `the term "${terms[i]}" of "${equation}" names ${term.length} axes, the tensor has ${x[i]!.rank}`,
      );
    }
    [...term].forEach((letter, axis) => {
      const size = x[i]!.shape[axis]!;
      const known = sizes.get(letter) ?? 1;
      if (known !== 1 && size !== 1 && known !== size) {
        throw new RangeError(`"${letter}" of "${equation}" stands for both ${known} and ${size}`);
      }
      sizes.set(letter, Math.max(known, size));
    });
  });
  const all = named.join("");
  const dots = [...new Set(all)].filter(isDot).sort();
  const once = [...new Set(all)].filter((l) => !isDot(l) && all.indexOf(l) === all.lastIndexOf(l)).sort();
  const output = right === undefined ? [...dots, ...once].join("") : right.replace("...", dots.join(""));
  const stray = [...output].find((l) => !sizes.has(l));
  if (stray !== undefined)
    throw new RangeError(`the result letter "${stray}" of "${equation}" is in no term`);
  return { terms: named, output, sizes };
}

/** Axes under an ellipsis get letters of their own, the same ones counted from the right. */
const DOTS = "αβγδεζηθ";
const isDot = (letter: string): boolean => DOTS.includes(letter);

function nameEllipsis(term: string, x: Tensor): string {
  const covered = x.rank - (term.length - 3);
  return term.includes("...") ? term.replace("...", DOTS.slice(DOTS.length - covered)) : term;
}

/**
 * The gradient with respect to one operand is a summation too: dy times the other operands, summed to the operand's
 * letters. Letters that only this operand has are broadcast; repeated letters keep the diagonal.
 */
function einsumGradient(equation: Equation, x: readonly Tensor[], dy: Tensor, which: number): Tensor {
  const term = equation.terms[which]!;
  const letters = [...new Set(term)];
  const others = x.flatMap((t, i) => (i === which ? [] : [{ t, term: equation.terms[i]! }]));
  const elsewhere = equation.output + others.map((o) => o.term).join("");
  const shared = letters.filter((l) => elsewhere.includes(l));
  const inputs = [equation.output, ...others.map((o) => o.term)].join(",");
  const ascii = (text: string) => [...text].map((l) => asciiFor(l, equation)).join("");
  const sum = einsum(ascii(`${inputs}->${shared.join("")}`), dy, ...others.map((o) => o.t));
  const full = letters.map((l) => equation.sizes.get(l)!);
  const spread = sum
    .reshape(letters.map((l) => (shared.includes(l) ? equation.sizes.get(l)! : 1)))
    .expand(full);
  return sumTo(onDiagonal(spread, letters, term, equation), x[which]!.shape);
}

/** ONNX takes only ASCII letters: those under an ellipsis get unused ones. */
function asciiFor(letter: string, equation: Equation): string {
  if (!isDot(letter)) return letter;
  const used = equation.terms.join("");
  const free = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"].filter((l) => !used.includes(l));
  return free[DOTS.indexOf(letter)]!;
}

/** Put a tensor with each letter once on the diagonal of the axes that share a letter. */
function onDiagonal(t: Tensor, letters: readonly string[], term: string, { sizes }: Equation): Tensor {
  if (letters.length === term.length) return t;
  const shape = [...term].map((l) => sizes.get(l)!);
  const place = [...term].map((l, i) => (term.indexOf(l) === i ? letters.indexOf(l) : -1));
  const first = t
    .transpose(place.filter((p) => p >= 0))
    .unsqueeze(place.flatMap((p, i) => (p < 0 ? [i] : [])));
  let out = first.expand(shape);
  [...term].forEach((letter, i) => {
    const j = term.indexOf(letter);
    if (j === i) return;
    const n = sizes.get(letter)!;
    const data = Uint8Array.from({ length: n * n }, (_, k) => (k % (n + 1) === 0 ? 1 : 0));
    const eye = new NDArray(data, [n, n], "bool").cast(t.dtype as "float32");
    out = out.mul(Tensor.constant(eye.reshape(shape.map((_, axis) => (axis === i || axis === j ? n : 1)))));
  });
  return out;
}

defineOperators({
  MatMul: {
    type: ({ x: [a, b] }) => matmulType(a!, b!),
    gradient: ({ x: [a, b], dy }) => {
      if (a!.rank >= 2 && b!.rank >= 2) return matmulGradient(a!, b!, dy);
      const left = a!.rank === 1 ? a!.unsqueeze(0) : a!;
      const right = b!.rank === 1 ? b!.unsqueeze(1) : b!;
      const shape = matmulType(left, right).shape;
      const [da, db] = matmulGradient(left, right, dy.reshape(shape));
      return [da.reshape(a!.shape), db.reshape(b!.shape)];
    },
  },
  Gemm: {
    type: ({ x: [a, b, c], attributes }) => {
      const turned = (t: Tensor, name: string) =>
        intAttribute(attributes, name, 0) === 1 ? t.transpose() : t;
      if (a!.rank !== 2 || b!.rank !== 2)
        throw new RangeError("it takes two matrices: use matmul for other ranks");
      const type = matmulType(turned(a!, "transA"), turned(b!, "transB"));
      const sum = c === undefined ? type.shape : broadcastShapes(type.shape, c.shape);
      if (sum?.some((d, i) => d !== type.shape[i]))
        throw new RangeError("C does not broadcast to the product");
      return type;
    },
    gradient: ({ x: [a, b, c], attributes, dy }) => {
      const transA = intAttribute(attributes, "transA", 0) === 1;
      const transB = intAttribute(attributes, "transB", 0) === 1;
      const scaled = dy.mul(floatAttribute(attributes, "alpha", 1));
      const [p, q] = [transA ? a!.transpose() : a!, transB ? b!.transpose() : b!];
      const da = scaled.matmul(q.transpose());
      const db = p.transpose().matmul(scaled);
      const dc = c && sumTo(dy.mul(floatAttribute(attributes, "beta", 1)), c.shape);
      return [transA ? da.transpose() : da, transB ? db.transpose() : db, dc];
    },
  },
  Einsum: {
    type: ({ x, attributes }) => {
      const { output, sizes } = parseEquation(stringAttribute(attributes, "equation", ""), x);
      return { shape: [...output].map((l) => sizes.get(l)!), dtype: commonDtype(x) };
    },
    gradient: ({ x, attributes, dy, needs }) => {
      const equation = parseEquation(stringAttribute(attributes, "equation", ""), x);
      if (equation.output.length !== new Set(equation.output).size) {
        fail("Einsum", x, "a letter occurs twice in the result: there is no gradient rule for that");
      }
      return x.map((_, i) => (needs[i] ? einsumGradient(equation, x, dy, i) : undefined));
    },
  },
});
