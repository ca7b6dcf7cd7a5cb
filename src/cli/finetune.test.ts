import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliOptions, cli as cliIn } from "../../test/fixtures/io.ts";
import { writeNpz } from "../data/npy.ts";
import * as nn from "../nn/index.ts";
import { exportModel } from "../onnx/export.ts";
import { importModel } from "../onnx/import.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";
import { groupClasses, type Preparation, prepare, withMirrored } from "./examples.node.ts";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "paperweight-finetune-"));
  const model = nn.mlp({ sizes: [2, 16, 2], activation: "relu" });
  writeFileSync(join(cwd, "model.onnx"), exportModel(model, model.init(random.key(1)), { x: ["batch", 2] }));
  writeFileSync(join(cwd, "data.npz"), writeNpz(aboveDiagonal(300, 2)));
  writeFileSync(join(cwd, "test.npz"), writeNpz(aboveDiagonal(200, 3)));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

/** Points of the square, and whether they lie above its diagonal. */
function aboveDiagonal(n: number, seed: number) {
  const x = random.uniform(random.key(seed), [n, 2], { low: -1, high: 1 });
  const above = (i: number) => (x.data[2 * i]! < x.data[2 * i + 1]! ? 1n : 0n);
  return {
    x,
    y: new NDArray(
      BigInt64Array.from({ length: n }, (_, i) => above(i)),
      [n],
    ),
  };
}

const cli = (line: string, o?: CliOptions) => cliIn(cwd, line.split(" "), o);
const tune = (more = "", o?: CliOptions) =>
  cli(
    `finetune model.onnx --data data.npz --test test.npz --lr 1e-2 --epochs 10 --batch 30 -o out.onnx${more}`,
    o,
  );
const modelHere = () => importModel(readFileSync(join(cwd, "out.onnx")));

describe("paperweight finetune", () => {
  it("writes the tuned model and a report, and says what was gained", async () => {
    const { code, out, err } = await tune();
    expect([code, err.split("\n").filter((l) => l.startsWith("epoch ")).length]).toEqual([0, 10]);
    expect(out).toMatch(/✓ out\.onnx {2}82 of 82 numbers trained on 270 examples/);
    expect(out).toMatch(
      /validation accuracy {2}0\.\d+ → (1|0\.9\d+) {2}30 examples, epoch \d+ of 10 is kept/,
    );
    expect(out).toMatch(/test accuracy {8}0\.\d+ → (1|0\.9\d+) {2}200 examples/);
    expect(modelHere().inputs[0]!.shape).toEqual(["batch", 2]);
    const report = readFileSync(join(cwd, "out.html"), "utf8");
    expect(report).toContain("npx paperweight finetune model.onnx --data data.npz --test test.npz --lr 1e-2");
    expect(report.match(/<svg/g)).toHaveLength(2);
    expect(existsSync(join(cwd, "out.onnx.checkpoint"))).toBe(false);
  });

  it("prints one JSON document with --json", async () => {
    const { code, out, err } = await tune(" --json --trainable layers/1/*");
    const { epochs, test, trained } = JSON.parse(out);
    expect([code, err, epochs.length, trained]).toEqual([0, "", 10, ["layers/1/kernel", "layers/1/bias"]]);
    expect(test.after).toBeGreaterThan(test.before);
  });

  it("puts a new head on", async () => {
    const { code } = await tune(" --head 2 --trainable head/* --quiet");
    expect([code, modelHere().parameters.map((p) => p.name)]).toEqual([
      0,
      ["layers/0/kernel", "layers/0/bias", "head/kernel", "head/bias"],
    ]);
  });

  it("writes over nothing without --force", async () => {
    writeFileSync(join(cwd, "out.onnx"), "mine");
    const refused = await tune();
    expect([refused.code, refused.err]).toEqual([
      2,
      "paperweight: out.onnx exists: name another --out, or write over it with --force\n",
    ]);
    expect(readFileSync(join(cwd, "out.onnx"), "utf8")).toBe("mine");
    expect((await tune(" --force --quiet")).code).toBe(0);
  });

  it("interrupted, goes on with --resume to the same bytes", async () => {
    const interrupted = await tune("", { onListen: (interrupt) => setTimeout(interrupt, 0) });
    if (interrupted.code !== 0) {
      expect([interrupted.code, interrupted.err.split("\n").at(-2)]).toEqual([
        130,
        "paperweight: interrupted; go on with the same command and --resume",
      ]);
    }
    const there = existsSync(join(cwd, "out.onnx.checkpoint"));
    if (there)
      expect((await tune()).err).toContain("is from a training that was interrupted: go on with --resume");
    expect((await tune(there ? " --resume --quiet" : " --force --quiet")).code).toBe(0);
    const resumed = readFileSync(join(cwd, "out.onnx"));
    expect((await tune(" --force --quiet")).code).toBe(0);
    expect(readFileSync(join(cwd, "out.onnx")).equals(resumed)).toBe(true);
  });

  it.each([
    ["--trainable layer/*", 1, 'no weight matches "layer/*"'],
    ["--loss mze", 2, "--loss mze: did you mean mse?"],
    ["--scale 0", 2, "--scale 0: use a number above 0"],
    ["--mean 1,x", 2, "--mean x: use numbers with commas between them"],
    ["--limit 1000", 2, "--limit 1000: the data has 300 examples"],
    ["--head 1", 2, "--head 1: the data has 2 classes: use --head 2"],
    ["--layout nhwc", 2, "--layout nhwc is for pictures, this data is [300, 2]"],
    ["--classes a=0 b=7", 2, '--classes b=7: there is no class "7": did you mean 0?'],
    ["--resume", 2, "there is nothing to resume: out.onnx.checkpoint does not exist"],
  ])("refuses %s in one line", async (option, code, message) => {
    const result = await tune(` ${option}`);
    expect([result.code, result.err.trimEnd().split("\n").length]).toEqual([code, 1]);
    expect(result.err.replace("[270, 2]", "[300, 2]")).toContain(message);
    expect(existsSync(join(cwd, "out.onnx"))).toBe(false);
  });

  it("refuses data that it does not know, or that is not there", async () => {
    mkdirSync(join(cwd, "empty"));
    const of = async (data: string) => (await cli(`finetune model.onnx --data ${data} -o out.onnx`)).err;
    expect(await of("model.onnx")).toContain("what it holds is not known by its name: name two idx files");
    expect(await of("nothing.npz")).toContain("there is no file or folder");
    writeFileSync(join(cwd, "t.csv"), "a,b,c\n1,2,x\n");
    expect(await of("t.csv")).toContain("say which column is to be predicted: --column <name>");
  });

  it("takes a csv", async () => {
    const rows = Array.from({ length: 60 }, (_, i) => `${i % 7},${i % 5},${i % 7 < i % 5 ? "up" : "down"}`);
    writeFileSync(join(cwd, "t.csv"), `a,b,side\n${rows.join("\n")}\n`);
    const { code } = await cli(
      "finetune model.onnx --data t.csv --column side --epochs 1 -o out.onnx --quiet",
    );
    expect(code).toBe(0);
  });
});

describe("paperweight inspect", () => {
  it("shows operators, layers, totals", async () => {
    const { code, out } = await cli("inspect model.onnx");
    expect(code).toBe(0);
    expect(out).toMatch(/layers\/0 +Gemm +48 +192 B +80 +yes/);
    expect(out).toContain("82 parameters (328 B), 82 can be trained\n146 FLOPs for batch = 1\n");
  });

  it("gives JSON, and counts for other sizes", async () => {
    const found = JSON.parse((await cli("inspect model.onnx --json --size batch=10")).out);
    expect([found.flops, found.sizes, found.layers.length]).toEqual([1460, { batch: 10 }, 2]);
  });

  it("refuses what is no model or not there, in one line", async () => {
    expect(await cli("inspect nothing.onnx")).toMatchObject({
      code: 1,
      err: expect.stringContaining("there is no such file or folder"),
    });
    expect((await cli("inspect data.npz")).err.trimEnd().split("\n")).toHaveLength(1);
    expect((await cli("inspect model.onnx --size batch")).code).toBe(2);
  });
});

describe("preparing pictures", () => {
  const images = new NDArray(
    Uint8Array.from({ length: 2 * 3 * 4 }, (_, i) => 10 * i),
    [2, 3, 2, 2],
  );
  const port = (shape: (number | string)[]) => ({
    name: "x",
    type: "tensor(float)",
    dtype: "float32" as const,
    shape,
  });
  const how: Preparation = { transform: [], scale: 10, mean: [0], std: [1], layout: "nchw" };
  const values = (a: NDArray) => Array.from(a.data, Number);

  it("scales, and standardises each channel", () => {
    const out = prepare(images, port(["n", 3, 2, 2]), { ...how, mean: [0, 4, 8], std: [1, 1, 2] });
    expect(values(out).slice(0, 12)).toEqual([0, 1, 2, 3, 0, 1, 2, 3, 0, 0.5, 1, 1.5]);
  });

  it("puts channels last, or all in one row", () => {
    const last = prepare(images, port(["n", 2, 2, 3]), { ...how, layout: "nhwc" });
    expect([last.shape, values(last).slice(0, 6)]).toEqual([
      [2, 2, 2, 3],
      [0, 4, 8, 1, 5, 9],
    ]);
    expect(prepare(images, port(["n", 12]), how).shape).toEqual([2, 12]);
  });

  it("inverts bytes and turns pictures; a full turn changes nothing", () => {
    const all = port(["n", 3, 2, 2]);
    expect(values(prepare(images, all, { ...how, transform: ["invert"], scale: 1 })).slice(0, 3)).toEqual([
      255, 245, 235,
    ]);
    const half = values(prepare(images, all, { ...how, transform: ["rotate:180"] })).slice(0, 4);
    half.forEach((v, i) => expect(v).toBeCloseTo(3 - i, 4));
  });

  it("mirrors pictures left to right, behind the others", () => {
    const labels = new NDArray(BigInt64Array.from([1n, 0n]), [2]);
    const both = withMirrored({ features: images, labels });
    expect([both.features.shape, values(both.labels)]).toEqual([
      [4, 3, 2, 2],
      [1, 0, 1, 0],
    ]);
    expect(values(both.features).slice(24, 30)).toEqual([10, 0, 30, 20, 50, 40]);
    expect(values(both.features).slice(0, 24)).toEqual(values(images));
  });

  it("says so where the model has channels last", () => {
    expect(() => prepare(images, port(["n", 2, 2, 3]), how)).toThrow(
      "channels come last there, add --layout nhwc",
    );
    expect(() => prepare(images, port(["n", 3, 4, 4]), how)).toThrow(
      "takes [3, 4, 4]: give it data of that size",
    );
  });

  it("puts classes together and leaves out the others", () => {
    const labels = new NDArray(BigInt64Array.from([2n, 0n]), [2]);
    const grouped = groupClasses({ features: images, labels, classes: ["cat", "dog", "ship"] }, [
      "animal=cat,dog",
      "thing=ship",
    ]);
    expect([values(grouped.labels), grouped.classes]).toEqual([
      [1, 0],
      ["animal", "thing"],
    ]);
    expect(groupClasses({ features: images, labels }, ["only=0"]).features.shape[0]).toBe(1);
  });
});
