/**
 * Instruction-guided generation of neural-network weights (Bedionita, Andreis, Chong and Hwang, arXiv 2504.02012, 2025): the weights
 * of a zoo of trained models become tokens (a VQ-VAE with a Gumbel codebook), and a transformer learns to write them, given an
 * instruction, examples of the task, and the architecture.
 */

import * as random from "../../tensor/random.ts";
import { type ModelRecord, type PriorOptions, WeightGenerator } from "./generator.ts";
import { type TokenizerOptions, WeightTokenizer } from "./tokenizer.ts";
import type { Training } from "./training.ts";

export { type Condition, hashedWords, reluFeatures, type TaskSample } from "./conditions.ts";
export {
  type GeneratorState,
  type ModelRecord,
  type PriorOptions,
  type Request,
  WeightGenerator,
} from "./generator.ts";
export { type CopyMeasure, copyMeasure } from "./memorisation.ts";
export type { SamplingOptions } from "./sampler.ts";
export {
  type ReconstructionError,
  type TokenizerOptions,
  type TokenizerState,
  WeightTokenizer,
} from "./tokenizer.ts";
export { zooFromOnnx } from "./zoo-from-onnx.ts";

export interface WeightGeneratorOptions extends Omit<Training, "steps" | "checkpoint"> {
  readonly tokenizer?: Omit<TokenizerOptions, "key"> | undefined;
  readonly prior?: Omit<PriorOptions, "key"> | undefined;
}

/**
 * A generator of weights like those of a zoo: its tokenizer first, then its prior.
 *
 * ```ts
 * const generator = await fitWeightGenerator(zoo); // [{ params, instruction, sample: { x, y } }, ...]
 * const [params] = await generator.generate({ instruction, sample, like: model.init(key) });
 * model.apply(params, x);
 * ```
 */
export async function fitWeightGenerator(
  zoo: readonly ModelRecord[],
  options: WeightGeneratorOptions = {},
): Promise<WeightGenerator> {
  const { tokenizer: forTokenizer, prior: forPrior, key = random.key(0), ...how } = options;
  const [tokenizerKey, priorKey] = random.split(key);
  const params = zoo.map((m) => m.params);
  const tokenizer = await WeightTokenizer.fit(params, { ...how, ...forTokenizer, key: tokenizerKey });
  try {
    return await WeightGenerator.fit(zoo, tokenizer, { ...how, ...forPrior, key: priorKey });
  } finally {
    await tokenizer.dispose();
  }
}
