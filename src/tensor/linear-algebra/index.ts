/** Small dense linear algebra on batches of matrices, differentiable to any order: graphs of matrix products. */
export { cholesky, logDeterminant, solvePositiveDefinite } from "./cholesky.ts";
export { type Iterations, inverseSquareRoot, polarFactor } from "./newton-schulz.ts";
export { type PowerOptions, powerIteration } from "./power-iteration.ts";
export { qr, solve } from "./qr.ts";
export { type Triangle, triangularInverse, triangularSolve } from "./triangular.ts";
