/** Where a run keeps its files: a folder under Node, memory in a browser. Names are relative, `/` separates folders. */
export interface RunStore {
  /** The file's bytes, or undefined where there is none. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Create or replace a file: after a crash it holds the old bytes or the new ones, never a part. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** Add text at the end of a file. Synchronous: a failing disk stops the step that wrote. */
  append(name: string, text: string): void;
  /** Remove a file; nothing happens where there is none. */
  remove(name: string): Promise<void>;
}

/** A run store that lives as long as the page. */
export function memoryStore(): RunStore & { readonly files: ReadonlyMap<string, Uint8Array> } {
  const files = new Map<string, Uint8Array>();
  return {
    files,
    read: async (name) => files.get(name),
    write: async (name, bytes) => void files.set(name, bytes.slice()),
    append: (name, text) => {
      const old = files.get(name) ?? new Uint8Array();
      const added = new TextEncoder().encode(text);
      const all = new Uint8Array(old.length + added.length);
      all.set(old);
      all.set(added, old.length);
      files.set(name, all);
    },
    remove: async (name) => void files.delete(name),
  };
}
