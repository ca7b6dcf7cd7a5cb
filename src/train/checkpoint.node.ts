import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { CheckpointStore } from "./checkpoint.ts";

/**
 * A checkpoint in a file, made with its folder where there is none. Writing goes to a temporary file beside it, which is flushed
 * to disk and then takes the place of the old one: at every moment the path holds a complete checkpoint.
 *
 * ```ts
 * await fit({ model, data, loss, optimizer, epochs: 20, checkpoint: fileCheckpoint("runs/model.safetensors") });
 * ```
 */
export function fileCheckpoint(path: string): CheckpointStore {
  return {
    read: async () => {
      try {
        return new Uint8Array(await readFile(path));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw failure("read", path, error);
      }
    },
    write: async (bytes) => {
      const temporary = `${path}.${process.pid}.tmp`;
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
        throw failure("write", path, error);
      }
    },
  };
}

function failure(action: "read" | "write", path: string, error: unknown): Error {
  const reason = error instanceof Error ? error.message : String(error);
  return new Error(`fit: cannot ${action} the checkpoint ${path}: ${reason}`, { cause: error });
}
