/** The exact best response of a linear network (the paper's section 3 and appendix C): ridge regression as a gate. */
import { Matrix, SingularValueDecomposition, solve } from "ml-matrix";

/** y(x) = s^T Q x with the loss |y - t|^2 + e^lambda |dy/dx|^2, where dy/dx = Q^T s. */
export interface LinearResponse {
  /** Rows are the principal directions of the data. */
  readonly q0: Matrix;
  readonly s0: Matrix;
  /** Singular values of the data. */
  readonly d: readonly number[];
}

/** The response at lambda -> -infinity: least squares, in the basis of principal directions. X [n, i] of full column rank, t [n, 1]. */
export function linearResponse(x: Matrix, t: Matrix): LinearResponse {
  const svd = new SingularValueDecomposition(x, { autoTranspose: true });
  const q0 = svd.rightSingularVectors.transpose();
  return { q0, s0: q0.mmul(solve(x, t)), d: svd.diagonal };
}

/** The gates of the rows of Q: sigmoid(2 log d - lambda) = d^2 / (d^2 + e^lambda). */
export function gatesAt(d: readonly number[], lambda: number): number[] {
  return d.map((value) => 1 / (1 + Math.exp(lambda - 2 * Math.log(value))));
}

/** The weights Q*(lambda)^T s0 of the gated network, [i, 1]. */
export function gatedWeights({ q0, s0, d }: LinearResponse, lambda: number): Matrix {
  const gated = q0.clone().mulColumnVector(Matrix.columnVector(gatesAt(d, lambda)));
  return gated.transpose().mmul(s0);
}

/** The minimiser of |X w - t|^2 + e^lambda |w|^2, [i, 1]. */
export function ridge(x: Matrix, t: Matrix, lambda: number): Matrix {
  const gram = x.transpose().mmul(x);
  return solve(gram.add(Matrix.eye(x.columns).mul(Math.exp(lambda))), x.transpose().mmul(t));
}

/** Largest difference between the gated network and ridge regression over these lambda, relative to 1. */
export function theoremError(x: Matrix, t: Matrix, lambdas: readonly number[]): number {
  const response = linearResponse(x, t);
  const errors = lambdas.map((l) =>
    gatedWeights(response, l)
      .sub(ridge(x, t, l))
      .abs()
      .max(),
  );
  return Math.max(...errors);
}
