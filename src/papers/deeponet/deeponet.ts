/**
 * DeepONet: learning an operator G from functions to functions. A branch net sees an input function u at fixed sensors, a
 * trunk net sees a query y, and G(u)(y) is the inner product of what they make of it, plus a bias.
 *
 * Lu, Jin, Pang, Zhang, Karniadakis, "Learning nonlinear operators via DeepONet based on the universal approximation theorem
 * of operators", Nature Machine Intelligence 3 (2021), arXiv 1910.03193, section 2.
 */
import { type Activation, activation as functionOf } from "../../nn/activations.ts";
import { glorotNormal } from "../../nn/initialisers.ts";
import { mlp } from "../../nn/mlp.ts";
import type { Model } from "../../nn/model.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import { einsum } from "../../tensor/operators/linear.ts";
import * as random from "../../tensor/random.ts";
import { showShape } from "../../tensor/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";

export interface DeepONetOptions<B = unknown, T = unknown> {
  /** m: at how many points u is known. */
  readonly sensors: number;
  /** d: how many coordinates a query has. */
  readonly queryDim: number;
  /** p: how many features branch and trunk meet in, for each output. */
  readonly latent: number;
  /** Hidden widths, or a model of your own from [B, sensors] to [B, outputs * latent]. */
  readonly branch: readonly number[] | Model<B>;
  /** Hidden widths, or a model of your own from [B, queryDim] to [B, outputs * latent]. */
  readonly trunk: readonly number[] | Model<T>;
  /** p branch nets of one output each, in place of one with p outputs. Default false. */
  readonly stacked?: boolean;
  /** The bias b_0, and in a stacked net those of the last branch layers. Default true. */
  readonly bias?: boolean;
  /** Default "relu". It also follows the last layer of the trunk, not that of the branch (section 2.1, equation 2). */
  readonly activation?: Activation;
  /** Components of G(u)(y). Default 1. */
  readonly outputs?: number;
}

export interface DeepONetParams<B = unknown, T = unknown> {
  readonly branch: B;
  readonly trunk: T;
  /** b_0 [outputs], 0 at first. */
  readonly bias?: NDArray;
}

/** A model of an operator: of functions, known at sensors, and of queries. */
export interface OperatorModel<P> {
  readonly sensors: number;
  readonly queryDim: number;
  init(key: NDArray): P;
  /** u [B, sensors] and y [B, queryDim] to G(u)(y) [B, outputs]: each function at its own query. */
  apply(params: Traced<P>, u: Tensor, y: Tensor): Tensor;
  /** u [Bu, sensors] and y [By, queryDim] to [Bu, By], or [Bu, By, outputs] for several: every function at every query. */
  applyCartesian(params: Traced<P>, u: Tensor, y: Tensor): Tensor;
}

/**
 * A DeepONet. Weights are Glorot normal, biases 0.
 *
 *     const net = DeepONet({ sensors: 50, queryDim: 1, latent: 40, branch: [40], trunk: [40, 40] });
 *     const { params } = await fitOperator(net, triples, { steps: 4000, batch: 512 });
 */
export function DeepONet<B = unknown, T = unknown>(
  o: DeepONetOptions<B, T>,
): OperatorModel<DeepONetParams<B, T>> {
  const { sensors, queryDim, latent, stacked = false, bias = true, activation = "relu", outputs = 1 } = o;
  const width = latent * outputs;
  const branch = branchModel(o.branch, { sensors, width, stacked, bias, activation });
  const trunk = isModel(o.trunk)
    ? o.trunk
    : mlp({
        sizes: [queryDim, ...o.trunk, width],
        activation,
        outputActivation: activation,
        kernelInit: glorotNormal,
      });

  /** The features of functions and of queries, [.., outputs, latent] each. */
  const features = (params: Traced<DeepONetParams<B, T>>, u: Tensor, y: Tensor): [Tensor, Tensor] => {
    checkInput("sensor values u", u, sensors, "sensors");
    checkInput("queries y", y, queryDim, "queryDim");
    const b = (branch as Model<unknown>).apply(params.branch as Traced<unknown>, u);
    const t = (trunk as Model<unknown>).apply(params.trunk as Traced<unknown>, y);
    if (b.shape.at(-1) !== t.shape.at(-1) || b.shape.at(-1) !== width) {
      throw new RangeError(
        `DeepONet: the branch gives ${b.shape.at(-1)} features and the trunk ${t.shape.at(-1)}: ` +
          `both must give latent${outputs === 1 ? "" : " * outputs"} = ${width}`,
      );
    }
    const apart = (f: Tensor) => f.reshape([f.shape[0]!, outputs, latent]);
    return [apart(b), apart(t)];
  };
  const shift = (params: Traced<DeepONetParams<B, T>>, s: Tensor): Tensor =>
    bias ? s.add(params.bias as unknown as Tensor) : s;

  return {
    sensors,
    queryDim,
    init(key) {
      const [forBranch, forTrunk] = random.split(key) as [NDArray, NDArray];
      const nets = { branch: branch.init(forBranch) as B, trunk: trunk.init(forTrunk) as T };
      return bias ? { ...nets, bias: NDArray.zeros([outputs]) } : nets;
    },
    apply(params, u, y) {
      if (u.shape[0] !== y.shape[0]) {
        throw new RangeError(
          `DeepONet: ${u.shape[0]} functions but ${y.shape[0]} queries: apply pairs them; use applyCartesian for every pair`,
        );
      }
      const [b, t] = features(params, u, y);
      return shift(params, b.mul(t).sum(-1));
    },
    applyCartesian(params, u, y) {
      const [b, t] = features(params, u, y);
      if (outputs > 1) return shift(params, einsum("uop,yop->uyo", b, t));
      return shift(params, b.squeeze(1).matmul(t.squeeze(1).transpose()));
    },
  };
}

interface BranchOptions {
  readonly sensors: number;
  readonly width: number;
  readonly stacked: boolean;
  readonly bias: boolean;
  readonly activation: Activation;
}

function branchModel<B>(branch: readonly number[] | Model<B>, o: BranchOptions): Model<unknown> {
  if (!isModel(branch)) {
    const sizes = [o.sensors, ...branch, o.width];
    return o.stacked
      ? stackedNets(o.width, [o.sensors, ...branch, 1], o)
      : (mlp({ sizes, activation: o.activation, kernelInit: glorotNormal }) as Model<unknown>);
  }
  if (o.stacked) throw new RangeError("DeepONet: a stacked branch is made of hidden widths, not of a model");
  return branch as Model<unknown>;
}

/** Layer l of all nets: kernel [p, in, out], bias [p, 1, out]. */
export interface StackedParams {
  readonly layers: readonly { readonly kernel: NDArray; readonly bias?: NDArray }[];
}

/** p nets of one output, side by side: [B, sensors] to [B, p] in one batched product a layer. */
function stackedNets(count: number, sizes: readonly number[], o: BranchOptions): Model<StackedParams> {
  const activate = functionOf(o.activation);
  const last = sizes.length - 2;
  return {
    init: (key) => ({
      layers: sizes.slice(0, -1).map((inputs, l) => {
        const keys = random.split(random.fold(key, l), count);
        const kernel = stackArrays(keys.map((k) => glorotNormal(k, [inputs, sizes[l + 1]!])));
        return l === last && !o.bias
          ? { kernel }
          : { kernel, bias: NDArray.zeros([count, 1, sizes[l + 1]!]) };
      }),
    }),
    apply: (params, u) => {
      let h = u.unsqueeze(0);
      params.layers.forEach(({ kernel, bias }, l) => {
        h = h.matmul(kernel);
        if (bias !== undefined) h = h.add(bias);
        if (l < last) h = activate(h);
      });
      return h.squeeze(-1).transpose();
    },
  };
}

function stackArrays(arrays: readonly NDArray[]): NDArray {
  const [first] = arrays;
  const data = new Float32Array(arrays.length * first!.size);
  arrays.forEach((a, i) => data.set(a.data as Float32Array, i * first!.size));
  return new NDArray(data, [arrays.length, ...first!.shape]);
}

function isModel<P>(branch: readonly number[] | Model<P>): branch is Model<P> {
  return !Array.isArray(branch);
}

function checkInput(what: string, t: Tensor, size: number, option: string): void {
  if (t.rank === 2 && t.shape[1] === size) return;
  throw new RangeError(
    `DeepONet: the ${what} have the shape ${showShape(t.shape)}, they must be [count, ${size}] (${option} is ${size})`,
  );
}

export { gaussianRandomField, randomSource } from "../../pde/index.ts";
export { type FitOperatorOptions, fitOperator } from "./fit-operator.ts";
export {
  antiderivative,
  diffusionReaction,
  nonlinearOde,
  type OperatorProblem,
  odeProblem,
  pendulum,
} from "./problems.ts";
export { grfInterpolationStd, sensorErrorBound } from "./sensor-theory.ts";
export { trimmedMse } from "./trimmed-mse.ts";
export { makeTriples, type Triples } from "./triples.ts";
