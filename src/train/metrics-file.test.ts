import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import * as optim from "../optim/index.ts";
import { NDArray } from "../tensor/ndarray.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { fit, memoryCheckpoint } from "./index.ts";
import { metricsFile } from "./metrics-file.node.ts";

const folder = mkdtempSync(join(tmpdir(), "paperweight-metrics-"));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

let files = 0;
const newPath = () => join(folder, "new", `${files++}.jsonl`);
const textOf = (path: string) => readFileSync(path, "utf8");
const linesOf = (path: string) =>
  textOf(path)
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const { time, ...rest } = JSON.parse(line);
      expect(Date.parse(time)).toBeGreaterThan(0);
      return rest;
    });

const training = {
  params: { w: NDArray.from([0]) },
  data: { t: NDArray.from([1]) },
  loss: (p: { w: Tensor }) => ({ fall: p.w.sum().neg() }),
  optimizer: optim.sgd({ learningRate: 1 }),
  evaluate: (p: { w: NDArray }) => ({ w: p.w.item() }),
  evalEvery: 1,
};
const record = (step: number) => ({ step, loss: 1 - step, "loss/fall": 1 - step, "eval/w": step });

describe("metricsFile", () => {
  it("has a line for each entry of the history", async () => {
    const path = newPath();
    await fit({ ...training, steps: 3, log: [metricsFile(path), undefined] });
    expect(linesOf(path).map((l) => ({ ...l, loss: l.loss + 0, "loss/fall": l["loss/fall"] + 0 }))).toEqual(
      [1, 2, 3].map(record),
    );
  });

  it("writes numbers that JSON lacks as texts", () => {
    const path = newPath();
    const log = metricsFile(path);
    log.log(1, { a: Number.NaN, b: Number.POSITIVE_INFINITY, c: Number.NEGATIVE_INFINITY });
    log.close("done");
    expect(linesOf(path)).toEqual([{ step: 1, a: "NaN", b: "Infinity", c: "-Infinity" }]);
  });

  it("writes once a second at most, and before every checkpoint", () => {
    let now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    const path = newPath();
    const log = metricsFile(path);
    const counts: number[] = [];
    for (let step = 1; step <= 6; step++) {
      log.log(step, {});
      counts.push(linesOf(path).length);
      now += 400;
    }
    expect(counts).toEqual([1, 1, 1, 4, 4, 4]);
    log.flush!();
    expect(linesOf(path).length).toBe(6);
  });

  it("after a kill at any byte, a resumed training ends with every line once", async () => {
    const path = newPath();
    const checkpoint = memoryCheckpoint();
    await fit({ ...training, steps: 3, checkpoint, log: [metricsFile(path)] });
    const upTo3 = textOf(path);
    const saved = (await checkpoint.read())!;
    await fit({ ...training, steps: 5, checkpoint, log: [metricsFile(path)] });
    const upTo5 = textOf(path);
    expect(upTo5.startsWith(upTo3)).toBe(true);
    for (let cut = upTo3.length; cut <= upTo5.length; cut += 7) {
      writeFileSync(path, upTo5.slice(0, cut));
      await checkpoint.write(saved);
      await fit({ ...training, steps: 5, checkpoint, log: [metricsFile(path)] });
      expect(linesOf(path).map((l) => l.step)).toEqual([1, 2, 3, 4, 5]);
      expect(textOf(path).startsWith(upTo3)).toBe(true);
    }
  });

  it("a training that starts anew begins the file anew", async () => {
    const path = newPath();
    for (const steps of [4, 2]) await fit({ ...training, steps, log: [metricsFile(path)] });
    expect(linesOf(path).map((l) => l.step)).toEqual([1, 2]);
  });

  it.each(["# Notes\n", "one", '{"step":1}\nhello\n{"step":2}\n', '{"loss":1}\n'])(
    "leaves a file alone that is none of its own: %j",
    async (text) => {
      const path = join(folder, "notes.txt");
      writeFileSync(path, text);
      await expect(fit({ ...training, steps: 1, log: [metricsFile(path)] })).rejects.toThrow(
        `of ${path} is no record of a training: name another file`,
      );
      expect(textOf(path)).toBe(text);
    },
  );

  it("takes a first line that is torn", async () => {
    const path = join(folder, "torn.jsonl");
    writeFileSync(path, "");
    appendFileSync(path, '{"step":1,"ti');
    await fit({ ...training, steps: 1, log: [metricsFile(path)] });
    expect(linesOf(path).map((l) => l.step)).toEqual([1]);
  });
});

describe("loggers", () => {
  it("are told of the beginning, the checkpoints and the end", async () => {
    const calls: unknown[] = [];
    const log = [
      {
        start: (step: number, past: unknown) => void calls.push(["start", step, past]),
        log: (step: number) => void calls.push(["log", step]),
        flush: () => void calls.push(["flush"]),
        close: (outcome: string) => void calls.push(["close", outcome]),
      },
    ];
    const checkpoint = memoryCheckpoint();
    const onCheckpoint = ({ step }: { step: number }) => calls.push(["saved", step]);
    const common = { ...training, evaluate: undefined, loss: (p: { w: Tensor }) => p.w.sum().neg() };
    await fit({ ...common, steps: 2, log, checkpoint, checkpointEvery: 1, onCheckpoint });
    expect(calls.splice(0)).toEqual([
      ["start", 0, []],
      ["log", 1],
      ["flush"],
      ["saved", 1],
      ["log", 2],
      ["flush"],
      ["saved", 2],
      ["close", "done"],
    ]);
    const failing = () => {
      throw new Error("stop");
    };
    await expect(fit({ ...common, steps: 3, log, checkpoint, onStep: failing })).rejects.toThrow("stop");
    expect(calls).toEqual([
      [
        "start",
        2,
        [
          { step: 1, values: { loss: 0 } },
          { step: 2, values: { loss: -1 } },
        ],
      ],
      ["close", "failed"],
    ]);
  });
});
