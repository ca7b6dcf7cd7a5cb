import { wire } from "./fields.ts";

/** Messages and groups may nest this deep, as in protobuf's own parsers. */
export const MAX_DEPTH = 100;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads protobuf's primitives from bytes, never beyond `end`. Nothing is allocated for a length that the bytes do not hold,
 * and nothing is copied.
 *
 * Why not protobuf-es's BinaryReader: it wraps lengths beyond 32 bits, makes a bigint of every int64, and its errors do not say where.
 */
export class Reader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  pos = 0;
  /** Where the message (or packed list) being read ends. */
  end: number;
  /** The two halves, unsigned, of the varint read last. */
  lo = 0;
  hi = 0;
  /** What is being read, for errors. */
  path = "";

  constructor(bytes: Uint8Array) {
    // A plain Uint8Array also where a Buffer comes in, so that every subarray is one too.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.end = bytes.byteLength;
  }

  fail(problem: string, advice = "the file is damaged, cut short or no ONNX file"): never {
    throw new Error(`ONNX data, byte ${this.pos}, ${this.path}: ${problem}: ${advice}`);
  }

  /** Reads a varint into `lo` and `hi`. */
  varint(): void {
    const { bytes, end } = this;
    let pos = this.pos;
    let lo = 0;
    let hi = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (pos >= end) this.fail("the bytes end inside a number");
      const byte = bytes[pos++]!;
      const bits = byte & 0x7f;
      if (shift < 28) lo |= bits << shift;
      else if (shift > 28) hi |= bits << (shift - 32);
      else {
        lo |= bits << 28;
        hi = bits >>> 4;
      }
      if (byte < 0x80) {
        this.pos = pos;
        this.lo = lo >>> 0;
        this.hi = hi >>> 0;
        return;
      }
    }
    this.fail("a number has more than 10 bytes");
  }

  tag(): number {
    this.varint();
    if (this.hi !== 0 || this.lo < 8) this.fail("there is no field with this number");
    return this.lo;
  }

  int32(): number {
    this.varint();
    return this.lo | 0;
  }

  /** A number where it is exact, else a bigint. */
  int64(): number | bigint {
    this.varint();
    const value = (this.hi | 0) * 0x1_0000_0000 + this.lo;
    if (Number.isSafeInteger(value)) return value;
    return BigInt.asIntN(64, (BigInt(this.hi) << 32n) | BigInt(this.lo));
  }

  float(): number {
    const at = this.take(4);
    return this.view.getFloat32(at, true);
  }

  double(): number {
    const at = this.take(8);
    return this.view.getFloat64(at, true);
  }

  /** One fixed-width element of `words` 32-bit words into `lo` and `hi`. */
  fixed(words: 1 | 2): void {
    const at = this.take(words * 4);
    this.lo = this.view.getUint32(at, true);
    if (words === 2) this.hi = this.view.getUint32(at + 4, true);
  }

  /** The length of what follows, which the bytes are known to hold. */
  length(): number {
    this.varint();
    const length = this.hi * 0x1_0000_0000 + this.lo;
    if (length > this.end - this.pos) {
      this.fail(`a length of ${length} bytes is claimed, ${this.end - this.pos} are left`);
    }
    return length;
  }

  /** Not copied. */
  subarray(): Uint8Array {
    const length = this.length();
    const at = this.take(length);
    return this.bytes.subarray(at, at + length);
  }

  string(): string {
    const length = this.length();
    const at = this.pos;
    const text = length <= 32 ? this.ascii(length) : undefined;
    const string = text ?? this.decode(length);
    this.pos = at + length;
    return string;
  }

  /** Skips a field of this tag, groups included. */
  skip(tag: number, depth: number): void {
    const wireType = tag & 7;
    if (wireType === wire.varint) this.varint();
    else if (wireType === wire.fixed64) this.take(8);
    else if (wireType === wire.fixed32) this.take(4);
    else if (wireType === wire.bytes) this.subarray();
    else if (wireType === wire.group) this.skipGroup(tag, depth + 1);
    else this.fail(`the wire type ${wireType} is out of place`);
  }

  private skipGroup(tag: number, depth: number): void {
    if (depth > MAX_DEPTH) this.fail(`messages nest more than ${MAX_DEPTH} deep`);
    for (;;) {
      const inner = this.tag();
      if (inner === tag + 1) return;
      this.skip(inner, depth);
    }
  }

  /** Moves past `count` bytes and says where they began. */
  private take(count: number): number {
    const at = this.pos;
    if (count > this.end - at) this.fail(`${count} bytes are expected, ${this.end - at} are left`);
    this.pos = at + count;
    return at;
  }

  private decode(length: number): string {
    try {
      return utf8.decode(this.bytes.subarray(this.pos, this.pos + length));
    } catch {
      return this.fail("a string is not UTF-8");
    }
  }

  private ascii(length: number): string | undefined {
    const codes = new Array<number>(length);
    for (let i = 0; i < length; i++) {
      const byte = this.bytes[this.pos + i]!;
      if (byte > 0x7f) return undefined;
      codes[i] = byte;
    }
    return String.fromCharCode(...codes);
  }
}
