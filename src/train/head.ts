/** Imported models as `finetune` sees them, with their own last layer or a new one. */

import { applyDense, dense } from "../nn/dense.ts";
import type { Context } from "../nn/model.ts";
import { exportModel } from "../onnx/export.ts";
import { headFeatures } from "../onnx/head.ts";
import type { ImportedModel, ImportedParams } from "../onnx/import.ts";
import { importModel } from "../onnx/import.ts";
import { sampleTrace } from "../onnx/sample.ts";
import { untrainable } from "../onnx/trainability.ts";
import type { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import { reachable } from "../tensor/rewrite.ts";
import { Tensor } from "../tensor/tensor.ts";

/** What a model with one input takes, or all its inputs by name. */
export type TunerInput = Tensor | Readonly<Record<string, Tensor>>;

/** A model in the form that is trained: its weights in one record by name. */
export interface Tunable {
  init(key: NDArray): ImportedParams;
  apply(params: Readonly<Record<string, Tensor>>, x: TunerInput, context?: Context): Tensor;
  /** Weights that `"**"` means: not running statistics, epsilons and the like. */
  readonly weights: readonly string[];
  /** All float values of the file; those that are no weights are trained only where they are named. */
  readonly names: readonly string[];
  /** Why some cannot be trained. */
  readonly untrainable: ReadonlyMap<string, string>;
  /** The model with these weights as an ONNX file. */
  toFile(params: ImportedParams): Uint8Array;
}

/** The model as it is. A first size that the file fixes (mostly a batch of 1) gives way to the batch of the training. */
export function withOwnHead(model: ImportedModel): Tunable {
  const free = freeBatch(model);
  const sample = sampleTrace(free);
  return {
    init: () => model.init(),
    apply: (params, x, context) => free.apply(params, x, context),
    weights: model.parameters.filter((p) => p.trainable).map((p) => p.name),
    names: model.parameters.map((p) => p.name),
    untrainable: untrainable(sample.output, sample.weights),
    toFile: (params) => exportModel(model, params),
  };
}

/**
 * The model with a dense layer of its own, `head/kernel` [features, outputs] and `head/bias`, in the place of the last layer and of
 * all that follows it: it gives logits. The file is written anew, with a free batch size.
 */
export function withNewHead(model: ImportedModel, outputs: number): Tunable {
  const free = freeBatch(model);
  const sample = sampleTrace(free);
  const features = headFeatures(sample.output, Object.values(sample.inputs));
  const used = new Set(reachable([features]));
  const kept = model.parameters.filter((p) => used.has(sample.weights[p.name]!.node));
  const missing = model.parameters.filter((p) => !kept.includes(p));
  const head = dense({
    inputs: features.shape.at(-1)!,
    outputs,
    dtype: features.dtype === "float64" ? "float64" : "float32",
  });
  const apply: Tunable["apply"] = (params, x, context) => {
    const dropped = missing.map((p) => [p.name, Tensor.input(p.shape, p.dtype)] as const);
    const output = free.apply({ ...params, ...Object.fromEntries(dropped) }, x, context);
    const body = headFeatures(output, x instanceof Tensor ? [x] : Object.values(x));
    return applyDense({ kernel: params[KERNEL]!, bias: params[BIAS]! }, body);
  };
  return {
    init: (key) => {
      const weights = model.init();
      const { kernel, bias } = head.init(random.fold(key, 0));
      return {
        ...Object.fromEntries(kept.map((p) => [p.name, weights[p.name]!])),
        [KERNEL]: kernel,
        [BIAS]: bias,
      };
    },
    apply,
    weights: [...kept.filter((p) => p.trainable).map((p) => p.name), KERNEL, BIAS],
    names: [...kept.map((p) => p.name), KERNEL, BIAS],
    untrainable: untrainable(
      features,
      Object.fromEntries(kept.map((p) => [p.name, sample.weights[p.name]!])),
    ),
    toFile: (params) => {
      const ports = free.inputs.map(
        (p) => [p.name, { shape: p.shape!.map((d, i) => d ?? `${p.name}_${i}`), dtype: p.dtype! }] as const,
      );
      const traced = {
        apply: (p: Readonly<Record<string, Tensor>>, ...x: readonly Tensor[]) => ({
          logits: apply(p, Object.fromEntries(ports.map(([name], i) => [name, x[i]!]))),
        }),
      };
      return exportModel<ImportedParams>(traced as never, params, Object.fromEntries(ports));
    },
  };
}

const KERNEL = "head/kernel";
const BIAS = "head/bias";

function freeBatch(model: ImportedModel): ImportedModel {
  const fixed = model.inputs.filter((p) => typeof p.shape?.[0] === "number");
  if (fixed.length === 0) return model;
  const inputs = Object.fromEntries(fixed.map((p) => [p.name, ["batch", ...p.shape!.slice(1)]]));
  const output = model.output;
  return importModel(model.withWeights(model.init(), { selfContained: true }), { inputs, output });
}
