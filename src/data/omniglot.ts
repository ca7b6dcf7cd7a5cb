import { z } from "zod";
import { NDArray } from "../tensor/ndarray.ts";
import type { Dataset, NamedBytes } from "./dataset.ts";
import { stackPictures } from "./images.ts";
import { readNpz } from "./npy.ts";
import { memberBytes, zipMembers } from "./zip.ts";

export interface Omniglot extends Dataset {
  /** `Greek/character01`, by index. */
  readonly classes: readonly string[];
  /** Which of `alphabets` a class belongs to: int64 [classes]. */
  readonly alphabetOf: NDArray;
  readonly alphabets: readonly string[];
}

/**
 * Reads Omniglot's zip archives of PNG pictures, `.../<alphabet>/<character>/<name>.png`. Pictures that two archives
 * share (as `images_background_small1` and `small2` do) are taken once. Features: uint8 [n, 1, 105, 105], 1 where
 * there is ink; labels: int64 [n], classes sorted by name; 20 drawings a class, in the order of their names.
 *
 * Throws, in one line that names archive and member, for damaged archives and pictures.
 */
export function readOmniglot(archives: readonly NamedBytes[]): Omniglot {
  const pictures = new Map<string, NamedBytes>();
  for (const { name, bytes } of archives) {
    for (const member of zipMembers(bytes, name)) {
      const path = /([^/]+\/character\d+\/[^/]+)\.png$/.exec(member.name)?.[1];
      if (path === undefined || pictures.has(path)) continue;
      const of = `${name}: member "${member.name}"`;
      pictures.set(path, { name: of, bytes: memberBytes(member, of, () => member.size) });
    }
  }
  const paths = [...pictures.keys()].sort();
  if (paths.length === 0) {
    const names = archives.map((a) => a.name).join(", ");
    throw new TypeError(
      `${names}: there are no pictures <alphabet>/<character>/<name>.png: this is not Omniglot`,
    );
  }
  const features = stackPictures(paths.map((path) => pictures.get(path)!));
  const ink = features.data as Uint8Array;
  for (let i = 0; i < ink.length; i++) ink[i] = ink[i] === 0 ? 1 : 0;
  return { features, ...named(paths.map((path) => path.slice(0, path.lastIndexOf("/")))) };
}

function named(classOf: readonly string[]): Omit<Omniglot, "features"> {
  const classes = [...new Set(classOf)];
  const alphabets = [...new Set(classes.map((c) => c.split("/")[0]!))];
  return {
    labels: indices(classOf, classes),
    classes,
    alphabetOf: indices(
      classes.map((c) => c.split("/")[0]!),
      alphabets,
    ),
    alphabets,
  };
}

/**
 * Reads `omniglot28.npz` (every class at 28 x 28) with its `omniglot28.json`: 964 background and 659 evaluation
 * classes, 20 drawings each, one after the other. Features: uint8 [n, 1, 28, 28], 1 where there is ink.
 */
export function readOmniglot28(
  npz: NamedBytes,
  names: NamedBytes,
): { background: Omniglot; evaluation: Omniglot } {
  const { images, split } = readNpz(npz.bytes, npz.name);
  const characters = readNames(names);
  const classes = characters.length;
  if (
    images?.dtype !== "uint8" ||
    images.shape.join() !== `${classes},20,28,28` ||
    split?.shape.join() !== `${classes}`
  )
    throw new TypeError(
      `${npz.name}: images and split do not fit the ${classes} characters of ${names.name}: take two files that belong together`,
    );
  const part = (which: number): Omniglot => {
    const chosen = Array.from(split.data, Number).flatMap((s, c) => (s === which ? [c] : []));
    const size = 20 * 28 * 28;
    const features = new Uint8Array(chosen.length * size);
    chosen.forEach((c, i) =>
      features.set((images.data as Uint8Array).subarray(c * size, (c + 1) * size), i * size),
    );
    return {
      features: new NDArray(features, [chosen.length * 20, 1, 28, 28]),
      ...named(chosen.flatMap((c) => new Array<string>(20).fill(characters[c]!))),
    };
  };
  return { background: part(0), evaluation: part(1) };
}

const namesFile = z.object({ characters: z.array(z.string()) });

function readNames({ name, bytes }: NamedBytes): string[] {
  try {
    return namesFile.parse(JSON.parse(new TextDecoder().decode(bytes))).characters;
  } catch (cause) {
    throw new TypeError(
      `${name}: it is no JSON with a list of characters: take the file that came with the npz`,
      { cause },
    );
  }
}

function indices(of: readonly string[], names: readonly string[]): NDArray {
  const index = new Map(names.map((name, i) => [name, BigInt(i)]));
  return new NDArray(
    BigInt64Array.from(of, (name) => index.get(name)!),
    [of.length],
  );
}
