import type { Tensor } from "../tensor/tensor.ts";
import { type Activation, activation as functionOf } from "./activations.ts";
import { combine } from "./combine.ts";
import { dense } from "./dense.ts";
import type { FloatType, Initialiser } from "./initialisers.ts";

export interface SwigluOptions {
  /** Of the vectors in and out. */
  readonly size: number;
  readonly hidden: number;
  /** Of the gate. Default "silu". */
  readonly activation?: Activation | undefined;
  /** Default false. */
  readonly bias?: boolean | undefined;
  /** Default `glorotUniform`. */
  readonly kernelInit?: Initialiser | undefined;
  /** Default float32. */
  readonly dtype?: FloatType | undefined;
}

/** A gated layer: down(silu(gate(x)) * up(x)) along the last axis. Weights are `gate`, `up`, `down`. Shazeer, 2020. */
export function swiglu(options: SwigluOptions) {
  const { size, hidden, activation = "silu", bias = false, kernelInit, dtype } = options;
  const act = functionOf(activation);
  const map = (inputs: number, outputs: number) => dense({ inputs, outputs, bias, kernelInit, dtype });
  const parts = { gate: map(size, hidden), up: map(size, hidden), down: map(hidden, size) };
  return combine(parts, (run, x: Tensor) => run.down(act(run.gate(x)).mul(run.up(x))));
}
