import { emptyBag, plans } from "./fields.ts";
import type { Message, MessageName } from "./schema.ts";

export { decodeMessage } from "./decode.ts";
export { encodeMessage } from "./encode.ts";

/** A message of this type with the given fields, and with empty lists for the rest, as decoding would give it. */
export function createMessage<N extends MessageName>(type: N, fields: Partial<Message<N>> = {}): Message<N> {
  return Object.assign(emptyBag(plans[type]), fields) as unknown as Message<N>;
}
