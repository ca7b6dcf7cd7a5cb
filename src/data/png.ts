import { crc32 } from "./crc32.ts";
import { damaged, inflateExactly } from "./inflate.ts";

/** A decoded picture: `data` is row-major, the channels of a pixel side by side, 0 to 255. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA. */
  readonly channels: number;
  readonly data: Uint8Array;
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colour: number;
  /** Samples of a pixel in the file: 1 where it is an index into the palette. */
  readonly samples: number;
}

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const samplesOf: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/**
 * Decodes a PNG picture: grey, grey with alpha, RGB, RGBA and palette, 8 bits or fewer a sample, not interlaced.
 * Fewer bits are spread over 0 to 255; a palette becomes RGB, or RGBA where it has transparency.
 *
 * Throws, in one line that starts with `what`, for other pictures and damaged ones (every checksum is compared); no
 * more is inflated than the header's size takes.
 */
export function decodePng(bytes: Uint8Array, what = "png"): Picture {
  if (signature.some((byte, i) => bytes[i] !== byte)) {
    throw new TypeError(
      `${what}: this is no PNG picture (it does not start with 89 50 4e 47): convert it to PNG`,
    );
  }
  const chunks = readChunks(bytes, what);
  const header = readHeader(chunks.get("IHDR"), what);
  const { width, height, depth, colour, samples } = header;
  const rowBytes = Math.ceil((width * depth * samples) / 8);
  const packed = chunks.get("IDAT") ?? new Uint8Array(0);
  if (
    packed.length < 2 ||
    (packed[0]! & 15) !== 8 ||
    (packed[0]! * 256 + packed[1]!) % 31 !== 0 ||
    packed[1]! & 32
  )
    throw damaged(what, "its data is no zlib stream");
  const raw = inflateExactly(packed.subarray(2), what, () => height * (1 + rowBytes));
  const rows = unfilter(raw, height, rowBytes, Math.max(1, (depth * samples) / 8), what);
  const data = unpack(rows, header, rowBytes);
  if (colour === 3) return { width, height, ...paint(data, chunks.get("PLTE"), chunks.get("tRNS"), what) };
  if (chunks.has("tRNS"))
    throw new TypeError(`${what}: a transparent colour is not read: save it as RGBA or without it`);
  return { width, height, channels: samples, data };
}

/** The bytes of each kind of chunk; those of several IDAT chunks one after the other. */
function readChunks(bytes: Uint8Array, what: string): Map<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts = new Map<string, Uint8Array[]>();
  for (let at = 8; !parts.has("IEND"); ) {
    const length = at + 12 <= bytes.length ? view.getUint32(at) : Number.POSITIVE_INFINITY;
    if (at + 12 + length > bytes.length) throw damaged(what, `it is cut short, after ${bytes.length} bytes`);
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (crc32(bytes.subarray(at + 4, at + 8 + length)) !== view.getUint32(at + 8 + length))
      throw damaged(what, `the checksum of its part ${JSON.stringify(kind)} at byte ${at} does not match`);
    const content = bytes.subarray(at + 8, at + 8 + length);
    parts.set(kind, [...(parts.get(kind) ?? []), content]);
    at += 12 + length;
  }
  return new Map([...parts].map(([kind, list]) => [kind, list.length === 1 ? list[0]! : concat(list)]));
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function readHeader(bytes: Uint8Array | undefined, what: string): Header {
  if (bytes === undefined || bytes.length !== 13) throw damaged(what, "it has no header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, 13);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth, colour, method, filter, interlace] = [...bytes.subarray(8)] as [
    number,
    number,
    number,
    number,
    number,
  ];
  const samples = samplesOf[colour];
  const small = (colour === 0 || colour === 3) && [1, 2, 4].includes(depth);
  if (depth === 16) throw new TypeError(`${what}: 16 bits a sample are not read: save it with 8`);
  if (
    samples === undefined ||
    !(depth === 8 || small) ||
    method !== 0 ||
    filter !== 0 ||
    width * height === 0
  )
    throw damaged(
      what,
      `its header makes no sense (${width} x ${height}, depth ${depth}, colour type ${colour})`,
    );
  if (interlace !== 0)
    throw new TypeError(`${what}: interlaced pictures are not read: save it without interlacing`);
  return { width, height, depth, colour, samples };
}

/**
 * Undoes the filter of each row (PNG specification, section 9): Sub, Up, Average, Paeth. `step`: bytes from a pixel
 * to the next.
 */
function unfilter(raw: Uint8Array, height: number, rowBytes: number, step: number, what: string): Uint8Array {
  const out = new Uint8Array(height * rowBytes);
  for (let row = 0; row < height; row++) {
    const kind = raw[row * (rowBytes + 1)]!;
    if (kind > 4) throw damaged(what, `row ${row} has the filter ${kind}, 0 to 4 is expected`);
    const [from, to] = [row * (rowBytes + 1) + 1, row * rowBytes];
    for (let i = 0; i < rowBytes; i++) {
      const left = i < step ? 0 : out[to + i - step]!;
      const up = row === 0 ? 0 : out[to + i - rowBytes]!;
      const corner = i < step || row === 0 ? 0 : out[to + i - rowBytes - step]!;
      out[to + i] = raw[from + i]! + predicted(kind, left, up, corner);
    }
  }
  return out;
}

function predicted(kind: number, left: number, up: number, corner: number): number {
  if (kind < 2) return kind * left;
  if (kind === 2) return up;
  if (kind === 3) return (left + up) >> 1;
  const estimate = left + up - corner;
  const [a, b, c] = [Math.abs(estimate - left), Math.abs(estimate - up), Math.abs(estimate - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

/** One byte a sample; grey spread over 0 to 255, palette indices as they are. */
function unpack(rows: Uint8Array, { width, height, depth, colour }: Header, rowBytes: number): Uint8Array {
  if (depth === 8) return rows;
  const most = 2 ** depth - 1;
  const factor = colour === 0 ? 255 / most : 1;
  const out = new Uint8Array(width * height);
  for (let i = 0; i < out.length; i++) {
    const bit = (i % width) * depth;
    const byte = rows[Math.floor(i / width) * rowBytes + (bit >> 3)]!;
    out[i] = ((byte >> (8 - depth - (bit & 7))) & most) * factor;
  }
  return out;
}

function paint(
  indices: Uint8Array,
  palette: Uint8Array | undefined,
  alpha: Uint8Array | undefined,
  what: string,
): { channels: number; data: Uint8Array } {
  const colours = (palette?.length ?? 0) / 3;
  const channels = alpha === undefined ? 3 : 4;
  const data = new Uint8Array(indices.length * channels);
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i]!;
    if (index >= colours)
      throw damaged(what, `pixel ${i} has the colour ${index} of ${colours} in the palette`);
    for (let c = 0; c < 3; c++) data[i * channels + c] = palette![3 * index + c]!;
    if (alpha !== undefined) data[i * 4 + 3] = alpha[index] ?? 255;
  }
  return { channels, data };
}
