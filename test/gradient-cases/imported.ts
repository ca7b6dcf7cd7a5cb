import { apply, applyAll, type Tensor } from "../../src/tensor/tensor.ts";
import { any, awayFrom, check, fixed, type GradientCase, ofRank } from "../gradient-check.ts";

/** A weight for each element, so that what adds up to nothing shows. */
const weighted = (y: Tensor): Tensor => y.mul(y.add(0.3)).sin();

/** Two times, a batch of one, 2 inputs, 2 hidden values; `gates` times `directions`. */
function recurrent(
  op: "LSTM" | "GRU" | "RNN",
  name: string,
  attributes: Parameters<typeof apply>[2],
  {
    gates,
    directions = 1,
    batchFirst = false,
    states = 0,
    peepholes = false,
  }: {
    gates: number;
    directions?: number;
    batchFirst?: boolean;
    states?: number;
    peepholes?: boolean;
  },
): GradientCase {
  const x = batchFirst ? [1, 2, 2] : [2, 1, 2];
  const state = batchFirst ? [1, directions, 2] : [directions, 1, 2];
  const weights = [
    [directions, gates * 2, 2],
    [directions, gates * 2, 2],
    [directions, gates * 4],
  ];
  const shapes = [x, ...weights, ...new Array<number[]>(states).fill(state)];
  if (peepholes) shapes.push([directions, 6]);
  const f = (...[input, w, r, b, ...rest]: Tensor[]) =>
    applyAll(
      op,
      [input, w, r, b, undefined, ...rest],
      { hidden_size: 2, ...attributes },
      op === "LSTM" ? 3 : 2,
    ).map(weighted);
  return check(`${op} ${name}`, any, f, fixed(...shapes));
}

export const imported: readonly GradientCase[] = [
  recurrent("LSTM", "with peepholes and states", {}, { gates: 4, states: 2, peepholes: true }),
  recurrent(
    "LSTM",
    "in both directions, batch first",
    { direction: "bidirectional", layout: 1 },
    {
      gates: 4,
      directions: 2,
      batchFirst: true,
    },
  ),
  recurrent("GRU", "with a state", {}, { gates: 3, states: 1 }),
  recurrent(
    "GRU",
    "linear before the reset, backwards",
    { linear_before_reset: 1, direction: "reverse" },
    { gates: 3 },
  ),
  recurrent("RNN", "", {}, { gates: 1 }),
  check(
    "Shrink",
    awayFrom(-0.5, 0.5),
    (x) => weighted(apply("Shrink", [x], { bias: { float: 0.25 } })),
    ofRank(2),
  ),
  check("Swish", any, (x) => apply("Swish", [x], { alpha: { float: 1.5 } }), ofRank(2)),
  check(
    "MeanVarianceNormalization",
    any,
    (x) => weighted(apply("MeanVarianceNormalization", [x], {})),
    fixed([2, 2, 3, 2]),
  ),
];
