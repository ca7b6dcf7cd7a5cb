import type { LinearParams } from "../../nn/dense.ts";
import { NDArray } from "../../tensor/ndarray.ts";
import { showShape } from "../../tensor/shape.ts";
import type { FeatureDraws, SnnkKind } from "./random-features.ts";

/**
 * Psi of a dense layer as an array: what `RandomFeatures.psi` gives in a graph, in float64 on the host and stored as float32
 * [outputs, units]. For first values of a layer (M = 0). Throws one line where a value is not finite, naming the largest norm of w.
 */
export function psiValues(kind: SnnkKind, draws: FeatureDraws, { kernel, bias }: LinearParams): NDArray {
  const [features, inputs] = draws.projection.shape as [number, number];
  if (kernel.rank !== 2 || kernel.shape[0] !== inputs)
    throw new RangeError(`snnk: the kernel is ${showShape(kernel.shape)}, it should be [${inputs}, units]`);
  if (kind === "relu" && bias !== undefined)
    throw new RangeError(
      "snnk: the kernel of relu has no bias: append 1 to the input and the bias to the kernel",
    );
  const units = kernel.shape[1]!;
  const single = kind === "relu" || kind === "exp";
  const out = new Float32Array((single ? 1 : 2) * features * units);
  const [g, w] = [draws.projection.data as Float32Array, kernel.data as Float32Array];
  const scale = 1 / Math.sqrt(features);
  const squares = new Float64Array(units);
  for (let i = 0; i < w.length; i++) squares[i % units]! += w[i]! ** 2;
  for (let k = 0; k < features; k++) {
    const t = Number(draws.frequencies?.data[k] ?? 1);
    const phase = Number(draws.phases?.data[k] ?? 0);
    const amplitude = scale * Number(draws.amplitudes?.data[k] ?? 1);
    for (let u = 0; u < units; u++) {
      let dot = 0;
      for (let i = 0; i < inputs; i++) dot += g[k * inputs + i]! * w[i * units + u]!;
      const b = Number(bias?.data[u] ?? 0);
      const at = k * units + u;
      if (kind === "relu") out[at] = scale * Math.max(0, dot);
      else {
        const size = amplitude * Math.exp(t * dot - (t * t * squares[u]!) / 2);
        if (kind === "exp") out[at] = size * Math.exp(b);
        else {
          out[at] = size * Math.cos(t * b + phase);
          out[at + features * units] = -size * Math.sin(t * b + phase);
        }
      }
    }
  }
  if (!out.every(Number.isFinite))
    throw new RangeError(
      `snnk: features of the weights are not finite, the largest |w| is ${Math.sqrt(Math.max(...squares)).toPrecision(3)}: scale the weights down, or the inputs by normalize`,
    );
  return new NDArray(out, [out.length / units, units]);
}
