/** What is computed twice, in Node and on a page, and must come out the same. The library is an argument: each side has its own. */
import type * as Core from "../../src/index.ts";
import type * as Nn from "../../src/nn/index.ts";
import type * as Onnx from "../../src/onnx/index.ts";
import type * as Optim from "../../src/optim/index.ts";

export interface Library {
  readonly core: typeof Core;
  readonly nn: typeof Nn;
  readonly onnx: typeof Onnx;
  readonly optim: typeof Optim;
}

const SIZES = [2, 16, 16, 1];

interface Training {
  readonly device?: Core.Device;
  readonly steps?: number;
  readonly network?: Network;
  /** Of the MLP. */
  readonly sizes?: readonly number[];
}

type Network = "mlp" | "resnet" | "transformer";

/** A model with a loss and a batch for it: networks of the kinds that are trained most. */
function problemOf({ core, nn }: Library, network: Network, sizes: readonly number[], key: Core.NDArray) {
  const { random, NDArray } = core;
  const [forModel, forX, forY] = random.split(key, 3);
  const classes = (count: number, most: number) =>
    new NDArray(
      BigInt64Array.from({ length: count }, (_, i) => BigInt((i * 7) % most)),
      [count],
    );
  if (network === "mlp") {
    const model = nn.mlp({ sizes, activation: "tanh" });
    const [x, y] = [random.uniform(forX!, [64, 2]), random.normal(forY!, [64, 1])];
    return { model, params: model.init(forModel!), x, y, loss: nn.losses.mse };
  }
  if (network === "resnet") {
    const model = nn.resnet({ depth: 20, width: 8 });
    const [x, y] = [random.normal(forX!, [4, 3, 8, 8]), classes(4, 10)];
    return { model, params: model.init(forModel!), x, y, loss: nn.losses.crossEntropy };
  }
  const model = nn.transformer({ vocabulary: 11, width: 16, depth: 4, heads: 2 });
  const x = classes(16, 11).reshape([2, 8]);
  return { model, params: model.init(forModel!), x, y: x, loss: nn.losses.crossEntropy };
}

/** Adam on a small problem, with donated weights and states: the losses, and the weights at the end. */
async function train(library: Library, options: Training = {}) {
  const { core, nn, optim } = library;
  const { device = "cpu", steps = 20, network = "mlp", sizes = SIZES } = options;
  const { model, params, x, y, loss } = problemOf(library, network, sizes, core.random.key(7));
  const optimizer = optim.adam({ learningRate: 0.01 });
  const frozen = Object.fromEntries(
    Object.entries(core.tree.toRecord(params as object)).filter(([path]) => path.includes("frozen")),
  );
  let weights = nn.trainable(params) as Record<string, Core.NDArray>;
  let state = optimizer.init(weights);
  type Tensors = Readonly<Record<string, Core.Tensor>>;
  const apply = model.apply as (p: unknown, x: Core.Tensor, context: Nn.Context) => Core.Tensor;
  const step = core.compile(
    (w: Tensors, s: Optim.TracedState, input: Core.Tensor, target: Core.Tensor) => {
      const lossOf = (own: Tensors) =>
        loss(
          apply(core.tree.fromRecord(params as object, { ...frozen, ...own }), input, { training: true }),
          target,
        );
      const [value, gradients] = core.valueAndGrad(lossOf)(w);
      const { updates, state } = optimizer.update(gradients, s, w);
      return { value, weights: optim.applyUpdates(w, updates), state };
    },
    { donate: [0, 1], device },
  );
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const out = await step(weights, state, x, y);
    losses.push(out.value.item());
    weights = out.weights as typeof weights;
    state = out.state as typeof state;
  }
  await step.dispose();
  return { losses, weights: Object.values(weights).flatMap(numbers) };
}

/** Bits of random numbers, drawn on the host and in a graph. */
async function draws({ core: { random, compile } }: Library, options: Core.CompileOptions = {}) {
  const sample = <K extends Core.NDArray | Core.Tensor>(key: K) => {
    const [a, b, c] = random.split(key, 3);
    return {
      normal: random.normal(a!, [101]),
      uniform: random.uniform(b!, [64], { dtype: "float64" }),
      order: random.permutation(c!, 20),
    };
  };
  const inGraph = compile((key: Core.Tensor) => sample(key), options);
  const graph = await inGraph(random.key(3));
  await inGraph.dispose();
  const host = sample(random.key(3));
  return { host: bits(host), graph: bits(graph) };
}

/** A model as a file, imported again and run. */
async function infer({ core: { compile, NDArray, random }, nn, onnx }: Library) {
  const model = nn.mlp({ sizes: SIZES, activation: "gelu" });
  const file = onnx.exportModel(model, model.init(random.key(1)), { x: ["batch", 2] });
  const imported = onnx.importModel(file);
  const params = imported.init();
  const predict = compile((p: Core.tree.Traced<typeof params>, x: Core.Tensor) => imported.apply(p, x));
  const run = (seed: number) => predict(params, random.normal(random.key(seed), [3, 2]));
  const first = await run(2);
  const output = numbers(first);
  await run(3);
  await predict.dispose();
  return { file: bytesOf(NDArray.from(file)), output, later: numbers(first) };
}

/** float64, with operators that ONNX Runtime has no float64 kernel for. */
async function float64({ core: { compile, grad, random } }: Library) {
  const f = compile((x: Core.Tensor, w: Core.Tensor) => {
    const network = (v: Core.Tensor) => v.matmul(w).erf().gelu().softmax(-1).square().sum();
    return {
      value: network(x),
      gradient: grad(network)(x),
      softplus: x.softplus(),
      elementary: x.exp().log().sqrt(),
    };
  });
  const x = random.uniform(random.key(4), [7, 5], { low: 0.1, dtype: "float64" });
  const out = await f(x, random.normal(random.key(5), [5, 5], "float64"));
  await f.dispose();
  return Object.values(out).flatMap(numbers);
}

/** Several compiled functions called at once, and the same one by one. */
async function together({ core: { compile, random } }: Library) {
  const calls = [1, 2, 3, 4].map((n) => {
    const x = random.normal(random.key(n), [16 * n, 16 * n]);
    const f = compile((a: Core.Tensor) => a.matmul(a).add(n).softmax(-1));
    return async () => numbers(await f(x));
  });
  const atOnce = await Promise.all([...calls, ...calls].map((call) => call()));
  const oneByOne: number[][] = [];
  for (const call of calls) oneByOne.push(await call());
  return { atOnce, oneByOne: [...oneByOne, ...oneByOne] };
}

/** The message of the error that these options lead to. */
async function refusal({ core: { compile, NDArray } }: Library, options: Core.CompileOptions) {
  const error = await compile(
    (x: Core.Tensor) => x.add(1),
    options,
  )(NDArray.from([1])).catch((e: Error) => e);
  return error instanceof Error ? error.message : "none";
}

function numbers(array: Core.NDArray): number[] {
  return Array.from(array.data as Float64Array, Number);
}

function bytesOf({ data }: Core.NDArray): number[] {
  return Array.from(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function bits(arrays: Readonly<Record<string, Core.NDArray>>): Record<string, number[]> {
  return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, bytesOf(array)]));
}

export const programs = { train, draws, infer, float64, together, refusal };
export type Programs = typeof programs;
