/** What ONNX Runtime's CPU provider has no kernel for, or computes wrongly, in terms of what it does well. */
import { NDArray } from "../tensor/ndarray.ts";
import { type Attributes, floatAttribute, intAttribute, type Node, stringAttribute } from "../tensor/node.ts";
import { where } from "../tensor/operators/elementwise.ts";
import { scatterElements } from "../tensor/operators/indexing.ts";
import { flatIndices, scalar } from "../tensor/operators/rules.ts";
import { rewrite } from "../tensor/rewrite.ts";
import { normalAxis, sizeOf } from "../tensor/shape.ts";
import { apply, lift, Tensor } from "../tensor/tensor.ts";
import { importedLowerings } from "./lowering-imported.ts";
import { batchNorm, spatialLowerings } from "./lowering-spatial.ts";
import * as special from "./special-functions.ts";

/** A node in terms of other operators: tensors for its outputs. */
export type Lowering = (node: Node, inputs: readonly (Tensor | undefined)[]) => readonly Tensor[];

/** A float function of one tensor. */
function unary(f: (x: Tensor, attributes: Attributes) => Tensor): Lowering {
  return (node, [x]) => [f(x!, node.attributes)];
}

/** x above 0, something else below. */
function rectified(x: Tensor, below: Tensor): Tensor {
  return where(x.greater(0), x, below);
}

/** There is a kernel, whose factors are float32: others are multiplied apart. */
const gemm: Lowering = ({ attributes }, [a, b, c]) => {
  const [alpha, beta] = [floatAttribute(attributes, "alpha", 1), floatAttribute(attributes, "beta", 1)];
  if (Math.fround(alpha) === alpha && Math.fround(beta) === beta)
    return [apply("Gemm", [a, b, c], attributes)];
  const turn = (t: Tensor, name: string) => (intAttribute(attributes, name, 0) === 1 ? t.transpose() : t);
  const product = turn(a!, "transA").matmul(turn(b!, "transB")).mul(alpha);
  return [c === undefined ? product : product.add(c.mul(beta))];
};

const hardmax: Lowering = (node, [x]) => {
  const axis = normalAxis(intAttribute(node.attributes, "axis", -1), x!.rank);
  const places = Tensor.arange(x!.shape[axis]!).reshape(x!.shape.map((d, i) => (i === axis ? d : 1)));
  return [x!.argMax(axis, { keepDims: true }).equal(places).cast(x!.dtype)];
};

const oneHot: Lowering = (node, [indices, depth, values]) => {
  const marks = apply("OneHot", [indices, depth, lift(NDArray.from([0, 1]))], node.attributes);
  const [off, on] = [values!.slice([0, 1]).reshape([]), values!.slice([1, 2]).reshape([])];
  return [where(marks.cast("bool"), on, off)];
};

/** By operator name. Attributes count with the digits that they have here: in a file they are float32. */
const float64Lowerings: Readonly<Record<string, Lowering>> = {
  Tan: unary(special.tan),
  Asin: unary(special.asin),
  Acos: unary(special.acos),
  Atan: unary(special.atan),
  Sinh: unary(special.sinh),
  Cosh: unary(special.cosh),
  Asinh: unary(special.asinh),
  Acosh: unary(special.acosh),
  Atanh: unary(special.atanh),
  Erf: unary(special.erf),
  // There is a kernel. But ONNX Runtime fuses x * sigmoid(x) into an operator that has none.
  Sigmoid: unary(special.sigmoid),
  Softplus: unary(special.softplus),
  Softsign: unary((x) => x.div(x.abs().add(1))),
  Gelu: unary((x, attributes) =>
    stringAttribute(attributes, "approximate", "none") === "tanh" ? special.geluTanh(x) : special.gelu(x),
  ),
  Elu: unary((x, attributes) => rectified(x, special.expm1(x).mul(floatAttribute(attributes, "alpha", 1)))),
  Celu: unary((x, attributes) => {
    const alpha = floatAttribute(attributes, "alpha", 1);
    return rectified(x, special.expm1(x.div(alpha)).mul(alpha));
  }),
  Selu: unary((x, attributes) => {
    const alpha = floatAttribute(attributes, "alpha", 1.6732632423543772);
    return rectified(x, special.expm1(x).mul(alpha)).mul(
      floatAttribute(attributes, "gamma", 1.0507009873554805),
    );
  }),
  LeakyRelu: unary((x, attributes) => where(x.less(0), x.mul(floatAttribute(attributes, "alpha", 0.01)), x)),
  PRelu: (_, [x, slope]) => [where(x!.less(0), x!.mul(slope!), x!)],
  ThresholdedRelu: unary((x, attributes) =>
    where(x.greater(floatAttribute(attributes, "alpha", 1)), x, scalar(0, x)),
  ),
  HardSigmoid: unary((x, attributes) =>
    x
      .mul(floatAttribute(attributes, "alpha", 0.2))
      .add(floatAttribute(attributes, "beta", 0.5))
      .clip(0, 1),
  ),
  HardSwish: unary((x) => x.mul(x.div(6).add(0.5).clip(0, 1))),
  Mish: unary((x) => x.mul(special.softplus(x).tanh())),
  Mean: (node, inputs) => [apply("Sum", inputs).div(node.inputs.length)],
  Gemm: gemm,
  Hardmax: hardmax,
  OneHot: oneHot,
  ...spatialLowerings,
  ...importedLowerings,
};

/**
 * ScatterND with a reduction: ONNX Runtime works on the updates in several threads without a lock, and loses some where an
 * index occurs often. ScatterElements does not.
 */
const scatterNd: Lowering = (node, [x, indices, updates]) => {
  const sizes = x!.shape.slice(0, indices!.shape.at(-1)!);
  const inner = x!.shape.slice(sizes.length);
  const rows = flatIndices(indices!, sizes).flatten();
  const flat = [rows.size, sizeOf(inner)];
  const sum = scatterElements(
    x!.reshape([sizeOf(sizes), sizeOf(inner)]),
    rows.unsqueeze(1).expand(flat),
    updates!.reshape(flat),
    { reduction: stringAttribute(node.attributes, "reduction", "none") as "add" },
  );
  return [sum.reshape(x!.shape)];
};

/** Every float64 operator without a float64 kernel in terms of operators that have one. */
export function lowerFloat64(roots: readonly Tensor[]): Tensor[] {
  const lowered = rewrite(roots, (node, inputs) => {
    const float64 = [...node.outputs, ...node.inputs].some((t) => t?.dtype === "float64");
    const lowering = float64 ? float64Lowerings[node.name] : undefined;
    return lowering?.(node, inputs);
  });
  // What an operator became may be made of operators that are lowered in turn.
  return lowered.every((t, i) => t === roots[i]) ? lowered : lowerFloat64(lowered);
}

/** All of `lowerFloat64`, and what the CPU provider computes wrongly. */
export function lowerForCpu(roots: readonly Tensor[]): Tensor[] {
  return rewrite(lowerFloat64(roots), (node, inputs) => {
    if (node.name === "ScatterND" && stringAttribute(node.attributes, "reduction", "none") !== "none")
      return scatterNd(node, inputs);
    // In training it writes the new statistics over those that it is given, whoever else reads them.
    if (node.name === "BatchNormalization" && intAttribute(node.attributes, "training_mode", 0) === 1)
      return batchNorm(node, inputs);
    return undefined;
  });
}
