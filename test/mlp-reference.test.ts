/**
 * Ten training steps of an MLP against the same steps written out by hand: forward pass, backward pass and update, in
 * float64, with nothing of the library.
 */
import { describe, expect, test } from "vitest";
import { compile, NDArray, type Tensor, tree, valueAndGrad } from "../src/index.ts";

type Matrix = number[][];
interface Layer<T> {
  kernel: T;
  bias: T;
}

const SIZES = [4, 16, 8, 2];
const BATCH = 12;
const STEPS = 10;

/** Numbers in (-1, 1) that look random, from their places. */
const noise = (i: number, j: number, k: number) => Math.sin(12.9898 * i + 78.233 * j + 37.719 * k + 0.5);
const matrix = (rows: number, columns: number, k: number, scale = 1): Matrix =>
  Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => scale * noise(i, j, k)));

const X = matrix(BATCH, SIZES[0]!, 1);
const Y = X.map(([a, b, c, d]) => [Math.sin(2 * a!) + b! * c!, d! - a! * b!]);
const start = (): Layer<Matrix>[] =>
  SIZES.slice(1).map((width, l) => ({
    kernel: matrix(SIZES[l]!, width, 10 + l, 1 / Math.sqrt(SIZES[l]!)),
    bias: matrix(1, width, 20 + l, 0.1),
  }));

const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, v, k) => sum + v * b[k]![j]!, 0)));
const transposed = (a: Matrix): Matrix => a[0]!.map((_, j) => a.map((row) => row[j]!));
const mapped = (f: (...v: number[]) => number, ...m: Matrix[]): Matrix =>
  m[0]!.map((row, i) => row.map((_, j) => f(...m.map((a) => a[i]![j]!))));

/** The mean squared error of a tanh network, and its gradient by the chain rule. */
function lossAndGradient(layers: readonly Layer<Matrix>[]): [number, Layer<Matrix>[]] {
  const activations: Matrix[] = [X];
  layers.forEach(({ kernel, bias }, l) => {
    const z = product(activations[l]!, kernel).map((row) => row.map((v, j) => v + bias[0]![j]!));
    activations.push(l === layers.length - 1 ? z : mapped(Math.tanh, z));
  });
  const output = activations.at(-1)!;
  const count = BATCH * SIZES.at(-1)!;
  const loss = output.flat().reduce((sum, v, i) => sum + (v - Y.flat()[i]!) ** 2, 0) / count;

  const gradient: Layer<Matrix>[] = [];
  let delta = mapped((v, y) => (2 * (v - y)) / count, output, Y);
  for (let l = layers.length - 1; l >= 0; l--) {
    const bias = [delta[0]!.map((_, j) => delta.reduce((sum, row) => sum + row[j]!, 0))];
    gradient.unshift({ kernel: product(transposed(activations[l]!), delta), bias });
    delta = mapped((d, a) => d * (1 - a * a), product(delta, transposed(layers[l]!.kernel)), activations[l]!);
  }
  return [loss, gradient];
}

type Update = (weight: Matrix, gradient: Matrix, slot: number, step: number) => Matrix;

/** The losses before each step and the weights after the last. */
function train(update: Update): { losses: number[]; layers: Layer<Matrix>[] } {
  let layers = start();
  const losses: number[] = [];
  for (let step = 1; step <= STEPS; step++) {
    const [loss, gradient] = lossAndGradient(layers);
    losses.push(loss);
    layers = layers.map((layer, l) => ({
      kernel: update(layer.kernel, gradient[l]!.kernel, 2 * l, step),
      bias: update(layer.bias, gradient[l]!.bias, 2 * l + 1, step),
    }));
  }
  return { losses, layers };
}

const RATE = 0.1;
const sgd: Update = (w, g) => mapped((a, b) => a - RATE * b, w, g);

const [ADAM_RATE, BETA1, BETA2, EPSILON] = [0.01, 0.9, 0.999, 1e-8];
function adam(): Update {
  const m = new Map<number, Matrix>();
  const v = new Map<number, Matrix>();
  return (w, g, slot, step) => {
    const zeros = mapped(() => 0, g);
    m.set(
      slot,
      mapped((a, b) => BETA1 * a + (1 - BETA1) * b, m.get(slot) ?? zeros, g),
    );
    v.set(
      slot,
      mapped((a, b) => BETA2 * a + (1 - BETA2) * b * b, v.get(slot) ?? zeros, g),
    );
    const [first, second] = [1 - BETA1 ** step, 1 - BETA2 ** step];
    return mapped(
      (a, p, q) => a - (ADAM_RATE * (p / first)) / (Math.sqrt(q / second) + EPSILON),
      w,
      m.get(slot)!,
      v.get(slot)!,
    );
  };
}

type Params = Layer<Tensor>[];
type Arrays = Layer<NDArray>[];

function loss(params: Params, x: Tensor, y: Tensor): Tensor {
  const output = params.reduce((h, { kernel, bias }, l) => {
    const z = h.matmul(kernel).add(bias);
    return l === params.length - 1 ? z : z.tanh();
  }, x);
  return output.sub(y).square().mean();
}

const arrays = (dtype: "float32" | "float64"): Arrays =>
  start().map(({ kernel, bias }) => ({
    kernel: NDArray.from(kernel, dtype),
    bias: NDArray.from(bias[0]!, dtype),
  }));

function expectNear(
  params: Arrays,
  losses: readonly number[],
  wanted: ReturnType<typeof train>,
  tolerance: number,
): void {
  losses.forEach((l, i) => {
    expect(Math.abs(l - wanted.losses[i]!), `loss ${i}: ${l}, by hand ${wanted.losses[i]}`).toBeLessThan(
      tolerance,
    );
  });
  params.forEach((layer, l) => {
    for (const name of ["kernel", "bias"] as const) {
      const byHand = wanted.layers[l]![name].flat();
      Array.from(layer[name].data, Number).forEach((w, i) => {
        expect(Math.abs(w - byHand[i]!), `layer ${l} ${name} ${i}`).toBeLessThan(tolerance);
      });
    }
  });
}

describe.each([
  ["float32", 1e-5],
  ["float64", 1e-13],
] as const)("ten steps in %s agree to %f", (dtype, tolerance) => {
  const [x, y] = [NDArray.from(X, dtype), NDArray.from(Y, dtype)];

  test("with gradient descent, its memory donated", async () => {
    const step = compile(
      (p: Params, x: Tensor, y: Tensor) => {
        const [value, g] = valueAndGrad(loss)(p, x, y);
        return { value, p: tree.map((w, dw) => w.sub(dw.mul(RATE)), p, g) as Params };
      },
      { donate: [0] },
    );
    let params = arrays(dtype);
    const losses: number[] = [];
    for (let i = 0; i < STEPS; i++) {
      const out = await step(params, x, y);
      losses.push(out.value.item());
      params = out.p;
    }
    const wanted = train(sgd);
    expect(wanted.losses.at(-1)).toBeLessThan(0.7 * wanted.losses[0]!);
    expectNear(params, losses, wanted, tolerance);
  });

  test("with Adam", async () => {
    const step = compile((p: Params, m: Params, v: Params, corrections: Tensor, x: Tensor, y: Tensor) => {
      const [value, g] = valueAndGrad(loss)(p, x, y);
      const m1 = tree.map((a, b) => a.mul(BETA1).add(b.mul(1 - BETA1)), m, g) as Params;
      const v1 = tree.map((a, b) => a.mul(BETA2).add(b.square().mul(1 - BETA2)), v, g) as Params;
      const [first, second] = [corrections.slice([0, 1]), corrections.slice([1, 2])];
      const moved = tree.map(
        (w, a, b) => w.sub(a.div(first).mul(ADAM_RATE).div(b.div(second).sqrt().add(EPSILON))),
        p,
        m1,
        v1,
      ) as Params;
      return { value, p: moved, m: m1, v: v1 };
    });
    let params = arrays(dtype);
    let m = tree.map((a) => NDArray.zeros(a.shape, dtype), params) as Arrays;
    let v = m;
    const losses: number[] = [];
    for (let i = 1; i <= STEPS; i++) {
      const out = await step(params, m, v, NDArray.from([1 - BETA1 ** i, 1 - BETA2 ** i], dtype), x, y);
      losses.push(out.value.item());
      [params, m, v] = [out.p, out.m, out.v];
    }
    expectNear(params, losses, train(adam()), tolerance);
  });
});
