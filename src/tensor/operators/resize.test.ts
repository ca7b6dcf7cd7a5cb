import { describe, expect, test } from "vitest";
import { compile } from "../../runtime/compile.ts";
import { NDArray } from "../ndarray.ts";
import type { Attributes } from "../node.ts";
import { apply, integers, Tensor } from "../tensor.ts";
import { grad } from "../transforms.ts";
import { mapAxis } from "./axis-map.ts";
import { depthToSpace, resize, spaceToDepth } from "./index.ts";
import { resizeMaps } from "./resize.ts";

const coordinates = [
  "half_pixel",
  "half_pixel_symmetric",
  "pytorch_half_pixel",
  "align_corners",
  "asymmetric",
  "tf_crop_and_resize",
];
const kinds: readonly Attributes[] = [
  ...["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"].map((nearest_mode) => ({ nearest_mode })),
  { mode: "linear" },
  { mode: "cubic" },
  { mode: "cubic", cubic_coeff_a: { float: -0.5 }, exclude_outside: 1 },
];
const all: readonly Attributes[] = [
  ...coordinates.flatMap((c) => kinds.map((kind) => ({ ...kind, coordinate_transformation_mode: c }))),
  ...["half_pixel", "asymmetric", "align_corners"].flatMap((c) =>
    kinds.slice(4).map((kind) => ({ ...kind, antialias: 1, coordinate_transformation_mode: c })),
  ),
];
const targets: readonly ({ sizes: number[] } | { scales: number[] })[] = [
  { sizes: [7, 9] },
  { sizes: [3, 2] },
  { sizes: [1, 13] },
  { scales: [0.6, 1.5] },
];

/** The inputs of a Resize of x. */
function inputsOf(
  x: Tensor,
  { coordinate_transformation_mode: mode }: Attributes,
  target: (typeof targets)[number],
) {
  const roi = mode === "tf_crop_and_resize" ? Tensor.constant([0.1, -0.3, 0.8, 1.2]) : undefined;
  const scales = "scales" in target ? Tensor.constant(target.scales) : undefined;
  const sizes = "sizes" in target ? integers(target.sizes) : undefined;
  return [x, roi, scales, sizes] as const;
}

const image = new NDArray(
  Float64Array.from({ length: 60 }, (_, i) => Math.sin(i * i + 0.3 * i)),
  [1, 2, 5, 6],
);

function distance(a: NDArray, b: NDArray): number {
  expect(a.shape).toEqual(b.shape);
  const [p, q] = [a, b].map((t) => t.cast("float64").data as Float64Array);
  return Math.max(...p!.map((e, k) => Math.abs(e - q![k]!)));
}

/** Where a place lies halfway between two pixels, rounding decides: these cases are compared at one precision only. */
const isSmooth = ({ mode }: Attributes) => mode !== undefined;

test.each(all.map((a) => [Object.values(a).map(String).join(" "), { ...a, axes: [2, 3] }] as const))(
  "Resize %s: our maps are ONNX Runtime's, and so is their transpose",
  async (_, attributes) => {
    const run = compile((x: Tensor, wide: Tensor) =>
      targets.map((target) => {
        const f = (t: Tensor) => apply("Resize", inputsOf(t, attributes, target), attributes);
        const maps = resizeMaps({ x: inputsOf(x, attributes, target) as readonly Tensor[], attributes });
        const mapped = (t: Tensor) => maps.reduce((u, { axis, map }) => mapAxis(u, axis, map), t);
        const weights = mapped(wide).mul(0).add(1.5).cumsum(3).sin();
        return {
          y: f(x),
          expected: mapped(wide),
          exact: f(wide),
          dx: grad((t: Tensor) => f(t).mul(weights.cast("float32")).sum())(x),
          slope: grad((t: Tensor) => mapped(t).mul(weights).sum())(wide),
        };
      }),
    );
    const results = await run(image.cast("float32"), image);
    await run.dispose();
    results.forEach(({ y, expected, exact, dx, slope }, i) => {
      expect(distance(y, expected), JSON.stringify(targets[i])).toBeLessThan(2e-5);
      expect(distance(dx, slope), JSON.stringify(targets[i])).toBeLessThan(2e-5);
      if (isSmooth(attributes)) expect(distance(y, exact), JSON.stringify(targets[i])).toBeLessThan(2e-5);
    });
  },
);

test("outside of the cut stands the extrapolation value", async () => {
  const run = compile((x: Tensor) =>
    apply("Resize", [x, Tensor.constant([0, 2]), undefined, integers([5])], {
      axes: [2],
      mode: "linear",
      coordinate_transformation_mode: "tf_crop_and_resize",
      extrapolation_value: { float: 7 },
    }),
  );
  for (const dtype of ["float32", "float64"] as const) {
    expect((await run(NDArray.from([[[1, 2, 3]]], dtype))).toNested()).toEqual([[[1, 2, 3, 7, 7]]]);
  }
  await run.dispose();
});

test("sizes that keep the aspect ratio", async () => {
  const run = compile((x: Tensor) =>
    ["not_larger", "not_smaller"].map((policy) =>
      apply("Resize", [x, undefined, undefined, integers([9, 7])], {
        axes: [2, 3],
        mode: "linear",
        keep_aspect_ratio_policy: policy,
      }),
    ),
  );
  const native = await run(image.cast("float32"));
  const exact = await run(image);
  await run.dispose();
  expect(native.map((y) => y.shape)).toEqual([
    [1, 2, 6, 7],
    [1, 2, 9, 11],
  ]);
  native.forEach((y, i) => {
    expect(distance(y, exact[i]!)).toBeLessThan(1e-5);
  });
});

test("nearest doubles pixels, linear goes straight from corner to corner", async () => {
  const run = compile((x: Tensor) => ({
    nearest: resize(x, { scales: [2] }),
    linear: resize(x, { sizes: [5], mode: "linear", coordinateTransformation: "align_corners" }),
  }));
  for (const dtype of ["float32", "float64"] as const) {
    const { nearest, linear } = await run(NDArray.from([[[1, 2, 4]]], dtype));
    expect(nearest.toNested()).toEqual([[[1, 1, 2, 2, 4, 4]]]);
    expect(linear.toNested()).toEqual([[[1, 1.5, 2, 3, 4]]]);
  }
  await run.dispose();
});

describe("blocks", () => {
  const x = new NDArray(
    Float32Array.from({ length: 2 * 8 * 2 * 3 }, (_, i) => i),
    [2, 8, 2, 3],
  );

  test("spaceToDepth undoes depthToSpace", async () => {
    const run = compile((t: Tensor) => spaceToDepth(depthToSpace(t, 2), 2));
    expect(await run(x)).toEqual(x);
    await run.dispose();
  });

  test("DCR and CRD take the block from the outer and from the inner channels", async () => {
    const run = compile((t: Tensor) => [depthToSpace(t, 2), depthToSpace(t, 2, "CRD")]);
    const [dcr, crd] = await run(NDArray.from([[0, 1, 2, 3, 4, 5, 6, 7].map((v) => [[v]])]));
    await run.dispose();
    expect(dcr!.toNested()).toEqual([
      [
        [
          [0, 2],
          [4, 6],
        ],
        [
          [1, 3],
          [5, 7],
        ],
      ],
    ]);
    expect(crd!.toNested()).toEqual([
      [
        [
          [0, 1],
          [2, 3],
        ],
        [
          [4, 5],
          [6, 7],
        ],
      ],
    ]);
  });
});

test.each([
  [() => resize(Tensor.input([1, 1, 4, 4]), {}), /resize: give either sizes or scales/],
  [() => resize(Tensor.input([1, 4]), { sizes: [1, 2, 3] }), /3 sizes for 2 axes/],
  [() => depthToSpace(Tensor.input([1, 6, 4, 4]), 2), /6 channels do not split into blocks of 2 x 2/],
  [() => spaceToDepth(Tensor.input([1, 6, 4, 5]), 2), /4 x 5 does not split into blocks of 2 x 2/],
  [() => spaceToDepth(Tensor.input([6, 4, 4]), 2), /takes \[N, C, H, W\], not 3 axes/],
])("what does not fit is named: %#", (f, message) => {
  expect(f).toThrow(message);
});
