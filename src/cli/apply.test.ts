import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { cli as cliIn } from "../../test/fixtures/io.ts";
import { fixturePapers } from "../../test/fixtures/papers.ts";
import { writeNpz } from "../data/npy.ts";
import { defineMethod } from "../experiment/method.ts";
import * as nn from "../nn/index.ts";
import { exportModel } from "../onnx/export.ts";
import { NDArray } from "../tensor/ndarray.ts";
import * as random from "../tensor/random.ts";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "paperweight-apply-"));
  const model = nn.mlp({ sizes: [2, 3, 2], activation: "relu" });
  writeFileSync(join(cwd, "model.onnx"), exportModel(model, model.init(random.key(1)), { x: ["batch", 2] }));
  const labels = new NDArray(
    BigInt64Array.from({ length: 20 }, (_, i) => BigInt(i % 2)),
    [20],
  );
  writeFileSync(join(cwd, "data.npz"), writeNpz({ x: random.normal(random.key(2), [20, 2]), y: labels }));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const scaling = defineMethod({
  slug: "scaling",
  summary: "multiplies weights",
  options: z.strictObject({
    byFactor: z.number().positive().default(2).describe("the factor"),
    grid: z.array(z.int()).default([1, 2]).describe("some sizes"),
    mode: z.enum(["dense", "sparse"]).default("dense").describe("how"),
  }),
  data: "needed",
  plan: (model, { mode }) => ({
    touched: Object.keys(model.init(random.key(0))).map((path) => ({ path, what: mode })),
    untouched: [{ path: "x", why: "an input" }],
  }),
  run: async (_, options, { train, validation, seed }) => ({
    model: new Uint8Array([1, 2]),
    files: { ".txt": new TextEncoder().encode(JSON.stringify(options)) },
    figures: [
      { name: "rows", value: `${train!.y.shape[0]} and ${validation!.y.shape[0]}` },
      { name: "seed", value: seed },
    ],
    check: { what: "the original", largestDifference: 0.5 },
  }),
});

const papers = fixturePapers.map((p, i) =>
  i === 0 ? { ...p, alias: "sc", method: async () => scaling } : p,
);
const cli = (line: string) => cliIn(cwd, line.split(" "), { papers });

describe("paperweight apply", () => {
  it("writes what the method makes and prints what it measured", async () => {
    const { code, out, err } = await cli(
      "apply sc model.onnx --data data.npz --by-factor 3 --grid 4 5 --mode sparse --seed 7 -o new.onnx",
    );
    expect(err).toBe("");
    expect(code).toBe(0);
    expect(out).toMatch(/rows +18 and 2/);
    expect(out).toMatch(/seed +7/);
    expect(out).toMatch(/largest difference to the original +0\.5/);
    expect(out).toMatch(/✓ new\.onnx\n✓ new\.txt/);
    expect([...readFileSync(join(cwd, "new.onnx"))]).toEqual([1, 2]);
    expect(JSON.parse(readFileSync(join(cwd, "new.txt"), "utf8"))).toEqual({
      byFactor: 3,
      grid: [4, 5],
      mode: "sparse",
    });
  });

  it("--dry-run says what would be touched and what not, and why not; nothing is read or written", async () => {
    const { code, out } = await cli("apply sc model.onnx --data none.npz --dry-run -o new.onnx");
    expect(code).toBe(0);
    expect(out).toMatch(/Would change[\s\S]*kernel +dense[\s\S]*Would stay[\s\S]*x +an input/);
    expect(existsSync(join(cwd, "new.onnx"))).toBe(false);
  });

  it("--json prints one document", async () => {
    const { out, err } = await cli("apply sc model.onnx --data data.npz --json");
    expect(JSON.parse(out)).toMatchObject({
      figures: [{ name: "rows", value: "18 and 2" }, { name: "seed" }],
      check: { largestDifference: 0.5 },
      written: [],
    });
    expect(err).toBe("");
  });

  it("lists the methods, and each method's options", async () => {
    expect((await cli("apply")).out).toMatch(/sc +multiplies weights/);
    expect((await cli("apply --help")).out).toMatch(/sc +multiplies weights/);
    const { out, code } = await cli("apply sc --help");
    expect(code).toBe(0);
    expect(out).toMatch(/--by-factor <number> +the factor \(default: 2\)/);
    expect(out).toMatch(/--grid <int\.\.\.> +some sizes \(default: 1 2\)/);
    expect(out).toMatch(/--data <path\.\.\.>/);
  });

  it("refuses in one line what cannot be done, and loses nothing", async () => {
    writeFileSync(join(cwd, "new.txt"), "mine");
    const wrong: [string, RegExp][] = [
      ["apply scc model.onnx", /there is no method "scc": did you mean sc\?/],
      ["apply sc model.onnx --data data.npz --by-factor -1", /--by-factor -1: .*>0/],
      ["apply sc model.onnx --data data.npz --mode dens", /--mode dens: .*"dense"\|"sparse"/],
      ["apply sc model.onnx --data data.npz -o new.onnx", /new\.txt exists: name another --out/],
      ["apply sc model.onnx --data data.npz -o model.onnx", /this is the model itself/],
      ["apply sc model.onnx", /--data/],
      ["apply sc none.onnx --data data.npz", /none\.onnx/],
    ];
    for (const [line, message] of wrong) {
      const { code, err } = await cli(line);
      expect(err, line).toMatch(message);
      expect(err.trim().split("\n"), line).toHaveLength(1);
      expect(code, line).toBeGreaterThan(0);
    }
    expect(readFileSync(join(cwd, "new.txt"), "utf8")).toBe("mine");
  });
});
