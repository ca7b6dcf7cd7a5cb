/** Parametrizations: what a model's weights are made of while they are trained. */
export { type CheckOptions, type CheckParams, checkParametrization, parametrizationChecks } from "./check.ts";
export { compose } from "./compose.ts";
export { type Delta, delta } from "./delta.ts";
export { type Generated, type GeneratedOptions, generated } from "./generated.ts";
export { type LowRank, type LowRankOptions, lowRank } from "./low-rank.ts";
export {
  type MagnitudeOptions,
  type Masks,
  magnitudeMasks,
  type Pruned,
  type PruneOptions,
  prune,
} from "./masks.ts";
export { type Merged, merge } from "./merge.ts";
export type { Only } from "./only.ts";
export { fakeQuantise, type Quantised, type QuantiseOptions } from "./quantise.ts";
export { type Shared, type SharedOptions, shared } from "./shared.ts";
export {
  type ProjectionKind,
  projectionKinds,
  type RandomSubspace,
  randomSubspace,
  type Subspace,
  type SubspaceOptions,
} from "./subspace.ts";
