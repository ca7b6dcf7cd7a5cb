import { NDArray } from "../../tensor/ndarray.ts";
import { split } from "../../tensor/operators/movement.ts";
import * as random from "../../tensor/random.ts";
import { sizeOf } from "../../tensor/shape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { trainable, withTrainable } from "../frozen.ts";
import type { Model } from "../model.ts";
import type { Parametrization } from "../parametrization.ts";
import { chosen, type Leaf, type Only } from "./only.ts";

export interface GeneratedOptions<G> {
  /**
   * From the embedding to all generated weights, in the order of the tree. The output may have any shape; with rows, one for each row of
   * the embedding, the last may be longer than what is left of the weights.
   */
  readonly generator: Model<G>;
  /** First values; or its shape, for standard normal ones: `[8]`, or `[chunks, 8]` where weights are generated in chunks. */
  readonly embedding: NDArray | readonly number[];
  /** `zero`: the weights are what is generated. `first`: they are the first weights plus that. Default "zero". */
  readonly from?: "zero" | "first" | undefined;
  /** The weights that are generated; the others stay at their first values. Default: all floats. */
  readonly only?: Only | undefined;
}

export interface Generated<G, P> {
  readonly generator: G;
  readonly embedding: NDArray;
  readonly frozen: { readonly theta0: P };
}

/**
 * Weights that another model generates from an embedding; both are trained. Exactly the first weights only with `from: "first"` and a
 * generator whose output is 0 at first. Ha, Dai and Le, "HyperNetworks", ICLR 2017.
 *
 * ```ts
 * const generator = nn.mlp({ sizes: [4, 32, nn.parameterCount(params)], activation: "tanh" });
 * const small = nn.reparametrize(model, nn.parametrize.generated({ generator, embedding: [4] }));
 * ```
 * Throws where the generator gives more or fewer numbers than there are weights.
 */
export function generated<P, G>(options: GeneratedOptions<G>): Parametrization<Generated<G, P>, P> {
  const { generator, embedding, from = "zero", only } = options;
  const weightsIn = (theta0: unknown) => Object.entries(chosen<Leaf>("generated", theta0, only, 0));
  return {
    init(key, params) {
      weightsIn(params);
      const [forGenerator, forEmbedding] = random.split(key);
      const dtype = (Object.values(trainable(params))[0] as unknown as NDArray).dtype as "float32";
      return {
        generator: generator.init(forGenerator!),
        embedding: embedding instanceof NDArray ? embedding : random.normal(forEmbedding!, embedding, dtype),
        frozen: { theta0: params },
      };
    },
    weights(z, context) {
      const { theta0 } = z.frozen;
      const leaves = weightsIn(theta0);
      const sizes = leaves.map(([, leaf]) => sizeOf(leaf.shape));
      const output = generator.apply(z.generator, z.embedding as Tensor, context);
      const parts = split(
        cut(
          output,
          sizes.reduce((a, b) => a + b, 0),
        ),
        sizes,
      );
      const made = leaves.map(([path, leaf], i) => {
        const part = parts[i]!.reshape(leaf.shape);
        return [path, from === "first" ? (leaf as Tensor).add(part) : part] as const;
      });
      return withTrainable(theta0, Object.fromEntries(made));
    },
  };
}

/** All numbers of the output as a vector, without what its last row has too much. */
function cut(output: Tensor, size: number): Tensor {
  const row = output.rank > 1 ? output.size / output.shape[0]! : 1;
  if (output.size < size || output.size >= size + row)
    throw new RangeError(
      `generated: the generator gives ${output.size} numbers for ${size} weights: give it as many outputs, or rows that reach just beyond`,
    );
  const flat = output.reshape([output.size]);
  return output.size === size ? flat : flat.slice([0, size]);
}
