import { describe, expect, test } from "vitest";
import { NDArray } from "../tensor/ndarray.ts";
import { type Attributes, operators } from "../tensor/node.ts";
import { gemm } from "../tensor/operators/index.ts";
import { reachable } from "../tensor/rewrite.ts";
import { apply, Tensor } from "../tensor/tensor.ts";
import { compile } from "./compile.ts";
import { lowerFloat64, lowerForCpu } from "./lowering.ts";

/** The operators in the graph of f, lowered by `lower`. */
function operatorsOf(
  lower: (roots: readonly Tensor[]) => Tensor[],
  f: (x: Tensor) => Tensor,
  dtype: "float32" | "float64",
): string[] {
  const root = f(Tensor.input([2, 3], dtype));
  return reachable(lower([root])).map((n) => n.op);
}

async function values(name: string, x: readonly number[], attributes: Attributes = {}): Promise<number[]> {
  const f = compile((t: Tensor) => apply(name, [t], attributes), { threads: 1 });
  const { data } = await f(NDArray.from(x, "float64"));
  await f.dispose();
  return Array.from(data, Number);
}

/** Computed with 60 digits: x and f(x). */
const known: Readonly<Record<string, readonly (readonly [x: number, y: number])[]>> = {
  Tan: [
    [1e-8, 1e-8],
    [-0.3, -0.3093362496096232],
    [0.7853981633974483, 0.9999999999999999],
    [1.2, 2.5721516221263188],
    [-1.3, -3.6021024479679786],
  ],
  Asin: [
    [1e-10, 1e-10],
    [-0.2, -0.2013579207903308],
    [0.5, 0.5235987755982988],
    [0.9999, 1.5566540733173846],
    [-0.9999999, -1.5703491131957876],
    [1, 1.5707963267948966],
  ],
  Acos: [
    [1e-10, 1.5707963266948965],
    [-0.2, 1.7721542475852274],
    [0.5, 1.0471975511965976],
    [0.9999, 0.0141422534775121],
    [0.9999999999, 0.000014142136208911564],
    [-0.9999, 3.127450400112281],
    [-1, Math.PI],
  ],
  Atan: [
    [1e-12, 1e-12],
    [-0.1, -0.09966865249116204],
    [0.5, 0.4636476090008061],
    [1, 0.7853981633974483],
    [-1.0001, -0.7854481608975317],
    [3, 1.2490457723982544],
    [-100000, -1.570786326794897],
    [1e300, 1.5707963267948966],
  ],
  Sinh: [
    [1e-12, 1e-12],
    [-0.01, -0.010000166667500003],
    [0.5, 0.5210953054937474],
    [1, 1.1752011936438016],
    [-3, -10.017874927409903],
    [20, 242582597.70489514],
    [-700, -5.0711602736750225e303],
    [710, 1.1169973830808555e308],
  ],
  Cosh: [
    [1e-12, 1],
    [-0.01, 1.0000500004166681],
    [0.5, 1.1276259652063807],
    [1, 1.5430806348152437],
    [-3, 10.067661995777765],
    [20, 242582597.70489514],
    [-700, 5.0711602736750225e303],
    [710, 1.1169973830808555e308],
  ],
  Asinh: [
    [1e-12, 1e-12],
    [-0.01, -0.009999833340832888],
    [0.5, 0.48121182505960347],
    [1, 0.881373587019543],
    [-3, -1.8184464592320668],
    [20, 3.6895038689889055],
    [10000000, 16.811242831518268],
    [-1000000000, -21.416413017506358],
    [1e300, 691.4686750787737],
  ],
  Acosh: [
    [1.0000001, 0.00044721359190373475],
    [1.01, 0.14130376948564863],
    [1.5, 0.9624236501192069],
    [3, 1.762747174039086],
    [10000000, 16.811242831518264],
    [1000000000, 21.416413017506358],
    [1e300, 691.4686750787737],
  ],
  Atanh: [
    [1e-12, 1e-12],
    [-0.01, -0.010000333353334763],
    [0.5, 0.5493061443340549],
    [-0.9, -1.4722194895832204],
    [0.999999, 7.254328619247669],
  ],
  Erf: [
    [1e-12, 1.1283791670955126e-12],
    [-0.1, -0.1124629160182849],
    [0.49, 0.511668261188523],
    [0.51, 0.5292436198411704],
    [-1, -0.8427007929497149],
    [2, 0.9953222650189527],
    [-3, -0.9999779095030014],
    [4.5, 0.9999999998033839],
    [5.8, 0.9999999999999998],
  ],
  Sigmoid: [
    [-700, 9.85967654375977e-305],
    [-40, 4.248354255291589e-18],
    [-18, 1.522997951276035e-8],
    [-1, 0.2689414213699951],
    [1e-9, 0.50000000025],
    [2, 0.8807970779778824],
    [40, 1.0],
  ],
  Softplus: [
    [-700, 9.85967654375977e-305],
    [-40, 4.248354255291589e-18],
    [-1, 0.3132616875182228],
    [1e-9, 0.6931471810599453],
    [1, 1.3132616875182228],
    [30, 30.000000000000092],
    [700, 700],
  ],
  Softsign: [
    [-3, -0.75],
    [1e-9, 9.999999990000001e-10],
    [0.5, 0.3333333333333333],
  ],
  Gelu: [
    [-3, -0.0040496940948902835],
    [-1, -0.15865525393145705],
    [1e-9, 5.000000003989423e-10],
    [0.5, 0.34573123063700656],
    [4, 3.9998733150326675],
  ],
  Elu: [
    [-30, -0.9999999999999064],
    [-1, -0.6321205588285577],
    [-1e-9, -9.999999995e-10],
    [0.5, 0.5],
    [4, 4],
  ],
  Selu: [
    [-30, -1.7580993408472123],
    [-1, -1.1113307378125628],
    [-1e-9, -1.7580993399683274e-9],
    [0.5, 0.5253504936777402],
    [4, 4.202803949421922],
  ],
  Celu: [
    [-30, -0.9999999999999064],
    [-1, -0.6321205588285577],
    [-1e-9, -9.999999995e-10],
    [0.5, 0.5],
    [4, 4],
  ],
  LeakyRelu: [
    [-3, -0.030000000000000002],
    [0, 0],
    [2, 2],
  ],
  HardSigmoid: [
    [-3, 0],
    [-1, 0.3],
    [0.3, 0.56],
    [3, 1],
  ],
  HardSwish: [
    [-4, 0],
    [-1, -0.3333333333333333],
    [0.3, 0.16499999999999998],
    [4, 4],
  ],
  Mish: [
    [-20, -4.122307240628761e-8],
    [-1, -0.3034014613741089],
    [1e-9, 6.000000003200001e-10],
    [0.5, 0.3752452113048951],
    [4, 3.9974128069762385],
  ],
  ThresholdedRelu: [
    [-2, 0],
    [0.5, 0],
    [1, 0],
    [1.5, 1.5],
  ],
};

describe("float64 on the CPU", () => {
  test.each(Object.entries(known))("%s is good to 1e-14, near 0 and far out too", async (name, points) => {
    const found = await values(
      name,
      points.map(([x]) => x),
    );
    points.forEach(([x, y], i) => {
      expect(
        Math.abs(found[i]! - y) / (Math.abs(y) || 1),
        `${name}(${x}) = ${found[i]}, not ${y}`,
      ).toBeLessThan(1e-14);
    });
  });

  test("NaN stays NaN, infinities have their limits", async () => {
    const ends = async (name: string) => values(name, [NaN, -Infinity, Infinity]);
    expect(await ends("Erf")).toEqual([NaN, -1, 1]);
    expect(await ends("Atan")).toEqual([NaN, -Math.PI / 2, Math.PI / 2]);
    expect(await ends("Softplus")).toEqual([NaN, 0, Infinity]);
    expect(await ends("Elu")).toEqual([NaN, -1, Infinity]);
    expect(await ends("Sinh")).toEqual([NaN, -Infinity, Infinity]);
    expect(await ends("Asinh")).toEqual([NaN, -Infinity, Infinity]);
    expect(await ends("Cosh")).toEqual([NaN, Infinity, Infinity]);
    expect(await values("Atanh", [NaN, -1, 1, 1.5])).toEqual([NaN, -Infinity, Infinity, NaN]);
    expect(await values("Acosh", [NaN, 1, 0.5, -3, Infinity])).toEqual([NaN, 0, NaN, NaN, Infinity]);
    expect(await values("Asin", [NaN, -1, 1, 1.5])).toEqual([NaN, -Math.PI / 2, Math.PI / 2, NaN]);
  });

  test("erf and its derivative agree with the definition between the two approximations", async () => {
    // The integral of exp(-t^2) from 0.49 to 0.51 by Simpson's rule, exact here to 1e-15.
    const [a, b] = [0.49, 0.51];
    const [low, high] = await values("Erf", [a, b]);
    const density = (t: number) => (2 / Math.sqrt(Math.PI)) * Math.exp(-t * t);
    const steps = 20;
    const h = (b - a) / steps;
    let sum = density(a) + density(b);
    for (let i = 1; i < steps; i++) sum += (i % 2 === 1 ? 4 : 2) * density(a + i * h);
    expect(Math.abs(high! - low! - (sum * h) / 3)).toBeLessThan(3e-16);
  });

  test("what has a kernel is left alone, and float32 is", () => {
    const root = Tensor.input([2], "float64")
      .exp()
      .matmul(Tensor.input([2], "float64"));
    expect(lowerFloat64([root])[0]).toBe(root);
    const activations = Tensor.input([2], "float32").gelu().softplus().erf();
    expect(lowerForCpu([activations])[0]).toBe(activations);
  });

  test("only names with a rule in the operator table are lowered, and none is left", () => {
    for (const name of Object.keys(known)) {
      expect(operators.has(name)).toBe(true);
      expect(operatorsOf(lowerFloat64, (x) => apply(name, [x]), "float64")).not.toContain(name);
      expect(operatorsOf(lowerFloat64, (x) => apply(name, [x]), "float32")).toContain(name);
    }
  });

  test("Gemm keeps its kernel where its factors are float32 numbers", () => {
    const product = (alpha: number) => (x: Tensor) => gemm(x, x, undefined, { alpha, transB: true });
    expect(operatorsOf(lowerFloat64, product(0.5), "float64")).toContain("Gemm");
    expect(operatorsOf(lowerFloat64, product(0.1), "float64")).not.toContain("Gemm");
  });

  test("x sigmoid(x) runs, though ONNX Runtime fuses it in float32", async () => {
    const f = compile((x: Tensor) => x.mul(x.sigmoid()), { threads: 1 });
    const y = await f(NDArray.from([-40, 2], "float64"));
    expect((y.data[0]! as number) / (-40 * Math.exp(-40))).toBeCloseTo(1, 14);
    expect(y.data[1]).toBeCloseTo(2 / (1 + Math.exp(-2)), 14);
  });

  test("a constant factor of a matrix product keeps its digits", async () => {
    const f = compile((x: Tensor) => x.mul(0.1).matmul(x).div(3).mul(0.7), { threads: 1 });
    const y = await f(NDArray.from([[3]], "float64"));
    expect(y.item()).toBeCloseTo(0.21, 15);
  });
});

test("a scatter that adds is lowered in every dtype, one that puts is not", () => {
  const scatter = (reduction: string) => (x: Tensor) =>
    apply("ScatterND", [x, Tensor.constant(NDArray.from([[1], [1]], "int64")), x], { reduction });
  expect(operatorsOf(lowerForCpu, scatter("add"), "float32")).not.toContain("ScatterND");
  expect(operatorsOf(lowerForCpu, scatter("none"), "float32")).toContain("ScatterND");
});
