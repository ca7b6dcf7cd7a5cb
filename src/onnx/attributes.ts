/** Attributes between the two forms that they have: of a file, and of an expression. */

import { dtypeOfCode } from "../tensor/dtype.ts";
import type { Attribute } from "../tensor/node.ts";
import { type AttributeProto, attributeTypes } from "./schema.ts";
import { ndarrayToTensor, tensorToNDArray } from "./tensors.ts";
import { createMessage } from "./wire.ts";

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

/** An attribute as a file has it. */
export function attributeToProto(name: string, value: Attribute): AttributeProto {
  const proto = (fields: Partial<AttributeProto>) => createMessage("AttributeProto", { name, ...fields });
  if (typeof value === "number") return proto({ type: attributeTypes.INT, i: value });
  if (typeof value === "string") return proto({ type: attributeTypes.STRING, s: utf8.encode(value) });
  if (isInts(value)) return proto({ type: attributeTypes.INTS, ints: [...value] });
  if ("float" in value) return proto({ type: attributeTypes.FLOAT, f: value.float });
  if ("floats" in value)
    return proto({ type: attributeTypes.FLOATS, floats: Float32Array.from(value.floats) });
  if ("strings" in value)
    return proto({ type: attributeTypes.STRINGS, strings: value.strings.map((s) => utf8.encode(s)) });
  if ("tensor" in value) return proto({ type: attributeTypes.TENSOR, t: ndarrayToTensor(value.tensor, "") });
  if ("proto" in value) return value.proto as AttributeProto;
  throw new Error(`emit: the attribute "${name}" holds a JavaScript value and cannot be written`);
}

/** An attribute as an expression has it; what has no form there is kept as it is, under `proto`. */
export function attributeFromProto(proto: AttributeProto): Attribute {
  switch (attributeType(proto)) {
    case attributeTypes.FLOAT:
      return { float: proto.f ?? 0 };
    case attributeTypes.INT:
      return Number(proto.i ?? 0);
    case attributeTypes.STRING:
      return stringOf(proto);
    case attributeTypes.FLOATS:
      return { floats: [...proto.floats] };
    case attributeTypes.INTS:
      return proto.ints.map(Number);
    case attributeTypes.STRINGS:
      return { strings: proto.strings.map((s) => fromUtf8.decode(s)) };
    case attributeTypes.TENSOR:
      if (proto.t !== undefined && dtypeOfCode(proto.t.dataType ?? 0) !== undefined)
        return { tensor: tensorToNDArray(proto.t) };
  }
  return { proto };
}

export function stringOf(proto: AttributeProto): string {
  return fromUtf8.decode(proto.s ?? new Uint8Array(0));
}

/** Files of the first IR versions do not say which field holds the value. */
function attributeType(proto: AttributeProto): number {
  if (proto.type !== undefined && proto.type !== attributeTypes.UNDEFINED) return proto.type;
  const { FLOAT, INT, STRING, TENSOR, GRAPH, FLOATS, INTS, STRINGS, UNDEFINED } = attributeTypes;
  if (proto.ints.length > 0) return INTS;
  if (proto.floats.length > 0) return FLOATS;
  if (proto.strings.length > 0) return STRINGS;
  if (proto.s !== undefined && proto.s.length > 0) return STRING;
  if (proto.t !== undefined) return TENSOR;
  if (proto.g !== undefined) return GRAPH;
  if (proto.f !== undefined && proto.f !== 0) return FLOAT;
  if (proto.i !== undefined) return INT;
  return proto.f === undefined ? (proto.s === undefined ? UNDEFINED : STRING) : FLOAT;
}

function isInts(value: Attribute): value is readonly number[] {
  return Array.isArray(value);
}
