import { decodeSafetensors, encodeSafetensors } from "../../onnx/safetensors.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import { sameShape, showShape } from "../../tensor/shape.ts";
import * as tree from "../../tensor/tree.ts";
import { isFrozen, trainable, withTrainable } from "../frozen.ts";
import type { Parametrization } from "../parametrization.ts";
import { checkSlopes, withRandomMove } from "./check-slopes.ts";
import { compose } from "./compose.ts";
import { delta } from "./delta.ts";

export interface CheckOptions<P> {
  /** Weights of a small model, float32. Default: a tree of two dense layers, a convolution and running statistics. */
  readonly params?: P | undefined;
  /** Does it promise that `weights(init(key, params))` are exactly `params`? Default true. */
  readonly exact?: boolean | undefined;
}

interface Subject<Z, P> {
  /** The same parametrization, made anew on each call. */
  make(): Parametrization<Z, P>;
  readonly params: P;
  readonly exact: boolean;
}

interface Check {
  readonly name: string;
  run<Z, P>(subject: Subject<Z, P>): Promise<void> | void;
}

type Arrays = Record<string, NDArray>;
const key = random.key(7);

/** What every parametrization must do: each check throws one line where it does not. */
export const parametrizationChecks: readonly Check[] = [
  {
    name: "its values depend on the key and the weights alone",
    run: ({ make, params }) =>
      sameArrays(make().init(key, params), make().init(key, params), "a second init with the same key"),
  },
  {
    name: "its values are a tree of arrays, those that are trained floats",
    run({ make, params }) {
      const all = tree.toRecord(make().init(key, params)) as Record<string, unknown>;
      for (const [path, leaf] of Object.entries(all)) {
        if (!(leaf instanceof NDArray)) throw new Error(`"${path}" is a ${typeof leaf}: keep arrays only`);
        if (!leaf.dtype.startsWith("float") && !isFrozen(path))
          throw new Error(`"${path}" is ${leaf.dtype}: keep what is not trained under the name "frozen"`);
      }
    },
  },
  {
    name: "it gives weights of the model's structure, shapes and dtypes, in float32 and float64",
    async run({ make, params }) {
      for (const weights of [params, inFloat64(params)]) {
        const found = await weightsOf(make(), make().init(key, weights));
        sameArrays(found, weights, "the tree of weights", () => true);
      }
    },
  },
  {
    name: "it gives exactly the first weights at first, where it promises that",
    async run({ make, params, exact }) {
      if (exact) sameArrays(await weightsOf(make(), make().init(key, params)), params, "weights(init)");
    },
  },
  {
    name: "it leaves what is frozen in the model as it is",
    async run({ make, params }) {
      const z = withRandomMove(make().init(key, params));
      const of = (all: unknown) =>
        Object.fromEntries(Object.entries(tree.toRecord(all)).filter(([path]) => isFrozen(path)));
      sameArrays(of(await weightsOf(make(), z)), of(params), "what is frozen");
    },
  },
  {
    name: "it keeps nothing outside its values",
    async run({ make, params }) {
      const used = make();
      const z = used.init(key, params);
      used.init(
        random.key(8),
        tree.map((w) => NDArray.full((w as NDArray).shape, 0.5, (w as NDArray).dtype), params) as never,
      );
      sameArrays(await weightsOf(used, z), await weightsOf(make(), z), "weights after another init");
    },
  },
  {
    name: "its values survive a file",
    async run({ make, params }) {
      const z = withRandomMove(make().init(key, params));
      const { tensors } = decodeSafetensors(encodeSafetensors(tree.toRecord(z) as Arrays));
      const restored = tree.fromRecord(z, tensors) as typeof z;
      sameArrays(await weightsOf(make(), restored), await weightsOf(make(), z), "weights from the file");
    },
  },
  {
    name: "its gradients are those of central differences",
    run: ({ make, params }) => checkSlopes(make(), inFloat64(params), key),
  },
  {
    name: "it composes with another",
    async run({ make, params }) {
      const both = compose(make(), delta());
      const first = random.split(key, 2)[0]!;
      const z = both.init(key, params);
      sameArrays(
        await weightsOf(both, z),
        await weightsOf(make(), make().init(first, params)),
        "the composition",
      );
    },
  },
];

/**
 * Throws one line, naming the check, where a parametrization is not what it should be: the conformance suite of the library's own,
 * for those of others. `make` makes it anew on each call, so that hidden state is found.
 *
 * ```ts
 * await nn.parametrize.checkParametrization(() => mine({ strength: 2 }));
 * ```
 */
export async function checkParametrization<Z, P = CheckParams>(
  make: () => Parametrization<Z, P>,
  options: CheckOptions<P> = {},
): Promise<void> {
  const { params = checkParams() as P, exact = true } = options;
  for (const check of parametrizationChecks)
    try {
      await check.run({ make, params, exact });
    } catch (error) {
      throw new Error(`checkParametrization: ${check.name}: ${(error as Error).message}`);
    }
}

export type CheckParams = ReturnType<typeof checkParams>;

/** What the checks run on unless told otherwise. */
export function checkParams() {
  const at = (i: number, shape: number[]) => random.normal(random.fold(random.key(11), i), shape);
  return {
    layers: [
      { kernel: at(0, [5, 4]), bias: at(1, [4]) },
      { kernel: at(2, [4, 3]), bias: NDArray.zeros([3]) },
    ],
    filter: { kernel: at(3, [3, 2, 2, 2]), frozen: { mean: at(4, [3]) } },
  };
}

/** The weights at these values, as arrays. */
export async function weightsOf<Z, P>(parametrization: Parametrization<Z, P>, z: Z): Promise<P> {
  const run = compile((values: tree.Traced<Z>) => parametrization.weights(values), { threads: 1 });
  try {
    return (await run(z as never)) as P;
  } finally {
    await run.dispose();
  }
}

function inFloat64<P>(params: P): P {
  const floats = Object.entries(trainable(params)) as unknown as [string, NDArray][];
  const wide = floats.map(([path, w]) => [path, w.dtype === "float32" ? w.cast("float64") : w] as const);
  return withTrainable<P>(params, Object.fromEntries(wide));
}

const equal = (a: NDArray, b: NDArray) =>
  a.data.every(
    (v: number | bigint, i: number) => v === b.data[i] || (Number.isNaN(v) && Number.isNaN(b.data[i])),
  );

/** Throws where two trees of arrays differ in structure, shapes, dtypes or, unless told otherwise, values. */
function sameArrays(found: unknown, expected: unknown, what: string, same = equal): void {
  const [a, b] = [tree.toRecord(found) as Arrays, tree.toRecord(expected) as Arrays];
  const odd = [...Object.keys(a), ...Object.keys(b)].find(
    (path) => !(Object.hasOwn(a, path) && Object.hasOwn(b, path)),
  );
  if (odd !== undefined)
    throw new Error(`${what}: "${odd}" is ${Object.hasOwn(a, odd) ? "more than expected" : "missing"}`);
  for (const [path, x] of Object.entries(a)) {
    const y = b[path]!;
    if (x.dtype !== y.dtype || !sameShape(x.shape, y.shape))
      throw new Error(
        `${what}: "${path}" is ${x.dtype}${showShape(x.shape)}, expected ${y.dtype}${showShape(y.shape)}`,
      );
    if (!same(x, y)) throw new Error(`${what}: "${path}" has other values than expected`);
  }
}
