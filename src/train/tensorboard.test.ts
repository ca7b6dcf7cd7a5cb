import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import * as optim from "../optim/index.ts";
import { NDArray } from "../tensor/ndarray.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { crc32, crc32c } from "./crc.ts";
import { fit, memoryCheckpoint } from "./index.ts";
import { tensorboard } from "./tensorboard.node.ts";
import { scalarsRecord, versionRecord } from "./tfevents.ts";

const folder = mkdtempSync(join(tmpdir(), "paperweight-board-"));
afterAll(() => rmSync(folder, { recursive: true }));

type Field = readonly [number: number, value: number | Uint8Array];

/** The fields of a protobuf message, by the encoding guide: varints, 8 bytes as float64, 4 as float32, and bytes. */
function fieldsOf(bytes: Uint8Array): Field[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const take = (size: number) => {
      at += size;
      return at - size;
    };
    const readers = [
      () => varint(),
      () => view.getFloat64(take(8), true),
      () => {
        const size = varint();
        return bytes.subarray(take(size), at);
      },
      undefined,
      undefined,
      () => view.getFloat32(take(4), true),
    ];
    fields.push([tag >> 3, readers[tag & 7]!()]);
  }
  return fields;
}

const field = (bytes: Uint8Array, number: number) => fieldsOf(bytes).find(([n]) => n === number)?.[1];

/** The data of a file's records, whose checksums must be right. */
function recordsOf(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const mask = (crc: number) => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  const records: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = Number(view.getBigUint64(at, true));
    const data = bytes.subarray(at + 12, at + 12 + size);
    expect(view.getUint32(at + 8, true)).toBe(mask(crc32c(bytes.subarray(at, at + 8))));
    expect(view.getUint32(at + 12 + size, true)).toBe(mask(crc32c(data)));
    records.push(data);
    at += 16 + size;
  }
  return records;
}

/** An event as plain data. */
function eventOf(data: Uint8Array) {
  const text = (bytes: unknown) => new TextDecoder().decode(bytes as Uint8Array);
  const [version, summary, session] = [3, 5, 7].map((n) => field(data, n) as Uint8Array | undefined);
  const step = field(data, 2) ?? 0;
  expect(field(data, 1)).toBeGreaterThan(1.6e9);
  if (version !== undefined) return { version: text(version) };
  if (session !== undefined) return { step, session: field(session, 1) };
  const values = fieldsOf(summary!).map(([, v]) => [
    text(field(v as Uint8Array, 1)),
    field(v as Uint8Array, 2),
  ]);
  return { step, ...Object.fromEntries(values) };
}

describe("checksums", () => {
  it("are those that RFC 3720 and the zip format give as examples", () => {
    const text = new TextEncoder().encode("123456789");
    expect(crc32(text)).toBe(0xcbf43926);
    expect(crc32c(text)).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(crc32c(text.subarray(4), crc32c(text.subarray(0, 4)))).toBe(0xe3069283);
  });
});

describe("TensorBoard files", () => {
  it("begin as those of TensorFlow, which all start with these bytes", () => {
    const bytes = versionRecord(1.7e9);
    const expected = [0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22, 0x09];
    expect([...bytes.subarray(0, expected.length)]).toEqual(expected);
    expect(eventOf(recordsOf(bytes)[0]!)).toEqual({ version: "brain.Event:2" });
  });

  it("hold large steps and any number", () => {
    const values = { a: 0.5, b: Number.NaN, "loss/übrig": Number.NEGATIVE_INFINITY };
    const [data] = recordsOf(scalarsRecord(1.7e9, 3_000_000_000, values));
    expect(eventOf(data!)).toEqual({ step: 3_000_000_000, ...values });
  });

  it("have the records of a training; a resumed one says from which step it goes on", async () => {
    const training = {
      params: { w: NDArray.from([0]) },
      data: { t: NDArray.from([1]) },
      loss: (p: { w: Tensor }) => ({ fall: p.w.sum() }),
      optimizer: optim.sgd({ learningRate: 1 }),
      evaluate: (p: { w: NDArray }) => ({ w: p.w.item() }),
      evalEvery: 2,
      checkpoint: memoryCheckpoint(),
    };
    for (const steps of [4, 6]) await fit({ ...training, steps, log: [tensorboard(folder)] });
    const names = readdirSync(folder).sort();
    for (const name of names) expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\./);
    const [first, second] = names.map((name) => recordsOf(readFileSync(join(folder, name))).map(eventOf));
    const version = { version: "brain.Event:2" };
    expect(first).toEqual([
      version,
      { step: 0, session: 1 },
      { step: 2, loss: -0.5, "loss/fall": -0.5, "eval/w": -2 },
      { step: 4, loss: -2.5, "loss/fall": -2.5, "eval/w": -4 },
    ]);
    expect(second).toEqual([
      version,
      { step: 5, session: 1 },
      { step: 6, loss: -4.5, "loss/fall": -4.5, "eval/w": -6 },
    ]);
  });
});
