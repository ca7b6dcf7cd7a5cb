import { adamw, nested, weightsOf } from "./workload.mjs";

export const sizes = { vocabulary: 65, width: 128, depth: 4, heads: 4, hidden: 352 };
export const time = 128;
const batch = 16;

const { width, heads, depth, vocabulary } = sizes;
const size = width / heads;
const half = size / 2;

/** Angles of the rotary positions [time, half], as their cosines or sines. @param {(angle: number) => number} f */
const positions = (f) =>
  Float32Array.from({ length: time * half }, (_, i) =>
    f(Math.floor(i / half) * 10_000 ** (-(i % half) / half)),
  );

/** What is added to scores [time, time] so that no place sees those after it. */
const causal = () =>
  Float32Array.from({ length: time * time }, (_, i) => (i % time > Math.floor(i / time) ? -1e30 : 0));

/** The network alone. */
export const logits = {
  jaxJs({ numpy: np, nn }, p, tokens) {
    const count = tokens.shape[0];
    const constant = (values, shape) => np.array(values, { shape });
    const [cos, sin] = [Math.cos, Math.sin].map((f) => constant(positions(f), [time, half]));
    const mask = constant(causal(), [time, time]);
    const norm = (x, path) => {
      const square = np.square(x.ref).mean(-1, { keepdims: true });
      return x.div(np.sqrt(square.add(1e-5))).mul(p[`${path}/scale`]);
    };
    const dense = (x, path) => np.matmul(x, p[`${path}/kernel`]);
    const byHeads = (x) => x.reshape([count, time, heads, size]).transpose([0, 2, 1, 3]);
    const turned = (x) => {
      const [a, b] = np.split(x, 2, -1);
      const first = a.ref.mul(cos.ref).sub(b.ref.mul(sin.ref));
      return np.concatenate([first, a.mul(sin.ref).add(b.mul(cos.ref))], -1);
    };
    const attention = (x, path) => {
      const query = turned(byHeads(dense(x.ref, `${path}/query`)));
      const key = turned(byHeads(dense(x.ref, `${path}/key`)));
      const value = byHeads(dense(x, `${path}/value`));
      const scores = np.matmul(query, key.transpose([0, 1, 3, 2])).mul(1 / Math.sqrt(size));
      const found = np.matmul(nn.softmax(scores.add(mask.ref), -1), value);
      return dense(found.transpose([0, 2, 1, 3]).reshape([count, time, width]), `${path}/output`);
    };
    const feed = (x, path) => {
      const gate = nn.silu(dense(x.ref, `${path}/gate`));
      return dense(gate.mul(dense(x, `${path}/up`)), `${path}/down`);
    };
    let h = np.matmul(nn.oneHot(tokens, vocabulary), p["embedding/table"]);
    for (let i = 0; i < depth; i++) {
      const path = `blocks/${i}`;
      h = h.ref.add(attention(norm(h, `${path}/attentionNorm`), `${path}/attention`));
      h = h.ref.add(feed(norm(h, `${path}/feedNorm`), `${path}/feed`));
    }
    for (const used of [cos, sin, mask]) used.dispose();
    return dense(norm(h, "norm"), "head");
  },

  tfjs(tf, p, tokens) {
    const count = tokens.shape[0];
    const [cos, sin] = [Math.cos, Math.sin].map((f) => tf.tensor(positions(f), [time, half]));
    const mask = tf.tensor(causal(), [time, time]);
    const norm = (x, path) =>
      x.mul(tf.rsqrt(tf.mean(tf.square(x), -1, true).add(1e-5))).mul(p[`${path}/scale`]);
    const dense = (x, path) => {
      const kernel = p[`${path}/kernel`];
      return tf.matMul(x.reshape([count * time, -1]), kernel).reshape([count, time, kernel.shape[1]]);
    };
    const byHeads = (x) => x.reshape([count, time, heads, size]).transpose([0, 2, 1, 3]);
    const turned = (x) => {
      const [a, b] = tf.split(x, 2, 3);
      return tf.concat([a.mul(cos).sub(b.mul(sin)), a.mul(sin).add(b.mul(cos))], 3);
    };
    const attention = (x, path) => {
      const query = turned(byHeads(dense(x, `${path}/query`)));
      const key = turned(byHeads(dense(x, `${path}/key`)));
      const scores = tf.matMul(query, key, false, true).mul(1 / Math.sqrt(size));
      const found = tf.matMul(tf.softmax(scores.add(mask)), byHeads(dense(x, `${path}/value`)));
      return dense(found.transpose([0, 2, 1, 3]).reshape([count, time, width]), `${path}/output`);
    };
    const feed = (x, path) => {
      const gate = dense(x, `${path}/gate`);
      return dense(gate.mul(tf.sigmoid(gate)).mul(dense(x, `${path}/up`)), `${path}/down`);
    };
    // Not gather: its gradient is UnsortedSegmentSum, which the WebAssembly backend has not.
    const one = tf.oneHot(tokens.flatten(), vocabulary).toFloat();
    let h = tf.matMul(one, p["embedding/table"]).reshape([count, time, width]);
    for (let i = 0; i < depth; i++) {
      const path = `blocks/${i}`;
      h = h.add(attention(norm(h, `${path}/attentionNorm`), `${path}/attention`));
      h = h.add(feed(norm(h, `${path}/feedNorm`), `${path}/feed`));
    }
    return dense(norm(h, "norm"), "head");
  },
};

/** @type {import("./workload.mjs").Workload} */
export default {
  title: `decoder transformer, ${sizes.depth} layers, width ${sizes.width}, ${sizes.heads} heads, context ${time}, batch ${batch}, cross-entropy`,
  checked: 5,
  optimizer: adamw,
  arrays: (library) => ({
    weights: weightsOf(library, library.nn.transformer(sizes)),
    data: {
      tokens: library.random.integers(library.random.key(1), [batch, time], 0, sizes.vocabulary),
      next: library.random.integers(library.random.key(2), [batch, time], 0, sizes.vocabulary),
    },
  }),

  paperweight({ nn }) {
    const model = nn.transformer(sizes);
    return (weights, { tokens, next }, context) =>
      nn.losses.crossEntropy(model.apply(nested(weights), tokens, context), next);
  },

  jaxJs:
    (jax) =>
    (p, { tokens, next }) => {
      const { nn } = jax;
      return nn
        .logSoftmax(logits.jaxJs(jax, p, tokens), -1)
        .mul(nn.oneHot(next, sizes.vocabulary))
        .sum()
        .mul(-1 / (batch * time));
    },

  tfjs:
    (tf) =>
    (p, { tokens, next }) => {
      const labels = tf.oneHot(next.flatten(), sizes.vocabulary).toFloat();
      const flat = logits.tfjs(tf, p, tokens).reshape([batch * time, sizes.vocabulary]);
      return tf.losses.softmaxCrossEntropy(labels, flat);
    },
};
