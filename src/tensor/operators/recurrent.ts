/** LSTM, GRU and the simple recurrent network, and what they compute step by step. */
import { fail } from "../fail.ts";
import {
  type Attribute,
  type Attributes,
  type Call,
  defineOperators,
  floatAttribute,
  intAttribute,
  stringAttribute,
  type TensorType,
} from "../node.ts";
import { integersOf, Tensor } from "../tensor.ts";
import { gradientOf } from "./expansion.ts";
import { split, stack } from "./movement.ts";

/** The state of one direction at one time: h, and for an LSTM the cell. */
interface State {
  readonly h: Tensor;
  readonly c?: Tensor;
}

/** What one direction holds: the part of the gates that its inputs give at each time, and the weights of the rest. */
interface Direction {
  readonly attributes: Attributes;
  readonly activations: readonly ((x: Tensor) => Tensor)[];
  /** [batch, gates * hidden] by time: x W^T + the bias of the inputs. */
  readonly inputs: readonly Tensor[];
  /** [hidden, gates * hidden]. */
  readonly recurrent: Tensor;
  /** [gates * hidden]: the bias of the recurrent part. */
  readonly bias: Tensor | undefined;
  /** [3 * hidden]: the peepholes of an LSTM. */
  readonly peepholes: Tensor | undefined;
}

type Step = (direction: Direction, input: Tensor, state: State) => State;

interface Cell {
  readonly gates: number;
  readonly activations: readonly string[];
  readonly step: Step;
  readonly outputs: number;
}

const functions: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  sigmoid: (x) => x.sigmoid(),
  tanh: (x) => x.tanh(),
  relu: (x) => x.relu(),
  softplus: (x) => x.softplus(),
  softsign: (x) => x.div(x.abs().add(1)),
};

/** A row of a gate's weights for every row of a batch. */
function parts(x: Tensor, count: number): readonly Tensor[] {
  return split(x, count, -1);
}

const lstmStep: Step = (d, input, { h, c }) => {
  const gates = input.add(h.matmul(d.recurrent));
  const [i, o, f, g] = parts(gates, 4) as [Tensor, Tensor, Tensor, Tensor];
  const [pi, po, pf] = d.peepholes === undefined ? [] : parts(d.peepholes, 3);
  const [gate, inner, outer] = d.activations as [
    (x: Tensor) => Tensor,
    (x: Tensor) => Tensor,
    (x: Tensor) => Tensor,
  ];
  const peeped = (x: Tensor, p: Tensor | undefined, cell: Tensor) =>
    p === undefined ? x : x.add(p.mul(cell));
  const enter = gate(peeped(i, pi, c!));
  const keep =
    intAttribute(d.attributes, "input_forget", 0) === 1 ? enter.neg().add(1) : gate(peeped(f, pf, c!));
  const cell = keep.mul(c!).add(enter.mul(inner(g)));
  return { h: gate(peeped(o, po, cell)).mul(outer(cell)), c: cell };
};

const gruStep: Step = (d, input, { h }) => {
  const [xz, xr, xn] = parts(input, 3) as [Tensor, Tensor, Tensor];
  const [rz, rr, rn] = parts(d.recurrent, 3) as [Tensor, Tensor, Tensor];
  const [bz, br, bn] = d.bias === undefined ? [] : parts(d.bias, 3);
  const [gate, inner] = d.activations as [(x: Tensor) => Tensor, (x: Tensor) => Tensor];
  const plus = (x: Tensor, b: Tensor | undefined) => (b === undefined ? x : x.add(b));
  const update = gate(plus(xz.add(h.matmul(rz)), bz));
  const reset = gate(plus(xr.add(h.matmul(rr)), br));
  const before = intAttribute(d.attributes, "linear_before_reset", 0) !== 0;
  const rest = before ? reset.mul(plus(h.matmul(rn), bn)) : plus(reset.mul(h).matmul(rn), bn);
  return {
    h: update
      .neg()
      .add(1)
      .mul(inner(xn.add(rest)))
      .add(update.mul(h)),
  };
};

const rnnStep: Step = (d, input, { h }) => ({ h: d.activations[0]!(input.add(h.matmul(d.recurrent))) });

const cells: Readonly<Record<string, Cell>> = {
  LSTM: { gates: 4, activations: ["Sigmoid", "Tanh", "Tanh"], step: lstmStep, outputs: 3 },
  GRU: { gates: 3, activations: ["Sigmoid", "Tanh"], step: gruStep, outputs: 2 },
  RNN: { gates: 1, activations: ["Tanh"], step: rnnStep, outputs: 2 },
};

function isBatchFirst(attributes: Attributes): boolean {
  return intAttribute(attributes, "layout", 0) === 1;
}

function recurrentType(cell: Cell, { x: [x, w, r], attributes }: Call): TensorType[] {
  if (x!.rank !== 3 || w!.rank !== 3 || r!.rank !== 3)
    throw new RangeError("X, W and R have three axes each");
  const [first, second] = x!.shape as [number, number];
  const [time, batch] = isBatchFirst(attributes) ? [second, first] : [first, second];
  const [directions, , hidden] = r!.shape as [number, number, number];
  if (w!.shape[1] !== cell.gates * hidden || w!.shape[2] !== x!.shape[2])
    throw new RangeError(`W must be [${directions}, ${cell.gates * hidden}, ${x!.shape[2]}]`);
  const dtype = x!.dtype;
  const [all, last] = isBatchFirst(attributes)
    ? [
        [batch, time, directions, hidden],
        [batch, directions, hidden],
      ]
    : [
        [time, directions, batch, hidden],
        [directions, batch, hidden],
      ];
  return [{ shape: all, dtype }, ...Array.from({ length: cell.outputs - 1 }, () => ({ shape: last, dtype }))];
}

/** The activation functions of each direction. */
function activationsOf(
  op: string,
  cell: Cell,
  x: readonly (Tensor | undefined)[],
  attributes: Attributes,
  directions: number,
) {
  const named = attributes.activations as Attribute | undefined;
  const names =
    typeof named === "object" && "strings" in named
      ? named.strings
      : Array.from({ length: directions }, () => cell.activations).flat();
  const clip = floatAttribute(attributes, "clip", 0);
  const list = names.map((name) => {
    const f = functions[name.toLowerCase()];
    if (f === undefined)
      fail(
        op,
        x,
        `there is no gradient rule for its activation ${name}: use ${Object.keys(functions).join(", ")}`,
      );
    return clip === 0 ? f : (t: Tensor) => f(t.clip(-clip, clip));
  });
  const each = cell.activations.length;
  return Array.from({ length: directions }, (_, d) => list.slice(d * each, (d + 1) * each));
}

/** All outputs of a recurrent operator, step by step in other operators. Source: ONNX's specification of LSTM, GRU and RNN. */
export function expandRecurrent(
  op: "LSTM" | "GRU" | "RNN",
  inputs: readonly (Tensor | undefined)[],
  attributes: Attributes,
): readonly Tensor[] {
  const cell = cells[op]!;
  const [given, w, r, b, lengths, h0, c0, p] = inputs;
  const swapped = isBatchFirst(attributes);
  const x = swapped ? given!.swapAxes(0, 1) : given!;
  const [time, batch] = x.shape as [number, number];
  const [directions, , hidden] = r!.shape as [number, number, number];
  if (lengths !== undefined && !integersOf(lengths)?.every((n) => n === time))
    fail(op, inputs, "there is no gradient rule for sequences of different lengths: run them one by one");
  const activations = activationsOf(op, cell, inputs, attributes, directions);
  const direction = stringAttribute(attributes, "direction", "forward");
  const of = (t: Tensor | undefined, d: number) => t?.slice([d, d + 1]).squeeze(0);
  const state = (t: Tensor | undefined, d: number) => {
    const zeros = () => Tensor.zeros([batch, hidden], x.dtype);
    return of(t !== undefined && swapped ? t.swapAxes(0, 1) : t, d) ?? zeros();
  };

  const runs = Array.from({ length: directions }, (_, d) => {
    const bias = of(b, d);
    const [outer, inner] = bias === undefined ? [] : split(bias, 2, 0);
    // The recurrent bias of a GRU stands beside the reset gate, the others' are added to the inputs'.
    const apart = op === "GRU" ? inner : undefined;
    const added = op === "GRU" || outer === undefined ? outer : outer.add(inner!);
    const flat = x.reshape([time * batch, x.shape[2]!]).matmul(of(w, d)!.transpose());
    const gates = (added === undefined ? flat : flat.add(added)).reshape([time, batch, cell.gates * hidden]);
    const steps = split(gates, time, 0).map((t) => t.squeeze(0));
    const backward = direction === "reverse" || d === 1;
    const own: Direction = {
      attributes,
      activations: activations[d]!,
      inputs: backward ? [...steps].reverse() : steps,
      recurrent: of(r, d)!.transpose(),
      bias: apart,
      peepholes: of(p, d),
    };
    const states: State[] = [];
    let at: State = op === "LSTM" ? { h: state(h0, d), c: state(c0, d) } : { h: state(h0, d) };
    for (const input of own.inputs) {
      at = cell.step(own, input, at);
      states.push(at);
    }
    return { all: backward ? states.reverse() : states, last: at };
  });

  const all = stack(
    runs.map((run) => stack(run.all.map((s) => s.h))),
    1,
  );
  const last = stack(runs.map((run) => run.last.h));
  const cellLast = op === "LSTM" ? [stack(runs.map((run) => run.last.c!))] : [];
  if (!swapped) return [all, last, ...cellLast];
  return [all.transpose([2, 0, 1, 3]), last.swapAxes(0, 1), ...cellLast.map((t) => t.swapAxes(0, 1))];
}

for (const op of ["LSTM", "GRU", "RNN"] as const) {
  defineOperators({
    [op]: {
      type: (call) => recurrentType(cells[op]!, call),
      gradient: gradientOf((x, { attributes }) => expandRecurrent(op, x, attributes)),
    },
  });
}
