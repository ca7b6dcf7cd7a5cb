/**
 * What changed in the form of ONNX's operators up to opset 21, by operator and version. Source: onnx/docs/Changelog.md.
 *
 * Each line `[version, rewrite]` brings a node of an opset below that version into that version's form. The lines of an operator
 * are in ascending order, and all that lie above the file's opset are applied. Extensions to more types are no change of form.
 */
import { NDArray } from "../tensor/ndarray.ts";
import type { NodeEditor } from "./node-editor.ts";
import { broadcastAxis, channelShape, groupsToChannels, onMatrix } from "./normal-shapes.ts";

export type Rewrite = (node: NodeEditor) => void;
/** A reason in place of a rewriting: there is none. */
export type Change = readonly [version: number, rewrite: Rewrite | string];

const all =
  (...rewrites: readonly Rewrite[]): Rewrite =>
  (node) => {
    for (const rewrite of rewrites) rewrite(node);
  };

const drop =
  (...names: readonly string[]): Rewrite =>
  (node) => {
    for (const name of names) node.take(name);
  };

const rename =
  (op: string): Rewrite =>
  (node) => {
    node.op = op;
  };

const consumed: Change = [6, drop("consumed_inputs")];

/** An attribute that became the input at a place. */
const intsToInput =
  (name: string, place: number): Rewrite =>
  (node) => {
    const values = node.takeInts(name);
    if (values !== undefined) node.setInput(place, node.integers(values));
  };

/** A number that became an input of the element type of the first one. */
const floatToInput =
  (name: string, place: number): Rewrite =>
  (node) => {
    const value = node.takeFloat(name);
    if (value === undefined) return;
    const constant = node.constant(NDArray.scalar(value));
    node.setInput(place, node.add("CastLike", [constant, node.inputs[0]!]));
  };

const standard =
  (name: string, value: Parameters<NodeEditor["set"]>[1]): Rewrite =>
  (node) => {
    if (node.get(name) === undefined) node.set(name, value);
  };

const floatToInt =
  (name: string): Rewrite =>
  (node) => {
    const value = node.takeFloat(name);
    if (value !== undefined) node.set(name, Math.trunc(value));
  };

/** Other words for a string attribute. */
const reword =
  (name: string, words: Readonly<Record<string, string>>): Rewrite =>
  (node) => {
    const value = node.get(name);
    if (typeof value === "string") node.set(name, words[value] ?? value);
  };

const limitedBroadcast: readonly Change[] = [consumed, [7, broadcastAxis]];
const axesToInput: Change = [18, intsToInput("axes", 1)];
const matrix: readonly Change[] = [[13, onMatrix]];

const slice: Rewrite = all(intsToInput("starts", 1), intsToInput("ends", 2), intsToInput("axes", 3));

/** Until opset 13, more than one output meant training; then there was an attribute, and two outputs fewer. */
const batchNormalization: Rewrite = (node) => {
  if (node.outputs.slice(1).some((name) => name !== "")) node.set("training_mode", 1);
  node.outputs.splice(3);
};

/** Statistics for each element of a sample: no operator of today has them. */
const perElement: Rewrite = (node) => {
  if (node.take("spatial") !== 0) return;
  const epsilon = node.constant(NDArray.scalar(node.takeFloat("epsilon") ?? 1e-5));
  const [x, scale, bias, mean, variance] = node.inputs as [string, string, string, string, string];
  const deviation = node.add("Sqrt", [node.add("Add", [variance, node.add("CastLike", [epsilon, x])])]);
  const normal = node.add("Div", [node.add("Sub", [x, mean]), deviation]);
  const scaled = node.add("Mul", [normal, scale]);
  node.take("momentum");
  node.op = "Add";
  node.inputs.splice(0, 5, scaled, bias);
};

const upsample: Rewrite = (node) => {
  const scales = node.take("scales");
  if (typeof scales === "object" && "floats" in scales)
    node.setInput(1, node.constant(NDArray.from(scales.floats)));
};

const upsample1: Rewrite = (node) => {
  const [height, width] = [node.takeFloat("height_scale") ?? 1, node.takeFloat("width_scale") ?? 1];
  node.set("scales", { floats: [1, 1, height, width] });
};

/** Scaling as it was before opset 11 said how: the input's place is the output's divided by the scale. */
const resize: Rewrite = (node) => {
  node.op = "Resize";
  const scales = node.inputs[1]!;
  node.inputs.splice(1, 2, "", scales);
  node.set("coordinate_transformation_mode", "asymmetric");
  node.set("nearest_mode", "floor");
};

/** Of opset 10, "nearest" meant the next place below where an axis grows, the next above where it shrinks. */
const resize10: Rewrite = (node) => {
  const nearest = node.get("mode") === undefined || node.get("mode") === "nearest";
  const [x, scales] = node.inputs as [string, string];
  if (!nearest) return resize(node);
  const one = node.constant(NDArray.scalar(1));
  const style = { mode: "nearest", coordinate_transformation_mode: "asymmetric" };
  const grown = node.add("Resize", [x, "", node.add("Max", [scales, one])], {
    ...style,
    nearest_mode: "floor",
  });
  node.inputs.splice(0, 2, grown, "", node.add("Min", [scales, one]));
  node.set("coordinate_transformation_mode", "asymmetric");
  node.set("nearest_mode", "ceil");
};

const split: Rewrite = (node) => {
  if (node.inputs[1] === undefined || node.inputs[1] === "")
    standard("num_outputs", node.outputs.length)(node);
};

const castTo: Rewrite = (node) => {
  const to = node.get("to");
  const codes: Readonly<Record<string, number>> = {
    FLOAT: 1,
    UINT8: 2,
    INT8: 3,
    UINT16: 4,
    INT16: 5,
    INT32: 6,
    INT64: 7,
    STRING: 8,
    BOOL: 9,
    FLOAT16: 10,
    DOUBLE: 11,
    UINT32: 12,
    UINT64: 13,
  };
  if (typeof to === "string") node.set("to", codes[to.toUpperCase()] ?? 1);
};

const unary: readonly Change[] = [consumed];

/** Before opset 6, Tile took one axis and how often. */
const tile1: Rewrite = (node) => {
  if (node.inputs.length < 3) return;
  const [x, tiles, axis] = node.inputs as [string, string, string];
  const one = node.integers([1]);
  const rank = node.add("Shape", [node.add("Shape", [x])]);
  const ones = node.add("Expand", [one, rank]);
  const index = node.add("Reshape", [node.add("Cast", [axis], { to: 7 }), one]);
  const times = node.add("Reshape", [node.add("Cast", [tiles], { to: 7 }), one]);
  node.inputs.splice(1, 2, node.add("ScatterElements", [ones, index, times]));
};

const dft: Rewrite = (node) => {
  const axis = node.take("axis");
  const place = node.constant(NDArray.scalar(typeof axis === "number" ? axis : 1, "int64"));
  node.setInput(2, place);
};

export const normalForms: Readonly<Record<string, readonly Change[]>> = {
  Add: limitedBroadcast,
  Sub: limitedBroadcast,
  Mul: limitedBroadcast,
  Div: limitedBroadcast,
  Pow: limitedBroadcast,
  And: limitedBroadcast,
  Or: limitedBroadcast,
  Xor: limitedBroadcast,
  Equal: limitedBroadcast,
  Less: limitedBroadcast,
  Greater: limitedBroadcast,
  PRelu: [consumed, [7, channelShape]],

  ...Object.fromEntries(
    (
      "Abs Ceil Floor Exp Log Neg Reciprocal Sqrt Relu Elu LeakyRelu Sigmoid Tanh HardSigmoid Max Min Sum Mean " +
      "InstanceNormalization"
    )
      .split(" ")
      .map((op) => [op, unary]),
  ),
  Selu: [
    [
      6,
      all(
        drop("consumed_inputs"),
        standard("alpha", { float: 1.6732 }),
        standard("gamma", { float: 1.0507 }),
      ),
    ],
  ],
  Clip: [consumed, [11, all(floatToInput("min", 1), floatToInput("max", 2))]],
  Cast: [[6, castTo]],

  Softmax: matrix,
  LogSoftmax: matrix,
  Hardmax: matrix,

  Gemm: [[7, drop("broadcast")]],
  Concat: [[4, standard("axis", 1)]],
  Reshape: [[5, all(drop("consumed_inputs"), intsToInput("shape", 1))]],
  Squeeze: [[13, intsToInput("axes", 1)]],
  Unsqueeze: [[13, intsToInput("axes", 1)]],
  Slice: [[10, slice]],
  Split: [
    [13, intsToInput("split", 1)],
    [18, split],
  ],
  Tile: [[6, tile1]],
  Pad: [
    [
      2,
      (node) => {
        const paddings = node.take("paddings");
        if (paddings !== undefined) node.set("pads", paddings);
      },
    ],
    [11, all(intsToInput("pads", 1), floatToInput("value", 2))],
  ],
  TopK: [
    [
      10,
      (node) => {
        const k = node.take("k");
        if (typeof k === "number") node.setInput(1, node.integers([k]));
      },
    ],
  ],
  Scatter: [[11, rename("ScatterElements")]],
  DFT: [[20, dft]],

  ReduceSum: [[13, intsToInput("axes", 1)]],
  ReduceMean: [axesToInput],
  ReduceMax: [axesToInput],
  ReduceMin: [axesToInput],
  ReduceProd: [axesToInput],
  ReduceL1: [axesToInput],
  ReduceL2: [axesToInput],
  ReduceLogSum: [axesToInput],
  ReduceLogSumExp: [axesToInput],
  ReduceSumSquare: [axesToInput],

  BatchNormalization: [
    [7, drop("is_test", "consumed_inputs")],
    [9, perElement],
    [14, batchNormalization],
  ],
  MeanVarianceNormalization: [
    [
      9,
      "its form before opset 9 says otherwise what it is normalised over: convert the model to opset 9 or later",
    ],
  ],
  GroupNormalization: [[21, groupsToChannels]],
  Dropout: [
    [7, drop("is_test", "consumed_inputs")],
    [12, floatToInput("ratio", 1)],
  ],
  Upsample: [
    [7, upsample1],
    [9, all(upsample, reword("mode", { bilinear: "linear" }))],
    [10, resize],
  ],
  Resize: [[11, resize10]],
  GridSample: [[20, reword("mode", { bilinear: "linear", bicubic: "cubic" })]],
  RoiAlign: [[16, standard("coordinate_transformation_mode", "output_half_pixel")]],
  LpPool: [[2, floatToInt("p")]],
  GlobalLpPool: [[2, floatToInt("p")]],
  Scan: [
    [
      9,
      "Scan of opset 8 runs over batches, which no later operator does: convert the model to opset 9 or later",
    ],
  ],
  LSTM: [[7, drop("output_sequence")]],
  GRU: [[7, drop("output_sequence")]],
  RNN: [[7, drop("output_sequence")]],
};
