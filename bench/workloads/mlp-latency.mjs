import mlp, { predicted } from "./mlp.mjs";
import { drawn, normal } from "./workload.mjs";

/** @type {import("./workload.mjs").Workload} */
export default {
  python: "mlp.py",
  title: "inference: the MLP 100-256-256-256-1 on a single item",
  arrays: (library) => ({
    weights: mlp.arrays(library).weights,
    data: drawn(library, { x: normal(1, 100) }, 1),
  }),
  paperweight:
    () =>
    (p, { x }) =>
      predicted.paperweight(p, x),
  jaxJs:
    (jax) =>
    (p, { x }) =>
      predicted.jaxJs(jax, p, x),
  tfjs:
    (tf) =>
    (p, { x }) =>
      predicted.tfjs(tf, p, x),
};
