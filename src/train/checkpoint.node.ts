import { readFile } from "node:fs/promises";
import type { CheckpointStore } from "./checkpoint.ts";
import { replaceFile } from "./replace-file.node.ts";

/**
 * A checkpoint in a file, made with its folder where there is none. At every moment the path holds a complete checkpoint.
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
    write: (bytes) =>
      replaceFile(path, bytes).catch((error: unknown) => {
        throw failure("write", path, error);
      }),
  };
}

function failure(action: "read" | "write", path: string, error: unknown): Error {
  const reason = error instanceof Error ? error.message : String(error);
  return new Error(`fit: cannot ${action} the checkpoint ${path}: ${reason}`, { cause: error });
}
