/** Gradient transformations that chain, schedules, and L-BFGS. */
export { type AdamOptions, adam, adamw } from "./adam.ts";
export { clipByGlobalNorm, globalNorm, weightDecay } from "./gradients.ts";
export { type Group, groups } from "./groups.ts";
export { type LbfgsOptions, type LbfgsResult, lbfgs } from "./lbfgs.ts";
export {
  applyUpdates,
  chain,
  type Optimizer,
  type State,
  type TracedState,
  type Update,
} from "./optimizer.ts";
export { constant, cosine, exponential, type Schedule, step, warmUp } from "./schedules.ts";
export { sgd } from "./sgd.ts";
