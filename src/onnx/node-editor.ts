import { NDArray } from "../tensor/ndarray.ts";
import type { Attribute, Attributes } from "../tensor/node.ts";
import { attributeFromProto, attributeToProto } from "./attributes.ts";
import type { AttributeProto, NodeProto } from "./schema.ts";
import { createMessage } from "./wire.ts";

/** Names for values that a file does not have yet. */
export class FreshNames {
  private count = 0;

  constructor(private readonly taken: Set<string>) {}

  next(stem: string): string {
    for (;;) {
      const name = `${stem}~${this.count++}`;
      if (this.taken.has(name)) continue;
      this.taken.add(name);
      return name;
    }
  }
}

/** A node that is being rewritten, with the nodes that it needs before and after it. */
export class NodeEditor {
  op: string;
  readonly inputs: string[];
  readonly outputs: string[];
  private readonly attributes: Map<string, AttributeProto>;
  private readonly before: NodeProto[] = [];
  private readonly after: NodeProto[] = [];

  constructor(
    private readonly node: NodeProto,
    private readonly names: FreshNames,
  ) {
    this.op = node.opType ?? "";
    this.inputs = [...node.input];
    this.outputs = [...node.output];
    this.attributes = new Map(node.attribute.map((a) => [a.name ?? "", a]));
  }

  get(name: string): Attribute | undefined {
    const proto = this.attributes.get(name);
    return proto && attributeFromProto(proto);
  }

  /** Take an attribute away and give what it was. */
  take(name: string): Attribute | undefined {
    const value = this.get(name);
    this.attributes.delete(name);
    return value;
  }

  set(name: string, value: Attribute): void {
    this.attributes.set(name, attributeToProto(name, value));
  }

  int(name: string, standard: number): number {
    const value = this.get(name);
    return typeof value === "number" ? value : standard;
  }

  takeInts(name: string): readonly number[] | undefined {
    const value = this.take(name);
    return Array.isArray(value) ? value : undefined;
  }

  takeFloat(name: string): number | undefined {
    const value = this.take(name);
    return typeof value === "object" && "float" in value ? value.float : undefined;
  }

  /** A node before this one; gives the name of its result. */
  add(op: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const output = this.names.next(this.outputs.find((o) => o !== "") ?? op);
    this.before.push(nodeProto(op, inputs, [output], attributes));
    return output;
  }

  constant(value: NDArray): string {
    return this.add("Constant", [], { value: { tensor: value } });
  }

  integers(values: readonly number[]): string {
    return this.constant(new NDArray(BigInt64Array.from(values, toInt64), [values.length], "int64"));
  }

  /** Put an operator behind output `i`: it computes what the output was from what this node now gives. */
  append(i: number, op: string, otherInputs: readonly string[] = [], attributes: Attributes = {}): void {
    const wanted = this.outputs[i]!;
    this.outputs[i] = this.names.next(wanted);
    this.after.unshift(nodeProto(op, [this.outputs[i]!, ...otherInputs], [wanted], attributes));
  }

  /** Put the input at a place, with absent ones before it where there are gaps. */
  setInput(place: number, name: string): void {
    while (this.inputs.length < place) this.inputs.push("");
    this.inputs[place] = name;
  }

  get result(): NodeProto[] {
    const edited = {
      ...this.node,
      opType: this.op,
      input: this.inputs,
      output: this.outputs,
      attribute: [...this.attributes.values()],
    };
    return [...this.before, edited, ...this.after];
  }
}

function nodeProto(
  op: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Attributes,
): NodeProto {
  return createMessage("NodeProto", {
    opType: op,
    input: [...input],
    output: [...output],
    attribute: Object.entries(attributes).map(([name, value]) => attributeToProto(name, value)),
  });
}

/** Sizes "to the end" come as 2^63 - 1, which no number is. */
function toInt64(value: number): bigint {
  const limit = 2n ** 63n;
  const whole = BigInt(value);
  return whole >= limit ? limit - 1n : whole < -limit ? -limit : whole;
}
