import { setTimeout as pause } from "node:timers/promises";
import { PartFile } from "./part-file.node.ts";
import type { DataFile } from "./registry.ts";

export interface DownloadOptions {
  /** Bytes that are there, of so many. */
  onProgress?(received: number, total: number): void;
  readonly signal?: AbortSignal;
  /** Seconds without a byte after which a connection is given up. Default 30. */
  readonly stall?: number;
  /** Seconds to wait before each further try where none brought anything new. Default [1, 2, 4, 8]. */
  readonly pauses?: readonly number[];
}

/** A try that failed, and whether another one at the same address can help. */
class Failure extends Error {
  readonly again: boolean;

  constructor(message: string, again: boolean) {
    super(message);
    this.again = again;
  }
}

/**
 * Downloads a file to `target`, from the first of its addresses that gives it. What was there when a download broke
 * off (the connection, the process) is kept beside it in `<target>.part` and only the rest is asked for. The file
 * appears under its name only when it is complete and its sha256 is right.
 *
 * Throws, in one line, what was wrong at each address; the signal's reason where it was aborted.
 */
export async function download(file: DataFile, target: string, o: DownloadOptions = {}): Promise<void> {
  if (file.urls.length === 0) {
    throw new Error(`${file.path} has no public address: put it in the folder that PAPERWEIGHT_DATA names`);
  }
  const part = await PartFile.open(target, file.bytes).catch((error: Error) => {
    throw new Error(`${target}: it cannot be written: ${error.message}`, { cause: error });
  });
  const problems: string[] = [];
  try {
    for (const url of file.urls) {
      const problem = await fromAddress(url, file, part, o);
      if (problem === undefined) return await part.finish();
      problems.push(`${url}: ${problem}`);
    }
  } catch (error) {
    o.signal?.throwIfAborted();
    throw new Error(`${target}: it cannot be written: ${(error as Error).message}`, { cause: error });
  } finally {
    await part.close();
  }
  throw new Error(`${file.path} could not be downloaded: ${problems.join("; ")}`);
}

/** Tries until the file is complete, or says what is wrong with this address. */
async function fromAddress(
  url: string,
  file: DataFile,
  part: PartFile,
  o: DownloadOptions,
): Promise<string | undefined> {
  const pauses = o.pauses ?? [1, 2, 4, 8];
  let most = part.size;
  for (let idle = 0; ; ) {
    try {
      await oneTry(url, file, part, o);
      return undefined;
    } catch (error) {
      o.signal?.throwIfAborted();
      if (!(error instanceof Failure)) throw error;
      idle = part.size > most ? 0 : idle + 1;
      most = Math.max(most, part.size);
      if (!error.again || idle > pauses.length) return error.message;
      await pause(
        1000 * (pauses[Math.max(0, idle - 1)] ?? 0),
        undefined,
        o.signal && { signal: o.signal },
      ).catch(() => {});
      o.signal?.throwIfAborted();
    }
  }
}

async function oneTry(url: string, file: DataFile, part: PartFile, o: DownloadOptions): Promise<void> {
  const resumed = part.size > 0;
  if (part.size < file.bytes) await fetchRest(url, file, part, o);
  const sha256 = part.sha256();
  if (sha256 === file.sha256) return;
  await part.restart();
  throw new Failure(`it gives the sha256 ${sha256}, ${file.sha256} is expected`, resumed);
}

async function fetchRest(url: string, file: DataFile, part: PartFile, o: DownloadOptions): Promise<void> {
  const watch = new Watch(o.stall ?? 30, o.signal);
  try {
    const response = await watch.for(fetch(url, { headers: headers(part.size), signal: watch.signal }));
    await checkResponse(response, file, part);
    if (response.body === null) throw new Failure("it gives nothing", false);
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await watch.for(reader.read());
      if (done) break;
      if (part.size + value.length > file.bytes)
        throw new Failure(`it gives more than the ${file.bytes} bytes expected`, false);
      await part.append(value);
      o.onProgress?.(part.size, file.bytes);
    }
  } finally {
    watch.stop();
  }
  if (part.size < file.bytes)
    throw new Failure(`the connection was closed after ${part.size} of ${file.bytes} bytes`, true);
}

/** As it is: a server that packs the file once more would change what is counted and summed. */
function headers(from: number): Record<string, string> {
  return { "accept-encoding": "identity", ...(from > 0 ? { range: `bytes=${from}-` } : {}) };
}

/** Throws where the answer is not the file, or not its rest; starts over where it is the whole file again. */
async function checkResponse(response: Response, file: DataFile, part: PartFile): Promise<void> {
  const { status } = response;
  if (status === 206) {
    const range = response.headers.get("content-range") ?? "";
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range) ?? [];
    if (total !== undefined && total !== "*") checkSize(Number(total), file);
    if (Number(start) === part.size) return;
    await part.restart();
    throw new Failure(
      `it answers with another part of the file than asked for (${range || "none named"})`,
      true,
    );
  }
  if (status === 200) {
    const length = response.headers.get("content-length");
    if (length !== null && !response.headers.has("content-encoding")) checkSize(Number(length), file);
    if (part.size > 0) await part.restart();
    return;
  }
  if (status === 416) await part.restart();
  throw new Failure(`it answers with status ${status}`, status === 416 || status === 429 || status >= 500);
}

function checkSize(bytes: number, file: DataFile): void {
  if (bytes !== file.bytes) throw new Failure(`it has ${bytes} bytes, ${file.bytes} are expected`, false);
}

/** Gives a connection up where nothing comes for a while, or where the caller wants to stop. */
class Watch {
  private readonly controller = new AbortController();
  private readonly seconds: number;
  private timer: NodeJS.Timeout | undefined;
  readonly signal: AbortSignal;

  constructor(seconds: number, outer: AbortSignal | undefined) {
    this.seconds = seconds;
    this.signal =
      outer === undefined ? this.controller.signal : AbortSignal.any([outer, this.controller.signal]);
  }

  async for<T>(step: Promise<T>): Promise<T> {
    this.timer = setTimeout(() => this.controller.abort(), this.seconds * 1000);
    try {
      return await step;
    } catch (error) {
      if (this.controller.signal.aborted) throw new Failure(`nothing came for ${this.seconds} s`, true);
      throw new Failure(`the connection failed (${reason(error)})`, true);
    } finally {
      clearTimeout(this.timer);
    }
  }

  /** Also ends a connection that is still open. */
  stop(): void {
    this.controller.abort();
  }
}

function reason(error: unknown): string {
  const cause = (error as { cause?: { code?: string; message?: string } }).cause;
  return cause?.code ?? cause?.message ?? (error as Error).message;
}
