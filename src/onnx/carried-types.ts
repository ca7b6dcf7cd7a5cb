/** The types of what carried operators give, where these follow from their inputs. */
import { type DType, dtypeOfCode } from "../tensor/dtype.ts";
import { type Attributes, intAttribute, type TensorType } from "../tensor/node.ts";
import { normalAxis, type Shape } from "../tensor/shape.ts";
import { applyAll, integersOf, Tensor } from "../tensor/tensor.ts";

interface TypeCall {
  readonly x: readonly (Tensor | undefined)[];
  readonly attributes: Attributes;
}

type TypeRule = (call: TypeCall) => readonly (TensorType | undefined)[];

const same: TypeRule = ({ x: [x] }) => [x!];
const asFloat: TypeRule = ({ x: [x] }) => [{ shape: x!.shape, dtype: "float32" }];

function coded(attributes: Attributes, name: string, standard: DType | undefined): DType | undefined {
  const code = intAttribute(attributes, name, 0);
  return code === 0 ? standard : dtypeOfCode(code);
}

const typed = (shape: Shape, dtype: DType | undefined): TensorType | undefined => dtype && { shape, dtype };

/** The shape that an operator of the table gives for tensors of these shapes. */
function shapeFrom(op: string, shapes: readonly Shape[], attributes: Attributes): Shape {
  const inputs = shapes.map((shape) => Tensor.input(shape));
  return applyAll(op, inputs, attributes)[0]!.shape;
}

/** A product of quantised tensors: the operator whose shapes it has, the places of its operands and of its output's zero point. */
const quantised =
  (op: string, a: number, b: number, zeroPoint?: number): TypeRule =>
  ({ x, attributes }) => [
    typed(
      shapeFrom(op, [x[a]!.shape, x[b]!.shape], attributes),
      zeroPoint === undefined ? "int32" : x[zeroPoint]!.dtype,
    ),
  ];

function lengthOf(attributes: Attributes, ...names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = attributes[name];
    if (Array.isArray(value)) return value.length;
    if (typeof value === "object" && "floats" in value) return value.floats.length;
  }
  return undefined;
}

/** Labels and scores of a classifier with integer classes; text labels are no tensor of numbers. */
const classifier: TypeRule = ({ x: [x], attributes }) => {
  const rows = x!.rank === 1 ? 1 : x!.shape[0]!;
  const integer = lengthOf(attributes, "classlabels_int64s", "classlabels_ints");
  const text = attributes.classlabels_strings as { strings?: readonly string[] } | undefined;
  const classes = integer ?? text?.strings?.length;
  return [
    integer === undefined ? undefined : { shape: [rows], dtype: "int64" },
    classes === undefined ? undefined : { shape: [rows, classes], dtype: "float32" },
  ];
};

const regressor =
  (targets: string): TypeRule =>
  ({ x: [x], attributes }) => [
    { shape: [x!.rank === 1 ? 1 : x!.shape[0]!, intAttribute(attributes, targets, 1)], dtype: "float32" },
  ];

const random: TypeRule = ({ x: [x], attributes }) => {
  const shape = attributes.shape as readonly number[] | undefined;
  return [typed(x?.shape ?? shape ?? [], coded(attributes, "dtype", x?.dtype ?? "float32"))];
};

/** As many frequencies as there are signals, or as asked for; of one side, half of them and one. */
const fourier: TypeRule = ({ x: [x, length, axis], attributes }) => {
  const [count] = integersOf(length) ?? [];
  const along = axis === undefined ? -2 : integersOf(axis)?.[0];
  if (along === undefined || (length !== undefined && count === undefined)) return [];
  const place = normalAxis(along, x!.rank);
  const all = count ?? x!.shape[place]!;
  const size = intAttribute(attributes, "onesided", 0) === 1 ? Math.floor(all / 2) + 1 : all;
  const shape = x!.shape.map((d, i) => (i === place ? size : i === x!.rank - 1 ? 2 : d));
  return [{ shape, dtype: x!.dtype }];
};

const rules: Readonly<Record<string, TypeRule>> = {
  QuantizeLinear: ({ x: [x, , zero], attributes }) => [
    typed(x!.shape, zero?.dtype ?? coded(attributes, "output_dtype", "uint8")),
  ],
  DequantizeLinear: ({ x: [x, scale], attributes }) => [
    typed(x!.shape, coded(attributes, "output_dtype", scale!.dtype)),
  ],
  DynamicQuantizeLinear: ({ x: [x] }) => [
    { shape: x!.shape, dtype: "uint8" },
    { shape: [], dtype: "float32" },
    { shape: [], dtype: "uint8" },
  ],
  MatMulInteger: quantised("MatMul", 0, 1),
  QLinearMatMul: quantised("MatMul", 0, 3, 7),
  ConvInteger: quantised("Conv", 0, 1),
  QLinearConv: quantised("Conv", 0, 3, 7),
  CumProd: same,
  ReverseSequence: same,
  Bernoulli: ({ x: [x], attributes }) => [typed(x!.shape, coded(attributes, "dtype", x!.dtype))],
  RandomNormal: random,
  RandomUniform: random,
  RandomNormalLike: random,
  RandomUniformLike: random,
  GridSample: ({ x: [x, grid] }) => [
    { shape: [...x!.shape.slice(0, 2), ...grid!.shape.slice(1, -1)], dtype: x!.dtype },
  ],
  RoiAlign: ({ x: [x, rois], attributes }) => {
    const window = [
      intAttribute(attributes, "output_height", 1),
      intAttribute(attributes, "output_width", 1),
    ];
    return [{ shape: [rois!.shape[0]!, x!.shape[1]!, ...window], dtype: x!.dtype }];
  },
  DFT: fourier,
  Det: ({ x: [x] }) => [{ shape: x!.shape.slice(0, -2), dtype: x!.dtype }],
  RotaryEmbedding: same,
  TensorScatter: same,
  "ai.onnx.ml.TreeEnsembleClassifier": classifier,
  "ai.onnx.ml.LinearClassifier": classifier,
  "ai.onnx.ml.SVMClassifier": classifier,
  "ai.onnx.ml.TreeEnsembleRegressor": regressor("n_targets"),
  "ai.onnx.ml.SVMRegressor": regressor("n_targets"),
  "ai.onnx.ml.LinearRegressor": regressor("targets"),
  "ai.onnx.ml.Normalizer": asFloat,
  "ai.onnx.ml.Scaler": asFloat,
  "ai.onnx.ml.Binarizer": same,
  "ai.onnx.ml.Imputer": same,
};

/** By output; undefined where no rule says. */
export function carriedTypes(name: string, call: TypeCall): readonly (TensorType | undefined)[] {
  return Object.hasOwn(rules, name) ? rules[name]!(call) : [];
}
