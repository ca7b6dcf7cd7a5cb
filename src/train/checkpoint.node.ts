import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { CheckpointStore } from "./checkpoint.ts";
import { fileError } from "./file-error.node.ts";
import { replaceFile } from "./replace-file.node.ts";

/**
 * A checkpoint in a file, made with its folder where there is none. At every moment the path holds a complete checkpoint. A process
 * that is killed while it writes leaves `.<name>.tmp` beside it, which the next write takes away. One process at a time may use it.
 *
 * ```ts
 * await fit({ model, data, loss, optimizer, epochs: 20, checkpoint: fileCheckpoint("runs/model.safetensors") });
 * ```
 */
export function fileCheckpoint(path: string): CheckpointStore {
  const temporary = join(dirname(path), `.${basename(path)}.tmp`);
  return {
    read: async () => {
      try {
        return new Uint8Array(await readFile(path));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw fileError("read", "checkpoint", path, error);
      }
    },
    write: (bytes) =>
      replaceFile(path, bytes, temporary).catch((error: unknown) => {
        throw fileError("write", "checkpoint", path, error);
      }),
  };
}
