import { fromJson, toJson } from "./result.ts";
import type { RunStore } from "./store.ts";

/** One record of metrics: `{ step: 100, loss: 0.02 }`. */
export type Metrics = Readonly<Record<string, number | string>>;

const FILE = "metrics.jsonl";
const INTERVAL_MS = 1000;
const BUFFER = 64 * 1024;

/**
 * metrics.jsonl: one line a record, with its time and its stage. Lines are written at most once a second, and before every
 * checkpoint.
 *
 * A resumed run repeats some work. Records are counted for each stage, and a record that is on disk already is not written
 * again; a stage that goes on from a checkpoint also goes on from the count at that checkpoint. So a resumed run ends with the
 * lines of a run that was never killed.
 */
export class MetricsLog {
  private buffer: string[] = [];
  private buffered = 0;
  private flushed = Date.now();
  /** Why the log can no longer be written: half a batch may be on disk, so nothing may follow it. */
  private broken: unknown;
  private readonly counts = new Map<string, number>();
  private readonly store: RunStore;
  private readonly onDisk: Map<string, number>;

  private constructor(store: RunStore, onDisk: Map<string, number>) {
    this.store = store;
    this.onDisk = onDisk;
  }

  /** Open the log, cutting off a line that a crash left half written. */
  static async open(store: RunStore): Promise<MetricsLog> {
    const onDisk = new Map<string, number>();
    const bytes = await store.read(FILE);
    if (bytes === undefined) {
      await store.write(FILE, new Uint8Array());
      return new MetricsLog(store, onDisk);
    }
    const end = bytes.lastIndexOf(10) + 1;
    if (end < bytes.length) await store.write(FILE, bytes.subarray(0, end));
    for (const line of readLines(bytes.subarray(0, end))) {
      const stage = typeof line.stage === "string" ? line.stage : "";
      onDisk.set(stage, (onDisk.get(stage) ?? 0) + 1);
    }
    return new MetricsLog(store, onDisk);
  }

  /** Records a stage has written so far ("" for records outside stages). */
  count(stage: string): number {
    return this.counts.get(stage) ?? 0;
  }

  /** Go on as if the stage had written this many records: it continues from a checkpoint. */
  jump(stage: string, count: number): void {
    this.counts.set(stage, count);
  }

  add(stage: string, record: Metrics): void {
    const at = this.count(stage);
    this.counts.set(stage, at + 1);
    if (at < (this.onDisk.get(stage) ?? 0)) return;
    const line = `${toJson({ time: new Date().toISOString(), ...(stage === "" ? {} : { stage }), ...record })}\n`;
    this.buffer.push(line);
    this.buffered += line.length;
    if (this.buffered > BUFFER || Date.now() - this.flushed >= INTERVAL_MS) this.flush();
  }

  flush(): void {
    if (this.broken !== undefined) throw this.broken;
    this.flushed = Date.now();
    if (this.buffer.length === 0) return;
    try {
      this.store.append(FILE, this.buffer.join(""));
    } catch (error) {
      this.broken = error;
      throw error;
    }
    this.buffer = [];
    this.buffered = 0;
  }
}

/** The records of a metrics.jsonl file; a last line without its line end (a crash) is left out. */
export function readLines(bytes: Uint8Array): Record<string, unknown>[] {
  const text = new TextDecoder().decode(bytes);
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  return lines.filter((l) => l !== "").map((l) => fromJson(l) as Record<string, unknown>);
}
