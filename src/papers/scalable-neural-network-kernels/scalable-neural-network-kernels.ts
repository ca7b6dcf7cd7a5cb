/** Scalable neural network kernels: layers as products of separate features of their input and of their weights. */
export {
  type BundledParams,
  type BundleOptions,
  bundle,
  type FeatureTower,
  featureTower,
  type TowerParams,
  type TowerStage,
  withOne,
} from "./bundle.ts";
export {
  addMoments,
  type ClosedForm,
  fitBundled,
  type Moments,
  type MomentsOptions,
  momentsOf,
  optimalWeights,
  solveBundled,
  solveMoments,
  squaredLoss,
} from "./closed-form.ts";
export {
  type PsiParams,
  type SnnkAdapterOptions,
  type SnnkAdapterParams,
  type SnnkLayerOptions,
  snnkAdapter,
  snnkLayer,
  type ThroughParams,
} from "./layers.ts";
export { projectionRows } from "./projection.ts";
export { psiValues } from "./psi-values.ts";
export {
  arcCosineKernel,
  type FeatureDraws,
  type RandomFeatures,
  type RandomFeaturesOptions,
  randomFeatures,
  type SnnkKind,
  varianceBound,
} from "./random-features.ts";
export { type FourierSpectrum, type SpectrumPart, spectrumValue, tabulatedSpectrum } from "./spectrum.ts";
