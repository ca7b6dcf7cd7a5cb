/**
 * What a workload file says. The same function is written once for each contender, each in that contender's own idiom (PyTorch's in
 * a Python file); weights, data, optimiser and number of threads are shared.
 *
 * @template T
 * @typedef {Record<string, T>} Named
 *
 * @typedef {typeof import("../../dist/index.js") & {
 *   nn: typeof import("../../dist/nn/index.js"),
 *   optim: typeof import("../../dist/optim/index.js"),
 * }} Paperweight
 * @typedef {import("../../dist/index.js").NDArray} NDArray
 * @typedef {import("../../dist/index.js").Tensor} Tensor
 *
 * @typedef {object} Optimizer
 * @property {"adam" | "adamw" | "sgd"} name
 * @property {number} learningRate
 * @property {number} [momentum] of sgd
 * @property {number} [weightDecay] of adamw
 *
 * @typedef {object} Workload
 * @property {string} title
 * @property {Optimizer} [optimizer] absent: only the forward pass is run, and what it returns is compared
 * @property {string} [python] the file for PyTorch, which defines `build(weights)` and `forward(model, data)`; default <name>.py
 * @property {number} [checked] the step whose losses are compared; default 20
 * @property {number} [copies] so many networks are trained, a step each in turn; default 1
 * @property {(library: Paperweight) => { weights: Named<NDArray>, data: Named<NDArray> }} arrays first weights, by path (those under
 *   the name frozen are not trained), and what every step sees
 * @property {(library: Paperweight) => (weights: Named<Tensor>, data: Named<Tensor>, context: object) => Tensor} paperweight the loss,
 *   or the result of the forward pass
 * @property {((jax: typeof import("@jax-js/jax")) => (weights: Named<import("@jax-js/jax").Array>, data: Named<import("@jax-js/jax").Array>) => import("@jax-js/jax").Array) | string} jaxJs
 *   owns, and so uses up, all its arguments. Or why there is none
 * @property {((tf: typeof import("@tensorflow/tfjs")) => (weights: Named<import("@tensorflow/tfjs").Tensor>, data: Named<import("@tensorflow/tfjs").Tensor>) => import("@tensorflow/tfjs").Tensor) | string} tfjs
 *   Or why there is none
 */

/** Adam as all of its workloads have it. */
export const adam = /** @type {const} */ ({ name: "adam", learningRate: 1e-3 });

/** AdamW as all of its workloads have it. */
export const adamw = /** @type {const} */ ({ name: "adamw", learningRate: 1e-3, weightDecay: 0.01 });

/**
 * How an array is drawn: normal numbers of this standard deviation.
 *
 * @typedef {{ shape: number[], deviation: number }} Draw
 */

/** Glorot normal, as `[fan in, fan out]`. */
export const glorot = (/** @type {number} */ fanIn, /** @type {number} */ fanOut) => ({
  shape: [fanIn, fanOut],
  deviation: Math.sqrt(2 / (fanIn + fanOut)),
});

export const zeros = (/** @type {number[]} */ ...shape) => ({ shape, deviation: 0 });

export const normal = (/** @type {number[]} */ ...shape) => ({ shape, deviation: 1 });

/**
 * The weights `<prefix>0/kernel`, `<prefix>0/bias`, `<prefix>1/kernel`, ... of dense layers.
 *
 * @param {string} prefix
 * @param {number[]} sizes
 */
export function dense(prefix, sizes) {
  return Object.fromEntries(
    sizes.slice(1).flatMap((width, i) => [
      [`${prefix}${i}/kernel`, glorot(sizes[i], width)],
      [`${prefix}${i}/bias`, zeros(width)],
    ]),
  );
}

/**
 * Arrays drawn from one key, always the same ones.
 *
 * @param {Paperweight} library
 * @param {Record<string, Draw>} draws
 * @param {number} seed
 * @returns {Named<NDArray>}
 */
export function drawn({ random, NDArray }, draws, seed) {
  const names = Object.keys(draws);
  const keys = random.split(random.key(seed), names.length);
  return Object.fromEntries(
    names.map((name, i) => {
      const { shape, deviation } = draws[name];
      const values = /** @type {Float32Array} */ (random.normal(keys[i], shape).data);
      return [
        name,
        new NDArray(
          values.map((v) => deviation * v),
          shape,
        ),
      ];
    }),
  );
}

/** The first weights of a model, by path. @param {Paperweight} library */
export function weightsOf({ random, tree }, /** @type {{ init(key: NDArray): unknown }} */ model) {
  return /** @type {Named<NDArray>} */ (tree.toRecord(model.init(random.key(0))));
}

/**
 * Weights by path as the tree that a model takes: `{"layers/0/kernel": w}` is `{ layers: [{ kernel: w }] }`.
 *
 * @param {Named<unknown>} weights
 * @returns {any}
 */
export function nested(weights) {
  /** @type {Record<string, any>} */
  const root = {};
  for (const [path, leaf] of Object.entries(weights)) {
    const names = path.split("/");
    const last = /** @type {string} */ (names.pop());
    let at = root;
    for (const name of names) at = at[name] ??= {};
    at[last] = leaf;
  }
  return listed(root);
}

/** Objects whose names are 0, 1, 2, ... as arrays, at any depth. @param {any} value @returns {any} */
function listed(value) {
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  const entries = Object.entries(value).map(([name, child]) => [name, listed(child)]);
  return entries.every(([name], i) => name === `${i}`)
    ? entries.map(([, child]) => child)
    : Object.fromEntries(entries);
}
