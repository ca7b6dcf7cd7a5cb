import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliOptions, cli as cliIn } from "../../test/fixtures/io.ts";
import lineFit from "../../test/fixtures/line-fit.ts";
import { fixturePapers } from "../../test/fixtures/papers.ts";
import { atLeast, claim } from "../experiment/claims.ts";
import type { Experiment } from "../experiment/define.ts";
import type { PaperEntry } from "../papers/index.ts";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "paperweight-cli-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const cli = (line: string, o?: CliOptions) => cliIn(cwd, line === "" ? [] : line.split(" "), o);
const runIds = () => readdirSync(join(cwd, "runs")).sort();
const lastRun = () => join(cwd, "runs", runIds().at(-1)!);
const readRun = () => JSON.parse(readFileSync(join(lastRun(), "run.json"), "utf8"));

/** The fixture with some of it replaced. */
function papersWith(change: Partial<Experiment>): readonly PaperEntry[] {
  return [{ ...fixturePapers[0]!, load: async () => ({ ...(lineFit as Experiment), ...change }) }];
}

describe("bad usage exits with 2 and one line", () => {
  it.each([
    ["run lin-fit", 'there is no paper "lin-fit": did you mean line-fit?'],
    ["run transformer", 'there is no paper "transformer": paperweight list shows what there is'],
    ["run", "name a paper: paperweight run <paper>; paperweight list shows what there is"],
    ["run line-fit --preset smok", 'there is no preset "smok": did you mean smoke?'],
    ["run line-fit --prset smoke", "unknown option '--prset': did you mean --preset?"],
    ["rn line-fit", "unknown command 'rn': did you mean run?"],
    ["run line-fit --seed -1", "--seed -1: a seed is a whole number from 0"],
    ["run line-fit --seed 1e3", "--seed 1e3: a seed is a whole number from 0"],
    ["run line-fit --device gpu", 'there is no device "gpu": did you mean cpu?'],
    ["run line-fit --set stepz=1", 'line-fit has no configuration key "stepz": did you mean steps?'],
    ["run line-fit --set steps=many", 'steps = "many" does not fit: expected number, received string'],
    ["run line-fit --set steps", "--set steps: write key=value, such as --set steps=300"],
    ["run --resume latest --seed 3", "--resume goes on with the run's own settings: leave out --seed"],
    ["run --resume latest", "there is no run in ./runs yet: make one with paperweight run"],
    ["info", "missing required argument 'paper'"],
    ["show nothing", 'there is no run "nothing": name a run folder, an id in ./runs, or latest'],
    ["list --family regresion", 'there is no family "regresion": did you mean regression?'],
    ["list extra", "too many arguments for 'list'. Expected 0 arguments but got 1."],
  ])("paperweight %s", async (line, message) => {
    const { code, out, err } = await cli(line);
    expect({ code, out, err }).toEqual({ code: 2, out: "", err: `paperweight: ${message}\n` });
    expect(existsSync(join(cwd, "runs"))).toBe(false);
  });

  it("also as one JSON document with --json", async () => {
    const { code, out, err } = await cli("run lin-fit --json");
    expect(JSON.parse(out)).toEqual({
      error: 'there is no paper "lin-fit": did you mean line-fit?',
      exitCode: 2,
    });
    expect([code, err.split("\n").length]).toEqual([2, 2]);
  });
});

describe("help and version", () => {
  it("go to stdout and exit with 0", async () => {
    for (const line of ["", "--help", "run --help"]) {
      const { code, out, err } = await cli(line);
      expect([code, err]).toEqual([0, ""]);
      expect(out).toContain("Usage: paperweight");
    }
    expect((await cli("--version")).out).toBe("0.0.0-test\n");
  });
});

describe("list and info", () => {
  it("list shows a line a paper, with the verdicts of its last finished run", async () => {
    expect((await cli("list")).out.split("\n")[1]).toMatch(/line-fit +On fitting .* 1809 +regression +–$/);
    await cli("run line-fit --preset smoke --quiet");
    expect((await cli("list")).out.replace(/\s+/g, " ")).toContain("smoke: 1 exact, 2");
    const json = JSON.parse((await cli("list --family regression --json")).out);
    expect(json).toMatchObject([{ slug: "line-fit", year: 1809, lastRun: { preset: "smoke" } }]);
  });

  it("info shows presets with their cost and every option", async () => {
    const { out } = await cli("info line-fit");
    for (const part of [
      "Ada Example",
      "arXiv:1809.00001",
      "smoke   1 s",
      "data.noise",
      "gradient steps for each fit",
      "the loss stops falling after 300",
    ]) {
      expect(out).toContain(part);
    }
    expect(JSON.parse((await cli("info line-fit --json")).out)).toMatchObject({
      durations: { full: "3 s" },
      options: [{ key: "steps" }, {}, {}, {}, {}, {}, {}, {}],
    });
  });
});

describe("run", () => {
  it("leaves a finished run folder, its claims on stdout, its progress on stderr", async () => {
    const { code, out, err } = await cli("run line-fit --preset smoke --seed 3 --set steps=50 --set label=x");
    expect(code).toBe(0);
    expect(out).toContain("1 exact, 2 reproduced, 1 not attempted");
    expect(out).toMatch(/report {2}runs\/.*line-fit-smoke\/report.html/);
    expect(err).toContain("✓ [1/3] seed 0");
    expect(readRun()).toMatchObject({ status: "done", seed: 3, changes: ["steps=50", "label=x"] });
    expect(readFileSync(join(lastRun(), "report.html"), "utf8")).toContain("--set steps=50 --set label=x");
  });

  it("--json prints one document and nothing else", async () => {
    const { code, out, err } = await cli("run line-fit --preset smoke --json");
    const document = JSON.parse(out);
    expect([code, err]).toEqual([0, ""]);
    expect(document).toMatchObject({
      run: { status: "done", paper: "line-fit" },
      config: { steps: 40 },
      path: lastRun(),
    });
    expect(document.result.claims).toHaveLength(4);
    expect(JSON.parse((await cli("show latest --json")).out)).toEqual(document);
  });

  it("--quiet prints nothing", async () => {
    expect(await cli("run line-fit --preset smoke --quiet")).toEqual({ code: 0, out: "", err: "" });
  });

  it("--out names the folder of the run folders", async () => {
    await cli("run line-fit --preset smoke --quiet --out elsewhere/deep");
    expect(readdirSync(join(cwd, "elsewhere/deep"))).toHaveLength(1);
  });

  it("colours only a terminal, and not with NO_COLOR", async () => {
    const line = "run line-fit --preset smoke";
    expect((await cli(line, { tty: true })).out).toContain("\u001b[32m");
    expect((await cli(line, { tty: true, env: { NO_COLOR: "1" } })).out).not.toContain("\u001b[3");
    expect((await cli(line)).out).not.toContain("\u001b");
  });

  it("--strict exits with 3 where an attempted claim did not hold, with or without --json", async () => {
    const statement = { id: "C9", statement: "It is large.", paper: null, scale: "smoke" };
    const papers = papersWith({
      run: async () => ({
        claims: [claim(statement).judge({ values: 1, criterion: atLeast(2) })],
        tables: [],
        charts: [],
        models: {},
      }),
    });
    expect((await cli("run line-fit --preset smoke", { papers })).code).toBe(0);
    const strict = await cli("run line-fit --preset smoke --strict --json", { papers });
    expect([strict.code, strict.err]).toEqual([3, "paperweight: --strict: C9 not reproduced\n"]);
    expect(JSON.parse(strict.out).result.claims[0].verdict).toBe("not reproduced");
    expect((await cli("run line-fit --preset smoke --strict")).code).toBe(0);
  });

  it("exits with 1 and one line where the experiment fails; a stack only with PAPERWEIGHT_DEBUG", async () => {
    const papers = papersWith({
      run: async () => {
        throw new RangeError("matmul of [2, 3] and [4, 5]:\n inner sizes differ");
      },
    });
    const { code, out, err } = await cli("run line-fit --preset smoke", { papers });
    expect([code, out]).toEqual([1, ""]);
    expect(err.trimEnd().split("\n").at(-1)).toMatch(
      /^paperweight: line-fit failed: matmul of \[2, 3\] and \[4, 5\]: inner sizes differ \(finished stages are kept: paperweight run --resume runs\/\S+\)$/,
    );
    expect(readRun()).toMatchObject({
      status: "failed",
      error: "matmul of [2, 3] and [4, 5]: inner sizes differ",
    });
    expect(
      (await cli("run line-fit --preset smoke", { papers, env: { PAPERWEIGHT_DEBUG: "1" } })).err,
    ).toContain("RangeError");
    expect((await cli("show latest")).out).toContain("inner sizes differ");
  });

  it("exits with 1 where the run folder cannot be made", async () => {
    writeFileSync(join(cwd, "runs"), "a file of the user's");
    const { code, err } = await cli("run line-fit --preset smoke");
    expect([code, err.trimEnd().split("\n").length]).toEqual([1, 1]);
    expect(err).toContain("a part of the path is a file");
    expect(readFileSync(join(cwd, "runs"), "utf8")).toBe("a file of the user's");
  });
});

describe("an interrupt", () => {
  const interruptSoon: CliOptions = { onListen: (interrupt) => setTimeout(interrupt, 60) };
  const slow = "run line-fit --preset smoke --set delay=2 --set steps=60";

  it("stops at the next step, exits with 130 and says how to go on; the resumed run is bit-identical", async () => {
    const { code, out, err } = await cli(slow, interruptSoon);
    const folder = lastRun();
    expect([code, out]).toEqual([130, ""]);
    expect(err).toContain("stopping at the next step (interrupt again to stop at once)");
    expect(err.trimEnd().split("\n").at(-1)).toBe(
      `paperweight: interrupted; go on with: paperweight run --resume runs/${runIds()[0]}`,
    );
    expect(readRun().status).toBe("interrupted");
    expect((await cli("show latest")).out).toContain("interrupted");

    const resumed = await cli(`run --resume runs/${runIds()[0]}`);
    expect(resumed.code).toBe(0);
    expect(resumed.err).toContain("resuming line-fit, smoke, seed 0");
    expect(readRun()).toMatchObject({ status: "done", resumed: 1 });
    await cli(`${slow} --quiet`);
    for (const file of ["result.json", "line.onnx", "line.safetensors"]) {
      expect(readFileSync(join(folder, file)).equals(readFileSync(join(lastRun(), file)))).toBe(true);
    }
  });

  it("a second time ends the process at once", async () => {
    let problem = "";
    await cli(slow, {
      onListen: (interrupt) =>
        setTimeout(() => {
          interrupt();
          try {
            interrupt();
          } catch (error) {
            problem = (error as Error).message;
          }
        }, 60),
    });
    expect(problem).toBe("exit 130");
  });

  it("resuming a run that is done says so and shows it", async () => {
    await cli("run line-fit --preset smoke --quiet");
    const { code, out, err } = await cli("run --resume latest");
    expect([code, err]).toEqual([0, `${runIds()[0]} is done already\n`]);
    expect(out).toContain("1 exact, 2 reproduced");
    expect((await cli("run widenet --resume latest")).err).toContain("is a run of line-fit, not of widenet");
  });
});

describe("show, compare and verify", () => {
  it("show takes a path, an id or latest", async () => {
    await cli("run line-fit --preset smoke --quiet");
    const [id] = runIds();
    const texts = await Promise.all([`show runs/${id}`, `show ${id}`, "show latest"].map((l) => cli(l)));
    expect(new Set(texts.map((t) => t.out)).size).toBe(1);
    expect((await cli(`show ${id!.slice(0, -1)}`)).err).toContain(`did you mean ${id}?`);
    mkdirSync(join(cwd, "empty"));
    expect((await cli("show empty")).err).toBe("paperweight: empty is no run folder: it has no run.json\n");
  });

  it("compare shows settings that differ and the claims side by side", async () => {
    await cli("run line-fit --preset smoke --quiet");
    await cli("run line-fit --preset quick --seed 1 --set data.noise=0.2 --quiet");
    const [a, b] = runIds();
    const { code, out } = await cli(`compare ${a} ${b}`);
    expect(code).toBe(0);
    for (const row of [
      /preset +smoke +quick/,
      /seed +0 +1/,
      /data\.noise +0 +0\.2/,
      /C1 /,
      /files differ: config\.json, line\./,
    ])
      expect(out).toMatch(row);
    expect(out).not.toMatch(/learningRate/);
    const same = await cli(`compare ${a} ${a} --json`);
    expect(JSON.parse(same.out)).toMatchObject({
      identical: true,
      settings: [],
      differingFiles: [],
      claims: [{ id: "C1", ratio: 1 }, {}, {}, {}],
    });
  });

  it("verify runs again and finds the same bytes", async () => {
    await cli("run line-fit --preset smoke --seed 2 --set steps=30 --quiet");
    const { code, out } = await cli("verify latest");
    expect(code).toBe(0);
    expect(out).toContain("✓ verified");
    expect(runIds()).toHaveLength(1);
    expect(JSON.parse((await cli("verify latest --json")).out)).toMatchObject({
      identical: true,
      comparedFiles: 5,
    });
  });

  it("verify exits with 1 and shows where the result is not what is written there", async () => {
    await cli("run line-fit --preset smoke --quiet");
    const path = join(lastRun(), "result.json");
    writeFileSync(path, readFileSync(path, "utf8").replace(/"mean": [\d.e-]+/, '"mean": 1e-9'));
    const { code, out } = await cli("verify latest");
    expect(code).toBe(1);
    expect(out).toContain("✗ not the same");
    expect(out).toContain("1 of 5 files differ: result.json");
  });

  it("verify refuses a run that is not done", async () => {
    await cli("run line-fit --preset smoke --set delay=5", { onListen: (interrupt) => interrupt() });
    const { code, err } = await cli("verify latest");
    expect([code, err]).toEqual([
      1,
      expect.stringContaining("is not done (interrupted): finish it with --resume"),
    ]);
  });
});
