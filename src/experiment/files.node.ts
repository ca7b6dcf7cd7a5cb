import { appendFileSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { replaceFile } from "../train/replace-file.node.ts";
import type { RunStore } from "./store.ts";

/** A run store in a folder. Every write is atomic: a temporary file, flushed to disk, then renamed. */
export function folderStore(folder: string): RunStore {
  const at = (name: string): string => join(folder, name);
  return {
    read: async (name) => {
      try {
        return new Uint8Array(await readFile(at(name)));
      } catch (error) {
        if (codeOf(error) === "ENOENT") return undefined;
        throw fileError("read", at(name), error);
      }
    },
    write: (name, bytes) => writeAtomic(at(name), bytes),
    append: (name, text) => {
      try {
        appendFileSync(at(name), text);
      } catch (error) {
        throw fileError("write", at(name), error);
      }
    },
    remove: (name) => rm(at(name), { force: true }),
  };
}

/** Replace a file at once (see `replaceFile`), with an error that says what to do. */
export async function writeAtomic(path: string, bytes: Uint8Array): Promise<void> {
  await replaceFile(path, bytes).catch((error: unknown) => {
    throw fileError("write", path, error);
  });
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: "no space is left on the disk; free some, then go on with --resume",
  EDQUOT: "the disk quota is used up; free some space, then go on with --resume",
  EROFS: "the file system is read-only; name a writable folder with --out",
  EACCES: "permission is denied; name a writable folder with --out",
  EPERM: "permission is denied; name a writable folder with --out",
  ENOTDIR: "a part of the path is a file, not a folder",
  EISDIR: "it is a folder",
  EMFILE: "too many files are open",
  ENOENT: "there is no such file or folder",
};

/** A file system error as one line: what could not be done, to which file, why. */
export function fileError(action: "read" | "write", path: string, error: unknown): Error {
  const shown = relative(process.cwd(), path);
  const place = shown === "" ? "." : shown.startsWith("..") ? path : shown;
  const reason = reasons[codeOf(error) ?? ""] ?? (error instanceof Error ? error.message : String(error));
  return new Error(`cannot ${action} ${place}: ${reason}`, { cause: error });
}

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}
