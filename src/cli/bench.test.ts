import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cli as cliIn } from "../../test/fixtures/io.ts";
import * as nn from "../nn/index.ts";
import { exportModel } from "../onnx/export.ts";
import * as random from "../tensor/random.ts";

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "paperweight-bench-"));
  const model = nn.mlp({ sizes: [3, 5, 2], activation: "relu" });
  writeFileSync(join(cwd, "model.onnx"), exportModel(model, model.init(random.key(0)), { x: ["batch", 3] }));
  writeFileSync(join(cwd, "notes.onnx"), "no model");
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const cli = (line: string) => cliIn(cwd, line.split(" "));

describe("paperweight bench", () => {
  it("counts what can be counted, and times what is asked for", async () => {
    const { code, out, err } = await cli("bench model.onnx --runs 3 --size batch=7 --threads 1 --json");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const found = JSON.parse(out);
    // Two products with a bias each.
    expect(found).toMatchObject({
      runs: 3,
      threads: 1,
      sizes: { batch: 7 },
      bytes: 4 * (3 * 5 + 5 + 5 * 2 + 2),
    });
    expect(found.flops).toBe(7 * (2 * 3 * 5 + 5 + 2 * 5 * 2 + 2));
    expect(found.latency.low).toBeLessThanOrEqual(found.latency.median);
    expect(found.latency.median).toBeLessThanOrEqual(found.latency.high);
    expect(found.share).toBeCloseTo(found.flops / found.latency.median / found.peak, 12);
    expect(found).not.toHaveProperty("profile");
  });

  it("--profile tells operators and nodes, the slowest first", async () => {
    const { out } = await cli("bench --profile model.onnx --runs 2 --json");
    const { operators, nodes } = JSON.parse(out).profile;
    const times = nodes.map((n: { seconds: number }) => n.seconds);
    expect(times).toEqual([...times].sort((a, b) => b - a));
    expect(nodes.length).toBeGreaterThan(0);
    const count = operators.reduce((sum: number, o: { nodes: number }) => sum + o.nodes, 0);
    expect(count).toBe(nodes.length);
    const text = await cli("bench --profile model.onnx --runs 2");
    for (const part of ["a call, the median of 2", "Operators", "Nodes", "Gemm", "batch = 1"])
      expect(text.out).toContain(part);
  });

  it.each([
    ["bench missing.onnx", 1, /^paperweight: .*missing\.onnx.*\n$/],
    ["bench notes.onnx", 1, /^paperweight: .*\n$/],
    ["bench model.onnx --runs 0", 2, /^paperweight: --runs 0: use a whole number from 1\n$/],
    [
      "bench model.onnx --size width=3",
      1,
      /^paperweight: model: no input has an open size "width": there is "batch"\n$/,
    ],
  ])("%s is one line", async (line, code, message) => {
    const result = await cli(line);
    expect(result.code).toBe(code);
    expect(result.err).toMatch(message);
    expect(result.out).toBe("");
  });
});
