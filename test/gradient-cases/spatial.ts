import { type Attributes, INTERNAL } from "../../src/tensor/node.ts";
import {
  averagePool,
  type ConvolutionOptions,
  conv,
  convTranspose,
  depthToSpace,
  globalAveragePool,
  globalMaxPool,
  maxPool,
  resize,
  spaceToDepth,
  type TransposedOptions,
} from "../../src/tensor/operators/index.ts";
import type { Shape } from "../../src/tensor/shape.ts";
import { apply, applyAll, integers, Tensor } from "../../src/tensor/tensor.ts";
import { any, check, fixed, type GradientCase, nonzero, squared } from "../gradient-check.ts";

const convolutions: readonly [name: string, x: Shape, kernel: Shape, ConvolutionOptions][] = [
  ["1-d", [2, 2, 5], [3, 2, 3], {}],
  ["2-d", [2, 2, 4, 5], [3, 2, 2, 3], {}],
  ["3-d", [1, 2, 3, 3, 2], [2, 2, 2, 1, 2], { padding: 1 }],
  ["of 1 x 1", [2, 3, 2, 2], [2, 3, 1, 1], {}],
  ["padded", [1, 2, 3, 4], [2, 2, 3, 3], { padding: 1 }],
  ["padded more than the kernel reaches", [1, 1, 3, 3], [2, 1, 2, 2], { padding: [2, [0, 3]] }],
  ["with stride, all covered", [1, 2, 5, 5], [2, 2, 3, 3], { stride: 2 }],
  ["with stride, some not covered", [2, 1, 6, 7], [2, 1, 3, 2], { stride: [2, 3] }],
  ["with stride beyond the kernel", [1, 1, 7], [2, 1, 2], { stride: 3 }],
  ["with dilation", [1, 2, 6, 5], [2, 2, 2, 3], { dilation: [3, 2] }],
  [
    "with stride, dilation, padding and groups",
    [1, 4, 6, 5],
    [6, 2, 2, 2],
    { stride: 2, dilation: [1, 2], padding: [1, [0, 1]], groups: 2 },
  ],
  ["depthwise", [2, 3, 4, 4], [6, 1, 3, 3], { groups: 3, padding: "same" }],
  ["of many elements", [1, 1, 8], [1, 1, 65], { padding: 64, stride: 3, dilation: 2 }],
];

const transposed: readonly [name: string, x: Shape, kernel: Shape, TransposedOptions][] = [
  ["1-d", [2, 2, 4], [2, 3, 3], {}],
  ["2-d", [2, 2, 3, 2], [2, 3, 2, 3], { padding: [0, 1] }],
  ["3-d", [1, 2, 2, 1, 2], [2, 1, 1, 2, 2], { stride: [1, 2, 1] }],
  [
    "with stride and outputPadding",
    [1, 2, 3, 3],
    [2, 2, 3, 2],
    { stride: [2, 3], padding: 1, outputPadding: [1, 2] },
  ],
  [
    "with dilation and groups",
    [1, 4, 3, 2],
    [4, 3, 2, 2],
    { dilation: 2, groups: 2, stride: 2, padding: [[1, 0], 1] },
  ],
];

/** Second derivatives of a bilinear map are those of its factors: a sine makes them of all orders. */
const convolutionCases = [
  ...convolutions.map(([name, x, kernel, options]) =>
    check(`conv ${name}`, any, (a, b) => conv(a.sin(), b, options).square(), fixed(x, kernel)),
  ),
  ...transposed.map(([name, x, kernel, options]) =>
    check(
      `convTranspose ${name}`,
      any,
      (a, b) => convTranspose(a.sin(), b, options).square(),
      fixed(x, kernel),
    ),
  ),
  check(
    "conv with a bias",
    any,
    (x, kernel, bias) => conv(x, kernel, { bias, stride: 2 }).square(),
    fixed([2, 1, 4, 3], [2, 1, 2, 2], [2]),
  ),
  check(
    "convTranspose with a bias, of given sizes",
    any,
    (x, kernel, bias) =>
      apply("ConvTranspose", [x, kernel, bias], { output_shape: [6, 8], strides: [2, 2] }).square(),
    fixed([1, 2, 3, 3], [2, 2, 2, 3], [2]),
  ),
  check(
    "conv, SAME_LOWER",
    any,
    (x, kernel) => apply("Conv", [x, kernel], { auto_pad: "SAME_LOWER" }).mul(x),
    fixed([1, 2, 4, 3], [2, 2, 2, 2]),
  ),
  check(
    "the gradient of a convolution in its kernel",
    any,
    (x, y) =>
      apply(
        "ConvKernelGradient",
        [x, y],
        { kernel_shape: [2, 3], strides: [2, 1], pads: [0, 1, 1, 0], group: 2 },
        INTERNAL,
      ).square(),
    fixed([2, 4, 5, 3], [2, 2, 3, 2]),
  ),
];

const pool =
  (op: string, attributes: Attributes) =>
  (x: Tensor): Tensor =>
    apply(op, [x], attributes);

const windows: readonly [name: string, Attributes][] = [
  ["side by side", { kernel_shape: [2, 2], strides: [2, 2] }],
  ["overlapping, padded", { kernel_shape: [3, 2], pads: [1, 0, 1, 1] }],
  ["dilated", { kernel_shape: [2, 2], dilations: [2, 3], strides: [2, 1] }],
  ["with ceil_mode", { kernel_shape: [3, 3], strides: [2, 2], pads: [0, 1, 1, 0], ceil_mode: 1 }],
  ["as SAME_LOWER", { kernel_shape: [3, 2], strides: [2, 2], auto_pad: "SAME_LOWER" }],
];

const poolCases = [
  ...windows.flatMap(([name, attributes]) => [
    check(`MaxPool ${name}`, any, squared(pool("MaxPool", attributes)), fixed([2, 2, 6, 5])),
    check(`AveragePool ${name}`, any, squared(pool("AveragePool", attributes)), fixed([2, 2, 6, 5])),
    check(
      `AveragePool ${name}, with the padding`,
      any,
      squared(pool("AveragePool", { ...attributes, count_include_pad: 1 })),
      fixed([2, 2, 6, 5]),
    ),
    check(`LpPool ${name}`, nonzero, pool("LpPool", attributes), fixed([1, 2, 6, 5])),
  ]),
  check("LpPool, p = 1", nonzero, pool("LpPool", { kernel_shape: [2, 2], p: 1 }), fixed([1, 1, 3, 3])),
  check("LpPool, p = 3", nonzero, pool("LpPool", { kernel_shape: [2, 2], p: 3 }), fixed([1, 1, 3, 3])),
  check("GlobalLpPool", nonzero, pool("GlobalLpPool", { p: 3 }), fixed([2, 2, 3, 2])),
  check(
    "maxPool, 1-d",
    any,
    (x) => maxPool(x, 3, { stride: 1 }).mul(maxPool(x, 3, { stride: 1 })),
    fixed([2, 1, 6]),
  ),
  check(
    "maxPool, 3-d",
    any,
    squared((x) => maxPool(x, [2, 1, 2], { ceil: true })),
    fixed([1, 2, 3, 2, 3]),
  ),
  check(
    "averagePool, 1-d",
    any,
    squared((x) => averagePool(x, 2)),
    fixed([2, 1, 6]),
  ),
  check(
    "averagePool, 3-d",
    any,
    squared((x) => averagePool(x, 2, { padding: 1, stride: 1 })),
    fixed([1, 1, 2, 2, 3]),
  ),
  check(
    "averagePool of a long axis",
    any,
    (x) =>
      averagePool(x.expand([1, 1, 1500]), 3, { stride: 1, padding: "same" })
        .slice(undefined, undefined, [0, 9])
        .square(),
    fixed([1, 1, 1]),
  ),
  check("globalAveragePool", any, squared(globalAveragePool), fixed([2, 2, 3, 2])),
  check("globalMaxPool", any, squared(globalMaxPool), fixed([2, 2, 3, 2])),
  check(
    "MaxUnpool",
    any,
    squared((x) => {
      const attributes = { kernel_shape: [2, 2], strides: [2, 2] };
      const [values, places] = applyAll("MaxPool", [x], attributes, 2);
      return apply("MaxUnpool", [values, places], attributes);
    }),
    fixed([1, 2, 4, 6]),
  ),
];

const modes = [
  "half_pixel",
  "half_pixel_symmetric",
  "pytorch_half_pixel",
  "align_corners",
  "asymmetric",
] as const;
const sizes = [8, 3] as const;
const resizeCases = [
  ...modes.flatMap((coordinateTransformation) =>
    (["nearest", "linear", "cubic"] as const).map((mode) =>
      check(
        `resize, ${mode}, ${coordinateTransformation}`,
        any,
        squared((x) => resize(x, { sizes, mode, coordinateTransformation })),
        fixed([1, 2, 4, 5]),
      ),
    ),
  ),
  check(
    "resize by scales",
    any,
    squared((x) => resize(x, { scales: [2.3, 0.6], mode: "linear" })),
    fixed([1, 2, 4, 5]),
  ),
  check(
    "resize, shrinking with antialias",
    any,
    squared((x) => resize(x, { sizes: [3, 4], mode: "linear", antialias: true })),
    fixed([1, 1, 7, 9]),
  ),
  check(
    "resize of a cut",
    any,
    squared((x) =>
      apply("Resize", [x, Tensor.constant([0.1, -0.2, 0.8, 1.1]), undefined, integers([4, 6])], {
        axes: [2, 3],
        mode: "linear",
        coordinate_transformation_mode: "tf_crop_and_resize",
        extrapolation_value: { float: 0.5 },
      }),
    ),
    fixed([1, 2, 4, 5]),
  ),
  check(
    "depthToSpace, DCR",
    any,
    squared((x) => depthToSpace(x, 2)),
    fixed([1, 8, 2, 3]),
  ),
  check(
    "depthToSpace, CRD",
    any,
    squared((x) => depthToSpace(x, 2, "CRD")),
    fixed([1, 8, 2, 3]),
  ),
  check(
    "spaceToDepth",
    any,
    squared((x) => spaceToDepth(x, 3)),
    fixed([2, 1, 3, 6]),
  ),
];

export const spatial: readonly GradientCase[] = [...convolutionCases, ...poolCases, ...resizeCases];
