import { NDArray } from "../tensor/ndarray.ts";
import { showShape } from "../tensor/shape.ts";
import { checkBuffer, type Dataset, type NamedBytes } from "./dataset.ts";
import { decodePng, type Picture } from "./png.ts";

/**
 * A folder of pictures with a folder for each class: names such as `cat/0001.png`, in any order. Classes are the
 * folders, sorted; examples are sorted by name. Features: uint8 [n, channels, height, width]; labels: int64 [n].
 *
 * Throws, in one line that names the file, where one lies in no folder, is no PNG picture that can be read, or
 * differs in size or channels from the first.
 */
export function readImageFolder(files: readonly NamedBytes[]): Dataset {
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (sorted.length === 0)
    throw new RangeError("image folder: there are no pictures: give files named class/name.png");
  const folders = sorted.map(({ name }) => folderOf(name));
  const classes = [...new Set(folders)].sort();
  const index = new Map(classes.map((name, i) => [name, BigInt(i)]));
  return {
    features: stackPictures(sorted),
    labels: new NDArray(
      BigInt64Array.from(folders, (f) => index.get(f)!),
      [sorted.length],
    ),
    classes,
  };
}

/**
 * PNG pictures of one size as uint8 [n, channels, height, width], in the order given. Throws as `readImageFolder`
 * does.
 */
export function stackPictures(files: readonly NamedBytes[]): NDArray {
  let out: NDArray | undefined;
  files.forEach(({ name, bytes }, i) => {
    const picture = decodePng(bytes, name);
    const { channels, height, width } = picture;
    out ??= NDArray.zeros([files.length, channels, height, width], "uint8");
    const expected = out.shape.slice(1);
    if (showShape([channels, height, width]) !== showShape(expected)) {
      throw new RangeError(
        `${name}: ${width} x ${height} pixels of ${channels} channels, the pictures before have ${expected[2]} x ${expected[1]} of ${expected[0]}: make them all alike`,
      );
    }
    planes(picture, out.data as Uint8Array, i * picture.data.length);
  });
  return out ?? NDArray.zeros([0, 1, 0, 0], "uint8");
}

/**
 * uint8 images [n, channels, height, width] as float32 (x / 255 - mean) / std, with a mean and standard deviation for
 * each channel (default 0 and 1: values from 0 to 1). With `out`, written there. Throws where their number is not
 * that of the channels.
 */
export function toFloat(
  images: NDArray,
  o: { readonly mean?: readonly number[]; readonly std?: readonly number[]; readonly out?: NDArray } = {},
): NDArray {
  const [n, channels, height, width] = images.shape;
  if (images.dtype !== "uint8" || images.shape.length !== 4) {
    throw new TypeError(
      `toFloat: ${images.dtype}${showShape(images.shape)} are no uint8 images [n, channels, height, width]: reshape or cast them first`,
    );
  }
  const mean = perChannel("mean", o.mean ?? new Array(channels).fill(0), channels!);
  const std = perChannel("std", o.std ?? new Array(channels).fill(1), channels!);
  const out = o.out ?? NDArray.zeros(images.shape);
  checkBuffer("toFloat", out, images.shape, "float32");
  const size = height! * width!;
  const table = mean.map((m, c) => Float32Array.from({ length: 256 }, (_, x) => (x / 255 - m) / std[c]!));
  for (let i = 0, at = 0; i < n! * channels!; i++) {
    const values = table[i % channels!]!;
    for (const end = at + size; at < end; at++) out.data[at] = values[images.data[at] as number]!;
  }
  return out;
}

function perChannel(name: string, values: readonly number[], channels: number): readonly number[] {
  if (values.length !== channels) {
    throw new RangeError(
      `toFloat: ${values.length} values of ${name} for ${channels} channels: give one for each`,
    );
  }
  return values;
}

function folderOf(name: string): string {
  const parts = name.split("/");
  if (parts.length < 2) throw new RangeError(`${name}: it lies in no folder: name pictures class/name.png`);
  return parts.at(-2)!;
}

/** Channels side by side to one plane a channel. */
function planes({ data, channels, width, height }: Picture, out: Uint8Array, at: number): void {
  const size = width * height;
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < channels; c++) out[at + c * size + i] = data[i * channels + c]!;
  }
}
