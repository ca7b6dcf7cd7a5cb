import { describe, expect, it } from "vitest";
import type { Io } from "./io.ts";
import { ProgressLine } from "./progress.ts";

function setUp(tty: boolean, columns = 100) {
  let text = "";
  let time = 0;
  const write = (t: string): void => {
    text += t;
  };
  const wait = (ms: number): void => {
    time += ms;
  };
  const output = { isTTY: tty, columns, write };
  const io = { stderr: output, stdout: output, env: { NO_COLOR: "1" } } as unknown as Io;
  const line = new ProgressLine(io, () => time);
  const take = (): string => {
    const taken = text;
    text = "";
    return taken;
  };
  return { line, take, wait };
}

describe("progress on a terminal", () => {
  it("is one line, redrawn: stage, bar, steps, rate, loss, time left here and in all", () => {
    const { line, take, wait } = setUp(true);
    line.plan(["a", "b", "c"]);
    line.stage({ name: "a", state: "started" });
    const bar = line.progress({ label: "a", total: 100 });
    bar.update({ step: 0 });
    wait(10_000);
    take();
    bar.update({ step: 25, loss: 3.21e-4 });
    expect(take()).toBe(
      "\r\u001b[2K  [1/3] a  ▕█████▎               ▏  25/100  2.5/s  loss 3.21e-4  30 s left, about 1 min 50 s in all",
    );
  });

  it("is redrawn at most ten times a second and never wider than the terminal", () => {
    const { line, take, wait } = setUp(true, 40);
    line.plan(["a rather long name of a stage", "b"]);
    line.stage({ name: "a rather long name of a stage", state: "started" });
    const bar = line.progress({ label: "a rather long name of a stage", total: 1000 });
    take();
    for (let step = 0; step < 100; step++) {
      bar.update({ step, loss: 0.1 });
      wait(5);
    }
    const drawn = take().split("\r\u001b[2K").slice(1);
    expect(drawn.length).toBeLessThanOrEqual(6);
    expect(Math.max(...drawn.map((d) => d.length))).toBeLessThanOrEqual(39);
  });

  it("leaves a line for every finished stage and nothing of itself", () => {
    const { line, take, wait } = setUp(true);
    line.plan(["a", "b"]);
    line.stage({ name: "a", state: "remembered" });
    line.stage({ name: "b", state: "started" });
    wait(1500);
    line.stage({ name: "b", state: "finished" });
    line.clear();
    expect(take()).toBe("✓ [1/2] a  done before\n\r\u001b[2K  [2/2] b\r\u001b[2K✓ [2/2] b  1.5 s\n");
  });

  it("keeps the log above the line", () => {
    const { line, take } = setUp(true);
    line.stage({ name: "a", state: "started" });
    take();
    line.log("rejected 3 %\u001b[31m");
    expect(take()).toBe("\r\u001b[2Krejected 3 %[31m\n");
  });
});

describe("progress elsewhere", () => {
  it("is a plain line now and then", () => {
    const { line, take, wait } = setUp(false);
    line.stage({ name: "a", state: "started" });
    const bar = line.progress({ label: "a", total: 1000 });
    for (let step = 0; step <= 240; step++) {
      bar.update({ step, loss: 0.5 });
      wait(100);
    }
    line.stage({ name: "a", state: "finished" });
    const lines = take().trimEnd().split("\n");
    expect(lines).toEqual([
      "a",
      "  a  100/1000  10/s  loss 0.5  1 min 30 s left",
      "  a  200/1000  10/s  loss 0.5  1 min 20 s left",
      "✓ a  24 s",
    ]);
  });
});
