import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import lineFit from "../../test/fixtures/line-fit.ts";
import { atEvent } from "./check.ts";
import { parseConfig } from "./config.ts";
import type { Experiment } from "./define.ts";
import { execute, resume } from "./execute.node.ts";
import { fileError, folderStore, writeAtomic } from "./files.node.ts";
import { lockFolder } from "./lock.node.ts";
import { loadRun, type NewRun, RunFolder } from "./run-folder.node.ts";

const experiment = lineFit as Experiment;
const newRun: NewRun = {
  paper: "line-fit",
  preset: "smoke",
  seed: 0,
  device: "cpu",
  changes: [],
  config: parseConfig(experiment, lineFit.presets.smoke),
};
const signal = new AbortController().signal;
const experimentOf = async () => experiment;

let out: string;
beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), "paperweight-test-"));
});
afterEach(() => rmSync(out, { recursive: true, force: true }));

describe("a run folder", () => {
  it("holds exactly what the design says once the run is done", async () => {
    const folder = await RunFolder.create(out, newRun);
    await execute(experiment, folder, { signal, report: async () => "<html>" });
    expect(readdirSync(folder.path).sort()).toEqual([
      ...[
        "config.json",
        "line.example.safetensors",
        "line.onnx",
        "line.safetensors",
        "metrics.jsonl",
        "report.html",
        "result.json",
        "run.json",
      ],
    ]);
    const { record, config, result } = await loadRun(folder.path);
    expect(config).toEqual(lineFit.presets.smoke);
    expect(result?.models).toEqual({
      line: { onnx: "line.onnx", weights: "line.safetensors", example: "line.example.safetensors" },
    });
    expect(record).toMatchObject({ status: "done", paper: "line-fit", preset: "smoke", seed: 0, resumed: 0 });
    expect(record.versions.node).toBe(process.version.slice(1));
    expect(record.versions["onnxruntime-node"]).toMatch(/^\d+\.\d+/);
    expect(record.machine.cores).toBeGreaterThan(0);
  });

  it("has an id that sorts by time and never collides", async () => {
    const folders = await Promise.all(
      Array.from({ length: 8 }, () => RunFolder.create(out, newRun).catch(() => undefined)),
    );
    const more = [await RunFolder.create(out, newRun), await RunFolder.create(out, newRun)];
    const ids = [...folders, ...more].flatMap((f) => (f === undefined ? [] : [f.record.id]));
    expect(new Set(ids).size).toBe(10);
    expect(more[1]!.record.id > more[0]!.record.id).toBe(true);
    expect(ids[0]).toMatch(/^\d{4}-\d\d-\d\d-\d{6}-\d{3}-line-fit-smoke$/);
  });

  it("is refused where it holds anything, and where it is a file", async () => {
    mkdirSync(join(out, "mine"));
    writeFileSync(join(out, "mine/thesis.txt"), "years of work");
    const at = (path: string) => RunFolder.createAt(path, "id", new Date(), newRun);
    await expect(at(join(out, "mine"))).rejects.toThrow("is not empty");
    expect(readdirSync(join(out, "mine"))).toEqual(["thesis.txt"]);
    await expect(at(join(out, "mine/thesis.txt"))).rejects.toThrow("is a file");
    await expect(at(join(out, "mine/thesis.txt/x"))).rejects.toThrow("a part of the path is a file");
  });

  it("says what is wrong where it is no run folder or damaged", async () => {
    await expect(loadRun(out)).rejects.toThrow("is no run folder: it has no run.json");
    writeFileSync(join(out, "run.json"), "{");
    await expect(loadRun(out)).rejects.toThrow("run.json is damaged: it is no JSON");
    writeFileSync(join(out, "run.json"), "{}");
    await expect(loadRun(out)).rejects.toThrow("run.json is damaged: id:");
  });
});

describe("an atomic write", () => {
  it("replaces a file whole, or leaves it and nothing beside it", async () => {
    const path = join(out, "a/file");
    await writeAtomic(path, new Uint8Array([1]));
    await writeAtomic(path, new Uint8Array([2, 3]));
    expect([...readFileSync(path)]).toEqual([2, 3]);
    mkdirSync(join(out, "folder/inside"), { recursive: true });
    await expect(writeAtomic(join(out, "folder"), new Uint8Array([1]))).rejects.toThrow(
      /cannot write .*folder/,
    );
    expect(readdirSync(out).sort()).toEqual(["a", "folder"]);
    expect(readdirSync(join(out, "a"))).toEqual(["file"]);
  });

  it("explains the disk's errors in one line", () => {
    const line = (code: string) =>
      fileError("write", join(out, "x"), Object.assign(new Error(code), { code })).message;
    expect(line("ENOSPC")).toContain("no space is left on the disk");
    expect(line("EROFS")).toContain("the file system is read-only");
    expect(line("EACCES")).toContain("permission is denied; name a writable folder with --out");
  });
});

/** A small file system of its own, where this process may mount one. */
function mounted(options: string): string | undefined {
  const path = join(out, "mnt");
  mkdirSync(path);
  return spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path]).status === 0 ? path : undefined;
}

describe("a bad disk", () => {
  it("that is read-only gives one line and leaves nothing", async () => {
    const readOnly = mounted("ro");
    if (readOnly === undefined) chmodSync(join(out, "mnt"), 0o555);
    try {
      await expect(RunFolder.create(join(out, "mnt/runs"), newRun)).rejects.toThrow(
        /^cannot write .*: (the file system is read-only|permission is denied); name a writable folder with --out$/,
      );
    } finally {
      if (readOnly !== undefined) spawnSync("umount", [readOnly]);
    }
  });

  it("that fills up fails the run in one line; what was finished is kept and the run can be resumed", async () => {
    const whole = await RunFolder.create(join(out, "whole"), newRun);
    await execute(experiment, whole, { signal });
    const folder = await RunFolder.create(out, newRun);
    const { write } = folder.store;
    const enospc = Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
    let room = 12;
    folder.store.write = (name, bytes) =>
      room-- > 0 ? write(name, bytes) : Promise.reject(fileError("write", join(folder.path, name), enospc));
    const outcome = await execute(experiment, folder, { signal });
    expect(outcome.status).toBe("failed");
    expect((outcome.error as Error).message).toMatch(/^cannot write .*: no space is left on the disk/);
    const again = await resume(folder.path, experimentOf);
    await execute(again.experiment, again.folder, { signal });
    for (const file of ["result.json", "line.onnx", "line.safetensors"]) {
      expect(readFileSync(join(folder.path, file)).equals(readFileSync(join(whole.path, file)))).toBe(true);
    }
  });

  it("that is really full (a tiny file system) does the same", async () => {
    const tiny = mounted("size=40k");
    if (tiny === undefined) return;
    try {
      const folder = await RunFolder.create(tiny, newRun);
      const outcome = await execute(experiment, folder, { signal });
      expect(outcome.status).toBe("failed");
      expect((outcome.error as Error).message).toMatch(/^cannot write .*: no space is left on the disk/);
      expect((await loadRun(folder.path)).record.paper).toBe("line-fit");
    } finally {
      spawnSync("umount", [tiny]);
    }
  });
});

describe("a run that stopped", () => {
  async function stopped(): Promise<RunFolder> {
    const folder = await RunFolder.create(out, newRun);
    const fail = atEvent(60, () => {
      throw new Error("a\nb");
    });
    await execute(experiment, folder, { signal, observer: fail });
    return folder;
  }

  it("is marked, with its error on one line", async () => {
    const { record } = await loadRun((await stopped()).path);
    expect(record).toMatchObject({ status: "failed", error: "a b" });
  });

  it("is resumed only by the versions that started it", async () => {
    const { path, record } = await stopped();
    const old = { ...record, versions: { ...record.versions, paperweight: "0.0.1" } };
    writeFileSync(join(path, "run.json"), JSON.stringify(old));
    await expect(resume(path, experimentOf)).rejects.toThrow("was started with paperweight 0.0.1, this is");
    expect(readdirSync(path).filter((f) => f.startsWith(".lock"))).toEqual([]);
  });

  it("is resumed only with a configuration that the schema still accepts", async () => {
    const { path } = await stopped();
    writeFileSync(join(path, "config.json"), JSON.stringify({ ...lineFit.presets.smoke, gone: 1 }));
    await expect(resume(path, experimentOf)).rejects.toThrow('no configuration key "gone"');
  });

  it("clears the temporary files of a killed process", async () => {
    const { path } = await stopped();
    writeFileSync(join(path, ".123-4.tmp"), "torn");
    const again = await resume(path, experimentOf);
    expect(existsSync(join(path, ".123-4.tmp"))).toBe(false);
    again.folder.release();
  });
});

describe("the lock", () => {
  it("keeps a second process out while the first lives, whatever run.json says", async () => {
    const folder = await RunFolder.create(out, newRun);
    await expect(resume(folder.path, experimentOf)).rejects.toThrow(
      `this run is in the hands of process ${process.pid}`,
    );
    folder.release();
    const again = await resume(folder.path, experimentOf);
    again.folder.release();
  });

  it("of a dead process is taken over, by one contender", async () => {
    const child = spawn(process.execPath, ["-e", "0"]);
    await new Promise((done) => child.on("exit", done));
    writeFileSync(join(out, ".lock-3"), JSON.stringify({ pid: child.pid, host: hostname() }));
    const lock = lockFolder(out);
    expect(() => lockFolder(out)).toThrow("in the hands of");
    expect(readdirSync(out)).toEqual([".lock-4"]);
    lock.release();
    expect(readdirSync(out)).toEqual([]);
  });

  it("of another machine is respected, and the file to delete is named", () => {
    writeFileSync(join(out, ".lock-1"), JSON.stringify({ pid: 1, host: "elsewhere" }));
    expect(() => lockFolder(out)).toThrow(/process 1 on elsewhere: wait for it, or delete .*\.lock-1/);
  });
});

describe("folderStore", () => {
  it("reads, appends and removes; what is not there is undefined", async () => {
    const store = folderStore(out);
    expect(await store.read("x")).toBeUndefined();
    store.append("x", "a");
    store.append("x", "b");
    expect(new TextDecoder().decode(await store.read("x"))).toBe("ab");
    await store.remove("x");
    await store.remove("x");
    expect(readdirSync(out)).toEqual([]);
  });
});
