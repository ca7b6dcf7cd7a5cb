import type { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import type { CheckpointStore } from "../train/checkpoint.ts";
import type { PresetName } from "./define.ts";
import { type Metrics, MetricsLog } from "./metrics.ts";
import { decodeStageValue, encodeStageValue } from "./stage-value.ts";
import type { RunStore } from "./store.ts";

/** Where the program computes: `cpu`, `webgpu` or `cuda`. */
export const deviceNames = ["cpu", "webgpu", "cuda"] as const;
export type DeviceName = (typeof deviceNames)[number];

/** The checkpoint of a stage's training. It goes when the stage is done. */
export interface StageStore extends CheckpointStore {
  remove(): Promise<void>;
}

/** A unit of work that is remembered when it is done. */
export interface Stage {
  readonly name: string;
  /** For the stage's one training loop: it is read when a run is resumed in the middle of the stage. */
  readonly store: StageStore;
}

/** What `update` may be given; other numbers are shown by their name. */
export interface ProgressUpdate {
  readonly step: number;
  readonly loss?: number;
  readonly [name: string]: number | undefined;
}

export interface Progress {
  update(state: ProgressUpdate): void;
  done(): void;
}

/** What an experiment is given beside its configuration. */
export interface Context {
  /** A random key made from the seed. */
  readonly key: NDArray;
  readonly seed: number;
  readonly preset: PresetName;
  readonly device: DeviceName;
  /** Fires when the user interrupts. Hand it to `fit`, which writes its checkpoint and returns: the stage then ends. */
  readonly signal: AbortSignal;
  log(text: string): void;
  /** A line in metrics.jsonl. */
  metrics(record: Metrics): void;
  readonly progress: { start(o: { readonly label: string; readonly total: number }): Progress };
  /** Name the stages to come, in order, so that the time left can be told for all of them. */
  plan(stages: readonly string[]): void;
  /**
   * A unit of work under a name of its own. Its value (JSON, NDArrays and Uint8Arrays, in any nesting) is remembered in the
   * run folder; a resumed run takes it from there. Stages run one after another. Metrics written in a stage carry its name.
   */
  stage<T>(name: string, run: (stage: Stage) => Promise<T> | T): Promise<T>;
  /** Put a file of one's own into the run folder. */
  save(name: string, bytes: Uint8Array): Promise<void>;
}

/** Who watches a run: the command line's progress line, the page's feed. Every method may be left out. */
export interface RunObserver {
  log?(text: string): void;
  metrics?(record: Metrics): void;
  plan?(stages: readonly string[]): void;
  /** `remembered`: finished before the run was interrupted, not run again. */
  stage?(event: { readonly name: string; readonly state: "started" | "finished" | "remembered" }): void;
  progress?(o: { readonly label: string; readonly total: number }): Progress;
}

export interface ContextOptions {
  readonly store: RunStore;
  readonly seed: number;
  readonly preset: PresetName;
  readonly device: DeviceName;
  readonly signal: AbortSignal;
  readonly observer?: RunObserver;
}

/** Folder of what a resumed run needs; removed when the run is done. */
export const RESUME_FOLDER = "resume";

/** The context of a run that keeps its files in `store`, and `flush`, which writes the metrics still held back. */
export async function createContext(o: ContextOptions): Promise<{ context: Context; flush(): void }> {
  const { store, signal, observer } = o;
  const metrics = await MetricsLog.open(store);
  const used = new Set<string>();
  let current = "";

  const stage = async <T>(name: string, run: (stage: Stage) => Promise<T> | T): Promise<T> => {
    signal.throwIfAborted();
    if (current !== "")
      throw new Error(`stage "${name}" starts inside stage "${current}": stages run one after another`);
    if (used.has(name)) throw new Error(`stage "${name}" ran already: give every stage a name of its own`);
    used.add(name);
    const file = stageFile(name);
    const known = await store.read(`${file}.done.safetensors`);
    if (known !== undefined) {
      observer?.stage?.({ name, state: "remembered" });
      return decodeStageValue(known) as T;
    }
    current = name;
    observer?.stage?.({ name, state: "started" });
    try {
      const checkpoint = checkpointStore(store, `${file}.checkpoint`, metrics, name);
      const result = await run({ name, store: checkpoint });
      signal.throwIfAborted();
      const value = encodeStageValue(result, `stage "${name}"`);
      metrics.flush();
      await store.write(`${file}.done.safetensors`, value);
      await checkpoint.remove();
      observer?.stage?.({ name, state: "finished" });
      return decodeStageValue(value) as T;
    } finally {
      current = "";
    }
  };

  const context: Context = {
    key: random.key(o.seed),
    seed: o.seed,
    preset: o.preset,
    device: o.device,
    signal,
    log: (text) => observer?.log?.(text),
    metrics: (record) => {
      metrics.add(current, record);
      observer?.metrics?.(record);
    },
    progress: { start: (p) => observer?.progress?.(p) ?? { update: () => {}, done: () => {} } },
    plan: (stages) => observer?.plan?.(stages),
    stage,
    save: (name, bytes) => store.write(checkedFileName(name), bytes),
  };
  return { context, flush: () => metrics.flush() };
}

/** A checkpoint behind 8 bytes that count the metrics its stage had written, so that both change in one atomic write. */
function checkpointStore(store: RunStore, file: string, metrics: MetricsLog, stage: string): StageStore {
  return {
    read: async () => {
      const bytes = await store.read(file);
      if (bytes === undefined) return undefined;
      metrics.jump(stage, Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)));
      return bytes.slice(8);
    },
    write: async (bytes) => {
      metrics.flush();
      const framed = new Uint8Array(8 + bytes.length);
      new DataView(framed.buffer).setBigUint64(0, BigInt(metrics.count(stage)), true);
      framed.set(bytes, 8);
      await store.write(file, framed);
    },
    remove: () => store.remove(file),
  };
}

function stageFile(name: string): string {
  const file = encodeURIComponent(name).replaceAll("*", "%2A");
  if (name === "" || file.length > 200)
    throw new Error(`stage "${name}": a stage's name has 1 to 200 letters`);
  return `${RESUME_FOLDER}/${file}`;
}

const reserved = /^(config\.json|metrics\.jsonl|result\.json|report\.html|run\.json)$/;

function checkedFileName(name: string): string {
  if (!/^[\w][\w.-]*$/.test(name) || reserved.test(name)) {
    throw new Error(
      `save("${name}"): use a plain file name (letters, digits, - _ .) that the run folder does not use itself`,
    );
  }
  return name;
}
