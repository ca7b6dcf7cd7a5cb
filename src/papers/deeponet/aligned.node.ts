import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readNpz } from "../../data/npy.ts";
import { alignedTriples } from "./aligned.ts";

/** The two files of the public data set, from a folder. */
export async function readAligned(folder: string) {
  const read = async (part: "train" | "test") => {
    const path = join(folder, `antiderivative_aligned_${part}_plain.npz`);
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      throw new Error(
        `${path}: ${error.code === "ENOENT" ? "there is no such file" : error.message}: set alignedData to the folder that holds it`,
      );
    });
    return alignedTriples(readNpz(bytes, path), path);
  };
  return { train: await read("train"), test: await read("test") };
}
