/**
 * What a workload file says. The same function is written once for each contender, each in that contender's own idiom;
 * weights, data, optimiser (Adam, learning rate 1e-3) and number of threads are shared.
 *
 * @template T
 * @typedef {(params: Record<string, T>, data: Record<string, T>) => T} Loss
 *
 * @typedef {object} Draw how an array is drawn: normal numbers of this standard deviation
 * @property {number[]} shape
 * @property {number} deviation
 *
 * @typedef {object} Workload
 * @property {string} title
 * @property {Record<string, Draw>} weights what is trained
 * @property {Record<string, Draw>} data what every step sees
 * @property {Loss<import("../../dist/index.js").Tensor>} paperweight
 * @property {(jax: typeof import("@jax-js/jax")) => Loss<import("@jax-js/jax").Array>} jaxJs owns, and so uses up, all its arguments
 * @property {(tf: typeof import("@tensorflow/tfjs")) => Loss<import("@tensorflow/tfjs").Tensor>} tfjs
 * @property {string} torch Python source that defines `loss(p, d)`
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
