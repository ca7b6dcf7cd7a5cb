/** A trained net with frozen layers, and what is trained on another task: adapters, a head, or all of it. */
import { type DenseParams, dense } from "../../nn/dense.ts";
import type { MlpParams } from "../../nn/mlp.ts";
import { mlp } from "../../nn/mlp.ts";
import type { Model } from "../../nn/model.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import { bottleneck } from "./baselines.ts";
import { snnkAdapter } from "./layers.ts";

/** What is trained. Adapters come with a trained head. */
export type Tuning = { readonly snnk: number } | { readonly bottleneck: number } | "head" | "full";

export function nameOf(tuning: Tuning): string {
  if (tuning === "head") return "head only";
  if (tuning === "full") return "full fine-tuning";
  return "snnk" in tuning
    ? `SNNK adapter, m = ${tuning.snnk}`
    : `bottleneck adapter, r = ${tuning.bottleneck}`;
}

/** An adapter for vectors of this size; undefined where none is trained. */
export function adapterOf(tuning: Tuning, size: number): Model<unknown> | undefined {
  if (typeof tuning === "string") return undefined;
  return (
    "snnk" in tuning
      ? snnkAdapter({ size, features: tuning.snnk })
      : bottleneck({ size, down: tuning.bottleneck })
  ) as Model<unknown>;
}

export interface AdaptedParams {
  frozen?: { layers: DenseParams[] };
  layers?: DenseParams[];
  adapters: unknown[];
  head: DenseParams;
}

/** An MLP of relu layers with an adapter behind each hidden activation and a new head. */
export function adapted(tuning: Tuning, backbone: MlpParams): Model<AdaptedParams> {
  const hidden = backbone.layers.slice(0, -1);
  const sizes = hidden.map((l) => l.kernel.shape[1]!);
  const width = sizes.at(-1)!;
  const outputs = backbone.layers.at(-1)!.kernel.shape[1]!;
  const head = dense({ inputs: width, outputs });
  const adapters = sizes.flatMap((size) => adapterOf(tuning, size) ?? []);
  const layer = (kernel: readonly number[]) =>
    mlp({ sizes: [kernel[0]!, kernel[1]!], activation: "relu", outputActivation: "relu" });
  return {
    init: (key) => {
      const [forHead, ...keys] = random.split(key, 1 + sizes.length) as NDArray[];
      const kept = tuning === "full" ? { layers: hidden } : { frozen: { layers: hidden } };
      return { ...kept, adapters: adapters.map((a, i) => a.init(keys[i]!)), head: head.init(forHead!) };
    },
    apply: (p: Traced<AdaptedParams>, x: Tensor) => {
      const layers = (p.frozen?.layers ?? p.layers)!;
      const h = layers.reduce((a, weights, i) => {
        const out = layer(hidden[i]!.kernel.shape).apply({ layers: [weights] }, a);
        return adapters[i]?.apply(p.adapters[i] as never, out) ?? out;
      }, x);
      return head.apply(p.head, h);
    },
  };
}
