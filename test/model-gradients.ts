/** Gradients of imported models against central differences, in float64. */
import type { ImportedModel } from "../src/onnx/import.ts";
import { compile } from "../src/runtime/compile.ts";
import { isFloat } from "../src/tensor/dtype.ts";
import type { NDArray } from "../src/tensor/ndarray.ts";
import { Tensor } from "../src/tensor/tensor.ts";
import { valueAndGrad } from "../src/tensor/transforms.ts";
import { inFloat64 } from "./float64.ts";

type Arrays = Record<string, NDArray>;
type Tensors = Record<string, Tensor>;

/** A weight of the model, the derivative by it, and by differences. */
export interface GradientCheck {
  readonly weight: string;
  readonly gradient: number;
  readonly difference: number;
  /** |gradient - difference| in units of the tolerance. */
  readonly error: number;
}

/** A scalar that every output element takes part in. */
export function lossOf(model: ImportedModel, x: Arrays) {
  return (p: Tensors): Tensor => {
    const stand = Object.fromEntries(model.parameters.map((q) => [q.name, Tensor.input(q.shape, q.dtype)]));
    const outputs = Object.values(model.applyAll(stand, x)).filter((t) => isFloat(t.dtype));
    const swap = new Map(Object.entries(stand).map(([name, t]) => [t, p[name]!]));
    const wide = inFloat64(outputs, swap);
    return wide
      .map((y) => y.mul(Tensor.arange(y.size).cast("float64").mul(0.7).add(1).sin().reshape(y.shape)).mean())
      .reduce((a, b) => a.add(b));
  };
}

/** Compare the derivatives by `count` weights, drawn with a fixed seed from those to train. */
export async function checkModelGradients(
  model: ImportedModel,
  x: Arrays,
  count: number,
): Promise<GradientCheck[]> {
  const params = Object.fromEntries(
    Object.entries(model.init()).map(([name, a]) => [name, a.dtype === "float32" ? a.cast("float64") : a]),
  );
  const loss = lossOf(model, x);
  const value = compile(loss);
  const slope = compile(valueAndGrad(loss));
  try {
    const [, gradients] = await slope(params);
    const checks: GradientCheck[] = [];
    for (const { name, at } of drawn(model, gradients, count)) {
      const gradient = Number(gradients[name]!.data[at]);
      const difference = async (step: number): Promise<GradientCheck> => {
        const original = Number(params[name]!.data[at]);
        const lossAt = async (w: number) => {
          params[name]!.data[at] = w;
          return (await value(params)).item();
        };
        const [above, below] = [await lossAt(original + step), await lossAt(original - step)];
        params[name]!.data[at] = original;
        const slope = (above - below) / (2 * step);
        const rounding = (2e-14 * Math.abs(above)) / step;
        const error = Math.abs(gradient - slope) / (1e-5 * Math.abs(slope) + rounding + 1e-10);
        return { weight: `${name}[${at}]`, gradient, difference: slope, error };
      };
      // Of many thousand rectifiers, one or two may have their kink within a step: then a shorter one tells.
      const first = await difference(1e-7);
      checks.push(first.error < 1 ? first : await difference(1e-8));
    }
    return checks;
  } finally {
    await Promise.all([value.dispose(), slope.dispose()]);
  }
}

/** Weights from all tensors alike, of each one that the outputs depend on at this input, if there is any. */
function drawn(model: ImportedModel, gradients: Arrays, count: number): { name: string; at: number }[] {
  const weights = model.parameters.filter(
    (p) => p.trainable && p.dtype === "float32" && !p.shape.includes(0),
  );
  let state = 12345;
  const pick = <T>(list: readonly T[]): T => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return list[Math.floor((state / 2 ** 32) * list.length)]!;
  };
  return Array.from({ length: weights.length === 0 ? 0 : count }, () => {
    const { name } = pick(weights);
    const slopes = [...gradients[name]!.data.keys()];
    const moving = slopes.filter((i) => Number(gradients[name]!.data[i]) !== 0);
    return { name, at: pick(moving.length > 0 ? moving : slopes) };
  });
}
