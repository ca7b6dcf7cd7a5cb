const reasons: Readonly<Record<string, string>> = {
  ENOSPC: "no space is left on the disk: free some, then run again",
  EDQUOT: "the disk quota is used up: free some space, then run again",
  EFBIG: "the file would be larger than is allowed: raise the limit (ulimit -f), then run again",
  EROFS: "the file system is read-only: name another folder",
  EACCES: "permission is denied: name another folder",
  EPERM: "permission is denied: name another folder",
};

/** A file system error as one line: what could not be done, to which file, why. */
export function fileError(action: "read" | "write", what: string, path: string, error: unknown): Error {
  const { code } = error as NodeJS.ErrnoException;
  const reason = reasons[code ?? ""] ?? (error instanceof Error ? error.message : String(error));
  return new Error(`fit: cannot ${action} the ${what} ${path}: ${reason}`, { cause: error });
}
