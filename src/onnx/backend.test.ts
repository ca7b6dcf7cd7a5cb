/**
 * The official ONNX backend tests, and models of other exporters, through import, trace, emission and ONNX Runtime. Every sixth node
 * test, light architectures of two kinds and five weights a model; with PAPERWEIGHT_FULL=1 all of them, and 20 weights.
 */
import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { checkModelGradients } from "../../test/model-gradients.ts";
import { checkCase, inputsOf, type Report } from "../../test/onnx-cases.ts";
import { backendCases, modelCases, modelFolder, type TestCase } from "../../test/onnx-data.ts";
import { NDArray } from "../tensor/ndarray.ts";
import { exportModel } from "./export.ts";
import { importModel } from "./import.ts";
import type { ModelProto } from "./schema.ts";
import { tensorToNDArray } from "./tensors.ts";
import { decodeMessage } from "./wire.ts";

const full = process.env.PAPERWEIGHT_FULL === "1";
if (modelFolder === undefined)
  console.log("backend.test.ts: skipped, PAPERWEIGHT_DATA names no folder of data sets");

async function checkAll(cases: readonly TestCase[]): Promise<Report[]> {
  const reports: Report[] = [];
  for (const the of cases) reports.push(await checkCase(the));
  return reports;
}

function counts(reports: readonly Report[]): Record<string, number> {
  const by: Record<string, number> = {};
  for (const { outcome } of reports) by[outcome] = (by[outcome] ?? 0) + 1;
  return by;
}

/** What ONNX Runtime passes as it is, passes through our graph; what no expression holds is refused, not computed wrongly. */
function expectAll(suite: string, reports: readonly Report[]): void {
  console.log(`${suite}: ${reports.length} tests`, counts(reports));
  const failed = reports.filter((r) => r.outcome === "fail" || r.outcome === "untraceable");
  expect(failed).toEqual([]);
}

describe.skipIf(modelFolder === undefined)("official backend tests", () => {
  test("node", { timeout: 600_000 }, async () => {
    const cases = backendCases("node").filter((_, i) => full || i % 6 === 0);
    expectAll("node", await checkAll(cases));
  });

  test.each(["simple", "pytorch-operator", "pytorch-converted"])("%s", async (suite) => {
    expectAll(suite, await checkAll(backendCases(suite)));
  });

  test("light", { timeout: 600_000 }, async () => {
    const cases = backendCases("light").filter((c) => full || /squeezenet|shufflenet/.test(c.name));
    expectAll("light", await checkAll(cases));
  });
});

const models = modelFolder === undefined ? [] : modelCases();
/** Large in float64: many seconds for a few weights. */
const slow = /super-resolution|fastestdet|bidi-lstm|yunet|ultraface-slim/;

describe.skipIf(models.length === 0)("models of other exporters", () => {
  test.each(models.map((m) => [m.name, m] as const))(
    "%s gives its published outputs and comes back",
    async (_, the) => {
      expect(await checkCase(the)).toMatchObject({ outcome: "pass" });
    },
  );

  test.each(models.map((m) => [m.name, m] as const))("%s keeps all but the weights that change", (_, the) => {
    const model = importModel(the.model);
    const name = model.parameters[0]?.name;
    if (name === undefined) return;
    const params = model.init();
    const other = NDArray.full(params[name]!.shape, 0.5, params[name]!.dtype);
    const [before, after] = [the.model, exportModel(model, { ...params, [name]: other })].map((bytes) =>
      decodeMessage("ModelProto", bytes),
    ) as [ModelProto, ModelProto];
    const changed = after.graph!.initializer.findIndex((t) => t.name === name);
    expect(tensorToNDArray(after.graph!.initializer[changed]!)).toEqual(other);
    after.graph!.initializer[changed] = before.graph!.initializer[changed]!;
    expect(isDeepStrictEqual(after, before)).toBe(true);
  });

  const differentiable = models.filter((the) => {
    const model = importModel(the.model);
    const known = model.operators.every((o) => o.gradient !== "unknown");
    return known && model.parameters.some((p) => p.trainable) && (full || !slow.test(the.name));
  });

  test.each(differentiable.map((m) => [m.name, m] as const))(
    "%s: derivatives by its weights are those of central differences",
    { timeout: 600_000 },
    async (_, the) => {
      const model = importModel(the.model);
      const inputs = inputsOf(model, the, the.sets[0]!.inputs);
      const checks = await checkModelGradients(model, inputs, full ? 20 : 5);
      expect(checks.filter((c) => !(c.error < 1))).toEqual([]);
      expect(checks.some((c) => c.gradient !== 0)).toBe(true);
    },
  );

  test("all that have weights to train are differentiable, but for quantised ones and trees", () => {
    const odd = models.filter((m) => importModel(m.model).operators.some((o) => o.gradient === "unknown"));
    expect(odd.map((m) => m.name)).toEqual([
      "logreg-iris",
      "qlstm-3-2-3-t3-s1",
      "xgboost-classifier-tree",
      "xgboost-regressor-tree",
    ]);
  });
});
