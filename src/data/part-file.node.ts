import { createHash, type Hash } from "node:crypto";
import { type FileHandle, mkdir, open, rename } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * A file that is being downloaded, under the name of its target with `.part`, with the sha256 of what it holds so
 * far.
 */
export class PartFile {
  readonly target: string;
  private readonly handle: FileHandle;
  private hash: Hash = createHash("sha256");
  private length = 0;

  private constructor(target: string, handle: FileHandle) {
    this.target = target;
    this.handle = handle;
  }

  /** Goes on with what an earlier download left; more than `most` bytes of it are thrown away. */
  static async open(target: string, most: number): Promise<PartFile> {
    await mkdir(dirname(target), { recursive: true });
    const path = `${target}.part`;
    const handle = await open(path, "r+").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return open(path, "w+");
      throw error;
    });
    const part = new PartFile(target, handle);
    if ((await handle.stat()).size > most) await part.restart();
    else await part.readBack();
    return part;
  }

  get size(): number {
    return this.length;
  }

  /** Of the bytes so far. */
  sha256(): string {
    return this.hash.copy().digest("hex");
  }

  async append(bytes: Uint8Array): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      const { bytesWritten } = await this.handle.write(bytes, done, bytes.length - done, this.length + done);
      done += bytesWritten;
    }
    this.hash.update(bytes);
    this.length += bytes.length;
  }

  async restart(): Promise<void> {
    await this.handle.truncate(0);
    this.hash = createHash("sha256");
    this.length = 0;
  }

  /** May be called again. */
  async close(): Promise<void> {
    await this.handle.close();
  }

  /** Under its own name at last, all at once. */
  async finish(): Promise<void> {
    await this.handle.sync();
    await this.close();
    await rename(`${this.target}.part`, this.target);
  }

  private async readBack(): Promise<void> {
    const buffer = new Uint8Array(1 << 16);
    for (;;) {
      const { bytesRead } = await this.handle.read(buffer, 0, buffer.length, this.length);
      if (bytesRead === 0) return;
      this.hash.update(buffer.subarray(0, bytesRead));
      this.length += bytesRead;
    }
  }
}
