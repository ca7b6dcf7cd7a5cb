import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

let counter = 0;

/**
 * Put bytes in the place of a file, made with its folder where there is none: a temporary file beside it is flushed to disk and
 * then renamed. At every moment the path holds the old bytes or the new ones; where writing fails, nothing is left behind.
 */
export async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${process.pid}-${counter++}.tmp`);
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, "wx");
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
