import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildCli } from "../../test/fixtures/build-cli.ts";
import { decodeSafetensors } from "../onnx/safetensors.ts";

/**
 * Training in a process of its own: batch normalisation, dropout, AdamW with clipping and schedule, shuffled batches, accumulation, an
 * average of the weights, a loss of two parts, the best weights, metrics. See test/fixtures/killed-training.ts.
 */

let program: string;
let folder: string;
beforeAll(async () => {
  program = await buildCli("test/fixtures/killed-training.ts");
  folder = mkdtempSync(join(tmpdir(), "paperweight-kill-"));
});
afterAll(() => {
  rmSync(dirname(dirname(dirname(program))), { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
});

interface Training {
  /** Resolves with the first step once so many more are made. */
  made(steps: number): Promise<number>;
  readonly ended: Promise<{
    readonly signal: NodeJS.Signals | null;
    readonly last: number;
    readonly err: string;
  }>;
  kill(): void;
}

function start(name: string, millisecondsPerStep: number): Training {
  const child = spawn(process.execPath, [program, join(folder, name), String(millisecondsPerStep)]);
  let [err, first, last] = ["", 0, 0];
  child.stderr.on("data", (text) => {
    err += text;
  });
  child.stdout.on("data", (text) => {
    const steps = String(text).trim().split("\n").map(Number);
    first ||= steps[0]!;
    last = steps.at(-1)!;
  });
  const ended = new Promise<Awaited<Training["ended"]>>((resolve) => {
    child.on("close", (_, signal) => resolve({ signal, last, err }));
  });
  const made = async (steps: number) => {
    while (child.exitCode === null && (first === 0 || last < first + steps)) await sleep(2);
    return first;
  };
  return { made, ended, kill: () => child.kill("SIGKILL") };
}

const read = (name: string, file: string) => readFileSync(join(folder, name, file));

function linesOf(name: string): unknown[] {
  const lines = read(name, "metrics.jsonl").toString().trim().split("\n");
  return lines.map((line) => ({ ...(JSON.parse(line) as object), time: undefined }));
}

describe("a training that is killed twenty times", () => {
  it("ends with the bits of one that was never killed", async () => {
    const whole = start("whole", 0).ended;
    const kills: { at: number; from: number | undefined }[] = [];
    while (kills.length < 20) {
      const training = start("killed", 4);
      // In turn somewhere in its work, and at any moment of its life, so also while it starts.
      const from = kills.length % 2 === 0 ? await training.made(Math.random() * 40) : undefined;
      await sleep(Math.random() * (from === undefined ? 500 : 10));
      training.kill();
      const { signal, last, err } = await training.ended;
      expect([signal, err]).toEqual(["SIGKILL", ""]);
      kills.push({ at: last, from });
    }
    const { signal, err, last } = await start("killed", 0).ended;
    expect([signal, err, last]).toEqual([null, "", 600]);
    expect((await whole).err).toBe("");

    // The kills did cut into the work, which went on from the last checkpoint, at most five steps and a step under way back.
    const worked = kills.filter((k) => k.from !== undefined);
    worked.forEach((k, i) => expect(k.from).toBeGreaterThanOrEqual(i === 0 ? 1 : worked[i - 1]!.at - 5));
    expect(worked.at(-1)!.at).toBeGreaterThan(50);

    expect(decodeSafetensors(read("killed", "final.safetensors"))).toEqual(
      decodeSafetensors(read("whole", "final.safetensors")),
    );
    for (const file of ["final.safetensors", "checkpoint.safetensors"])
      expect(read("killed", file).equals(read("whole", file)), file).toBe(true);
    expect(linesOf("killed")).toEqual(linesOf("whole"));
    expect(linesOf("killed").length).toBe(Math.ceil(600 / 7));
    expect(readdirSync(join(folder, "killed")).sort()).toEqual([
      "board",
      "checkpoint.safetensors",
      "final.safetensors",
      "metrics.jsonl",
    ]);
  });
});
