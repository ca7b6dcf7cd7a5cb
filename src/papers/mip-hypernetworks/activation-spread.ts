/** How the size of the predicted weights shows in the network: the deviation of each layer's output at initialisation. */
import { takeRows } from "../../data/dataset.ts";
import { applyDense } from "../../nn/dense.ts";
import type { MlpParams } from "../../nn/mlp.ts";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Traced } from "../../tensor/tree.ts";
import { turned } from "./digits.ts";
import { ablation, hyperOf } from "./forms.ts";
import { keyOf } from "./keys.ts";
import { SCALED } from "./measures.ts";
import type { Omega, Study } from "./rotated.ts";

export interface ActivationSpread {
  readonly form: string;
  readonly gamma: number;
  /** Standard deviation of each layer's output, before its activation. */
  readonly layers: readonly number[];
}

const ROWS = 128;

/** For the standard form and MIP of the first seed, on training digits turned by each gamma. */
export function activationSpreads({ context, config, data, model }: Study): Promise<ActivationSpread[]> {
  return context.stage("activations at initialisation", async () => {
    const { train } = await data();
    const rows = Array.from({ length: Math.min(ROWS, train.labels.size) }, (_, i) => i);
    const images = takeRows(train.images, rows);
    const spreads: ActivationSpread[] = [];
    for (const form of [ablation.standard, ablation.mip]) {
      const hyper = hyperOf(form, config.hidden, 1);
      const [forModel, forHyper] = random.split(keyOf(context, "T1 weights")) as [NDArray, NDArray];
      const omega = hyper.init(forHyper, model.init(forModel));
      const measure = compile(
        (w: Traced<Omega>, gamma: Tensor, x: Tensor) =>
          layerDeviations(hyper.apply<MlpParams>(w, { gamma }), x),
        { threads: 1 },
      );
      for (const gamma of SCALED) {
        const layers = await measure(omega, NDArray.from([gamma]), turned(images, gamma));
        spreads.push({ form: form.name, gamma, layers: layers.map((a) => a.item()) });
      }
      await measure.dispose();
    }
    return spreads;
  });
}

function layerDeviations({ layers }: Traced<MlpParams>, x: Tensor): Tensor[] {
  let h = x;
  return layers.map((layer, i) => {
    const output = applyDense(layer, i === 0 ? h : h.relu());
    h = output;
    return output.sub(output.mean()).square().mean().sqrt();
  });
}
