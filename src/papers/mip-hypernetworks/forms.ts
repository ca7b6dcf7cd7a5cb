/** The forms of hypernetwork that are compared: standard, the two halves of MIP alone, MIP, and changes of these. */
import { activation as functionOf } from "../../nn/activations.ts";
import { layerNorm } from "../../tensor/operators/normalisation.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { VariantName } from "./config.ts";
import { type Hypernetwork, type HypernetworkOptions, hypernetwork } from "./mip-hypernetworks.ts";

export interface Form {
  readonly name: string;
  readonly change: Pick<HypernetworkOptions, "encoding" | "residual" | "activation">;
  /** Train the kernels of the hypernetwork as length times direction. */
  readonly weightNorm?: boolean;
}

const raw = { encoding: "none", residual: "none" } as const;

/** The ablation: no change, input encoding (IE) alone, output residual (OE) alone, both. */
export const ablation = {
  standard: { name: "standard", change: raw },
  encodingOnly: { name: "IE only", change: { encoding: "cos-sin", residual: "none" } },
  residualOnly: { name: "OE only", change: { encoding: "none", residual: "init" } },
  mip: { name: "MIP", change: {} },
} as const satisfies Record<string, Form>;

const leaky = functionOf("leakyRelu");

/** Of all gammas in the step, each feature to mean 0 and deviation 1. */
function batchNormalised(h: Tensor): Tensor {
  const centred = h.sub(h.mean(0, { keepDims: true }));
  return centred.div(centred.square().mean(0, { keepDims: true }).add(1e-5).sqrt());
}

export const variants: Readonly<Record<VariantName, readonly Form[]>> = {
  "layer-norm": [{ name: "standard, LayerNorm", change: { ...raw, activation: (h) => layerNorm(leaky(h)) } }],
  "batch-norm": [
    { name: "standard, BatchNorm", change: { ...raw, activation: (h) => batchNormalised(leaky(h)) } },
  ],
  "weight-norm": [{ name: "standard, WeightNorm", change: raw, weightNorm: true }],
  tanh: [
    { name: "standard, tanh", change: { ...raw, activation: "tanh" } },
    { name: "MIP, tanh", change: { activation: "tanh" } },
  ],
  gelu: [
    { name: "standard, GELU", change: { ...raw, activation: "gelu" } },
    { name: "MIP, GELU", change: { activation: "gelu" } },
  ],
  "z-1-z": [{ name: "[z, 1 - z] and OE", change: { encoding: "z-1-z" } }],
};

/** The hypernetwork of a form, for one input of k numbers. */
export function hyperOf({ change }: Form, hidden: readonly number[], k: number): Hypernetwork {
  return hypernetwork({ inputs: { gamma: [k] }, hidden, ...change });
}
