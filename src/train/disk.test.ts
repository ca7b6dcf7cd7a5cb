import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import * as optim from "../optim/index.ts";
import { NDArray } from "../tensor/ndarray.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { fileCheckpoint } from "./checkpoint.node.ts";
import { type CheckpointStore, decodeCheckpoint, memoryCheckpoint } from "./checkpoint.ts";
import { type FitOptions, fit } from "./index.ts";
import { metricsFile } from "./metrics-file.node.ts";
import { replaceFile } from "./replace-file.node.ts";

const folder = mkdtempSync(join(tmpdir(), "paperweight-disk-"));
const mounted = join(folder, "small");
const canMount = mountSmall();
afterAll(() => {
  if (canMount) execFileSync("umount", [mounted]);
  rmSync(folder, { recursive: true });
});
afterEach(() => vi.restoreAllMocks());

/** A file system of 64 kB, where that may be made. */
function mountSmall(): boolean {
  mkdirSync(mounted);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", mounted], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

type Params = { w: NDArray };
type Batch = { t: NDArray };

function training(more: Partial<FitOptions<Params, Batch>>, size = 4) {
  return {
    params: { w: NDArray.zeros([size]) },
    data: { t: NDArray.from([1]) },
    loss: (p: { w: Tensor }, { t }: { t: Tensor }) => p.w.sub(t).square().mean(),
    optimizer: optim.sgd({ learningRate: 0.1, momentum: 0.9 }),
    steps: 8,
    evalEvery: 1,
    checkpointEvery: 2,
    threads: 1,
    ...more,
  };
}

async function messageOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => "",
    (error: Error) => error.message,
  );
}

describe("how often a training writes", () => {
  /** The steps at which a checkpoint is written, where every step takes so many seconds. */
  async function savedSteps(seconds: number, options: Partial<FitOptions<Params, Batch>>): Promise<number[]> {
    let now = 5000;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    const saved: number[] = [];
    await fit({
      ...training({ checkpointEvery: undefined, checkpoint: memoryCheckpoint(), ...options }),
      onStep: () => {
        now += 1000 * seconds;
      },
      onCheckpoint: ({ step }) => saved.push(step),
    });
    return saved;
  }

  it("by itself, a checkpoint at an evaluation, not more often than every 10 seconds, and at the end", async () => {
    expect(await savedSteps(3, { steps: 12 })).toEqual([1, 5, 9, 12]);
    expect(await savedSteps(10, { steps: 3 })).toEqual([1, 2, 3]);
    expect(await savedSteps(0, { steps: 12 })).toEqual([1, 12]);
  });

  it("every so many steps, every so many seconds at most, or what comes later of both", async () => {
    expect(await savedSteps(0, { checkpointEvery: 3 })).toEqual([3, 6, 8]);
    expect(await savedSteps(2, { checkpointSeconds: 4 })).toEqual([1, 3, 5, 7, 8]);
    expect(await savedSteps(2, { checkpointEvery: 3, checkpointSeconds: 7 })).toEqual([3, 8]);
    await expect(savedSteps(1, { checkpointSeconds: -1 })).rejects.toThrow("checkpointSeconds is -1");
  });
});

describe("a full disk", () => {
  it("ends the training with one line; the last checkpoint stays, and the training goes on from it", async () => {
    const whole = await fit(training({}));
    const held = memoryCheckpoint();
    let writes = 0;
    const failing: CheckpointStore = {
      read: held.read,
      write: async (bytes) => {
        if (++writes === 3) throw new Error("fit: cannot write the checkpoint: no space is left on the disk");
        await held.write(bytes);
      },
    };
    expect(await messageOf(fit(training({ checkpoint: failing })))).toBe(
      "fit: cannot write the checkpoint: no space is left on the disk; the checkpoint of step 4 is kept",
    );
    expect(decodeCheckpoint((await held.read())!).journal.step).toBe(4);
    expect(await fit(training({ checkpoint: held }))).toEqual(whole);
  });

  it.runIf(canMount)(
    "of 64 kB, really: once there is room, the training ends as on a large one",
    async () => {
      const size = 3000; // 24 kB for weights and momentum: one checkpoint fits beside the ballast, its successor does not.
      const whole = await fit(training({}, size));
      const path = join(mounted, "run.safetensors");
      const checkpoint = fileCheckpoint(path);
      await fit(training({ checkpoint, steps: 2 }, size));
      const before = readFileSync(path);
      writeFileSync(join(mounted, "ballast"), new Uint8Array(20_000));
      expect(await messageOf(fit(training({ checkpoint }, size)))).toBe(
        `fit: cannot write the checkpoint ${path}: no space is left on the disk: free some, then run again; the checkpoint of step 2 is kept`,
      );
      expect(readdirSync(mounted).sort()).toEqual(["ballast", "run.safetensors"]);
      expect(readFileSync(path)).toEqual(before);
      rmSync(join(mounted, "ballast"));
      expect(await fit(training({ checkpoint }, size))).toEqual(whole);
    },
  );

  it.runIf(process.platform === "linux")("ends the training where metrics cannot be written", async () => {
    const checkpoint = memoryCheckpoint();
    const log = [metricsFile("/dev/full")];
    expect(await messageOf(fit(training({ checkpoint, log })))).toBe(
      "fit: cannot write the metrics /dev/full: no space is left on the disk: free some, then run again; no checkpoint was written",
    );
  });

  it("never leaves a checkpoint that is ahead of the metrics", async () => {
    const checkpoint = memoryCheckpoint();
    let flushes = 0;
    const flush = () => {
      if (++flushes === 3) throw new Error("fit: cannot write the metrics");
    };
    const log = [{ log: () => {}, flush, close: () => {} }];
    expect(await messageOf(fit(training({ checkpoint, log })))).toBe(
      "fit: cannot write the metrics; the checkpoint of step 4 is kept",
    );
    expect(decodeCheckpoint((await checkpoint.read())!).journal.step).toBe(4);
  });
});

describe("replaceFile", () => {
  const bytes = Uint8Array.of(1, 2, 3);

  it("leaves the old file, and nothing else, where it fails", async () => {
    const path = join(folder, "folder");
    mkdirSync(join(path, "held"), { recursive: true });
    await expect(replaceFile(path, bytes)).rejects.toThrow();
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    expect(readdirSync(path)).toEqual(["held"]);
  });

  it("writes over what a killed process left, and a checkpoint takes it away", async () => {
    const path = join(folder, "c", "run.safetensors");
    mkdirSync(join(folder, "c"));
    writeFileSync(join(folder, "c", ".run.safetensors.tmp"), "half of a long checkpoint");
    await fileCheckpoint(path).write(bytes);
    expect(readdirSync(join(folder, "c"))).toEqual(["run.safetensors"]);
    expect(new Uint8Array(readFileSync(path))).toEqual(bytes);
  });
});
