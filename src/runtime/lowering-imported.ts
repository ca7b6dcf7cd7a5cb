/** Operators that imported models bring, in float64, in terms of operators that ONNX Runtime's CPU provider has kernels for. */
import { floatAttribute, intsAttribute } from "../tensor/node.ts";
import { where } from "../tensor/operators/elementwise.ts";
import { standardised } from "../tensor/operators/more-activations.ts";
import { expandRecurrent } from "../tensor/operators/recurrent.ts";
import { scalar } from "../tensor/operators/rules.ts";
import type { Lowering } from "./lowering.ts";

const recurrent =
  (op: "LSTM" | "GRU" | "RNN"): Lowering =>
  (node, inputs) =>
    expandRecurrent(op, inputs, node.attributes);

export const importedLowerings: Readonly<Record<string, Lowering>> = {
  LSTM: recurrent("LSTM"),
  GRU: recurrent("GRU"),
  RNN: recurrent("RNN"),
  Shrink: ({ attributes }, [x]) => {
    const [limit, bias] = [floatAttribute(attributes, "lambd", 0.5), floatAttribute(attributes, "bias", 0)];
    const above = where(x!.greater(limit), x!.sub(bias), scalar(0, x!));
    return [where(x!.less(-limit), x!.add(bias), above)];
  },
  Swish: ({ attributes }, [x]) => [x!.mul(x!.mul(floatAttribute(attributes, "alpha", 1)).sigmoid())],
  MeanVarianceNormalization: ({ attributes }, [x]) => [standardised(x!, intsAttribute(attributes, "axes"))],
};
