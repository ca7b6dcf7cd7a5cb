/** What bounds a hypernetwork on turned digits: a network for each gamma, and one that is not told gamma. */
import { crossEntropy } from "../../nn/losses.ts";
import type { MlpParams } from "../../nn/mlp.ts";
import type { NDArray } from "../../tensor/ndarray.ts";
import * as random from "../../tensor/random.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import * as tree from "../../tensor/tree.ts";
import { turnedBatches } from "./digits.ts";
import { keyOf } from "./keys.ts";
import { accuracies, EVALUATED, stacked } from "./measures.ts";
import type { Study } from "./rotated.ts";
import { optimizers, trainStage } from "./training.ts";

/** Test accuracy at each gamma of `EVALUATED`. */
export interface Bounds {
  /** Networks trained at these gammas alone. */
  readonly each: readonly number[];
  /** One network, trained at all gammas without being told which. */
  readonly blind: readonly number[];
}

/** Both with the steps, rate and examples a gamma of the hypernetworks. */
export async function boundsStudy({ context, config, data, model }: Study): Promise<Bounds> {
  const logits = (p: tree.Traced<MlpParams>, _: Tensor, x: Tensor) => model.apply(p, x);
  const bound = async (
    name: string,
    gammas: number | readonly number[],
    init: (key: NDArray) => MlpParams,
  ) => {
    const { measured } = await trainStage(
      context,
      `T1 bounds, ${name}`,
      async () => ({
        params: init(keyOf(context, "T1 bounds")),
        batches: turnedBatches((await data()).train, { gammas, rows: config.rows }),
        loss: (p: tree.Traced<MlpParams>, { x, y }) => crossEntropy(model.apply(p, x), y),
        optimizer: optimizers.adam(config.learningRate),
        steps: config.rotated.steps,
        key: keyOf(context, "T1 steps"),
      }),
      async (params) => accuracies(logits, params, (await data()).test),
    );
    return measured;
  };
  const blind = await bound("blind to gamma", config.gammas, model.init);
  const each = await bound("one network for each gamma", EVALUATED, (key) =>
    sideBySide(random.split(key, EVALUATED.length).map(model.init)),
  );
  return { each, blind };
}

/** Networks of one architecture as one of batched products: kernels [G, in, out], biases [G, 1, out]. */
function sideBySide(networks: readonly MlpParams[]): MlpParams {
  const records = networks.map((n) => tree.toRecord(n));
  const join = (path: string) => {
    const all = stacked(records.map((r) => r[path]!));
    return all.rank === 2 ? all.reshape([all.shape[0]!, 1, all.shape[1]!]) : all;
  };
  return tree.mapWithPath((_, path) => join(path), networks[0]!) as MlpParams;
}
