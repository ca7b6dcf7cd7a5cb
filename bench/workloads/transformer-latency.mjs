import transformer, { logits, sizes, time } from "./transformer.mjs";
import { nested } from "./workload.mjs";

/** @type {import("./workload.mjs").Workload} */
export default {
  python: "transformer.py",
  title: `inference: the decoder transformer on a single text of ${time} tokens`,
  arrays: (library) => {
    const { weights } = transformer.arrays(library);
    const { random } = library;
    return { weights, data: { tokens: random.integers(random.key(1), [1, time], 0, sizes.vocabulary) } };
  },
  paperweight: ({ nn }) => {
    const model = nn.transformer(sizes);
    return (weights, { tokens }) => model.apply(nested(weights), tokens);
  },

  jaxJs:
    (jax) =>
    (p, { tokens }) =>
      logits.jaxJs(jax, p, tokens),
  tfjs:
    (tf) =>
    (p, { tokens }) =>
      logits.tfjs(tf, p, tokens),
};
