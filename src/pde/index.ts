export { type DiffusionReactionOptions, diffusionReactionSolver } from "./diffusion-reaction.ts";
export type { FunctionSampler, RandomSource } from "./function-sampler.ts";
export { chebyshevFunctions, powerSeries, type SeriesOptions } from "./function-space.ts";
export { linearInterpolator, linspace, piecewiseLinear } from "./interpolate.ts";
export { denseOutput, type ForcedRightHandSide, hermite, rk4, type Trajectory } from "./ode.ts";
export {
  type CovarianceKernel,
  covariance,
  type GaussianRandomField,
  gaussianRandomField,
} from "./random-field.ts";
export { randomSource } from "./random-source.ts";
export { tridiagonalSolver } from "./tridiagonal.ts";
