import { closeSync, fstatSync, fsyncSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { fileError } from "./file-error.node.ts";

const INTERVAL_MS = 1000;
const BUFFER = 1 << 20;

/** A file that grows at its end. What is added is written at most once a second, or by the megabyte. */
export class AppendFile {
  private parts: Uint8Array[] = [];
  private size = 0;
  private written = Number.NEGATIVE_INFINITY;
  /** Why it can no longer be written: a part may be on disk, so nothing may follow it. */
  private broken: Error | undefined;

  constructor(
    private readonly path: string,
    /** What it is, for errors. */
    private readonly what: string,
  ) {}

  add(bytes: Uint8Array): void {
    this.parts.push(bytes);
    this.size += bytes.length;
    if (this.size >= BUFFER || performance.now() - this.written >= INTERVAL_MS) this.flush();
  }

  /** Write what is left, down to the disk. */
  flush(): void {
    if (this.broken !== undefined) throw this.broken;
    if (this.size === 0) return;
    try {
      appendAll(this.path, Buffer.concat(this.parts));
    } catch (error) {
      this.broken = fileError("write", this.what, this.path, error);
      throw this.broken;
    }
    this.parts = [];
    this.size = 0;
    this.written = performance.now();
  }
}

function appendAll(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, "a");
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    if (fstatSync(file).isFile()) fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
