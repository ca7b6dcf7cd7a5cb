import { NDArray } from "../tensor/ndarray.ts";
import { classLabels, type Dataset, type NamedBytes } from "./dataset.ts";

const pixels = 3 * 32 * 32;
const recordBytes = 1 + pixels;

export const cifar10Classes = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
] as const;

/**
 * Reads files of CIFAR-10's binary version, one after the other: records of a label byte and 3072 bytes, red, green,
 * then blue, each row-major 32 x 32. How many records a file has follows from its size. Features: uint8 [n, 3, 32,
 * 32]; labels: int64 [n].
 *
 * Throws, in one line that names the file, where a size is no whole number of records, or a label is above 9.
 */
export function readCifar10(files: readonly NamedBytes[]): Dataset {
  for (const { name, bytes } of files) checkSize(name, bytes);
  const total = files.reduce((sum, { bytes }) => sum + bytes.length / recordBytes, 0);
  const features = new Uint8Array(total * pixels);
  const labels = new BigInt64Array(total);
  let at = 0;
  for (const { name, bytes } of files) {
    const raw = Uint8Array.from({ length: bytes.length / recordBytes }, (_, i) => bytes[i * recordBytes]!);
    labels.set(classLabels(raw, cifar10Classes.length, name).data as BigInt64Array, at);
    for (let i = 0; i < raw.length; i++, at++) {
      features.set(bytes.subarray(i * recordBytes + 1, (i + 1) * recordBytes), at * pixels);
    }
  }
  return {
    features: new NDArray(features, [total, 3, 32, 32]),
    labels: new NDArray(labels, [total]),
    classes: cifar10Classes,
  };
}

function checkSize(name: string, bytes: Uint8Array): void {
  const over = bytes.length % recordBytes;
  if (over === 0 && bytes.length > 0) return;
  throw new RangeError(
    `${name}: ${bytes.length} bytes are no whole number of records of ${recordBytes} bytes (record ${Math.floor(bytes.length / recordBytes)} ends after ${over}): the file is cut short or no CIFAR-10 binary file`,
  );
}
