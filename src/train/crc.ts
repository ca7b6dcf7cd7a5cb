/** Checksums of bytes, that may go on from an earlier one. */
type Crc = (bytes: Uint8Array, from?: number) => number;

/** CRC-32, as in zip and PNG. */
export const crc32: Crc = crcOf(0xedb88320);

/** CRC-32C (Castagnoli, RFC 3720), as in TFRecord files. */
export const crc32c: Crc = crcOf(0x82f63b78);

function crcOf(polynomial: number): Crc {
  const table = Uint32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? polynomial ^ (c >>> 1) : c >>> 1;
    return c;
  });
  return (bytes, from = 0) => {
    let c = ~from;
    for (let i = 0; i < bytes.length; i++) c = table[(c ^ bytes[i]!) & 255]! ^ (c >>> 8);
    return ~c >>> 0;
  };
}
