import { adam, drawn, nested, normal, weightsOf } from "./workload.mjs";

const [rows, columns] = [40, 50];
const nodes = rows * columns;
// To the neighbours of a mesh of triangles that closes upon itself.
const steps = [
  [0, 1],
  [0, -1],
  [1, 0],
  [-1, 0],
  [1, 1],
  [-1, -1],
];
const edges = nodes * steps.length;
const sizes = { nodes: 8, edges: 4, outputs: 2, width: 128, depth: 2, steps: 6 };

/** @type {import("./workload.mjs").Workload} */
export default {
  title: `message passing on a mesh of ${nodes} nodes and ${edges} edges, ${sizes.steps} rounds, width ${sizes.width}, mean squared error`,
  checked: 5,
  optimizer: adam,
  arrays: (library) => {
    const { nn, NDArray } = library;
    const features = drawn(
      library,
      { nodes: normal(nodes, sizes.nodes), edges: normal(edges, sizes.edges) },
      1,
    );
    const target = features.nodes.data.filter((_, i) => i % sizes.nodes < sizes.outputs);
    return {
      weights: weightsOf(library, nn.gnn(sizes)),
      data: { ...features, target: new NDArray(target, [nodes, sizes.outputs]), ...mesh(library) },
    };
  },

  paperweight({ nn }) {
    const model = nn.gnn(sizes);
    return (weights, { target, ...graph }, context) =>
      nn.losses.mse(model.apply(nested(weights), graph, context), target);
  },

  tfjs: "its WebAssembly backend has no UnsortedSegmentSum, which sums what edges bring to a node",

  jaxJs:
    (jax) =>
    (p, { nodes: first, edges: ends, target, senders, receivers }) => {
      const { numpy: np, nn } = jax;
      const layer = (x, path) => np.matmul(x, p[`${path}/kernel`]).add(p[`${path}/bias`]);
      const perceptron = (x, path) =>
        layer(nn.relu(layer(nn.relu(layer(x, `${path}/0`)), `${path}/1`)), `${path}/2`);
      const encoder = (x, path) => {
        const y = perceptron(x, `${path}/layers/0/layers`);
        const centred = y.ref.sub(y.mean(1, { keepdims: true }));
        const variance = np.square(centred.ref).mean(1, { keepdims: true });
        const unit = centred.div(np.sqrt(variance.add(1e-5)));
        return unit.mul(p[`${path}/layers/1/scale`]).add(p[`${path}/layers/1/bias`]);
      };
      const along = (x, end) => np.take(x, end.ref, 0);
      // It has no sum by segments: the transpose of taking rows is one.
      const summed = (messages) => {
        const [rows, transpose] = jax.vjp((x) => along(x, receivers), [np.zeros([nodes, sizes.width])]);
        rows.dispose();
        return transpose(messages)[0];
      };
      let h = encoder(first, "nodes");
      let e = encoder(ends, "edges");
      for (let i = 0; i < sizes.steps; i++) {
        const both = [along(h.ref, senders), along(h.ref, receivers), e.ref];
        const messages = encoder(np.concatenate(both, 1), `steps/${i}/edges`);
        const change = encoder(np.concatenate([h.ref, summed(messages.ref)], 1), `steps/${i}/nodes`);
        h = h.add(change);
        e = e.add(messages);
      }
      e.dispose();
      senders.dispose();
      receivers.dispose();
      return np.square(perceptron(h, "decoder/layers").sub(target)).mean();
    },
};

/** @param {import("./workload.mjs").Paperweight} library */
function mesh({ NDArray }) {
  const ends = Array.from({ length: nodes }, (_, node) =>
    steps.map(([down, right]) => {
      const row = (Math.floor(node / columns) + down + rows) % rows;
      const column = ((node % columns) + right + columns) % columns;
      return [node, row * columns + column];
    }),
  ).flat();
  const list = (/** @type {number} */ end) =>
    NDArray.from(
      ends.map((e) => e[end]),
      "int64",
    );
  return { senders: list(0), receivers: list(1) };
}
