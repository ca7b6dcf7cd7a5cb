import { describe, expect, it } from "vitest";
import { z } from "zod";
import lineFit, { lineModel } from "../../test/fixtures/line-fit.ts";
import { NDArray } from "../tensor/ndarray.ts";
import { checkExperiment } from "./check.ts";
import { claim, summarise } from "./claims.ts";
import type { Experiment } from "./define.ts";
import { defineExperiment } from "./index.ts";
import type { ModelArtifact } from "./result.ts";

describe("an experiment that keeps the rules passes every check", () => {
  for (const check of checkExperiment(lineFit)) it(check.name, check.run);
});

/** The names of the checks that an experiment fails, with their messages. */
async function failures(experiment: Experiment): Promise<Record<string, string>> {
  const failed: Record<string, string> = {};
  for (const check of checkExperiment(experiment)) {
    await check.run().catch((error: Error) => {
      failed[check.name] = error.message;
    });
  }
  return failed;
}

const changed = (change: Partial<Experiment>): Experiment => ({ ...(lineFit as Experiment), ...change });

describe("the suite finds", () => {
  it("a metadata gap", async () => {
    const failed = await failures(changed({ paper: { ...lineFit.paper, arxiv: "19100319" } }));
    expect(Object.keys(failed)).toEqual(["states its paper in full"]);
    expect(failed["states its paper in full"]).toBe('paper.arxiv "19100319" is no arXiv number');
  });

  it("an incomplete preset, an unknown paperValues key, a missing description, a loose nested object", async () => {
    const loose = defineExperiment({
      ...lineFit,
      config: lineFit.config.extend({
        extra: z.number().optional(),
        data: z.object({ points: z.int().describe("points"), noise: z.number().describe("noise") }),
      }),
      paperValues: { stepz: { paper: 1, why: "a typing error" } },
    } as never) as Experiment;
    const failed = await failures(loose);
    expect(failed["has three presets that its schema accepts, each with its duration"]).toContain(
      "paperValues.stepz",
    );
    expect(failed["describes every configuration key"]).toContain("extra");
    expect(failed["rejects unknown configuration keys at every level, naming the nearest"]).toContain(
      "data is accepted",
    );
  });

  it("chance that does not come from the key", async () => {
    const random = changed({
      async run(config, context) {
        const result = await lineFit.run(config as never, context);
        const table = { title: "chance", columns: [{ name: "x" }], rows: [[Math.random()]] };
        return { ...result, tables: [table] };
      },
    });
    const failed = await failures(random);
    expect(failed["gives the same files for the same seed"]).toBe("the two runs differ in result.json");
    expect(failed["stops when interrupted, and ends bit-identical when resumed"]).toBe(
      "the two runs differ in result.json",
    );
  });

  it("unsound results: they fail the run, so every check that needs one says why", async () => {
    const unsound = changed({
      async run(_config, context) {
        await context.stage("one", () => 1);
        const c1 = { id: "C1", statement: "s", paper: null, criterion: "", scale: "" };
        return {
          claims: [{ ...c1, ours: summarise(1), verdict: "not attempted" }],
          tables: [],
          charts: [],
          models: {},
        };
      },
    });
    const failed = await failures(unsound);
    expect(failed["returns sound claims, tables and model names"]).toBe(
      'claim C1: it is "not attempted" but has a figure of ours',
    );
  });

  it("a seed without effect, a chart that loads data, a model that is no model, a wrong example", async () => {
    const good = lineModel({ a: 2, b: 1 });
    const wrong = { ...good, example: { ...good.example, outputs: { y: NDArray.from([0, 0, 0, 0]) } } };
    const make = (models: Record<string, ModelArtifact>): Experiment =>
      changed({
        async run(_config, context) {
          await context.stage("one", () => 1);
          const c1 = claim({ id: "C1", statement: "s", paper: null, scale: "smoke" });
          const chart = { title: "c", caption: "c", spec: { data: { url: "data.csv" }, mark: "bar" } };
          return { claims: [c1.notAttempted("why")], tables: [], charts: [chart], models };
        },
      });
    const failed = await failures(make({ wrong }));
    const models = "hands out models that ONNX Runtime loads and that reproduce their examples";
    expect(failed["gives another result for another seed"]).toContain("use context.key");
    expect(failed["draws every chart"]).toContain("put the data inline");
    expect(failed[models]).toContain("model wrong, output y: it differs from the example by 5.00");
    expect(
      (await failures(make({ broken: { ...good, onnx: new Uint8Array([1, 2, 3]) } })))[models],
    ).toContain("does not load");
  });

  it("an experiment that ignores the signal", async () => {
    const store = { read: async () => undefined, write: async () => {}, remove: async () => {} };
    const deaf = changed({
      run: (config, context) =>
        lineFit.run(config as never, {
          ...context,
          signal: new AbortController().signal,
          stage: async (name, work) => work({ name, store }),
        }),
    });
    const failed = await failures(deaf);
    expect(failed["stops when interrupted, and ends bit-identical when resumed"]).toContain(
      "it ran to its end",
    );
  });
});
