/** If, Loop and Scan: resolved while tracing where constants decide, else carried with their graphs. */
import { intAttribute, intsAttribute } from "../tensor/node.ts";
import { split, stack } from "../tensor/operators/movement.ts";
import { normalAxis, sameShape } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { GraphProto } from "./schema.ts";
import { attempt, constantOf } from "./trace.ts";
import type { SpecialCall } from "./trace-special.ts";

/** Longer loops stay loops. */
const MAX_STEPS = 512;

function graphNamed({ node }: SpecialCall, name: string): GraphProto {
  const graph = node.attribute.find((a) => a.name === name)?.g;
  if (graph === undefined) throw new Error(`it has no graph "${name}"`);
  return graph;
}

function run(call: SpecialCall, graph: GraphProto, inputs: readonly Tensor[] = []): Tensor[] {
  if (inputs.length !== graph.input.length && inputs.length > 0)
    throw new Error(`its graph takes ${graph.input.length} inputs, it gets ${inputs.length}`);
  return call.tracer.subgraph(
    graph,
    graph.output.map((o) => o.name ?? ""),
    call.scope,
    inputs,
  );
}

/** The branch that a constant condition chooses; else the node as it is, if both branches give tensors of the same types. */
export function branch(call: SpecialCall): readonly Tensor[] {
  const condition = constantOf(call.inputs[0]!);
  if (condition !== undefined) {
    const name = Number(condition.data[0]) === 0 ? "else_branch" : "then_branch";
    return run(call, graphNamed(call, name));
  }
  const [yes, no] = ["then_branch", "else_branch"].map((name) =>
    attempt(() => run(call, graphNamed(call, name))),
  );
  const types = yes?.map((t, i) => {
    const other = no?.[i];
    return other?.dtype === t.dtype && sameShape(other.shape, t.shape) ? t : undefined;
  });
  return call.tracer.carried(call.node, call.scope, call.inputs, types);
}

/** Unrolled where the number of steps is known, else carried. */
export function loop(call: SpecialCall): readonly Tensor[] {
  const states = call.inputs.slice(2) as Tensor[];
  return (
    attempt(() => unrolledLoop(call, states)) ??
    call.tracer.carried(call.node, call.scope, call.inputs, states)
  );
}

function unrolledLoop(call: SpecialCall, initial: readonly Tensor[]): Tensor[] {
  const [limit, start] = call.inputs;
  const body = graphNamed(call, "body");
  const steps = limit === undefined ? Number.POSITIVE_INFINITY : Number(constant(limit));
  let going: Tensor = start ?? Tensor.constant(true);
  let states = [...initial];
  const collected: Tensor[][] = Array.from({ length: body.output.length - 1 - states.length }, () => []);
  for (let step = 0; step < steps && constant(going) !== 0; step++) {
    if (step >= MAX_STEPS) throw new Error("too many steps");
    const [next, ...results] = run(call, body, [Tensor.constant(step, "int64"), going, ...states]);
    going = next!;
    states = results.slice(0, states.length);
    collected.forEach((list, i) => list.push(results[states.length + i]!));
  }
  return [...states, ...collected.map((list) => stack(list, 0))];
}

function constant(t: Tensor): number {
  const value = constantOf(t);
  if (value === undefined) throw new Error("not constant");
  return Number(value.data[0]);
}

/** Unrolled: the number of steps is the size of an axis. */
export function scan(call: SpecialCall): readonly Tensor[] {
  if ((call.tracer.source.origins.get(call.node)?.version ?? 9) < 9) return scanOfBatches(call);
  const attributes = call.tracer.attributesOf(call.node);
  const scanned = intAttribute(attributes, "num_scan_inputs", 1);
  const states = call.inputs.slice(0, -scanned) as Tensor[];
  return (
    attempt(() => unrolledScan(call, states)) ??
    call.tracer.carried(call.node, call.scope, call.inputs, states)
  );
}

/** Of opset 8: every input has a batch axis in front, and an optional input before all others says how long each example is. */
function scanOfBatches(call: SpecialCall): readonly Tensor[] {
  const [lengths, ...inputs] = call.inputs;
  const { node } = call;
  const attributes = call.tracer.attributesOf(node);
  const states = inputs.length - intAttribute(attributes, "num_scan_inputs", 1);
  const batch = inputs[0]?.shape[0] ?? 0;
  const directions = node.attribute
    .filter((a) => a.name === "directions")
    .map((a) => ({ ...a, name: "scan_input_directions" }));
  const each = { ...call, node: { ...node, attribute: [...node.attribute, ...directions] } };
  const runs = attempt(() => {
    if (lengths !== undefined || batch === 0) throw new Error("no examples of one length");
    const examples = (inputs as Tensor[]).map((t) => split(t, batch, 0).map((part) => part.squeeze(0)));
    return Array.from({ length: batch }, (_, b) => {
      const own = examples.map((parts) => parts[b]!);
      return unrolledScan({ ...each, inputs: own }, own.slice(0, states));
    });
  });
  if (runs === undefined) return call.tracer.carried(node, call.scope, call.inputs);
  return runs[0]!.map((_, i) => stack(runs.map((outputs) => outputs[i]!)));
}

function unrolledScan(call: SpecialCall, initial: readonly Tensor[]): Tensor[] {
  const attributes = call.tracer.attributesOf(call.node);
  const body = graphNamed(call, "body");
  const list = (name: string, i: number) => intsAttribute(attributes, name)?.[i] ?? 0;
  const sequences = (call.inputs.slice(initial.length) as Tensor[]).map((x, i) => {
    const axis = normalAxis(list("scan_input_axes", i), x.rank);
    const count = x.shape[axis]!;
    if (count === 0 || count > MAX_STEPS) throw new Error("no number of steps to unroll");
    const parts = split(x, count, axis).map((t) => t.squeeze(axis));
    return list("scan_input_directions", i) === 1 ? parts.reverse() : parts;
  });
  let states = [...initial];
  const collected: Tensor[][] = Array.from({ length: body.output.length - states.length }, () => []);
  for (let step = 0; step < sequences[0]!.length; step++) {
    const results = run(call, body, [...states, ...sequences.map((parts) => parts[step]!)]);
    states = results.slice(0, states.length);
    collected.forEach((outputs, i) => outputs.push(results[states.length + i]!));
  }
  const stacked = collected.map((outputs, i) => {
    const axis = normalAxis(list("scan_output_axes", i), outputs[0]!.rank + 1);
    return stack(list("scan_output_directions", i) === 1 ? outputs.reverse() : outputs, axis);
  });
  return [...states, ...stacked];
}
