/**
 * Networks that regularise themselves, in training, by the values that they are told. With `hyperparameters: n` their layers respond to n
 * hyperparameters; with 0 they are ordinary ones, the network that `freeze` gives weights for.
 */
import { combine } from "../../nn/combine.ts";
import { conv } from "../../nn/convolution.ts";
import { dense } from "../../nn/dense.ts";
import { embedding } from "../../nn/embedding.ts";
import { uniform } from "../../nn/initialisers.ts";
import type { Context, Model } from "../../nn/model.ts";
import { split, stack } from "../../tensor/operators/movement.ts";
import { maxPool } from "../../tensor/operators/pooling.ts";
import * as random from "../../tensor/random.ts";
import { Tensor } from "../../tensor/tensor.ts";
import { channelDropout, colourJitter, cutoutRows, inputNoise, inputScale, rowDropout } from "./augment.ts";
import type { TunedInput } from "./best-response.ts";
import { type Gated, hyperConv, hyperDense, ungated } from "./hyper-layers.ts";

/** Such a network. Its weights are a tree of layers. */
export type TunedModel = Model<unknown, TunedInput>;

/**
 * Dense layers with ReLU between them on x [rows, sizes[0]]. `noise` names the standard deviation of Gaussian noise added to x;
 * `dropout[i]` the rate at which inputs of layer i are dropped.
 *
 * ```ts
 * const model = hyperMlp({ sizes: [144, 64, 10], hyperparameters: 2, noise: "noise", dropout: [undefined, "hidden"] });
 * ```
 */
export function hyperMlp(o: {
  readonly sizes: readonly number[];
  readonly hyperparameters: number;
  readonly noise?: string | undefined;
  readonly dropout?: readonly (string | undefined)[] | undefined;
}): TunedModel {
  const layers = o.sizes.slice(1).map((outputs, i) => denseLayer(o.sizes[i]!, outputs, o.hyperparameters));
  return combine({ layers }, (run, { x, lambda, values }: TunedInput, context) => {
    const regularise = regulariser(values, context);
    return run.layers.reduce(
      (h, layer, i) => {
        const input = regularise(i === 0 ? h : h.relu(), o.dropout?.[i], rowDropout);
        return layer({ x: input, lambda });
      },
      regularise(x, o.noise, inputNoise),
    );
  });
}

/**
 * The paper's small CNN on images [rows, 3, size, size]: 3 x 3 convolutions, each with ReLU, a maximum over 2 x 2 and dropout of whole
 * channels at the rate `dropout[i]`, then an ordinary dense layer. Its input goes through `regulariseImages`.
 */
export function hyperCnn(o: {
  readonly channels: readonly number[];
  readonly size: number;
  readonly classes: number;
  readonly hyperparameters: number;
  readonly dropout: readonly (string | undefined)[];
  /** The rate at which inputs of the dense layer are dropped. */
  readonly headDropout?: string | undefined;
}): TunedModel {
  const n = o.hyperparameters;
  const convs = o.channels.slice(1).map((outputs, i) => convLayer(o.channels[i]!, outputs, n));
  const places = (o.size / 2 ** convs.length) ** 2;
  const head = plainDense(o.channels.at(-1)! * places, o.classes);
  return combine({ convs, head }, (run, { x, lambda, values }: TunedInput, context) => {
    const regularise = regulariser(values, context);
    const features = run.convs.reduce(
      (h, layer, i) => {
        const pooled = maxPool(layer({ x: h, lambda }).relu(), 2, { stride: 2 });
        return regularise(pooled, o.dropout[i], channelDropout);
      },
      regulariseImages(x, values, regularise),
    );
    const flat = features.reshape([x.shape[0]!, features.size / x.shape[0]!]);
    return run.head(regularise(flat, o.headDropout, rowDropout));
  });
}

/**
 * The official augmentations of images with values from 0 to 1, by the hyperparameters that are there: `brightness`, `contrast`,
 * `saturation`, `hue`, `cutoutHoles` with `cutoutLength`, `inputDropout`, `inputScale`; and `noise`.
 */
function regulariseImages(x: Tensor, values: TunedInput["values"], regularise: Regularise): Tensor {
  const named = (name: string) => (name in values ? name : undefined);
  const { brightness, contrast, saturation, hue, cutoutLength } = values;
  const jitter = [brightness, contrast, saturation, hue].some((v) => v !== undefined);
  const first = Object.keys(values)[0];
  const coloured = regularise(x, jitter ? first : undefined, (image, _, key) =>
    colourJitter(image, { brightness, contrast, saturation, hue }, key),
  );
  const cut = regularise(coloured, named("cutoutHoles"), (image, holes, key) =>
    cutoutRows(image, { holes, length: cutoutLength!, maxHoles: MAX_HOLES }, key),
  );
  const dropped = regularise(cut, named("inputDropout"), rowDropout);
  return regularise(regularise(dropped, named("inputScale"), inputScale), named("noise"), inputNoise);
}

/** Holes that `hyperCnn` can cut: the range [0, 4) of the official code. */
const MAX_HOLES = 3;

/**
 * A language model with a gated recurrent unit on tokens int64 [rows, time], to logits [rows, time, vocabulary] of the next one. Every weight
 * matrix responds, the embedding apart. `dropout` names the rates for the embedded tokens and for the states.
 */
export function hyperGru(o: {
  readonly vocabulary: number;
  readonly size: number;
  readonly hyperparameters: number;
  readonly dropout: { readonly input?: string | undefined; readonly output?: string | undefined };
}): TunedModel {
  const { size, vocabulary, hyperparameters: n } = o;
  const parts = {
    table: embedding({ count: vocabulary, size, tableInit: uniform(0.1) }),
    input: denseLayer(size, 3 * size, n),
    recurrent: denseLayer(size, 3 * size, n),
    head: denseLayer(size, vocabulary, n),
  };
  return combine(parts, (run, { x, lambda, values }: TunedInput, context) => {
    const regularise = regulariser(values, context);
    const embedded = regularise(run.table(x), o.dropout.input, rowDropout);
    const inputs = split(run.input({ x: embedded, lambda }), x.shape[1]!, 1);
    let h = Tensor.zeros([x.shape[0]!, size]);
    const states = inputs.map((part) => {
      h = gruStep(part.squeeze(1), run.recurrent({ x: h, lambda }), h);
      return h;
    });
    return run.head({ x: regularise(stack(states, 1), o.dropout.output, rowDropout), lambda });
  });
}

/** As `nn.gru`: reset gate, update gate and candidate from the input's and the state's products [rows, 3 size]. */
function gruStep(input: Tensor, state: Tensor, h: Tensor): Tensor {
  const [ir, iz, candidate] = split(input, 3, -1) as [Tensor, Tensor, Tensor];
  const [hr, hz, memory] = split(state, 3, -1) as [Tensor, Tensor, Tensor];
  const z = iz.add(hz).sigmoid();
  const n = candidate.add(ir.add(hr).sigmoid().mul(memory)).tanh();
  return n.add(z.mul(h.sub(n)));
}

type Layer = Model<unknown, Gated>;

function denseLayer(inputs: number, outputs: number, n: number): Layer {
  const layer =
    n === 0 ? ungated(plainDense(inputs, outputs)) : hyperDense({ inputs, outputs, hyperparameters: n });
  return layer as Layer;
}

function plainDense(inputs: number, outputs: number): Model<unknown> {
  const init = uniform(1 / Math.sqrt(inputs));
  return dense({ inputs, outputs, kernelInit: init, biasInit: init }) as Model<unknown>;
}

function convLayer(inputs: number, outputs: number, n: number): Layer {
  const form = { inputs, outputs, kernel: 3, padding: 1 };
  if (n > 0) return hyperConv({ ...form, hyperparameters: n }) as Layer;
  const init = uniform(1 / Math.sqrt(9 * inputs));
  return ungated(conv({ ...form, kernelInit: init, biasInit: init })) as Layer;
}

type Regularise = (
  x: Tensor,
  name: string | undefined,
  f: (x: Tensor, strength: Tensor, key: Tensor) => Tensor,
) => Tensor;

/** Keys from here on are the network's own; those below are of its parts. */
const OWN_KEYS = 2 ** 20;

/** Applies a regulariser in training, with the named hyperparameter and a key of its own. */
function regulariser(values: TunedInput["values"], context: Context | undefined): Regularise {
  let at = OWN_KEYS;
  return (x, name, f) => {
    if (!context?.training || name === undefined) return x;
    const strength = values[name];
    if (strength === undefined)
      throw new RangeError(
        `hyperMlp, hyperCnn, hyperGru: there is no hyperparameter "${name}" among ${Object.keys(values).join(", ")}: add it, or take it out of the network`,
      );
    if (context.key === undefined)
      throw new RangeError(
        "hyperMlp, hyperCnn, hyperGru: the context has no key to draw from: give { training: true, key }",
      );
    return f(x, strength, random.fold(context.key, at++));
  };
}
