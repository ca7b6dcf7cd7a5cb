/** Convolutions and pools by explicit loops, in float64: what the operators are held against. */
import { NDArray } from "../../src/tensor/ndarray.ts";
import { type Shape, sizeOf, stridesOf } from "../../src/tensor/shape.ts";

/** All lists go by spatial axis. */
export interface Geometry {
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly pads: readonly (readonly [number, number])[];
}

/** All indices within a shape, the last axis fastest. */
export function* indicesOf(shape: Shape): Generator<number[]> {
  const strides = stridesOf(shape);
  for (let i = 0; i < sizeOf(shape); i++) yield shape.map((d, a) => Math.floor(i / strides[a]!) % d);
}

const at = (index: readonly number[], shape: Shape) =>
  stridesOf(shape).reduce((sum, s, a) => sum + s * index[a]!, 0);
const inside = (index: readonly number[], shape: Shape) => index.every((i, a) => i >= 0 && i < shape[a]!);
const value = (x: NDArray, index: readonly number[]) => Number(x.data[at(index, x.shape)]);

function build(shape: Shape, f: (index: number[]) => number): NDArray {
  const data = Float64Array.from(indicesOf(shape), f);
  return new NDArray(data, shape);
}

/** Where, on the input, offset k of the window at a place lies. */
const reach = (place: readonly number[], k: readonly number[], g: Geometry) =>
  place.map((p, a) => p * g.stride[a]! - g.pads[a]![0] + k[a]! * g.dilation[a]!);

const windowSize = (kernel: Shape, g: Geometry, a: number) => (kernel[a]! - 1) * g.dilation[a]! + 1;

export function convReference(x: NDArray, w: NDArray, bias: NDArray, groups: number, g: Geometry): NDArray {
  const [n, , ...sizes] = x.shape as [number, number, ...number[]];
  const [m, c, ...kernel] = w.shape as [number, number, ...number[]];
  const places = sizes.map((d, a) => {
    const [before, after] = g.pads[a]!;
    return Math.floor((d + before + after - windowSize(kernel, g, a)) / g.stride[a]!) + 1;
  });
  return build([n, m, ...places], ([b, out, ...place]) => {
    const group = Math.floor(out! / (m / groups));
    let sum = value(bias, [out!]);
    for (let i = 0; i < c; i++) {
      for (const k of indicesOf(kernel)) {
        const from = reach(place, k, g);
        if (inside(from, sizes)) sum += value(x, [b!, group * c + i, ...from]) * value(w, [out!, i, ...k]);
      }
    }
    return sum;
  });
}

export function convTransposeReference(
  x: NDArray,
  w: NDArray,
  bias: NDArray,
  groups: number,
  extra: readonly number[],
  g: Geometry,
): NDArray {
  const [n, c, ...places] = x.shape as [number, number, ...number[]];
  const [, m, ...kernel] = w.shape as [number, number, ...number[]];
  const sizes = places.map((d, a) => {
    const [before, after] = g.pads[a]!;
    return g.stride[a]! * (d - 1) + windowSize(kernel, g, a) + extra[a]! - before - after;
  });
  const y = build([n, m * groups, ...sizes], ([, out]) => value(bias, [out!]));
  for (const [b, i, ...place] of indicesOf(x.shape)) {
    const group = Math.floor(i! / (c / groups));
    for (const [out, ...k] of indicesOf([m, ...kernel])) {
      const to = reach(place, k, g);
      if (!inside(to, sizes)) continue;
      const target = at([b!, group * m + out!, ...to], y.shape);
      y.data[target] = Number(y.data[target]) + value(x, [b!, i!, ...place]) * value(w, [i!, out!, ...k]);
    }
  }
  return y;
}

/** By window: the elements in it, and how many it has with the padding. */
export function poolReference(
  x: NDArray,
  kernel: Shape,
  ceil: boolean,
  g: Geometry,
  of: (elements: readonly number[], padded: number) => number,
): NDArray {
  const [n, c, ...sizes] = x.shape as [number, number, ...number[]];
  const places = sizes.map((d, a) => {
    const [before, after] = g.pads[a]!;
    const steps = (d + before + after - windowSize(kernel, g, a)) / g.stride[a]!;
    const count = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
    return ceil && (count - 1) * g.stride[a]! >= d + before ? count - 1 : count;
  });
  return build([n, c, ...places], ([b, i, ...place]) => {
    const elements: number[] = [];
    let padded = 0;
    for (const k of indicesOf(kernel)) {
      const from = reach(place, k, g);
      if (inside(from, sizes)) elements.push(value(x, [b!, i!, ...from]));
      if (from.every((f, a) => f < sizes[a]! + g.pads[a]![1])) padded++;
    }
    return of(elements, padded);
  });
}
