import { crc32 } from "./crc32.ts";
import { damaged, inflateExactly } from "./inflate.ts";

const mostBytes = 2 ** 30;

export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * The content of a gzip file. `sizeFrom`, where the content tells its own size, is shown the first bytes until it returns
 * that size; otherwise the size at the end of the file is trusted up to `limit` bytes (default 1 GiB). Never more is inflated
 * than that, and the checksum is compared. Throws in one line that starts with `what`.
 */
export function gunzip(
  bytes: Uint8Array,
  what: string,
  o: { readonly sizeFrom?: (start: Uint8Array) => number | undefined; readonly limit?: number } = {},
): Uint8Array<ArrayBuffer> {
  const start = headerLength(bytes, what);
  const end = bytes.length - 8;
  if (start > end) throw damaged(what, `it is cut short, after ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const claimed = view.getUint32(end + 4, true);
  const limit = o.limit ?? mostBytes;
  if (o.sizeFrom === undefined && claimed > limit) {
    throw new RangeError(
      `${what}: it claims to unpack to ${claimed} bytes, at most ${limit} are accepted: it is damaged, or unpack it first`,
    );
  }
  const out = inflateExactly(bytes.subarray(start, end), what, o.sizeFrom ?? (() => claimed));
  if (crc32(out) !== view.getUint32(end, true) || claimed !== out.length) {
    throw damaged(
      what,
      "its checksum does not match (or it is several gzip files in one: unpack it with gunzip)",
    );
  }
  return out;
}

/** Where the deflate data starts (RFC 1952, section 2.3). */
function headerLength(bytes: Uint8Array, what: string): number {
  if (!isGzip(bytes) || (bytes.length > 2 && bytes[2] !== 8)) {
    throw new TypeError(`${what}: this is no gzip file (it does not start with 1f 8b 08): copy it again`);
  }
  const flags = bytes[3] ?? 0;
  let at = 10;
  if (flags & 4) at += 2 + (bytes[at] ?? 0) + 256 * (bytes[at + 1] ?? 0);
  for (const flag of [8, 16]) {
    if (flags & flag) at = bytes.indexOf(0, at) + 1 || bytes.length;
  }
  return flags & 2 ? at + 2 : at;
}
