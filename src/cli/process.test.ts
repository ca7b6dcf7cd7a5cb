import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildCli } from "../../test/fixtures/build-cli.ts";
import { readLines } from "../experiment/metrics.ts";

/** The command line as a process of its own, which can be killed. */

let program: string;
let cwd: string;
beforeAll(async () => {
  program = await buildCli();
  cwd = mkdtempSync(join(tmpdir(), "paperweight-process-"));
});
afterAll(() => {
  rmSync(dirname(dirname(dirname(program))), { recursive: true, force: true });
  rmSync(cwd, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function start(line: string): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [program, ...line.split(" ")], { cwd });
  let [out, err] = ["", ""];
  child.stdout.on("data", (text) => {
    out += text;
  });
  child.stderr.on("data", (text) => {
    err += text;
  });
  const ended = new Promise<Ended>((resolve) => child.on("close", (code) => resolve({ code, out, err })));
  return { child, ended };
}

const work = "run line-fit --preset smoke --set steps=60 --set delay=3";
const folders = (out: string) => readdirSync(join(cwd, out)).map((id) => join(cwd, out, id));
const status = (folder: string) => JSON.parse(readFileSync(join(folder, "run.json"), "utf8")).status;

/** Wait until the run in `out` has written its checkpoint of the given stage. */
async function checkpointed(out: string, stage: string): Promise<string> {
  for (;;) {
    const folder = existsSync(join(cwd, out)) ? folders(out)[0] : undefined;
    if (folder !== undefined && existsSync(join(folder, "resume", `${encodeURIComponent(stage)}.checkpoint`)))
      return folder;
    await sleep(5);
  }
}

/** Everything that must be the same in two runs, without times. */
function outcome(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((name) => name !== "run.json" && name !== "report.html");
  return Object.fromEntries(
    names.map((name) => {
      const bytes = new Uint8Array(readFileSync(join(folder, name)));
      const lines = () => readLines(bytes).map(({ time: _, ...rest }) => JSON.stringify(rest));
      return [name, name === "metrics.jsonl" ? lines().join("\n") : Buffer.from(bytes).toString("latin1")];
    }),
  );
}

describe("a process that dies", () => {
  it("by kill -9, twice, is resumed and ends bit-identical to one that was never killed", async () => {
    const whole = start(`${work} --out whole --quiet`);
    const killed = start(`${work} --out killed`);
    const folder = await checkpointed("killed", "seed 0");
    await sleep(20);
    killed.child.kill("SIGKILL");
    await killed.ended;
    expect(status(folder)).toBe("running");
    expect((await start(`show ${folder}`).ended).out).toContain("killed (go on with --resume)");

    const again = start(`run --resume ${folder}`);
    await checkpointed("killed", "seed 1");
    const second = await start(`run --resume ${folder}`).ended;
    expect([second.code, second.err]).toEqual([
      1,
      expect.stringContaining(`in the hands of process ${again.child.pid}`),
    ]);
    again.child.kill("SIGKILL");
    await again.ended;

    const last = await start(`run --resume ${folder} --json`).ended;
    expect(last.code).toBe(0);
    expect(JSON.parse(last.out).run).toMatchObject({ status: "done", resumed: 2 });
    await whole.ended;
    expect(outcome(folder)).toEqual(outcome(folders("whole")[0]!));
    expect(readdirSync(folder).filter((f) => f.startsWith(".") || f === "resume")).toEqual([]);
  });

  it("by Ctrl-C or SIGTERM exits with 130, having written its checkpoint", async () => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      const run = start(`${work} --out ${signal}`);
      const folder = await checkpointed(signal, "seed 0");
      run.child.kill(signal);
      const { code, err } = await run.ended;
      expect([code, status(folder)]).toEqual([130, "interrupted"]);
      expect(err).toContain("interrupted; go on with: paperweight run --resume");
    }
  });
});

describe("as a process", () => {
  it("answers with exit codes, and stdout holds one JSON document", async () => {
    const [usage, json] = await Promise.all([
      start("run nothing").ended,
      start("run line-fit --preset smoke --json --out json").ended,
    ]);
    expect([usage.code, usage.out, usage.err]).toEqual([2, "", expect.stringMatching(/^paperweight: .*\n$/)]);
    expect([json.code, json.err, JSON.parse(json.out).run.status]).toEqual([0, "", "done"]);
  });

  it("ends quietly when its reader has gone", async () => {
    const { child, ended } = start("info line-fit");
    child.stdout!.destroy();
    const { code, err } = await ended;
    expect([code, err]).toEqual([0, ""]);
  });
});
