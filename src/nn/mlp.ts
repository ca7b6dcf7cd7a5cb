import * as random from "../tensor/random.ts";
import { type Activation, activation as functionOf } from "./activations.ts";
import { applyDense, type DenseOptions, type DenseParams, dense, type LinearParams } from "./dense.ts";
import type { Model } from "./model.ts";

export interface MlpParams<Layer = DenseParams> {
  layers: Layer[];
}

export interface MlpOptions extends Omit<DenseOptions, "inputs" | "outputs"> {
  /** Widths from the input to the output: two or more. */
  readonly sizes: readonly number[];
  /** After every layer but the last. */
  readonly activation: Activation;
  /** After the last layer. Default none. */
  readonly outputActivation?: Activation | undefined;
}

/**
 * Dense layers with an activation between them. Weights are named `layers/0/kernel`, `layers/0/bias`, ...
 *
 * ```ts
 * const model = nn.mlp({ sizes: [2, 64, 64, 1], activation: "tanh" });
 * const params = model.init(random.key(0));
 * ```
 */
export function mlp(options: MlpOptions & { readonly bias?: true | undefined }): Model<MlpParams>;
export function mlp(options: MlpOptions): Model<MlpParams<LinearParams>>;
export function mlp(options: MlpOptions): Model<MlpParams<LinearParams>> {
  const { sizes, activation, outputActivation = "identity", ...layer } = options;
  if (sizes.length < 2)
    throw new RangeError(`mlp: sizes has ${sizes.length} entries: give at least an input and an output`);
  const layers = sizes.slice(1).map((outputs, i) => dense({ ...layer, inputs: sizes[i]!, outputs }));
  const inner = functionOf(activation);
  const last = functionOf(outputActivation);
  return {
    init: (key) => {
      const keys = random.split(key, layers.length);
      return { layers: layers.map((l, i) => l.init(keys[i]!)) };
    },
    apply: ({ layers: weights }, x) =>
      weights.reduce((h, w, i) => (i < weights.length - 1 ? inner : last)(applyDense(w, h)), x),
  };
}
