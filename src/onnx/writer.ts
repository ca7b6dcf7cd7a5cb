const encoder = new TextEncoder();

/**
 * Writes protobuf's primitives into bytes whose number is known beforehand, so that nothing is moved or copied twice.
 *
 * Why not protobuf-es's BinaryWriter: it moves a message's bytes once for every message around it, doubles its buffer as it
 * grows and copies the result, which large weights pay for.
 */
export class Writer {
  readonly bytes: Uint8Array;
  private readonly view: DataView;
  pos = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }

  /** An unsigned number below 2^32. */
  varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.bytes[this.pos++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.pos++] = rest;
  }

  /** A 64-bit number as two unsigned halves. */
  varint64(lo: number, hi: number): void {
    let low = lo;
    let high = hi;
    while (high !== 0) {
      this.bytes[this.pos++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.varint(low);
  }

  int64(value: number | bigint): void {
    if (typeof value === "number") this.varint64(value >>> 0, Math.floor(value / 0x1_0000_0000) >>> 0);
    else this.varint64(Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n)));
  }

  float(value: number): void {
    this.view.setFloat32(this.pos, value, true);
    this.pos += 4;
  }

  double(value: number): void {
    this.view.setFloat64(this.pos, value, true);
    this.pos += 8;
  }

  word(value: number): void {
    this.view.setUint32(this.pos, value, true);
    this.pos += 4;
  }

  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.pos);
    this.pos += bytes.length;
  }

  /** With its length before it. */
  string(value: string): void {
    if (value.length < 0x80 && this.ascii(value)) return;
    const size = utf8Size(value);
    this.varint(size);
    encoder.encodeInto(value, this.bytes.subarray(this.pos, this.pos + size));
    this.pos += size;
  }

  private ascii(value: string): boolean {
    let pos = this.pos;
    this.bytes[pos++] = value.length;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return false;
      this.bytes[pos++] = code;
    }
    this.pos = pos;
    return true;
  }
}

/** The bytes that a varint takes: an unsigned number below 2^53. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

/** The bytes that a varint of 64 bits takes, given as two unsigned halves. */
export function varint64Size(lo: number, hi: number): number {
  return hi === 0 ? varintSize(lo) : Math.ceil((64 - Math.clz32(hi)) / 7);
}

/** A string's length in UTF-8, or -1 where it holds half a surrogate pair and has none. */
export function utf8Size(value: string): number {
  let size = value.length;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x80) continue;
    if (code < 0x800) size += 1;
    else if (code < 0xd800 || code > 0xdfff) size += 2;
    else {
      const next = value.charCodeAt(i + 1);
      if (code > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return -1;
      size += 2;
      i++;
    }
  }
  return size;
}
