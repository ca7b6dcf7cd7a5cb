/** The size of what is predicted before any training: the paper's proportionality, and its absence. */
import type { Context } from "../../experiment/context.ts";
import { activation } from "../../nn/activations.ts";
import type { MlpParams } from "../../nn/mlp.ts";
import type { Model } from "../../nn/model.ts";
import { exportModel } from "../../onnx/export.ts";
import { globalNorm } from "../../optim/gradients.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import { layerNorm } from "../../tensor/operators/normalisation.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import type { Config } from "./config.ts";
import { ablation, type Form, hyperOf } from "./forms.ts";
import { keyOf, seedsOf } from "./keys.ts";
import type { Omega } from "./rotated.ts";

export interface InitialScale {
  readonly seed: number;
  /** |theta(0)| and |theta(1)| / |theta(0.05)| of the standard form. */
  readonly standardAtZero: number;
  readonly standardRatio: number;
  /** |theta(1)| / |theta(0.05)| of MIP, and |h(1)| / |theta_0|. */
  readonly mipRatio: number;
  readonly mipShare: number;
  /** |theta(1) - theta(0.05)| / |theta(1)| of the standard form with LayerNorm (epsilon 0) after its first layer. */
  readonly layerNormDifference: number;
  /** Bytes by which the file of the network that MIP predicts at one gamma is larger than the file of the network itself. */
  readonly extraBytes: number;
}

export function initialScales(
  context: Context,
  config: Config,
  model: Model<MlpParams>,
): Promise<InitialScale[]> {
  return context.stage("size at initialisation", async () => {
    const rows: InitialScale[] = [];
    for (const seed of seedsOf(config.rotated.seeds)) {
      const standard = await norms(context, config, model, ablation.standard, seed);
      const mip = await norms(context, config, model, ablation.mip, seed);
      const trap = await norms(context, config, model, trapOf(config), seed);
      rows.push({
        seed,
        standardAtZero: standard.atZero,
        standardRatio: standard.atOne / standard.atSmall,
        mipRatio: mip.atOne / mip.atSmall,
        mipShare: mip.delta / mip.residual,
        layerNormDifference: trap.difference / trap.atOne,
        extraBytes: await extraBytes(config, model, keyOf(context, "T1 weights", seed)),
      });
    }
    return rows;
  });
}

function trapOf(config: Config): Form {
  const leaky = activation("leakyRelu");
  const first = config.hidden[0];
  // By their width: the first hidden layer alone.
  const normalised = (h: Tensor) => leaky(h.shape.at(-1) === first ? layerNorm(h, { epsilon: 0 }) : h);
  return { name: "LayerNorm first", change: { ...ablation.standard.change, activation: normalised } };
}

async function norms(context: Context, config: Config, model: Model<MlpParams>, form: Form, seed: number) {
  const hyper = hyperOf(form, config.hidden, 1);
  const [forModel, forHyper] = random.split(keyOf(context, "T1 weights", seed)) as [NDArray, NDArray];
  const measure = compile(
    (w: Traced<Omega>, zero: Tensor, small: Tensor, one: Tensor) => {
      const h = (gamma: Tensor) => hyper.delta<MlpParams>(w, { gamma });
      const size = (gamma: Tensor) => globalNorm(hyper.apply<MlpParams>(w, { gamma }));
      return {
        atZero: size(zero),
        atSmall: size(small),
        atOne: size(one),
        delta: globalNorm(h(one)),
        residual: globalNorm(w.residual),
        difference: globalNorm(h(one).sub(h(small))),
      };
    },
    { threads: 1 },
  );
  const at = (g: number) => NDArray.from([g]);
  const out = await measure(hyper.init(forHyper, model.init(forModel)), at(0), at(0.05), at(1));
  await measure.dispose();
  return Object.fromEntries(Object.entries(out).map(([name, a]) => [name, a.item()])) as {
    [K in keyof typeof out]: number;
  };
}

async function extraBytes(config: Config, model: Model<MlpParams>, key: NDArray): Promise<number> {
  const hyper = hyperOf(ablation.mip, config.hidden, 1);
  const params = model.init(key);
  const predict = compile((w: Traced<Omega>) => hyper.at<MlpParams>({ gamma: 0.5 }).weights(w), {
    threads: 1,
  });
  const weights = (await predict(hyper.init(key, params))) as unknown as MlpParams;
  await predict.dispose();
  const pixels = params.layers[0]!.kernel.shape[0]!;
  const bytesOf = (p: MlpParams) => exportModel(model, p, { x: ["batch", pixels] }).length;
  return bytesOf(weights) - bytesOf(params);
}
