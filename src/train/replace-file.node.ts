import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

let counter = 0;

/**
 * Put bytes in the place of a file, made with its folder where there is none: a temporary file beside it is flushed to disk and
 * then renamed. At every moment the path holds the old bytes or the new ones; where writing fails, nothing is left behind.
 *
 * `temporary` is the temporary file, by default one that no other call in this process has. What a killed process left in it is
 * written over: process numbers come again, in containers at once.
 */
export async function replaceFile(
  path: string,
  bytes: Uint8Array,
  temporary = join(dirname(path), `.${process.pid}-${counter++}.tmp`),
): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, "w");
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}
