/**
 * Hypernetworks whose predictions do not grow with their input. A hypernetwork h predicts the weights of a model from inputs gamma:
 * weights = theta_0 + h(E(gamma)), with a code E of constant norm and a residual theta_0 that starts as the model would.
 *
 * Gonzalez Ortiz, Guttag, Dalca, "Magnitude Invariant Parametrizations Improve Hypernetwork Learning", ICLR 2024,
 * arXiv 2304.07645, sections 3 and 4; initialisation as in its official code.
 */
import { type Activation, activation as functionOf } from "../../nn/activations.ts";
import { applyDense, type DenseParams } from "../../nn/dense.ts";
import { isFrozen } from "../../nn/frozen.ts";
import { heNormal } from "../../nn/initialisers.ts";
import { type Model, splitContext } from "../../nn/model.ts";
import type { Parametrization } from "../../nn/parametrization.ts";
import { kernels } from "../../nn/select.ts";
import type { DType } from "../../tensor/dtype.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import { split, stack } from "../../tensor/operators/movement.ts";
import * as random from "../../tensor/random.ts";
import { type Shape, sizeOf } from "../../tensor/shape.ts";
import { Tensor } from "../../tensor/tensor.ts";
import * as tree from "../../tensor/tree.ts";
import { type Encoding, encodedSize, encodeInput } from "./encoding.ts";
import {
  checkInputShapes,
  flatSize,
  flattenGamma,
  type Gamma,
  type GammaValues,
  gammaArrays,
  type InputShapes,
  outsideUnit,
} from "./gammas.ts";
import { type FrozenHyperParams, type HyperParams, hiddenLayers, outputKernel } from "./hyper-params.ts";

export interface HypernetworkOptions {
  /** Name and shape of each input. Values lie in [0, 1]: see `toUnit`. */
  readonly inputs: InputShapes;
  /** Widths of the hidden layers. */
  readonly hidden: readonly number[];
  /** Default "cos-sin", the paper's. */
  readonly encoding?: Encoding;
  /**
   * What theta_0 starts as. "init" (default): kernels He normal, others (biases, scales) as the model's `init` gives them. "pretrained":
   * the weights given. "none": 0, a standard hypernetwork, whose theta_0 is the bias of its last layer. It is trained in all cases.
   */
  readonly residual?: "init" | "pretrained" | "none";
  /** After each hidden layer. Default "leakyRelu". */
  readonly activation?: Activation;
  /** Which of the model's weights are predicted, by path. Default all; the others stay ordinary weights. */
  readonly only?: (path: string) => boolean;
}

/** The largest number of weights that is predicted. */
const MOST_OUTPUTS = 5e7;

/**
 * A hypernetwork for any model.
 *
 *     const hyper = hypernetwork({ inputs: { angle: [1] }, hidden: [16, 64, 128] });
 *     const model = hyper.conditioned(nn.mlp({ sizes: [144, 32, 10], activation: "relu" })); // of { gamma: { angle }, x }
 *     const fixed = nn.reparametrize(mlp, hyper.at({ angle: 0.25 })); // the model at one angle
 */
export function hypernetwork(options: HypernetworkOptions): Hypernetwork {
  return new Hypernetwork(options);
}

export class Hypernetwork {
  /** k, the numbers in all inputs together. */
  readonly flatInputSize: number;
  readonly inputs: InputShapes;
  private warned = false;

  constructor(private readonly options: HypernetworkOptions) {
    checkInputShapes(options.inputs);
    const bad = options.hidden.find((size) => !Number.isInteger(size) || size < 1);
    if (bad !== undefined) throw new RangeError(`hypernetwork: hidden has ${bad}: use whole numbers from 1`);
    this.inputs = options.inputs;
    this.flatInputSize = flatSize(options.inputs);
  }

  /** First weights, for a model whose weights are `params`. */
  init<P>(key: NDArray, params: P): HyperParams<P> {
    const { hidden, encoding = "cos-sin", residual = "init" } = this.options;
    const [forResidual, forHypernetwork] = random.split(key) as [NDArray, NDArray];
    const leaves = this.predicted(params);
    const dtype = checkedLeaves(leaves);
    const paths = new Map(leaves.map(({ path }, i) => [path, i]));
    const theta0 = tree.mapWithPath((leaf, path) => {
      const at = paths.get(path);
      if (at === undefined || residual === "pretrained") return leaf;
      const { shape } = leaf as NDArray;
      if (residual === "none") return NDArray.zeros(shape, dtype);
      return kernels(path, shape) ? heNormal(random.fold(forResidual, at), shape, dtype) : leaf;
    }, params) as P;
    const [forOutput, ...forLayers] = random.split(forHypernetwork, hidden.length + 1) as [NDArray];
    const widths = [encodedSize(this.flatInputSize, encoding), ...hidden];
    return {
      layers: hiddenLayers(forLayers, widths, dtype),
      output: { kernel: outputKernel(forOutput, widths.at(-1)!, leaves.map(sizeOfLeaf), dtype) },
      residual: theta0,
    };
  }

  /** As `init`, but theta_0 starts as `params`, to the bit, whatever `residual` says. */
  fromPretrained<P>(key: NDArray, params: P): HyperParams<P> {
    return { ...this.init(key, params), residual: params };
  }

  /** The same weights with theta_0 no longer trained; weights that are not predicted still are. */
  freezeResidual<P>(omega: HyperParams<P>): FrozenHyperParams<P> {
    const { residual, ...others } = omega;
    const predicted = new Set(this.predicted(residual).map(({ path }) => path));
    const rest = Object.entries(tree.toRecord(residual)).filter(
      ([path]) => !predicted.has(path) && !isFrozen(path),
    );
    return {
      ...others,
      rest: Object.fromEntries(rest) as unknown as Record<string, NDArray>,
      frozen: { residual },
    };
  }

  /** The inverse of `freezeResidual`. */
  unfreezeResidual<P>({ rest, frozen, ...others }: FrozenHyperParams<P>): HyperParams<P> {
    return { ...others, residual: withRest(frozen.residual, rest) as P };
  }

  /**
   * The model's weights for gamma. Where each input has its own shape, the tree is the model's. For a batch of G, predicted weights are
   * [G, ...shape], vectors [G, 1, n]: so `nn.mlp` takes inputs [G, rows, features] and runs G networks by batched products.
   */
  apply<P>(omega: tree.Traced<HyperParams<P> | FrozenHyperParams<P>>, gamma: Gamma): tree.Traced<P> {
    const { base, delta, batch } = this.predict(omega, gamma);
    const batched = (shape: Shape): Shape =>
      batch === undefined
        ? shape
        : [batch, ...new Array<number>(Math.max(0, 2 - shape.length)).fill(1), ...shape];
    return tree.mapWithPath((leaf, path) => {
      const d = delta.get(path);
      const w = leaf as Tensor;
      return d === undefined ? w : w.add(d.reshape(batched(w.shape)));
    }, base) as tree.Traced<P>;
  }

  /** h(E(gamma)) alone, without theta_0: [G, P], or [1, P] without a batch. */
  delta<P>(omega: tree.Traced<HyperParams<P> | FrozenHyperParams<P>>, gamma: Gamma): Tensor {
    return this.outputs(omega as unknown as Seen, gamma).flat;
  }

  /**
   * The model at one gamma: for `nn.reparametrize`, and to export it, at no cost over the model itself. A number fills an input.
   */
  at<P>(values: GammaValues): Parametrization<HyperParams<P>, P> {
    const arrays = gammaArrays(this.inputs, values);
    this.warnOutside(arrays);
    return {
      init: (key, params) => this.init(key, params),
      weights: (omega) => {
        const { dtype } = (omega as unknown as Seen).output.kernel;
        return this.apply<P>(
          omega as never,
          tree.map((a) => Tensor.constant(a.cast(dtype)), arrays),
        );
      },
    };
  }

  /**
   * A model whose input holds gamma: `{ gamma: { angle }, x }`. For a batch of G gammas, x has a first axis of G too, and so has the
   * output: the model runs once for each, whatever it is made of. (For `nn.mlp`, `apply` and batched products are faster.)
   */
  conditioned<P, X>(model: Model<P, X>): Model<HyperParams<P>, { readonly gamma: Gamma; readonly x: X }> {
    return {
      init: (key) => {
        const [forModel, forHypernetwork] = random.split(key) as [NDArray, NDArray];
        return this.init(forHypernetwork, model.init(forModel));
      },
      apply: (omega, { gamma, x }, context) => {
        const { base, delta, batch } = this.predict(omega as never, gamma);
        const weights = (g: number) =>
          tree.mapWithPath((leaf, path) => {
            const [w, d] = [leaf as Tensor, delta.get(path)];
            return d === undefined ? w : w.add(d.slice([g, g + 1]).reshape(w.shape));
          }, base) as tree.Traced<P>;
        if (batch === undefined) return model.apply(weights(0), x, context);
        const contexts = splitContext(context, batch);
        const row = (g: number) => tree.map((t) => rowOf(t as Tensor, g, batch), x) as X;
        return stack(contexts.map((c, g) => model.apply(weights(g), row(g), c)));
      },
    };
  }

  /** Warn, once, where host values lie outside [0, 1]: a compiled function cannot see that. */
  warnOutside(arrays: Readonly<Record<string, NDArray>>): void {
    const problem = this.warned ? undefined : outsideUnit(arrays);
    if (problem === undefined) return;
    this.warned = true;
    console.warn(`hypernetwork: ${problem}`);
  }

  /** P, how many weights are predicted for a model like this. */
  flatOutputSize(params: unknown): number {
    return this.predicted(params).reduce((sum, leaf) => sum + sizeOfLeaf(leaf), 0);
  }

  private predicted(params: unknown): Leaf[] {
    const { only = () => true } = this.options;
    const all = Object.entries(tree.toRecord(params) as Record<string, NDArray | Tensor>);
    return all.flatMap(([path, leaf]) =>
      !isFrozen(path) && only(path) ? [{ path, shape: leaf.shape, dtype: leaf.dtype }] : [],
    );
  }

  private predict(omega: unknown, gamma: Gamma) {
    const seen = omega as Seen;
    const base = seen.frozen === undefined ? seen.residual : withRest(seen.frozen.residual, seen.rest);
    const { flat, batch } = this.outputs(seen, gamma);
    const leaves = this.predicted(base);
    const parts = split(flat, leaves.map(sizeOfLeaf), 1);
    return { base, batch, delta: new Map(leaves.map(({ path }, i) => [path, parts[i]!])) };
  }

  private outputs({ layers, output }: Seen, gamma: Gamma) {
    const { encoding = "cos-sin", activation = "leakyRelu" } = this.options;
    const activate = functionOf(activation);
    const { flat, batch } = flattenGamma(this.inputs, gamma, output.kernel.dtype);
    const z = layers.reduce((h, w) => activate(applyDense(w, h)), encodeInput(flat, encoding));
    return { flat: z.matmul(output.kernel), batch };
  }
}

/** The weights of a hypernetwork as `apply` sees them. */
interface Seen {
  readonly layers: readonly tree.Traced<DenseParams>[];
  readonly output: { readonly kernel: Tensor };
  readonly residual?: unknown;
  readonly frozen?: { readonly residual: unknown };
  readonly rest?: Readonly<Record<string, unknown>>;
}

interface Leaf {
  readonly path: string;
  readonly shape: Shape;
  readonly dtype: DType;
}

function sizeOfLeaf({ shape }: Leaf): number {
  return sizeOf(shape);
}

function withRest(residual: unknown, rest: Readonly<Record<string, unknown>> = {}): unknown {
  return tree.mapWithPath((leaf, path) => (Object.hasOwn(rest, path) ? rest[path] : leaf), residual);
}

function rowOf(t: Tensor, g: number, batch: number): Tensor {
  if (t.shape[0] !== batch)
    throw new RangeError(
      `hypernetwork: ${batch} gammas, and an input of the model with the shape [${t.shape.join(", ")}]: give it a first axis of ${batch}, one entry for each gamma`,
    );
  return t.slice([g, g + 1]).reshape(t.shape.slice(1));
}

/** The dtype of what is predicted. Throws where that cannot be. */
function checkedLeaves(leaves: readonly Leaf[]): "float32" | "float64" {
  const [first] = leaves;
  if (first === undefined)
    throw new RangeError(
      "hypernetwork: no weight is predicted: give a model that has some, and an `only` that takes one",
    );
  const total = leaves.reduce((sum, leaf) => sum + sizeOfLeaf(leaf), 0);
  if (total > MOST_OUTPUTS)
    throw new RangeError(
      `hypernetwork: ${total} weights are too many to predict (at most ${MOST_OUTPUTS}): choose some by \`only\``,
    );
  for (const { path, dtype } of leaves) {
    if (dtype !== "float32" && dtype !== "float64")
      throw new TypeError(
        `hypernetwork: the weight "${path}" is ${dtype}: only floats can be predicted; leave it out by \`only\``,
      );
    if (dtype !== first.dtype)
      throw new TypeError(
        `hypernetwork: the weight "${path}" is ${dtype} and "${first.path}" ${first.dtype}: cast one of them`,
      );
  }
  return first.dtype as "float32" | "float64";
}

export { type Encoding, encodeInput, gaussianToUnit, toUnit } from "./encoding.ts";
export type { Gamma, GammaValues, InputShapes } from "./gammas.ts";
export type { FrozenHyperParams, HyperParams } from "./hyper-params.ts";
export { type ScaleRow, scaleReport } from "./scale-report.ts";
