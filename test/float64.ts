/** Float32 expressions in float64: what gradient checks of trained models run on. */
import { dtypes } from "../src/tensor/dtype.ts";
import { INTERNAL } from "../src/tensor/node.ts";
import { rewrite } from "../src/tensor/rewrite.ts";
import { apply, Tensor } from "../src/tensor/tensor.ts";

/** The same expressions with float64 for every float32, and with other tensors in the place of some inputs. */
export function inFloat64(roots: readonly Tensor[], inputs: ReadonlyMap<Tensor, Tensor>): Tensor[] {
  return rewrite(roots, (node, [x]) => {
    const given = node.op === "Input" && node.domain === INTERNAL ? inputs.get(node.outputs[0]!) : undefined;
    if (given !== undefined) return [given];
    if (node.value?.dtype === "float32") return [Tensor.constant(node.value.cast("float64"))];
    if (node.name === "Cast" && node.attributes.to === dtypes.float32.code)
      return [apply("Cast", [x], { to: dtypes.float64.code })];
    return undefined;
  });
}
