import type { NDArray } from "../../tensor/ndarray.ts";
import { crc32 } from "../../train/crc.ts";

interface Rows {
  readonly x: NDArray;
  readonly y: NDArray;
}

/** Throws one line where a row of `valid`, x and y, is also one of `train`: hyperparameters tuned on seen examples regularise nothing. */
export function checkDisjoint(train: Rows, valid: Rows): void {
  const shared = train.x === valid.x ? 0 : firstShared(train, valid);
  if (shared === undefined) return;
  throw new RangeError(
    `selfTuning: row ${shared} of the validation data is also in the training data: keep them apart, such as by data.split`,
  );
}

function firstShared(train: Rows, valid: Rows): number | undefined {
  const seen = new Map<number, number[]>();
  const trainBytes = rowBytes(train);
  for (let row = 0; row < train.x.shape[0]!; row++) {
    const sum = trainBytes(row).reduce((from, bytes) => crc32(bytes, from), 0);
    seen.set(sum, [...(seen.get(sum) ?? []), row]);
  }
  const validBytes = rowBytes(valid);
  for (let row = 0; row < valid.x.shape[0]!; row++) {
    const own = validBytes(row);
    const candidates = seen.get(own.reduce((from, bytes) => crc32(bytes, from), 0)) ?? [];
    if (candidates.some((i) => trainBytes(i).every((bytes, part) => equal(bytes, own[part]!)))) return row;
  }
  return undefined;
}

/** The bytes of a row, one part for each array. */
function rowBytes({ x, y }: Rows): (row: number) => readonly Uint8Array[] {
  return (row) =>
    [x, y].map(({ data, size, shape }) => {
      const bytes = (size / shape[0]!) * data.BYTES_PER_ELEMENT;
      return new Uint8Array(data.buffer, data.byteOffset + row * bytes, bytes);
    });
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
