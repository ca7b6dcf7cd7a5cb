/**
 * Ridge regression whose best response is known: f = |X w - y|^2 / 2n + e^lambda |w|^2 / 2, F = |X_v w - y_v|^2 / 2m. The network is one
 * hyper-layer without a bias, w(lambda) = w_e + (v lambda) w_h.
 */
import { Matrix, solve } from "ml-matrix";
import { adam } from "../../optim/adam.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import { type HyperParams, hyperDense } from "./hyper-layers.ts";
import { SelfTuner } from "./tuner.ts";

const FEATURES = 30;
const ROWS = 40;
/** Range and step of the lambdas among which the true optimum is looked for. */
const GRID = { from: -6, to: 4, step: 0.01 };

export interface RidgeProblem {
  readonly x: Matrix;
  readonly y: Matrix;
  readonly validX: Matrix;
  readonly validY: Matrix;
}

/** w ~ N(0, 0.25 I), X and X_v ~ N(0, 1), y = X w + N(0, 1) and likewise y_v. */
export function ridgeProblem(key: NDArray): RidgeProblem {
  const keys = random.split(key, 5);
  const draw = (i: number, rows: number, columns: number): Matrix =>
    Matrix.from1DArray(
      rows,
      columns,
      Array.from(random.normal(keys[i]!, [rows, columns], "float64").data, Number),
    );
  const w = draw(0, FEATURES, 1).mul(0.5);
  const [x, validX] = [draw(1, ROWS, FEATURES), draw(2, ROWS, FEATURES)];
  return {
    x,
    y: x.mmul(w).add(draw(3, ROWS, 1)),
    validX,
    validY: validX.mmul(w).add(draw(4, ROWS, 1)),
  };
}

/** w*(lambda), [30, 1]. */
export function bestWeights({ x, y }: RidgeProblem, lambda: number): Matrix {
  return solve(penalised(x, lambda), x.transpose().mmul(y).div(x.rows));
}

/** dw* / dlambda: the derivative of the equation that w* solves. */
export function bestSlope(problem: RidgeProblem, lambda: number): Matrix {
  return solve(penalised(problem.x, lambda), bestWeights(problem, lambda).mul(-Math.exp(lambda)));
}

function penalised(x: Matrix, lambda: number): Matrix {
  return x
    .transpose()
    .mmul(x)
    .div(x.rows)
    .add(Matrix.eye(x.columns).mul(Math.exp(lambda)));
}

/** F(w*(lambda)). */
export function validationLoss(problem: RidgeProblem, lambda: number): number {
  const residual = problem.validX.mmul(bestWeights(problem, lambda)).sub(problem.validY);
  return residual.norm() ** 2 / (2 * ROWS);
}

/** F(w*(lambda)) over the grid, and its minimum. */
export function trueOptimum(problem: RidgeProblem): {
  readonly lambda: number;
  readonly loss: number;
  readonly curve: readonly (readonly [lambda: number, loss: number])[];
} {
  const count = Math.round((GRID.to - GRID.from) / GRID.step) + 1;
  const curve = Array.from({ length: count }, (_, i) => {
    const lambda = GRID.from + i * GRID.step;
    return [lambda, validationLoss(problem, lambda)] as const;
  });
  const [lambda, loss] = curve.reduce((a, b) => (b[1] < a[1] ? b : a));
  return { lambda, loss, curve };
}

export interface RidgeRun {
  readonly start: number;
  readonly lambda: number;
  readonly optimum: number;
  readonly startLoss: number;
  readonly loss: number;
  readonly optimumLoss: number;
  /** Cosine and ratio of norms of the learned slope v w_h and the true dw* / dlambda at the end. */
  readonly cosine: number;
  readonly normRatio: number;
  /** [cycle, lambda]. */
  readonly path: readonly (readonly [cycle: number, lambda: number])[];
}

export interface RidgeOptions {
  readonly cycles: number;
  readonly warmup: number;
  readonly learningRate: number;
  /** Perturbations of each training step, and their standard deviation. */
  readonly perturbations: number;
  readonly scale: number;
  readonly key: NDArray;
  readonly signal?: AbortSignal | undefined;
}

const layer = hyperDense({ inputs: FEATURES, outputs: 1, bias: false, hyperparameters: 1, dtype: "float64" });

/**
 * Tune the lambda of each problem from its start, and compare with the truth, in double precision. The problems share one graph, each with
 * a layer and a hyperparameter of its own: the sum of their losses trains each as it would by itself.
 */
export async function tuneRidges(
  problems: readonly { readonly problem: RidgeProblem; readonly start: number }[],
  o: RidgeOptions,
): Promise<RidgeRun[]> {
  const [forWeights, forSteps] = random.split(o.key) as [NDArray, NDArray];
  const names = problems.map((_, i) => `log penalty ${i}`);
  const sum = (f: (i: number) => Tensor) => problems.map((_, i) => f(i)).reduce((a, b) => a.add(b));
  const tuner = new SelfTuner<HyperParams[], Record<string, never>>({
    params: problems.map((_, i) => layer.init(random.fold(forWeights, i))),
    hyperparameters: problems.map(({ start }, i) => ({
      name: names[i]!,
      range: [-Infinity, Infinity],
      init: start,
      scale: o.scale,
    })),
    trainLoss: (params, _, told) =>
      sum((i) => {
        const w = weightsOf(params[i]!, told.lambda, i);
        const penalty = w.square().sum([1, 2]).mul(told.values[names[i]!]!.exp()).mul(0.5);
        return halfSquares(w, problems[i]!.problem.x, problems[i]!.problem.y).add(penalty).mean();
      }),
    validLoss: (params, _, told) =>
      sum((i) => {
        const { validX, validY } = problems[i]!.problem;
        return halfSquares(weightsOf(params[i]!, told.lambda, i), validX, validY).mean();
      }),
    train: () => ({}),
    valid: () => ({}),
    rows: [o.perturbations, o.perturbations],
    weightOptimizer: adam({ learningRate: o.learningRate }),
    hyperOptimizer: adam({ learningRate: o.learningRate }),
    scaleOptimizer: null,
    entropyWeight: 0,
    trainSteps: 2,
    validSteps: 1,
    warmup: o.warmup,
    key: forSteps,
  });
  try {
    await tuner.run(o.cycles, o.signal === undefined ? {} : { signal: o.signal });
    const { params, lambda, schedule } = tuner;
    return problems.map(({ problem, start }, i) => ({
      ...compare(problem, start, Number(lambda.data[i]), params[i]!),
      path: schedule
        .filter(({ cycle }) => cycle % 25 === 0)
        .map(({ cycle, values }) => [cycle, values[names[i]!]!] as const),
    }));
  } finally {
    await tuner.dispose();
  }
}

/** W(lambda_i) of every row of lambda, [rows, 30, 1]: what the layer makes of the unit vectors. */
function weightsOf(params: Traced<HyperParams>, lambda: Tensor, i: number): Tensor {
  const units = tensorOf(Matrix.eye(FEATURES)).unsqueeze(0);
  return layer.apply(params, { x: units, lambda: lambda.slice(undefined, [i, i + 1]) });
}

/** |X w - y|^2 / 2n of every row of w [rows, 30, 1]. */
function halfSquares(w: Tensor, x: Matrix, y: Matrix): Tensor {
  const residual = tensorOf(x).matmul(w).sub(tensorOf(y));
  return residual
    .square()
    .sum([1, 2])
    .mul(0.5 / x.rows);
}

function tensorOf(m: Matrix): Tensor {
  return Tensor.constant(new NDArray(Float64Array.from(m.to1DArray()), [m.rows, m.columns]));
}

function compare(problem: RidgeProblem, start: number, lambda: number, params: HyperParams) {
  const optimum = trueOptimum(problem);
  const v = Number(params.gates.kernel!.data[0]);
  const learned = Array.from(params.hyper.kernel!.data as Float64Array, (w) => v * w);
  const truth = bestSlope(problem, lambda).to1DArray();
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((s, x, i) => s + x * b[i]!, 0);
  const norm = (a: readonly number[]) => Math.sqrt(dot(a, a));
  return {
    start,
    lambda,
    optimum: optimum.lambda,
    startLoss: validationLoss(problem, start),
    loss: validationLoss(problem, lambda),
    optimumLoss: optimum.loss,
    cosine: dot(learned, truth) / (norm(learned) * norm(truth)),
    normRatio: norm(learned) / norm(truth),
  };
}
