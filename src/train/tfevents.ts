/** The file format of TensorBoard: TFRecords of `Event` messages (tensorflow/core/util/event.proto). */
import { crc32c } from "./crc.ts";

const text = new TextEncoder();

/** What every file begins with. */
export function versionRecord(seconds: number): Uint8Array {
  return record(event(seconds, 0, bytesField(3, text.encode("brain.Event:2"))));
}

/** Scalars of a step. */
export function scalarsRecord(
  seconds: number,
  step: number,
  values: Readonly<Record<string, number>>,
): Uint8Array {
  const summary = Object.entries(values).map(([tag, value]) =>
    bytesField(1, join([bytesField(1, text.encode(tag)), floatField(2, value)])),
  );
  return record(event(seconds, step, bytesField(5, join(summary))));
}

/** A process begins at this step: what others wrote of it and of later ones is void (SessionLog.START). */
export function sessionRecord(seconds: number, step: number): Uint8Array {
  return record(event(seconds, step, bytesField(7, varintField(1, 1))));
}

/** The length and the data, each with its masked checksum. */
function record(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(16 + data.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length, true);
  view.setUint32(8, masked(out.subarray(0, 8)), true);
  out.set(data, 12);
  view.setUint32(12 + data.length, masked(data), true);
  return out;
}

function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function event(seconds: number, step: number, what: Uint8Array): Uint8Array {
  return join([doubleField(1, seconds), ...(step === 0 ? [] : [varintField(2, step)]), what]);
}

function varint(value: number): Uint8Array {
  const out: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128);
  return Uint8Array.from([...out, rest]);
}

function varintField(field: number, value: number): Uint8Array {
  return join([varint(field << 3), varint(value)]);
}

function doubleField(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return join([varint((field << 3) | 1), bytes]);
}

function floatField(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return join([varint((field << 3) | 5), bytes]);
}

function bytesField(field: number, bytes: Uint8Array): Uint8Array {
  return join([varint((field << 3) | 2), varint(bytes.length), bytes]);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
