import { NDArray } from "../../src/tensor/ndarray.ts";
import { apply, integers, type Tensor } from "../../src/tensor/tensor.ts";
import {
  any,
  anyShape,
  check,
  fixed,
  type GradientCase,
  nonzero,
  ofRank,
  positive,
} from "../gradient-check.ts";

const reduced = (name: string, keepdims: number, axes?: readonly number[]) => (x: Tensor) =>
  apply(name, [x, axes && integers(axes)], { keepdims });
const nonEmpty = anyShape.filter(([shape]) => !shape!.includes(0));
export const reductions: readonly GradientCase[] = [
  ...["Sum", "Mean", "Max", "Min", "Prod", "LogSumExp", "L1", "L2", "SumSquare", "LogSum"].flatMap((kind) => {
    const name = `Reduce${kind}`;
    const domain = kind === "LogSum" ? positive : nonzero;
    return [
      check(`${name} of all axes`, domain, reduced(name, 0), kind === "Prod" ? fixed([2, 2, 2]) : nonEmpty),
      check(`${name} of axis 1`, domain, reduced(name, 0, [1]), ofRank(3)),
      check(`${name} of axes 0 and -1, kept`, domain, reduced(name, 1, [0, -1]), ofRank(3)),
      check(
        `${name} of axis -2, scaled by the input`,
        domain,
        (x) => reduced(name, 1, [-2])(x).mul(x),
        ofRank(2),
      ),
    ];
  }),
  check("ReduceSum of no axes", any, (x) => apply("ReduceSum", [x], { noop_with_empty_axes: 1 }).square()),
  check("sum of an empty list of axes", any, (x) => x.sum([]).square()),
  check(
    "ReduceProd with zeros",
    any,
    (x) => x.mul(NDArray.from([0, 1, 1], "float64")).prod(1),
    fixed([2, 3]),
  ),
  check("CumSum", any, (x) => x.cumsum(0).mul(x.cumsum(-1)), ofRank(2)),
  check("CumSum reversed", any, (x) => x.cumsum(1, { reverse: true }).square(), ofRank(3)),
  check("CumSum exclusive", any, (x) => x.cumsum(0, { exclusive: true }).mul(x), ofRank(2)),
  check(
    "CumSum reversed exclusive",
    any,
    (x) => x.cumsum(1, { reverse: true, exclusive: true }).mul(x),
    ofRank(2),
  ),
  check("Softmax", any, (x) => x.softmax(), ofRank(2)),
  check("Softmax of axis 1", any, (x) => x.softmax(1), ofRank(3)),
  check("LogSoftmax", any, (x) => x.logSoftmax(), ofRank(2)),
  check("LogSoftmax of axis 0", any, (x) => x.logSoftmax(0), ofRank(3)),
];
