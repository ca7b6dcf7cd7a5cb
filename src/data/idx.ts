import { type DType, dtypes } from "../tensor/dtype.ts";
import { NDArray } from "../tensor/ndarray.ts";
import { sizeOf } from "../tensor/shape.ts";
import { classLabels, type Dataset } from "./dataset.ts";
import { gunzip, isGzip } from "./gzip.ts";

const typeOf: Record<number, DType> = {
  8: "uint8",
  9: "int8",
  11: "int16",
  12: "int32",
  13: "float32",
  14: "float64",
};

interface Header {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly start: number;
  /** Bytes of the whole file. */
  readonly total: number;
}

/**
 * Reads an idx file, the format of MNIST, plain or gzipped: big-endian numbers in 1 to 255 axes. The array has the
 * file's own element type (uint8 for MNIST) and shape.
 *
 * Throws, in one line that starts with `what`, for another magic number and for bytes that are more or fewer than the
 * header's shape takes; a gzipped file is inflated no further than that.
 */
export function readIdx(bytes: Uint8Array, what = "idx"): NDArray {
  const raw = isGzip(bytes)
    ? gunzip(bytes, what, { sizeFrom: (start) => parseHeader(start, what)?.total })
    : bytes;
  const header = parseHeader(raw, what);
  if (header === undefined) {
    throw new RangeError(
      `${what}: the file ends inside its header, after ${raw.length} bytes: copy it again`,
    );
  }
  const { dtype, shape, start, total } = header;
  if (raw.length !== total) {
    throw new RangeError(
      `${what}: ${dtype} of shape (${shape.join(", ")}) takes ${total} bytes with its header, the file has ${raw.length}: ${raw.length < total ? "it is cut short" : "something follows the data"}`,
    );
  }
  return new NDArray(elements(raw.subarray(start), dtype), shape, dtype);
}

/**
 * A data set of an idx file of images [n, height, width] and one of labels [n], as MNIST, Fashion-MNIST and KMNIST
 * have. Features: uint8 [n, 1, height, width]; labels: int64 [n], each checked to be below `classes` (default 10).
 * `what` names the two files in errors.
 */
export function readIdxImages(
  images: Uint8Array,
  labels: Uint8Array,
  o: { readonly classes?: number; readonly what?: readonly [images: string, labels: string] } = {},
): Dataset {
  const [imagesName, labelsName] = o.what ?? ["images", "labels"];
  const features = readIdx(images, imagesName);
  const raw = readIdx(labels, labelsName);
  const [n, height, width] = features.shape;
  if (features.shape.length !== 3 || features.dtype !== "uint8")
    throw unlike(imagesName, features, "uint8 images of three axes");
  if (raw.shape.length !== 1 || raw.dtype !== "uint8")
    throw unlike(labelsName, raw, "uint8 labels of one axis");
  if (raw.shape[0] !== n) {
    throw new RangeError(
      `${labelsName}: ${raw.shape[0]} labels for the ${n} images of ${imagesName}: take two files that belong together`,
    );
  }
  return {
    features: features.reshape([n!, 1, height!, width!]),
    labels: classLabels(raw.data, o.classes ?? 10, labelsName),
  };
}

function parseHeader(bytes: Uint8Array, what: string): Header | undefined {
  if (bytes.length < 4) return undefined;
  const dtype = typeOf[bytes[2]!];
  const rank = bytes[3]!;
  if (bytes[0] !== 0 || bytes[1] !== 0 || dtype === undefined || rank === 0) {
    const magic = [...bytes.subarray(0, 4)].map((b) => b.toString(16).padStart(2, "0")).join(" ");
    throw new TypeError(
      `${what}: it starts with ${magic}, an idx file with 00 00, a type (08 for bytes) and a number of axes: this is no idx file`,
    );
  }
  const start = 4 + 4 * rank;
  if (bytes.length < start) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const total = start + sizeOf(shape) * dtypes[dtype].bytes;
  if (!Number.isSafeInteger(total)) {
    throw new RangeError(`${what}: the shape (${shape.join(", ")}) is beyond counting: the file is damaged`);
  }
  return { dtype, shape, start, total };
}

function elements(bytes: Uint8Array, dtype: DType): NDArray["data"] {
  const { array: Type, bytes: width } = dtypes[dtype];
  const own = new Uint8Array(bytes);
  if (width > 1) for (let at = 0; at < own.length; at += width) own.subarray(at, at + width).reverse();
  return new Type(own.buffer, 0, own.length / width);
}

function unlike(what: string, array: NDArray, expected: string): TypeError {
  return new TypeError(
    `${what}: ${array.dtype} of shape (${array.shape.join(", ")}), ${expected} are expected: take the other file of the pair`,
  );
}
