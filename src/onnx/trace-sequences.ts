/** Sequences of tensors: lists while a graph is traced, so that nothing of them is left in it. */
import { intAttribute } from "../tensor/node.ts";
import { concat, split, stack } from "../tensor/operators/movement.ts";
import { normalAxis } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import { integersIn } from "./fold.ts";
import type { NodeProto } from "./schema.ts";
import { constantOf, type Scope, type Tracer } from "./trace.ts";

export interface SequenceCall {
  readonly tracer: Tracer;
  readonly node: NodeProto;
  readonly scope: Scope;
}

/** What a sequence operator gives: a sequence or a tensor. */
type Rule = (call: SequenceCall) => readonly Tensor[] | Tensor;

function tensorAt({ node, scope }: SequenceCall, place: number): Tensor | undefined {
  const name = node.input[place];
  return name === undefined || name === "" ? undefined : scope.get(name);
}

function sequence({ node, scope }: SequenceCall): readonly Tensor[] {
  return scope.sequence(node.input[0] ?? "");
}

/** A constant place in a sequence of this length; the last where none is given. */
function placeIn(call: SequenceCall, input: number, length: number, last: number): number {
  const given = tensorAt(call, input);
  if (given === undefined) return last;
  const value = constantOf(given);
  if (value === undefined)
    throw new Error("the place in a sequence must be a constant: run the file as it is");
  const at = integersIn(value)[0]!;
  const place = at < 0 ? at + length : at;
  if (place < 0 || place > last)
    throw new RangeError(`the place ${at} is outside of a sequence of ${length}`);
  return place;
}

function splitUp(call: SequenceCall): readonly Tensor[] {
  const attributes = call.tracer.attributesOf(call.node);
  const x = tensorAt(call, 0)!;
  const axis = normalAxis(intAttribute(attributes, "axis", 0), x.rank);
  const total = x.shape[axis]!;
  const sizes = tensorAt(call, 1);
  const given = sizes && constantOf(sizes);
  if (sizes !== undefined && given === undefined)
    throw new Error("the sizes of its parts must be constant: run the file as it is");
  const list = given && integersIn(given);
  if (list !== undefined && given!.rank > 0) return split(x, list, axis);
  const part = list?.[0] ?? 1;
  if (!(part > 0)) throw new RangeError(`the size ${part} of its parts must be positive`);
  const count = Math.ceil(total / part);
  const parts = split(
    x,
    Array.from({ length: count }, (_, i) => Math.min(part, total - i * part)),
    axis,
  );
  const dropped = list === undefined && intAttribute(attributes, "keepdims", 1) === 0;
  return dropped ? parts.map((t) => t.squeeze(axis)) : parts;
}

const rules: Readonly<Record<string, Rule>> = {
  SequenceEmpty: () => [],
  SequenceConstruct: ({ node, scope }) => node.input.map((name) => scope.get(name)),
  SplitToSequence: splitUp,
  SequenceInsert: (call) => {
    const list = [...sequence(call)];
    list.splice(placeIn(call, 2, list.length, list.length), 0, tensorAt(call, 1)!);
    return list;
  },
  SequenceErase: (call) => {
    const list = [...sequence(call)];
    list.splice(placeIn(call, 1, list.length, list.length - 1), 1);
    return list;
  },
  SequenceAt: (call) => {
    const list = sequence(call);
    return list[placeIn(call, 1, list.length, list.length - 1)]!;
  },
  SequenceLength: (call) => Tensor.constant(sequence(call).length, "int64"),
  ConcatFromSequence: (call) => {
    const attributes = call.tracer.attributesOf(call.node);
    const axis = intAttribute(attributes, "axis", 0);
    return intAttribute(attributes, "new_axis", 0) === 1
      ? stack(sequence(call), axis)
      : concat(sequence(call), axis);
  },
};

/** Trace a sequence operator; false where the node is none. */
export function traceSequence(call: SequenceCall): boolean {
  const { node, scope } = call;
  const op = node.opType ?? "";
  const passes = op === "Identity" && scope.hasSequence(node.input[0] ?? "");
  if ((node.domain ?? "") !== "" || (!passes && !Object.hasOwn(rules, op))) return false;
  const result = passes ? sequence(call) : rules[op]!(call);
  const name = node.output[0] ?? "";
  if (result instanceof Tensor) scope.set(name, result);
  else scope.setSequence(name, result);
  return true;
}
