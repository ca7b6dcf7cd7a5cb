/** What ONNX Runtime's WebGPU provider cannot run, in terms of what it can. */
import { intAttribute } from "../tensor/node.ts";
import { concat } from "../tensor/operators/movement.ts";
import { rewrite } from "../tensor/rewrite.ts";
import { normalAxis } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Buffers that one shader may be given on every device (the WebGPU specification's default limit), one of them for what is split or made. */
const BUFFERS = 8;

/** Operators of many inputs or outputs as several of few: ONNX Runtime gives each a buffer of the one shader. */
export function lowerForWebGpu(roots: readonly Tensor[]): Tensor[] {
  return rewrite(roots, ({ name, outputs, attributes }, inputs) => {
    const [x] = inputs;
    if (name === "Split" && outputs.length >= BUFFERS) {
      const axis = normalAxis(intAttribute(attributes, "axis", 0), x!.rank);
      let start = 0;
      return outputs.map((part) => {
        const range = [start, start + part.shape[axis]!] as const;
        start = range[1];
        return x!.slice(...new Array<undefined>(axis).fill(undefined), range);
      });
    }
    if (name === "Concat" && inputs.length >= BUFFERS)
      return [joined(inputs as readonly Tensor[], intAttribute(attributes, "axis", 0))];
    return undefined;
  });
}

function joined(parts: readonly Tensor[], axis: number): Tensor {
  if (parts.length < BUFFERS) return concat(parts, axis);
  const size = BUFFERS - 1;
  const groups = Array.from({ length: Math.ceil(parts.length / size) }, (_, i) =>
    concat(parts.slice(i * size, (i + 1) * size), axis),
  );
  return joined(groups, axis);
}
