import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { Config } from "./config.ts";
import { type DeviceName, deviceNames, RESUME_FOLDER } from "./context.ts";
import { type PresetName, presetNames } from "./define.ts";
import { codeOf, fileError, folderStore } from "./files.node.ts";
import { lockFolder } from "./lock.node.ts";
import { machine, versions } from "./machine.node.ts";
import { fromJson, type StoredResult, toReadableJson } from "./result.ts";
import type { RunStore } from "./store.ts";

const recordSchema = z.object({
  id: z.string(),
  paper: z.string(),
  preset: z.enum(presetNames),
  seed: z.int(),
  device: z.enum(deviceNames),
  /** The `--set` changes to the preset. */
  changes: z.array(z.string()),
  /** `interrupted` and `failed` runs can be resumed, and `running` ones whose process died. */
  status: z.enum(["running", "done", "failed", "interrupted"]),
  started: z.string(),
  finished: z.string().optional(),
  /** Seconds of work, all attempts together. */
  duration: z.number(),
  resumed: z.int(),
  error: z.string().optional(),
  versions: z.object({ paperweight: z.string(), "onnxruntime-node": z.string(), node: z.string() }),
  machine: z.object({ cpu: z.string(), cores: z.number(), memoryGB: z.number(), os: z.string() }),
});

/** run.json. */
export type RunRecord = z.infer<typeof recordSchema>;

export interface NewRun {
  readonly paper: string;
  readonly preset: PresetName;
  readonly seed: number;
  readonly device: DeviceName;
  readonly changes: readonly string[];
  readonly config: Config;
}

/** A run folder that this process has locked: it writes here and nobody else does. */
export class RunFolder {
  readonly path: string;
  readonly store: RunStore;
  private current: RunRecord;
  private readonly lock: { release(): void };

  private constructor(path: string, record: RunRecord, lock: { release(): void }, store = folderStore(path)) {
    this.path = path;
    this.store = store;
    this.current = record;
    this.lock = lock;
  }

  get record(): RunRecord {
    return this.current;
  }

  /** A new folder `<out>/<time>-<paper>-<preset>`; the time is UTC to the millisecond, so that ids sort and differ. */
  static async create(out: string, run: NewRun): Promise<RunFolder> {
    const started = new Date();
    for (let ms = started.getTime(); ; ms++) {
      const id = `${timeOf(new Date(ms))}-${run.paper}-${run.preset}`;
      if (!existsSync(join(out, id))) return RunFolder.createAt(join(out, id), id, started, run);
    }
  }

  /** A new run in exactly this folder. It is refused where it holds anything already. */
  static async createAt(path: string, id: string, started: Date, run: NewRun): Promise<RunFolder> {
    makeEmptyFolder(path);
    const { config, changes, ...rest } = run;
    const record: RunRecord = {
      id,
      ...rest,
      changes: [...changes],
      status: "running",
      started: started.toISOString(),
      duration: 0,
      resumed: 0,
      versions: versions(),
      machine: machine(),
    };
    const folder = new RunFolder(path, record, lockFolder(path));
    try {
      await folder.writeJson("config.json", config);
      await folder.update({});
    } catch (error) {
      folder.release();
      rmSync(path, { recursive: true, force: true });
      throw error;
    }
    return folder;
  }

  /** Take up a run that was interrupted, failed or killed. Refused while another process works on it. */
  static async open(path: string): Promise<RunFolder> {
    await readRecord(path);
    const lock = lockFolder(path);
    try {
      removeTemporaries(path);
      removeTemporaries(join(path, RESUME_FOLDER));
      return new RunFolder(path, await readRecord(path), lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  async update(change: Partial<RunRecord>): Promise<void> {
    this.current = { ...this.current, ...change };
    await this.writeJson("run.json", this.current);
  }

  async writeJson(name: string, value: unknown): Promise<void> {
    await this.store.write(name, new TextEncoder().encode(`${toReadableJson(value)}\n`));
  }

  /** Remove what only a resumed run needs. */
  removeResumeState(): void {
    rmSync(join(this.path, RESUME_FOLDER), { recursive: true, force: true });
  }

  release(): void {
    this.lock.release();
  }
}

function makeEmptyFolder(path: string): void {
  try {
    makeFolders(path);
    if (readdirSync(path).length === 0) return;
  } catch (error) {
    if (codeOf(error) === "ENOTDIR" && existsSync(path))
      throw new Error(`${path} is a file: name a folder for the run`);
    throw fileError("write", path, error);
  }
  throw new Error(`the folder ${path} is not empty: name a new one, or go on with the run in it by --resume`);
}

/** Like a recursive mkdir, which on a read-only file system complains that the folder is not there. */
function makeFolders(path: string): void {
  if (existsSync(path)) return;
  makeFolders(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  }
}

function removeTemporaries(folder: string): void {
  if (!existsSync(folder)) return;
  for (const file of readdirSync(folder)) {
    if (/^\.\d+-\d+\.tmp$/.test(file)) rmSync(join(folder, file), { force: true });
  }
}

function timeOf(date: Date): string {
  const [day, time] = date.toISOString().slice(0, -1).split("T") as [string, string];
  return `${day}-${time.replaceAll(":", "").replace(".", "-")}`;
}

/** A run as it lies on disk. `result` is there once the run is done. */
export interface Run {
  readonly path: string;
  readonly record: RunRecord;
  readonly config: Config;
  readonly result: StoredResult | undefined;
  /** Every file of the folder with its size in bytes, by name. */
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
}

export async function loadRun(path: string): Promise<Run> {
  const record = await readRecord(path);
  const config = (await readJson(path, "config.json")) as Config | undefined;
  const result = (await readJson(path, "result.json")) as StoredResult | undefined;
  if (config === undefined)
    throw new Error(`${join(path, "config.json")} is missing: the run folder is not complete`);
  return { path, record, config, result, files: filesOf(path) };
}

function filesOf(path: string): { name: string; bytes: number }[] {
  const names = readdirSync(path, { withFileTypes: true }).filter(
    (f) => f.isFile() && !f.name.startsWith("."),
  );
  return names
    .map((f) => ({ name: f.name, bytes: statSync(join(path, f.name)).size }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function readRecord(path: string): Promise<RunRecord> {
  const value = await readJson(path, "run.json");
  if (value === undefined) throw new Error(`${path} is no run folder: it has no run.json`);
  const parsed = recordSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new Error(`${join(path, "run.json")} is damaged: ${issue.path.join(".")}: ${issue.message}`);
}

async function readJson(path: string, name: string): Promise<unknown> {
  const bytes = await folderStore(path).read(name);
  if (bytes === undefined) return undefined;
  try {
    return fromJson(new TextDecoder().decode(bytes));
  } catch {
    throw new Error(`${join(path, name)} is damaged: it is no JSON`);
  }
}
