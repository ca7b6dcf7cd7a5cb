import { strFromU8 } from "fflate";
import { crc32 } from "./crc32.ts";
import { checkRatio, damaged, inflateExactly } from "./inflate.ts";

/** A member of a zip archive, still as it is stored. */
export interface ZipMember {
  readonly name: string;
  /** Its bytes in the archive: a view, not a copy. */
  readonly stored: Uint8Array;
  readonly deflated: boolean;
  /** Its size once inflated, as the archive claims. */
  readonly size: number;
  readonly crc: number;
}

/**
 * The members of a zip archive, from its central directory. Nothing is inflated. Throws, in one line that starts with
 * `what`, for bytes that are no zip archive, damaged ones, encrypted or zip64 archives, members that overlap and claimed sizes
 * that deflate cannot reach.
 */
export function zipMembers(bytes: Uint8Array, what: string): ZipMember[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = endOfDirectory(view);
  if (end === undefined) {
    throw new TypeError(`${what}: this is no complete zip archive (no end record): copy or save it again`);
  }
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  if (count === 0xffff || at === 0xffffffff)
    throw new RangeError(`${what}: zip64 archives are not read: split the arrays`);
  const members: ZipMember[] = [];
  let total = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || view.getUint32(at, true) !== 0x02014b50)
      throw damaged(what, `directory entry ${i} is missing`);
    const member = readMember(bytes, view, at, end, what);
    members.push(member);
    total += member.stored.length;
    at += 46 + view.getUint16(at + 28, true) + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  if (total > bytes.length) throw damaged(what, "members overlap");
  return members;
}

function endOfDirectory(view: DataView): number | undefined {
  const last = view.byteLength - 22;
  for (let at = last; at >= 0 && at >= last - 0xffff; at--) {
    if (view.getUint32(at, true) === 0x06054b50) return at;
  }
  return undefined;
}

function readMember(bytes: Uint8Array, view: DataView, at: number, end: number, what: string): ZipMember {
  const flags = view.getUint16(at + 8, true);
  const method = view.getUint16(at + 10, true);
  const packed = view.getUint32(at + 20, true);
  const size = view.getUint32(at + 24, true);
  const local = view.getUint32(at + 42, true);
  const name = strFromU8(
    bytes.subarray(at + 46, at + 46 + view.getUint16(at + 28, true)),
    (flags & 0x800) === 0,
  );
  const of = `${what}: member "${name}"`;
  if (packed === 0xffffffff || size === 0xffffffff || local === 0xffffffff) {
    throw new RangeError(`${of} is stored as zip64, which is not read: save it in smaller parts`);
  }
  if (flags & 1) throw new TypeError(`${of} is encrypted: save it without a password`);
  if (method !== 0 && method !== 8) {
    throw new TypeError(
      `${of} is compressed by zip method ${method}: save it stored or deflated (numpy.savez_compressed)`,
    );
  }
  if (local + 30 > end || view.getUint32(local, true) !== 0x04034b50)
    throw damaged(of, "its local header is missing");
  const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  if (start + packed > end) throw damaged(of, "it ends beyond the archive");
  if (method === 8) checkRatio(size, packed, of);
  else if (size !== packed) throw damaged(of, `${packed} bytes cannot hold the ${size} that it claims`);
  const crc = view.getUint32(at + 16, true);
  return { name, stored: bytes.subarray(start, start + packed), deflated: method === 8, size, crc };
}

/**
 * The bytes of a member. `sizeFrom` is shown the first bytes until it returns the size that the content says it has: a
 * member that claims another size is refused before its memory is allocated, and none is inflated beyond it.
 * A stored member is returned as a view.
 */
export function memberBytes(
  member: ZipMember,
  what: string,
  sizeFrom: (start: Uint8Array) => number | undefined,
): Uint8Array {
  const checked = (start: Uint8Array): number | undefined => {
    const size = sizeFrom(start);
    if (size !== undefined && size !== member.size)
      throw damaged(what, `it should have ${size} bytes, it has ${member.size}`);
    return size;
  };
  const bytes = member.deflated ? inflateExactly(member.stored, what, checked) : member.stored;
  if (!member.deflated && checked(bytes) === undefined) throw damaged(what, "it ends inside its header");
  if (crc32(bytes) !== member.crc) throw damaged(what, "its checksum does not match");
  return bytes;
}
